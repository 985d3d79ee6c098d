import ByteCoding
import CheckpointPlan
import EngineStorage
import Foundation
import MetricModel
import SeriesEngine
import Testing

/// A store in memory with the rules of the real ones: fencing, idempotent additions, and a switch to be away.
actor MemoryCheckpointStore: CheckpointStore {
    private(set) var blocks: [BlockRecord: [UInt8]] = [:]
    private(set) var epochs: [UInt16: Int64] = [:]
    private(set) var watermarks: [UInt16: Int64] = [:]
    private var isAway = false
    private let id: CheckpointServerID
    private(set) var map = CheckpointMap()

    /// The only store, or one of several by its number.
    init(_ number: UInt64 = 0) { id = CheckpointServerID(high: 0, low: number) }

    private(set) var ownership: CheckpointOwnership?

    func beat(_ owner: CheckpointOwner) async throws(CheckpointError) -> CheckpointOwnership {
        if isMute { await withCheckedContinuation { unanswered.append($0) } }
        try prepare()
        let known = ownership ?? CheckpointOwnership(owner: owner, beat: 0)
        guard known.owner.isSame(as: owner) else { return known }
        let told = CheckpointOwnership(owner: owner, beat: known.beat + 1)
        ownership = told
        return told
    }

    func follow(_ former: CheckpointOwnership, as owner: CheckpointOwner) throws(CheckpointError) -> Bool {
        try prepare()
        guard ownership == former else { return false }
        ownership = CheckpointOwnership(owner: owner, beat: former.beat + 1)
        for slot in epochs.keys { epochs[slot]? += 1 }
        return true
    }

    private var isMute = false
    private var unanswered: [CheckedContinuation<Void, Never>] = []

    /// Calls that compare maps get no answer for as long as it is mute.
    func setMute(_ mute: Bool) {
        isMute = mute
        for asker in unanswered { asker.resume() }
        unanswered = []
    }

    /// Whether somebody waits for an answer.
    var isAsked: Bool { !unanswered.isEmpty }

    func exchange(_ other: CheckpointMap) async throws(CheckpointError) -> CheckpointExchange {
        if isMute { await withCheckedContinuation { unanswered.append($0) } }
        try prepare()
        map.merge(other)
        return CheckpointExchange(id: id, map: map, slotCount: epochs.count)
    }

    private var fetchesLeft = Int.max
    /// Additions that were asked for, refused ones included.
    private(set) var addCount = 0
    private var whileAdding: @Sendable () async -> Void = {}

    /// What happens elsewhere while the next addition is under way.
    func whileAddingNext(_ action: @escaping @Sendable () async -> Void) { whileAdding = action }

    func setAway(_ away: Bool) { isAway = away }

    /// After so many fetches the store is away, for fetches alone.
    func allowFetches(_ count: Int) { fetchesLeft = count }

    func prepare() throws(CheckpointError) {
        if isAway { throw .unavailable(reason: "away") }
    }

    func claim(_ slots: [UInt16], writer: String) throws(CheckpointError) -> [SlotClaim] {
        try prepare()
        return Set(slots).sorted().map { slot in
            epochs[slot, default: 0] += 1
            return SlotClaim(slot: slot, epoch: epochs[slot] ?? 0)
        }
    }

    func add(_ batch: CheckpointBatch) async throws(CheckpointError) -> Int {
        try prepare()
        addCount += 1
        let meanwhile = whileAdding
        whileAdding = {}
        await meanwhile()
        try batch.validate()
        for claim in batch.claims where epochs[claim.slot] != claim.epoch {
            throw .fenced(slot: claim.slot, held: claim.epoch, current: epochs[claim.slot] ?? 0)
        }
        let known = Set(blocks.keys.map { [$0.id.high, $0.id.low] })
        let new = batch.blocks.filter { !known.contains([$0.record.id.high, $0.record.id.low]) }
        for block in new { blocks[block.record] = block.bytes }
        for claim in batch.claims { watermarks[claim.slot] = max(watermarks[claim.slot] ?? .min, batch.watermark) }
        return new.count
    }

    func list(_ request: BlockListRequest) throws(CheckpointError) -> [BlockRecord] {
        try prepare()
        let all = blocks.keys.filter { record in
            record.maxTime >= request.since && request.slots?.contains(record.slot) ?? true
        }.sorted { $0.isListed(before: $1) }
        let after = request.after.map { last in all.filter { last.isListed(before: $0) } } ?? all
        return Array(after.prefix(request.count))
    }

    func fetch(_ records: [BlockRecord]) throws(CheckpointError) -> [CheckpointBlock] {
        try prepare()
        if fetchesLeft == 0 { throw .unavailable(reason: "away") }
        fetchesLeft -= 1
        return records.compactMap { record in
            blocks[record].map { CheckpointBlock(record: record, bytes: $0) }
        }
    }

    func slots() throws(CheckpointError) -> [SlotState] {
        try prepare()
        return epochs.keys.sorted().map {
            SlotState(slot: $0, epoch: epochs[$0] ?? 0, writer: "test", watermark: watermarks[$0])
        }
    }

    func drop(before time: Int64, retention: RetentionClass) throws(CheckpointError) -> Int? { 0 }

    func close() {}
}

