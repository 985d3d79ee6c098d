import EngineStorage
import Foundation
import Glibc
import MetricModel
import SeriesEngine
import Testing

@Suite("Faults of disk and process")
struct FaultTests {
    /// Lets the engine's thread turn until `isDone`; bounded, not timed.
    private func turn(_ host: EngineHost, until isDone: () -> Bool) async throws {
        var turns = 0
        while !isDone() && turns < 100_000 {
            _ = try await host.metadata(tenant: .default)
            turns += 1
        }
        #expect(isDone())
    }

    /// What blocks alone hold of a folder.
    private func copyWithoutLog(_ folder: TemporaryFolder) throws -> TemporaryFolder {
        let copy = try folder.copy()
        for name in try copy.files("wal") {
            try FileManager.default.removeItem(atPath: copy.path + "/engine-0/wal/" + name)
        }
        return copy
    }

    @Test("a start that stops half way leaves a directory that is new, with the order to restore")
    func interruptedFirstStart() throws {
        let folder = TemporaryFolder()
        try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
        let obstacle = folder.path + "/engine-0"
        try Data().write(to: URL(fileURLWithPath: obstacle))
        #expect(throws: EngineError.self) { try DataDirectory(path: folder.path) }
        try FileManager.default.removeItem(atPath: obstacle)
        let directory = try DataDirectory(path: folder.path)
        #expect(directory.isNew && directory.needsRestore && directory.bootNumber == 1)
    }

