import ByteCoding
import ChunkCoding
import MetricModel
import SeededRandom
import Testing

@Suite("Chunks of histograms")
struct HistogramChunkTests {
    private static func columns(_ count: Int, _ random: inout SplitMix64) -> HistogramColumns {
        var columns = HistogramColumns()
        var time: Int64 = 1_700_000_000_000
        var last = NativeHistogram.random(using: &random)
        for _ in 0..<count {
            time += Int64.random(in: 1...20_000, using: &random)
            if Int.random(in: 0..<4, using: &random) == 0 {
                last = .random(using: &random)
            } else {
                last.count += 1
                last.positive.counts[0] += 1
            }
            columns.append(timestamp: time, last)
        }
        return columns
    }

    @Test("what is written is read, every bit of it", arguments: [1, 2, 17, 64, 300])
    func roundTrip(count: Int) throws {
        for seed in 0..<20 as Range<UInt64> {
            var random = SplitMix64(seed: seed)
            let columns = Self.columns(count, &random)
            var bytes: [UInt8] = []
            HistogramChunk.encode(columns, into: &bytes)
            let isOne = HistogramChunk.isOne(bytes.rawSpan)
            #expect(isOne)
            #expect(try HistogramChunk.decode(bytes.rawSpan) == columns)
        }
    }

    @Test("a histogram that grows by a few counts takes some bytes more than its buckets")
    func compact() {
        var columns = HistogramColumns()
        var histogram = NativeHistogram(
            schema: 3, count: 0, sum: 0,
            positive: .init(spans: [.init(offset: -10, length: 40)], counts: Array(repeating: 0, count: 40)))
        for step in 0..<64 {
            histogram.count += 9
            for bucket in 10..<19 { histogram.positive.counts[bucket] += 1 }
            histogram.sum += 4.5
            columns.append(timestamp: Int64(step) * 15_000, histogram)
        }
        var bytes: [UInt8] = []
        HistogramChunk.encode(columns, into: &bytes)
        #expect(bytes.count < 64 * 56, "\(bytes.count) bytes")
    }

    @Test("a chunk of numbers has none, and is not read as such")
    func numbers() {
        var bytes: [UInt8] = []
        var encoder = ChunkEncoder()
        let (times, values): ([Int64], [Double]) = ([1, 2], [3, 4])
        encoder.encode(timestamps: times.span, values: values.span, into: &bytes)
        let isOne = HistogramChunk.isOne(bytes.rawSpan)
        #expect(!isOne)
        #expect(throws: ChunkError.self) { try HistogramChunk.decode(bytes.rawSpan) }
    }

    @Test("cut bytes are refused, and no flipped bit traps")
    func hostile() {
        var random = SplitMix64(seed: 7)
        var bytes: [UInt8] = []
        HistogramChunk.encode(Self.columns(5, &random), into: &bytes)
        for length in bytes.indices {
            let cut = Array(bytes[..<length])
            #expect(throws: ChunkError.self) { try HistogramChunk.decode(cut.rawSpan) }
        }
        var (times, values): ([Int64], [Double]) = ([], [])
        for bit in 0..<bytes.count * 8 {
            var mutant = bytes
            mutant[bit / 8] ^= 1 << UInt8(bit % 8)
            _ = try? HistogramChunk.decode(mutant.rawSpan)
            try? ChunkDecoder.decode(mutant.rawSpan, timestamps: &times, values: &values)
        }
    }
}