@Suite("The checkpoint's uploader")
struct CheckpointUploaderTests {
    private func fill(_ host: EngineHost, _ clock: ManualClock, _ told: inout Acknowledged, rounds: Int) async throws {
        for round in 0..<rounds {
            clock.advance(1000)
            let input = try (0..<12).map { (try definition("cpu", "web-\($0)"), clock.now, Double(round * 100 + $0)) }
            _ = try await host.append(batch(input))
            told.take(input)
        }
    }

    /// A node that stored, sealed `seals` times, uploaded all and stopped: its directory and what it acknowledged.
    private func uploadedNode(to store: MemoryCheckpointStore, _ clock: ManualClock, seals: Int, rounds: Int)
        async throws -> (TemporaryFolder, Acknowledged)
    {
        let folder = TemporaryFolder()
        var told = Acknowledged()
        let host = try await openHost(folder, clock: clock)
        let uploading = uploader(host, store, clock)
        try await uploading.restore()
        for _ in 0..<seals {
            try await fill(host, clock, &told, rounds: rounds)
            try await host.seal()
        }
        try await uploading.flush()
        try await host.close()
        return (folder, told)
    }

    @Test("a wiped directory has everything up to the watermark again, and uploads none of it twice")
    func wipedDirectory() async throws {
        let folder = TemporaryFolder()
        let clock = ManualClock()
        let store = MemoryCheckpointStore()
        var told = Acknowledged()
        let host = try await openHost(folder, clock: clock)
        let uploading = uploader(host, store, clock)
        try await uploading.restore()
        for _ in 0..<3 {
            try await fill(host, clock, &told, rounds: 70)
            try await host.seal()
        }
        #expect(host.statistics.pendingCheckpointBytes > 0)
        try await uploading.flush()
        #expect(try await host.pendingBlockFiles().isEmpty)
        let servers = try await host.servers(tenant: .default)
        try await host.close()
        let stored = await store.blocks.count

        let wiped = TemporaryFolder()
        let again = try await openHost(wiped, clock: clock)
        let restoring = uploader(again, store, clock)
        await store.setAway(true)
        await #expect(throws: CheckpointError.self) { try await restoring.restore() }
        // Ingest does not wait for the store.
        let early = [(try definition("cpu", "web-1"), clock.now + 5, 7.5)]
        _ = try await again.append(batch(early))
        told.take(early)
        await store.setAway(false)
        try await restoring.restore()
        #expect(try await again.everything() == told.columns)
        #expect(try await again.servers(tenant: .default).map(\.id) == servers.map(\.id))
        #expect(try await again.pendingBlockFiles().isEmpty)
        try await restoring.restore()
        #expect(try await again.everything() == told.columns)
        try await again.close()
        #expect(await store.blocks.count == stored)

        let copy = try wiped.copy()
        let restarted = try await openHost(copy, clock: clock)
        #expect(try await restarted.everything() == told.columns)
        #expect(try await restarted.pendingBlockFiles().isEmpty)
        try await restarted.close()
    }

    @Test(
        "a node that kept its identity and lost blocks fetches them again",
        arguments: ["engine-0", "engine-0/blocks", "engine-0/blocks/0000000001.block"])
    func lostBlocks(_ lost: String) async throws {
        let clock = ManualClock()
        let store = MemoryCheckpointStore()
        let (folder, told) = try await uploadedNode(to: store, clock, seals: 2, rounds: 5)

        let kept = try folder.copy()
        let whole = try await openHost(kept, clock: clock)
        #expect(!whole.directory.needsRestore)
        try await whole.close()

        let damaged = try folder.copy()
        try FileManager.default.removeItem(atPath: damaged.path + "/" + lost)
        let again = try await openHost(damaged, clock: clock)
        #expect(!again.directory.isNew && again.directory.needsRestore)
        #expect(try await again.everything() != told.columns)
        try await uploader(again, store, clock).restore()
        #expect(!again.directory.needsRestore)
        #expect(try await again.everything() == told.columns)
        try await again.close()

        let restarted = try damaged.copy()
        let last = try await openHost(restarted, clock: clock)
        #expect(!last.directory.needsRestore)
        #expect(try await last.everything() == told.columns)
        try await last.close()
    }