    // /dev/full refuses writes, /dev/null takes them; neither can be synced.
    @Test(
        "what was acknowledged in a segment that cannot be synced is sealed unasked",
        arguments: [("/dev/full", 128 << 20), ("/dev/null", 1)])
    func unsyncedSegment(device: String, segmentBytesMax: Int) async throws {
        let folder = TemporaryFolder()
        let clock = ManualClock()
        var told = Acknowledged()
        // The interval's own sync must not be what finds the failure.
        let host = try await openHost(folder, clock: clock) {
            $0.syncInterval = 3_600_000
            $0.walSegmentBytesMax = segmentBytesMax
        }
        let cpu = try definition("cpu", "a")
        let first = [(cpu, clock.now, 1.0)]
        _ = try await host.append(batch(first))
        told.take(first)
        // A batch is answered before its segment is ended: wait for the turn after it.
        _ = try await host.metadata(tenant: .default)
        let segments = try folder.files("wal")
        try replaceSegment(folder.path + "/engine-0/wal/" + (try #require(segments.last)), with: device)
        let second = [(cpu, clock.now + 1000, 2.0)]
        do {
            _ = try await host.append(batch(second))
            told.take(second)
            #expect(device == "/dev/null")
        } catch let error as EngineError {
            #expect(error.code == .logFailed && device == "/dev/full")
        }
        try await turn(host) { host.statistics.seals > 0 }
        #expect(try await host.everything() == told.columns)
        let copy = try copyWithoutLog(folder)
        let again = try await openHost(copy, clock: clock)
        #expect(try await again.everything() == told.columns)
        try await again.close()
        try await host.close()
    }

    @Test("a sync is no success while what an earlier segment lost is in no block; then it is")
    func syncBehindLostSegment() async throws {
        let folder = TemporaryFolder()
        let clock = ManualClock()
        var told = Acknowledged()
        let host = try await openHost(folder, clock: clock) { $0.syncInterval = 3_600_000 }
        let cpu = try definition("cpu", "a")
        let first = [(cpu, clock.now, 1.0)]
        _ = try await host.append(batch(first))
        told.take(first)
        let obstacle = folder.path + "/engine-0/blocks/0000000001.block.tmp"
        try FileManager.default.createDirectory(atPath: obstacle + "/x", withIntermediateDirectories: true)
        let segments = try folder.files("wal")
        try replaceSegment(folder.path + "/engine-0/wal/" + (try #require(segments.last)), with: "/dev/full")
        await #expect(throws: EngineError.self) {
            _ = try await host.append(batch([(cpu, clock.now + 1000, 2.0)]))
        }
        // The segment is given up, unsynced, and another is written; the seal that makes up for it fails.
        try await turn(host) { host.statistics.sealFailures > 0 }
        await #expect(throws: EngineError.self) { try await host.sync() }
        try FileManager.default.removeItem(atPath: obstacle)
        try await host.sync()
        let copy = try copyWithoutLog(folder)
        let again = try await openHost(copy, clock: clock)
        #expect(try await again.everything() == told.columns)
        try await again.close()
        try await host.close()
    }

    @Test("a log that cannot be synced is told once, however often it is tried")
    func failedSyncIsToldOnce() async throws {
        let folder = TemporaryFolder()
        let clock = ManualClock()
        let host = try await openHost(folder, clock: clock) { $0.syncInterval = 1 }
        let cpu = try definition("cpu", "a")
        _ = try await host.append(batch([(cpu, clock.now, 1)]))
        // While a frozen head cannot be written the failed segment stays in use.
        let obstacle = folder.path + "/engine-0/blocks/0000000001.block.tmp"
        try FileManager.default.createDirectory(atPath: obstacle + "/x", withIntermediateDirectories: true)
        await #expect(throws: EngineError.self) { try await host.seal() }
        let segments = try folder.files("wal")
        try replaceSegment(folder.path + "/engine-0/wal/" + (try #require(segments.last)), with: "/dev/null")
        _ = try await host.append(batch([(cpu, clock.now + 1, 2)]))
        try await turn(host) { host.statistics.syncFailures > 0 }
        for round in 2..<5_000 { _ = try await host.append(batch([(cpu, clock.now + Int64(round), 3)])) }
        await #expect(throws: EngineError.self) { try await host.sync() }
        #expect(host.statistics.syncFailures == 1)
        try FileManager.default.removeItem(atPath: obstacle)
        try await host.close()
    }

    @Test("with durability memory a sync covers the segments before too")
    func syncOfMemory() async throws {
        let folder = TemporaryFolder()
        let clock = ManualClock()
        let host = try await openHost(folder, clock: clock) {
            $0.durability = .memory
            $0.walSegmentBytesMax = 1
        }
        _ = try await host.append(batch([(definition("cpu", "a"), clock.now, 1)]))
        try await host.sync()
        #expect(try folder.blocks() == ["0000000001.block"])
        try await host.close()
    }

    @Test("a seal that succeeds after one that failed holds all that came before it")
    func sealAfterFailure() async throws {
        let folder = TemporaryFolder()
        let clock = ManualClock()
        var told = Acknowledged()
        let host = try await openHost(folder, clock: clock)
        let obstacle = folder.path + "/engine-0/blocks/0000000001.block.tmp"
        try FileManager.default.createDirectory(atPath: obstacle + "/x", withIntermediateDirectories: true)
        for round in 0..<2 {
            let input = [(try definition("cpu", "a"), clock.now + Int64(round), Double(round))]
            _ = try await host.append(batch(input))
            told.take(input)
            await #expect(throws: EngineError.self) { try await host.seal() }
        }
        try FileManager.default.removeItem(atPath: obstacle)
        try await host.seal()
        let copy = try copyWithoutLog(folder)
        let again = try await openHost(copy, clock: clock)
        #expect(try await again.everything() == told.columns)
        try await again.close()
        try await host.close()
    }

    @Test("a mark of a block that is gone does not hide a later block of its number from the checkpoint")
    func orphanMark() async throws {
        let folder = TemporaryFolder()
        let clock = ManualClock()
        let first = try await openHost(folder, clock: clock)
        try await first.close()
        let marked = try folder.copy()
        try marked.write([], to: "blocks/0000000001.block.uploaded")
        let host = try await openHost(marked, clock: clock)
        #expect(try marked.files("blocks").isEmpty)
        _ = try await host.append(batch([(definition("cpu", "a"), clock.now, 1)]))
        try await host.seal()
        try await host.close()
        let copy = try marked.copy()
        let again = try await openHost(copy, clock: clock)
        #expect(try await again.pendingBlockFiles().map(\.number) == [1])
        try await again.close()
    }

    @Test("a block file that vanished before its upload is told until it is back or its time is past")
    func lostLocalBlock() async throws {
        let folder = TemporaryFolder()
        let clock = ManualClock()
        let cpu = try definition("cpu", "a")
        let host = try await openHost(folder, clock: clock)
        let first = clock.now
        for round in 0..<2 {
            _ = try await host.append(batch([(cpu, first + Int64(round) * 1000, 1)]))
            try await host.seal()
        }
        try await host.close()
        let damaged = try folder.copy()
        let bytes = try damaged.read("blocks/0000000002.block")
        try FileManager.default.removeItem(atPath: damaged.path + "/engine-0/blocks/0000000002.block")
        let again = try await openHost(damaged, clock: clock)
        let lost = again.statistics.lostBlocks
        #expect(lost.map(\.number) == [2] && lost.map(\.slot) == [nil])
        #expect(lost.map(\.minTime) == [first + 1000] && lost.map(\.maxTime) == [first + 1000])
        // A later block must not take the number, or it would stand for the lost one.
        _ = try await again.append(batch([(cpu, first + 2000, 1)]))
        try await again.seal()
        #expect(try damaged.blocks() == ["0000000001.block", "0000000003.block"])
        try await again.close()

        let returned = try damaged.copy()
        try returned.write(bytes, to: "blocks/0000000002.block")
        let whole = try await openHost(returned, clock: clock)
        #expect(whole.statistics.lostBlocks.isEmpty)
        #expect(try await whole.everything().values.map(\.timestamps.count) == [3])
        try await whole.close()

        clock.advance(7_200_000)
        let old = try damaged.copy()
        let later = try await openHost(old, clock: clock) { $0.engine.retention = 3_600_000 }
        try await turn(later) { later.statistics.lostBlocks.isEmpty }
        try await later.close()
        #expect(try old.files("blocks").allSatisfy { !$0.hasPrefix("0000000002") })
    }

    @Test("a damaged block that only this node has is not said to be in the checkpoint; moved away, it is told")
    func damagedLocalBlock() async throws {
        let folder = TemporaryFolder()
        let clock = ManualClock()
        let host = try await openHost(folder, clock: clock)
        _ = try await host.append(batch([(definition("cpu", "a"), clock.now, 1)]))
        try await host.seal()
        try await host.close()
        let damaged = try folder.copy()
        try damaged.write([UInt8](repeating: 0, count: 200), to: "blocks/0000000001.block")
        // As after a crash between file and mark.
        try FileManager.default.removeItem(atPath: damaged.path + "/engine-0/blocks/0000000001.block.local")
        let refused = await #expect(throws: EngineError.self) { _ = try await openHost(damaged, clock: clock) }
        #expect(refused?.message.contains("to move it away is to lose its samples") == true)
        let moved = try damaged.copy()
        try FileManager.default.removeItem(atPath: moved.path + "/engine-0/blocks/0000000001.block")
        let again = try await openHost(moved, clock: clock)
        #expect(again.statistics.lostBlocks.map(\.number) == [1])
        #expect(again.statistics.lostBlocks.map(\.minTime) == [.min])
        try await again.close()

        let uploaded = try damaged.copy()
        try uploaded.write([], to: "blocks/0000000001.block.uploaded")
        let known = await #expect(throws: EngineError.self) { _ = try await openHost(uploaded, clock: clock) }
        #expect(known?.message.contains("go on with what the checkpoint has of it") == true)
        let fetched = try uploaded.copy()
        try FileManager.default.removeItem(atPath: fetched.path + "/engine-0/blocks/0000000001.block")
        let last = try await openHost(fetched, clock: clock)
        #expect(last.directory.needsRestore && last.statistics.lostBlocks.isEmpty)
        try await last.close()
    }

    @Test("a damaged length in an earlier segment is kept for a person; a torn tail of the last is not")
    func damagedLength() async throws {
        let folder = TemporaryFolder()
        let clock = ManualClock()
        let cpu = try definition("cpu", "a")
        let host = try await openHost(folder, clock: clock)
        _ = try await host.append(batch([(cpu, clock.now, 1)]))
        try await host.close()
        let torn = try folder.copy()
        let bytes = try folder.read("wal/0000000001.wal")
        try torn.write(bytes.dropLast(), to: "wal/0000000001.wal")
        let second = try await openHost(torn, clock: clock)
        #expect(second.statistics.replayDroppedBytes > 0)
        #expect(try torn.files("wal") == ["0000000001.wal", "0000000002.wal"])
        try await second.close()

        let damaged = try torn.copy()
        var wrong = bytes
        // The highest byte but one of the first record's length: 64 KiB times 0x10 is possible, and beyond the end.
        wrong[32 + 2] = 0x10
        try damaged.write(wrong, to: "wal/0000000001.wal")
        let third = try await openHost(damaged, clock: clock)
        #expect(try damaged.read("wal/0000000001.wal.damaged") == wrong)
        try await third.close()
    }

    @Test("definitions of a large batch go into records that can be read again")
    func manyDefinitions() async throws {
        let folder = TemporaryFolder()
        let clock = ManualClock()
        let host = try await openHost(folder, clock: clock)
        let filler = String(repeating: "x", count: 1 << 20)
        let input = try (0..<40).map { (try definition("cpu", "\($0)" + filler), clock.now, Double($0)) }
        let outcome = try await host.append(batch(input))
        #expect(outcome.rejections.isEmpty)
        try await host.close()
        let log = try folder.read("wal/0000000001.wal")
        var lengths: [Int] = []
        var offset = WALSegmentHeader.size
        while offset < log.count {
            let length = (0..<4).reduce(0) { $0 | Int(log[offset + $1]) << (8 * $1) }
            lengths.append(length)
            offset += 9 + length
        }
        // Three records of definitions, one of samples.
        #expect(lengths.count == 4 && lengths.allSatisfy { $0 <= 16 << 20 })
        let copy = try folder.copy()
        let again = try await openHost(copy, clock: clock)
        #expect(again.statistics.replayedSamples == 40 && again.statistics.replayDroppedBytes == 0)
        try await again.close()
    }

    @Test("a question about labels ends at its limit and with its task")
    func labelLimits() async throws {
        let folder = TemporaryFolder()
        let clock = ManualClock()
        let host = try await openHost(folder, clock: clock)
        let input = try (0..<10).map { (try definition("cpu", "web-\($0)"), clock.now, 1.0) }
        _ = try await host.append(batch(input))
        let scope = LabelScope(tenant: .default, matcherSets: [], start: .min, end: .max)
        for sealed in [false, true] {
            if sealed { try await host.seal() }
            #expect(try await host.series(scope, seriesMax: 10).count == 10)
            let error = await #expect(throws: EngineError.self) { _ = try await host.series(scope, seriesMax: 4) }
            #expect(error?.message == "query_series_max is 4, the selection has at least 5")
        }
        await withThrowingTaskGroup(of: [Labels].self) { group in
            group.cancelAll()
            group.addTask { try await host.series(scope, seriesMax: 10) }
            await #expect(throws: CancellationError.self) { _ = try await group.next() }
        }
        try await host.close()
    }
}
