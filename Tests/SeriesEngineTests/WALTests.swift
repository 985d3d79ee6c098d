import ByteCoding
import MetricModel
import SeriesEngine
import Testing

@Suite("The log")
struct WALTests {
    private static let time: Int64 = 1_700_000_000_000

    /// A log of a few records: definitions, metadata, samples of every form, among them NaN payloads.
    private static func log() throws -> (bytes: [UInt8], ends: [Int], store: [Labels: SeriesColumns]) {
        var store = MemoryStore()
        var ends = [store.segments[1]?.count ?? 0]
        let cpu = try definition(["__name__": "cpu", "instance": "web-1"])
        let disk = try definition(["__name__": "disk", "instance": "web-1"])
        let entry = MetricMetadata(metric: "cpu", type: "gauge", unit: "%", help: "h")
        let payload = Double(bitPattern: 0x7FF8_0000_0000_1234)
        let inputs = [
            batch([(cpu, time, 1)], metadata: [TenantMetadata(tenant: .default, metadata: entry)]),
            batch([(cpu, time + 1000, payload), (disk, time + 1500, StaleMarker.value)]),
            batch([(disk, time + 2000, 3), (cpu, time + 2000, -0.0)]),
            batch([(cpu, time - 6_000_000, 0.5)]),
        ]
        for input in inputs {
            _ = store.append(input, now: time)
            ends.append(store.segments[1]?.count ?? 0)
        }
        return (store.segments[1] ?? [], ends, try store.select(everything))
    }

    private static let everything = SeriesSelection(tenant: .default, matchers: [], start: .min, end: .max)

    private static func replay(_ bytes: [UInt8]) throws -> (WALReplay, [Labels: SeriesColumns]) {
        var store = MemoryStore()
        store.segments = [1: bytes]
        let replay = try store.restart(generation: 8)[0]
        return (replay, try store.select(everything))
    }

    @Test("replay brings back every bit")
    func replayIsExact() throws {
        let log = try Self.log()
        let (replay, found) = try Self.replay(log.bytes)
        #expect(found == log.store)
        #expect(replay.samples == 6)
        #expect(replay.stoppedBy == nil && replay.droppedBytes == 0)
    }

    @Test("a log cut at any byte keeps all whole records and says what it dropped")
    func truncatedAnywhere() throws {
        let log = try Self.log()
        for length in 0..<log.bytes.count {
            let (replay, found) = try Self.replay(Array(log.bytes.prefix(length)))
            #expect(
                found.allSatisfy { labels, columns in
                    columns.timestamps.allSatisfy { log.store[labels]?.timestamps.contains($0) ?? false }
                })
            let wholeBatches = log.ends.dropFirst().filter { $0 <= length }.count
            let samples = found.values.reduce(0) { $0 + $1.timestamps.count }
            #expect(samples >= [0, 1, 3, 5, 6][wholeBatches], "cut at \(length)")
            if replay.stoppedBy == nil {
                #expect(replay.droppedBytes == 0 && length >= WALSegmentHeader.size)
            } else {
                #expect(replay.stoppedBy?.code == (length < WALSegmentHeader.size ? .headerTooShort : .recordTooShort))
                #expect(replay.droppedBytes == length - (replay.stoppedBy?.offset ?? 0))
            }
        }
    }

    @Test("a flipped bit anywhere is found, and what stands before it is kept")
    func flippedAnywhere() throws {
        let log = try Self.log()
        for bit in 0..<log.bytes.count * 8 {
            var bytes = log.bytes
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            do {
                let (replay, found) = try Self.replay(bytes)
                let stop = try #require(replay.stoppedBy, "bit \(bit) went unnoticed")
                #expect(stop.offset <= bit / 8)
                let whole = log.ends.dropFirst().filter { $0 <= bit / 8 }.count
                let samples = found.values.reduce(0) { $0 + $1.timestamps.count }
                #expect(samples >= [0, 1, 3, 5, 6][whole])
                #expect(replay.droppedBytes == bytes.count - stop.offset)
            } catch let error as WALError {
                #expect(error.code == .notASegment || error.code == .unknownVersion)
                #expect(bit / 8 < 5)
            }
        }
    }

    @Test("an unknown version is refused by its number")
    func unknownVersion() throws {
        var bytes = try Self.log().bytes
        bytes[4] = 4
        #expect(throws: WALError(.unknownVersion, offset: 4, found: 4)) { _ = try Self.replay(bytes) }
    }

    @Test("each segment stands alone: any one of them can be lost without the others")
    func segmentsAreSelfContained() throws {
        var store = MemoryStore()
        let series = try (0..<5).map { try definition(["__name__": "cpu", "instance": "web-\($0)"]) }
        for round in 0..<4 {
            if round > 0 { store.rotate() }
            _ = store.append(
                batch(series.map { ($0, Self.time + Int64(round) * 1000, Double(round)) }), now: Self.time)
        }
        let segments = store.segments
        for lost in 1...4 {
            var partial = MemoryStore()
            partial.segments = segments
            partial.segments[UInt32(lost)] = nil
            for replay in try partial.restart(generation: 9) { #expect(replay.stoppedBy == nil) }
            let found = try partial.select(Self.everything)
            #expect(found.count == 5)
            for columns in found.values {
                #expect(columns.values == [0, 1, 2, 3].filter { Int($0) != lost - 1 })
            }
        }
    }

    @Test("an abandoned batch leaves no trace: not in queries, not in later judgements")
    func abandonedBatch() throws {
        var store = MemoryStore()
        let cpu = try definition(["__name__": "cpu"])
        _ = store.append(batch([(cpu, Self.time, 1)]), now: Self.time)
        var lost: [UInt8] = []
        let prepared = store.engine.prepare(
            batch([(cpu, Self.time + 500_000, 2)]), now: Self.time, into: &lost)
        #expect(prepared.count == 1)
        store.engine.abandon(prepared)
        store.rotate()
        let early = Self.time - 2 * 3_600_000
        #expect(store.append(batch([(cpu, early, 3)]), now: Self.time).rejections.isEmpty)
        let wanted = SeriesColumns(labels: cpu.labels, timestamps: [early, Self.time], values: [3, 1])
        #expect(try store.select(Self.everything) == [cpu.labels: wanted])
        let (_, replayed) = try Self.replay(store.segments[2] ?? [])
        #expect(replayed.values.map(\.timestamps) == [[early]], "the new segment defines the series anew")
    }

    @Test("golden bytes: docs/formats/wal.md shows the same")
    func goldenBytes() throws {
        var store = MemoryStore()
        let cpu = SeriesDefinition(
            tenant: .default, labels: try Labels([Label("__name__", "cpu")]),
            placement: PlacementKey(hash: 0x0102_0304, labelIndex: 255))
        _ = store.append(batch([(cpu, Self.time, 1)]), now: Self.time)
        #expect(hex(store.segments[1] ?? []) == WALFixture.segment)
    }
}

/// Lower-case hexadecimal digits.
func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