    @Test("an older copy of a directory, which is found out by a number that others know, is restored")
    func olderCopy() async throws {
        let clock = ManualClock()
        let store = MemoryCheckpointStore()
        let folder = TemporaryFolder()
        var told = Acknowledged()
        let host = try await openHost(folder, clock: clock)
        let uploading = uploader(host, store, clock)
        try await uploading.restore()
        try await fill(host, clock, &told, rounds: 5)
        try await host.seal()
        let older = try folder.copy()
        try await fill(host, clock, &told, rounds: 5)
        try await host.seal()
        try await uploading.flush()
        try await host.close()

        let again = try await openHost(older, clock: clock)
        #expect(!again.directory.needsRestore)
        try again.directory.take(name: "a", boot: again.directory.bootNumber + 1)
        #expect(again.directory.needsRestore)
        try await uploader(again, store, clock).restore()
        #expect(try await again.everything() == told.columns)
        try await again.close()
        let copy = try older.copy()
        let last = try await openHost(copy, clock: clock)
        #expect(!last.directory.needsRestore)
        try await last.close()
    }

    @Test("a start that noted lost blocks and stopped before they were fetched leaves the order to fetch them")
    func interruptedRestore() async throws {
        let clock = ManualClock()
        let store = MemoryCheckpointStore()
        let (folder, told) = try await uploadedNode(to: store, clock, seals: 1, rounds: 5)
        let damaged = try folder.copy()
        try FileManager.default.removeItem(atPath: damaged.path + "/engine-0/blocks/0000000001.block")
        try await openHost(damaged, clock: clock).close()
        let interrupted = try damaged.copy()
        let again = try await openHost(interrupted, clock: clock)
        #expect(again.directory.needsRestore)
        try await uploader(again, store, clock).restore()
        #expect(try await again.everything() == told.columns)
        try await again.close()
    }

    @Test("a restore reads local blocks once, and only for a store that answers")
    func localBlocksAreReadOnce() async throws {
        let clock = ManualClock()
        let store = MemoryCheckpointStore()
        var (_, told) = try await uploadedNode(to: store, clock, seals: 1, rounds: 2)

        let folder = TemporaryFolder()
        let host = try await openHost(folder, clock: clock)
        try await fill(host, clock, &told, rounds: 2)
        try await host.seal()
        let restoring = uploader(host, store, clock)
        let block = folder.path + "/engine-0/blocks/0000000001.block"
        // A file that is not there tells who reads it.
        try FileManager.default.moveItem(atPath: block, toPath: block + ".aside")
        await store.setAway(true)
        await #expect(throws: CheckpointError.self) { try await restoring.restore() }
        try FileManager.default.moveItem(atPath: block + ".aside", toPath: block)
        await store.setAway(false)
        await store.allowFetches(0)
        await #expect(throws: CheckpointError.self) { try await restoring.restore() }
        try FileManager.default.moveItem(atPath: block, toPath: block + ".aside")
        await #expect(throws: CheckpointError.self) { try await restoring.restore() }
        await store.allowFetches(.max)
        try await restoring.restore()
        try FileManager.default.moveItem(atPath: block + ".aside", toPath: block)
        #expect(try await host.everything() == told.columns)
        try await host.close()
    }

    @Test("a restore that is cancelled stops, and the next goes on")
    func cancelledRestore() async throws {
        let clock = ManualClock()
        let store = MemoryCheckpointStore()
        let (_, told) = try await uploadedNode(to: store, clock, seals: 1, rounds: 2)
        let folder = TemporaryFolder()
        let host = try await openHost(folder, clock: clock)
        let restoring = uploader(host, store, clock)
        await withThrowingTaskGroup(of: Void.self) { group in
            group.cancelAll()
            group.addTask { try await restoring.restore() }
            await #expect(throws: CancellationError.self) { try await group.next() }
        }
        #expect(host.directory.needsRestore && host.statistics.blockFiles == 0)
        try await restoring.restore()
        #expect(try await host.everything() == told.columns)
        try await host.close()
    }

    @Test("while the store is away ingest goes on up to the limit, then is refused; it catches up after")
    func storeAway() async throws {
        let folder = TemporaryFolder()
        let clock = ManualClock()
        let store = MemoryCheckpointStore()
        var told = Acknowledged()
        let host = try await openHost(folder, clock: clock) { $0.pendingCheckpointBytesMax = 1 }
        let uploading = uploader(host, store, clock)
        await store.setAway(true)
        try await fill(host, clock, &told, rounds: 5)
        try await host.seal()
        do {
            try await fill(host, clock, &told, rounds: 1)
            Issue.record("ingest beyond pending_checkpoint_bytes")
        } catch let error as EngineError {
            #expect(error.code == .overloaded && error.message.contains("pending_checkpoint_bytes"))
        }
        for _ in 0..<5 {
            clock.advance(60_000)
            try await uploading.step()
        }
        #expect(await store.blocks.isEmpty)
        await store.setAway(false)
        clock.advance(60_000)
        try await uploading.step()
        #expect(await !store.blocks.isEmpty)
        try await host.sync()
        try await fill(host, clock, &told, rounds: 1)
        #expect(try await host.everything() == told.columns)
        try await host.close()
    }

