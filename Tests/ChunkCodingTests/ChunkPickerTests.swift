import ByteCoding
import ChunkCoding
import SeededRandom
import Testing

@Suite("Samples picked out of a chunk")
struct ChunkPickerTests {
    /// The newest sample not after each time, each once.
    private static func expected(
        _ timestamps: [Int64], _ values: [Double], _ wanted: [Int64]
    ) -> (times: [Int64], bits: [UInt64]) {
        var found: [Int] = []
        for time in wanted {
            if let newest = timestamps.lastIndex(where: { $0 <= time }), found.last != newest { found.append(newest) }
        }
        return (found.map { timestamps[$0] }, found.map { values[$0].bitPattern })
    }

    @Test("are the newest not after each time, of every clock and every shape of values", arguments: Clock.allCases)
    func picks(clock: Clock) throws {
        var random = SplitMix64(seed: 77)
        var picker = ChunkPicker()
        for shape in Shape.allCases {
            for count in [1, 2, 3, 60, 64, 65, 66, 129, 600] {
                let timestamps = clock.timestamps(count, seed: random.next())
                let values = shape.values(count, seed: random.next())
                let bytes = encoded(timestamps, values)
                let range = timestamps[count - 1] - timestamps[0]
                for _ in 0..<6 {
                    let step = 1 + Int64.random(in: 0...max(1, range / 3), using: &random)
                    let start = timestamps[0] + Int64.random(in: -2 * step...range + 1, using: &random)
                    let times = (0..<Int.random(in: 1..<20, using: &random)).map { start + Int64($0) * step }
                    var found: [Int64] = [-7]
                    var numbers: [Double] = [-7]
                    try picker.append(
                        bytes.rawSpan, newestAt: start, step: step, count: times.count, timestamps: &found,
                        values: &numbers)
                    let expected = Self.expected(timestamps, values, times)
                    #expect(found == [-7] + expected.times)
                    #expect(numbers.dropFirst().map(\.bitPattern) == expected.bits)
                }
            }
        }
    }

    @Test("steps that are multiples of the samples' distance find the samples themselves")
    func aligned() throws {
        var picker = ChunkPicker()
        let timestamps = (0..<60).map { 1_000 + Int64($0) * 10 }
        let bytes = encoded(timestamps, timestamps.map { Double($0) / 4 })
        var found: [Int64] = []
        var numbers: [Double] = []
        try picker.append(
            bytes.rawSpan, newestAt: 500, step: 60, count: 100, timestamps: &found, values: &numbers)
        #expect(found == [1_040, 1_100, 1_160, 1_220, 1_280, 1_340, 1_400, 1_460, 1_520, 1_580, 1_590])
        #expect(numbers == found.map { Double($0) / 4 })
    }

    @Test("a chunk cut short anywhere is an error or gives what is there, and never traps")
    func truncated() throws {
        let timestamps = Clock.regular.timestamps(130, seed: 4)
        let values = Shape.staleInDecimals.values(130, seed: 4)
        let bytes = encoded(timestamps, values)
        let whole = Self.expected(timestamps, values, timestamps)
        for length in 0..<bytes.count {
            var picker = ChunkPicker()
            var found: [Int64] = []
            var numbers: [Double] = []
            do throws(ChunkError) {
                try picker.append(
                    bytes.rawSpan.extracting(0..<length), newestAt: timestamps[0], step: 1_000, count: 65,
                    timestamps: &found, values: &numbers)
                #expect(numbers.map(\.bitPattern) == Array(whole.bits.prefix(65)))
            } catch {
                #expect(error.offset <= length)
            }
        }
    }
}
