import CheckpointPlan
import EngineStorage
import Foundation
import MetricModel
import SeriesEngine
import Testing

@Suite("Slot blocks that rot on disk")
struct DamageTests {
    private static let servers = 40

    private static func samples(_ clock: ManualClock, _ round: Int) throws -> [(SeriesDefinition, Int64, Double)] {
        try (0..<servers).map { (try definition("cpu", "web-\($0)"), clock.now, Double(round * 100 + $0)) }
    }

    private static func slot(_ labels: Labels) throws -> UInt16 {
        let configuration = EngineConfiguration(generation: 0)
        return try definition("cpu", labels["instance"] ?? "").placement.slot(bits: configuration.slotBits)
    }

    /// Waits until a host has looked through the file.
    private static func found(_ count: Int, _ host: EngineHost) async throws {
        for _ in 0..<60_000 where host.statistics.damagedSlotBlocks < count {
            try await Task.sleep(for: .milliseconds(1))
        }
        #expect(host.statistics.damagedSlotBlocks == count)
    }

    @Test("what only this node had is told; the rest of its file and of its slots is answered, also after a start")
    func alone() async throws {
        let folder = TemporaryFolder()
        let clock = ManualClock()
        var (rotten, others) = (Acknowledged(), Acknowledged())
        let host = try await openHost(folder, clock: clock)
        let restoring = uploader(host, MemoryCheckpointStore(), clock)
        try await restoring.restore()
        var slots: Set<UInt16> = []
        for round in 0..<2 {
            clock.advance(1000)
            let input = try Self.samples(clock, round)
            _ = try await host.append(batch(input))
            try await host.seal()
            if round == 0 { slots = Set(try folder.rot("0000000001.block", [3, 7])) }
            rotten.take(round == 1 ? input : try input.filter { !slots.contains(try Self.slot($0.0.labels)) })
            others.take(input)
        }
        let failure = await #expect(throws: EngineError.self) { _ = try await host.everything() }
        #expect(failure?.code == .blockUnreadable && failure?.message.contains("0000000001.block, slot ") == true)
        // One was read, the other is found before somebody asks for it.
        try await Self.found(2, host)
        #expect(try await host.everything() == rotten.columns)
        // The checkpoint may have them: until it was asked nobody says that they are lost.
        let before = try await host.standing()
        #expect(before.needsRestore && before.lostBlocks.isEmpty)
        #expect(host.statistics.unreplacedSlotBlocks == 2 && host.statistics.fileProblems.count == 2)
        try await restoring.restore()
        let after = try await host.standing()
        #expect(!after.needsRestore && Set(after.lostBlocks.compactMap(\.slot)) == slots)
        #expect(after.lostBlocks.allSatisfy { $0.number == 1 && $0.minTime == $0.maxTime })
        let problem =
            "2 slots of the block file 0000000001.block cannot be read, and nobody is known to have what was there"
        #expect(LostBlock.problems(of: after.lostBlocks) == [problem])
        #expect(host.statistics.fileProblems.count == 2)
        try await host.close()

        let copy = try folder.copy()
        let again = try await openHost(copy, clock: clock)
        #expect(try await again.everything() == rotten.columns)
        #expect(!again.directory.needsRestore)
        #expect(Set(again.statistics.lostBlocks.compactMap(\.slot)) == slots)
        #expect(again.statistics.damagedSlotBlocks == 0)
        try await again.close()

        clock.advance(7_200_000)
        let old = try folder.copy()
        let later = try await openHost(old, clock: clock) { $0.engine.retention = 3_600_000 }
        for _ in 0..<10_000 where later.statistics.blockFiles > 0 { _ = try await later.metadata(tenant: .default) }
        #expect(later.statistics.lostBlocks.isEmpty)
        try await later.close()
        #expect(try old.files("blocks").allSatisfy { !$0.contains(".block") })
    }

    @Test("damage between two tries of a restore is fetched by the second one")
    func betweenTries() async throws {
        let folder = TemporaryFolder()
        let clock = ManualClock()
        let store = MemoryCheckpointStore()
        var told = Acknowledged()
        let host = try await openHost(folder, clock: clock)
        let uploading = uploader(host, store, clock)
        try await uploading.restore()
        for round in 0..<2 {
            clock.advance(1000)
            let input = try Self.samples(clock, round)
            _ = try await host.append(batch(input))
            told.take(input)
            try await host.seal()
        }
        try await uploading.flush()
        let first = Set(try folder.rot("0000000001.block", [2]))
        await #expect(throws: EngineError.self) { _ = try await host.checkpointBlocks(file: 1, slots: first) }
        try await Self.found(1, host)
        // The first try has seen what the second file has, and then fails.
        await store.allowFetches(0)
        await #expect(throws: CheckpointError.self) { try await uploading.restore() }
        await store.allowFetches(.max)
        let second = Set(try folder.rot("0000000002.block", [4]))
        await #expect(throws: EngineError.self) { _ = try await host.checkpointBlocks(file: 2, slots: second) }
        try await Self.found(2, host)
        try await uploading.restore()
        #expect(!host.directory.needsRestore && host.statistics.lostBlocks.isEmpty)
        #expect(try await host.everything() == told.columns)
        try await host.close()
    }

