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

    /// What is picked, with other columns before and behind that must stay, and with bytes behind the chunk that must not count.
    private static func picked(
        _ picker: inout ChunkPicker, _ chunk: RawSpan, _ start: Int64, _ step: Int64, _ count: Int
    ) throws(ChunkError) -> (times: [Int64], bits: [UInt64]) {
        var outcomes: [Result<[[UInt64]], ChunkError>] = []
        for behind in [0, 8] {
            do throws(ChunkError) {
                let found = try picked(&picker, chunk, behind: behind, start, step, count)
                outcomes.append(.success([found.times.map(UInt64.init(bitPattern:)), found.bits]))
            } catch {
                outcomes.append(.failure(error))
            }
        }
        #expect(outcomes[0] == outcomes[1])
        let found = try outcomes[0].get()
        return (found[0].map(Int64.init(bitPattern:)), found[1])
    }

    private static func picked(
        _ picker: inout ChunkPicker, _ chunk: RawSpan, behind: Int, _ start: Int64, _ step: Int64, _ count: Int
    ) throws(ChunkError) -> (times: [Int64], bits: [UInt64]) {
        var bytes: [UInt8] = []
        bytes.append(span: chunk)
        bytes.append(contentsOf: repeatElement(0xA5, count: behind))
        let (header, size) = try ChunkHeader.split(chunk)
        var times = [Int64](repeating: -7, count: count + 2)
        var values = [Double](repeating: -7, count: count + 2)
        var timeSpan = times.mutableSpan
        var valueSpan = values.mutableSpan
        let span = bytes.rawSpan
        let found = try picker.pick(
            header, span, at: size..<chunk.byteCount, newestAt: start, step: step, count: count, into: &timeSpan,
            &valueSpan, from: 1)
        #expect(times[0] == -7 && values[0] == -7 && times[count + 1] == -7 && values[count + 1] == -7)
        return (Array(times[1..<1 + found]), values[1..<1 + found].map(\.bitPattern))
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
                    let found = try Self.picked(&picker, bytes.rawSpan, start, step, times.count)
                    let expected = Self.expected(timestamps, values, times)
                    #expect(found.times == expected.times)
                    #expect(found.bits == expected.bits)
                }
            }
        }
    }

    @Test("steps that are multiples of the samples' distance find the samples themselves")
    func aligned() throws {
        var picker = ChunkPicker()
        let timestamps = (0..<60).map { 1_000 + Int64($0) * 10 }
        let bytes = encoded(timestamps, timestamps.map { Double($0) / 4 })
        let found = try Self.picked(&picker, bytes.rawSpan, 500, 60, 100)
        #expect(found.times == [1_040, 1_100, 1_160, 1_220, 1_280, 1_340, 1_400, 1_460, 1_520, 1_580, 1_590])
        #expect(found.bits == found.times.map { (Double($0) / 4).bitPattern })
    }

    @Test("a chunk cut short anywhere is an error or gives what is there, and never traps")
    func truncated() throws {
        let timestamps = Clock.regular.timestamps(130, seed: 4)
        let values = Shape.staleInDecimals.values(130, seed: 4)
        let bytes = encoded(timestamps, values)
        let whole = Self.expected(timestamps, values, timestamps)
        for length in 0..<bytes.count {
            var picker = ChunkPicker()
            do throws(ChunkError) {
                let span = bytes.rawSpan
                let found = try Self.picked(&picker, span.extracting(0..<length), timestamps[0], 1_000, 65)
                #expect(found.bits == Array(whole.bits.prefix(65)))
            } catch {
                #expect(error.offset <= length)
            }
        }
    }
}