    @Test("a slot that another writer has claimed is left to it; the other slots go on")
    func fenced() async throws {
        let folder = TemporaryFolder()
        let clock = ManualClock()
        let store = MemoryCheckpointStore()
        var told = Acknowledged()
        let host = try await openHost(folder, clock: clock)
        let uploading = uploader(host, store, clock)
        try await fill(host, clock, &told, rounds: 2)
        try await host.seal()
        try await uploading.flush()
        let first = await store.blocks.count
        let slot = try #require(await store.epochs.keys.min())
        _ = try await store.claim([slot], writer: "another")
        try await fill(host, clock, &told, rounds: 2)
        try await host.seal()
        try await uploading.flush()
        let slots = await store.blocks.keys.map(\.slot)
        #expect(slots.filter { $0 == slot }.count == 1)
        #expect(slots.count == 2 * first - 1)
        #expect(try await host.pendingBlockFiles().isEmpty)
        try await host.close()
    }

    @Test("a writer that slept gives up all that was taken over at its first refusal")
    func fencedTogether() async throws {
        let folder = TemporaryFolder()
        let clock = ManualClock()
        let store = MemoryCheckpointStore()
        var told = Acknowledged()
        let host = try await openHost(folder, clock: clock)
        let uploading = uploader(host, store, clock)
        try await fill(host, clock, &told, rounds: 2)
        try await host.seal()
        try await uploading.flush()
        let first = await store.blocks.count
        let additions = await store.addCount
        let slots = await store.epochs.keys.sorted()
        let taken = Set(slots.prefix(slots.count - 2))
        _ = try await store.claim(Array(taken), writer: "another")
        try await fill(host, clock, &told, rounds: 2)
        try await host.seal()
        try await uploading.flush()
        // One is refused, the next one has what is left.
        #expect(await store.addCount == additions + 2)
        #expect(uploading.statistics.fencedSlots == taken.count && taken.count > 2)
        let written = await store.blocks.keys.map(\.slot)
        #expect(written.count == first + slots.count - taken.count)
        try await host.close()
    }

    @Test("a store that is away is told of once, until it was written again")
    func toldOnce() async throws {
        let folder = TemporaryFolder()
        let clock = ManualClock()
        let store = MemoryCheckpointStore()
        let book = LogBook()
        var told = Acknowledged()
        let host = try await openHost(folder, clock: clock)
        let uploading = CheckpointUploader(
            host: host, servers: CheckpointServers(only: store, logger: quiet), writer: "test",
            limits: CheckpointCadence.Limits(), logger: book.logger, clock: { clock.now })
        try await uploading.step()
        for times in 1...2 {
            await store.setAway(true)
            try await fill(host, clock, &told, rounds: 1)
            try await host.seal()
            for _ in 0..<10 {
                clock.advance(60_000)
                try await uploading.step()
            }
            #expect(book.count(of: "checkpoint not written; trying on") == times)
            await store.setAway(false)
            for _ in 0..<3 {
                clock.advance(60_000)
                try await uploading.step()
            }
            #expect(try await host.pendingBlockFiles().isEmpty)
        }
        #expect(uploading.statistics.failures > 2)
        try await host.close()
    }

    @Test("after a failure nothing is claimed before the pause is over")
    func pause() async throws {
        let folder = TemporaryFolder()
        let clock = ManualClock()
        let store = MemoryCheckpointStore()
        var told = Acknowledged()
        let host = try await openHost(folder, clock: clock)
        var limits = CheckpointCadence.Limits()
        limits.backOffMillisecondsMin = 60_000
        limits.backOffMillisecondsMax = 60_000
        let uploading = CheckpointUploader(
            host: host, servers: CheckpointServers(only: store, logger: quiet), writer: "test", limits: limits,
            logger: quiet, clock: { clock.now })
        try await uploading.step()
        try await fill(host, clock, &told, rounds: 1)
        try await host.seal()
        try await uploading.step()
        clock.advance(5_000)
        await store.setAway(true)
        try await uploading.step()
        #expect(uploading.statistics.failures == 1)
        await store.setAway(false)
        // Longer than the time between two looks for slots to take over, shorter than half the pause.
        clock.advance(20_000)
        try await uploading.step()
        #expect(await store.epochs.isEmpty)
        clock.advance(60_000)
        try await uploading.step()
        #expect(try await host.pendingBlockFiles().isEmpty)
        try await host.close()
    }
}