    @Test("a mark that rots hides nothing, and is found out again; what it said of a slot counts no more")
    func rottenMark() async throws {
        let folder = TemporaryFolder()
        let clock = ManualClock()
        let host = try await openHost(folder, clock: clock)
        _ = try await host.append(batch(try Self.samples(clock, 0)))
        try await host.seal()
        let slots = try folder.rot("0000000001.block", [1])
        await #expect(throws: EngineError.self) { _ = try await host.everything() }
        try await Self.found(1, host)
        let before = try await host.everything()
        try await host.close()
        let copy = try folder.copy()
        var mark = try copy.read("blocks/0000000001.block.damaged")
        #expect(String(decoding: mark, as: UTF8.self).hasSuffix("\n\(slots[0]) awaited\n"))
        let digit = try #require(mark.firstIndex(of: UInt8(ascii: "\n"))) + 1
        mark[digit] ^= 1
        try copy.write(mark, to: "blocks/0000000001.block.damaged")
        let again = try await openHost(copy, clock: clock)
        await #expect(throws: EngineError.self) { _ = try await again.everything() }
        try await Self.found(1, again)
        #expect(try await again.everything() == before)
        try await again.close()
    }

    @Test(
        "a file of which nothing can be read stays until its time is past, whatever of it rots",
        arguments: [0, 4, 6, 8, 40, 60, nil])
    func wholeFile(offset: Int?) async throws {
        let folder = TemporaryFolder()
        let clock = ManualClock()
        let host = try await openHost(folder, clock: clock) { $0.engine.retention = 3_600_000 }
        _ = try await host.append(batch([(definition("cpu", "a"), clock.now, 1)]))
        try await host.seal()
        _ = try folder.rot("0000000001.block", [0], at: offset)
        await #expect(throws: EngineError.self) { _ = try await host.everything() }
        try await Self.found(1, host)
        clock.advance(120_000)
        for _ in 0..<100 { _ = try await host.metadata(tenant: .default) }
        #expect(try await host.everything().isEmpty && host.statistics.unreplacedSlotBlocks == 1)
        #expect(try folder.blocks() == ["0000000001.block"])
        try await host.close()
    }

    @Test("what the checkpoint has is fetched again, while the node runs or after a start", arguments: [false, true])
    func uploaded(restarts: Bool) async throws {
        let folder = TemporaryFolder()
        let clock = ManualClock()
        let store = MemoryCheckpointStore()
        var told = Acknowledged()
        var host = try await openHost(folder, clock: clock)
        var uploading = uploader(host, store, clock)
        try await uploading.restore()
        for round in 0..<2 {
            clock.advance(1000)
            let input = try Self.samples(clock, round)
            _ = try await host.append(batch(input))
            told.take(input)
            try await host.seal()
        }
        try await uploading.flush()
        #expect(!host.directory.needsRestore)
        _ = try folder.rot("0000000002.block", [0, 1, 5])
        await #expect(throws: EngineError.self) { _ = try await host.everything() }
        try await Self.found(3, host)
        #expect(host.directory.needsRestore && host.statistics.lostBlocks.isEmpty)
        #expect(try await host.everything() != told.columns)
        var copies = [folder]
        if restarts {
            try await host.close()
            copies.append(try folder.copy())
            host = try await openHost(copies[1], clock: clock)
            uploading = uploader(host, store, clock)
            #expect(host.directory.needsRestore)
        }
        try await uploading.restore()
        #expect(!host.directory.needsRestore)
        #expect(try await host.everything() == told.columns)
        try await host.close()
        copies.append(try copies[copies.count - 1].copy())
        let last = try await openHost(copies[copies.count - 1], clock: clock)
        #expect(!last.directory.needsRestore)
        #expect(try await last.everything() == told.columns)
        try await last.close()
    }

    @Test("a start without a catalog takes it from the slot blocks that can be read")
    func catalog() async throws {
        let folder = TemporaryFolder()
        let clock = ManualClock()
        let host = try await openHost(folder, clock: clock)
        _ = try await host.append(batch(try Self.samples(clock, 0)))
        try await host.seal()
        try await host.close()
        let copy = try folder.copy()
        try FileManager.default.removeItem(atPath: copy.path + "/engine-0/catalog")
        var bytes = try copy.read("blocks/0000000001.block")
        bytes[BlockDirectory.headerSize + 70] ^= 0x10
        try copy.write(bytes, to: "blocks/0000000001.block")
        let again = try await openHost(copy, clock: clock)
        await #expect(throws: EngineError.self) { _ = try await again.everything() }
        try await Self.found(1, again)
        #expect(try await again.everything().count >= Self.servers - 2)
        let servers = try await again.servers(tenant: .default).count
        #expect(servers >= Self.servers - 2 && servers < Self.servers)
        try await again.close()
    }
}
