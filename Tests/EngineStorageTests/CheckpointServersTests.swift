import CheckpointPlan
import EngineStorage
import MetricModel
import SeriesEngine
import SlotMovement
import Testing

@Suite("Several databases of one checkpoint")
struct CheckpointServersTests {
    private let first = MemoryCheckpointStore(1)
    private let second = MemoryCheckpointStore(2)
    private let third = MemoryCheckpointStore(3)
    private let clock = ManualClock()

    private func servers(_ listed: (MemoryCheckpointStore, CheckpointMap.State)...) -> CheckpointServers {
        CheckpointServers(
            listed.map { .init(store: $0.0, name: name(of: $0.0), state: $0.1) }, logger: quiet,
            wallClock: { [clock] in clock.now })
    }

    private func name(of store: MemoryCheckpointStore) -> String {
        store === first ? "first" : store === second ? "second" : "third"
    }

    private func fill(_ host: EngineHost, _ told: inout Acknowledged) async throws {
        for round in 0..<3 {
            clock.advance(1000)
            let input = try (0..<40).map { (try definition("cpu", "web-\($0)"), clock.now, Double(round * 100 + $0)) }
            _ = try await host.append(batch(input))
            told.take(input)
        }
        try await host.seal()
    }

    private func step(_ uploading: CheckpointUploader, _ times: Int = 6) async throws {
        for _ in 0..<times {
            clock.advance(60_000)
            try await uploading.step()
        }
    }

    @Test("each slot's blocks lie in its home; one database that is away stops no other, and gets what it lacks later")
    func spread() async throws {
        let folder = TemporaryFolder()
        var told = Acknowledged()
        let host = try await openHost(folder, clock: clock)
        let servers = servers((first, .active), (second, .active))
        let uploading = uploader(host, servers, clock)
        try await step(uploading, 1)
        await second.setAway(true)
        try await fill(host, &told)
        try await step(uploading)
        #expect(await !first.blocks.isEmpty)
        #expect(await second.blocks.isEmpty)
        #expect(try await host.pendingBlockFiles().count == 1)
        let status = servers.status
        #expect(status.map(\.isAway) == [false, true] && status[0].pendingFiles == 0 && status[1].pendingFiles == 1)
        #expect(status[1].lagSeconds(at: clock.now) > 60 && status[0].lagSeconds(at: clock.now) == 0)
        await second.setAway(false)
        try await step(uploading)
        #expect(try await host.pendingBlockFiles().isEmpty)
        let map = await first.map
        #expect(await second.map == map)
        #expect(map.version == 2)
        for record in await first.blocks.keys { #expect(map.home(of: record.slot) == map.servers[0].id) }
        for record in await second.blocks.keys { #expect(map.home(of: record.slot) == map.servers[1].id) }
        #expect(await !second.blocks.isEmpty)
        try await host.close()
    }

    @Test("a restore takes what the databases that answer have, says who is missing, and goes on when it is back")
    func restore() async throws {
        let folder = TemporaryFolder()
        var told = Acknowledged()
        let host = try await openHost(folder, clock: clock)
        let uploading = uploader(host, servers((first, .active), (second, .active)), clock)
        try await fill(host, &told)
        try await uploading.flush()
        try await host.close()

        let wiped = TemporaryFolder()
        let again = try await openHost(wiped, clock: clock)
        // Known by what the first says of it alone.
        let restoring = uploader(again, servers((first, .active), (second, .active)), clock)
        await second.setAway(true)
        await #expect(throws: CheckpointError.self) { try await restoring.restore() }
        let part = try await again.everything()
        #expect(part != told.columns && again.statistics.blockFiles > 0 && again.directory.needsRestore)
        await second.setAway(false)
        try await restoring.restore()
        #expect(try await again.everything() == told.columns && !again.directory.needsRestore)
        try await again.close()
    }

    @Test("a list that lacks a database of the map is not enough for a restore, and the slots of that database wait")
    func unlisted() async throws {
        let store: any CheckpointStore = first
        _ = try await store.exchange(
            CheckpointMap([.init(id: CheckpointServerID(high: 0, low: 2), state: .active, changedAt: 1, name: "second")]
            ))
        let folder = TemporaryFolder()
        var told = Acknowledged()
        let host = try await openHost(folder, clock: clock)
        let uploading = uploader(host, servers((first, .active)), clock)
        await #expect(throws: CheckpointError.self) { try await uploading.restore() }
        try await fill(host, &told)
        try await step(uploading)
        #expect(await !first.blocks.isEmpty)
        #expect(try await host.pendingBlockFiles().count == 1)
        try await host.close()
    }

    @Test("a file waits on when nobody is known any more, after its upload to one database, to write a slot of another")
    func undecided() async throws {
        let cluster = SmallCluster(count: 1, wanted: 1, seed: 11)
        try await cluster.start(0)
        try await cluster.settle()
        let host = try cluster.host(0)
        func seal(_ value: Double) async throws {
            let now = WallClock.now()
            let samples = try (0..<40).map { (try definition("cpu", "web-\($0)"), now, value) }
            #expect(try await cluster.push(samples))
            try await host.seal()
        }
        let uploading = uploader(host, servers((first, .active), (second, .active)), clock)
        try await seal(1)
        try await step(uploading)
        #expect(try await host.pendingBlockFiles().isEmpty)

        await second.setAway(true)
        try await seal(2)
        let map = await first.map
        let atSecond = (0..<UInt16(SmallCluster.slots)).filter { map.home(of: $0) == map.servers[1].id }
        let orders = (0..<UInt16(SmallCluster.slots)).map { [NodeID(atSecond.contains($0) ? 9 : 0)] }
        let without = MovementView(
            members: cluster.view.members, orders: orders, replicationFactor: 2, assuredFactor: 2)
        await first.whileAddingNext { try? await host.update(without) }
        // Too soon to look for slots that have become this node's.
        for _ in 0..<3 {
            clock.advance(2000)
            try await uploading.step()
        }
        #expect(try await host.pendingBlockFiles().count == 1)

        try await host.update(cluster.view)
        await second.setAway(false)
        try await step(uploading)
        #expect(try await host.pendingBlockFiles().isEmpty)
        let slots = await second.blocks.keys.map(\.slot).sorted()
        #expect(!atSecond.isEmpty && slots == (atSecond + atSecond).sorted())
        try await cluster.stopAll()
    }

    @Test("a retired database is written no more and read on; a lost one is not asked, and what it had is written anew")
    func retiredAndLost() async throws {
        let folder = TemporaryFolder()
        var told = Acknowledged()
        let host = try await openHost(folder, clock: clock)
        try await fill(host, &told)
        try await uploader(host, servers((first, .active), (second, .active)), clock).flush()
        let had = await second.blocks.count

        // An old list does not bring it back.
        let retiring = uploader(host, servers((first, .active), (second, .retired)), clock)
        try await fill(host, &told)
        try await retiring.flush()
        #expect(await second.blocks.count == had)
        #expect(await first.map.servers[1].state == .retired)
        try await uploader(host, servers((first, .active), (second, .active)), clock).flush()
        #expect(await second.map.servers[1].state == .retired)
        let reading = TemporaryFolder()
        let reader = try await openHost(reading, clock: clock)
        try await uploader(reader, servers((first, .active), (second, .retired)), clock).restore()
        #expect(try await reader.everything() == told.columns)
        try await reader.close()

        await second.setAway(true)
        let mending = uploader(host, servers((first, .active), (second, .lost)), clock)
        try await step(mending)
        let wiped = TemporaryFolder()
        let again = try await openHost(wiped, clock: clock)
        try await uploader(again, servers((first, .active), (second, .lost)), clock).restore()
        #expect(try await again.everything() == told.columns)
        try await again.close()
        try await host.close()
    }

    @Test("what a lost database had of slots whose home is another one is written there by whoever hears of the loss")
    func lostHistory() async throws {
        let folder = TemporaryFolder()
        var told = Acknowledged()
        let host = try await openHost(folder, clock: clock)
        for _ in 0..<2 { try await fill(host, &told) }
        try await uploader(host, servers((first, .active), (second, .active)), clock).flush()
        // What a restart finds long after the last seal is behind every watermark.
        clock.advance(7_200_000)
        let running = uploader(host, servers((first, .active), (second, .active), (third, .active)), clock)
        try await step(running)
        #expect(await !third.epochs.isEmpty)
        #expect(await third.blocks.isEmpty)
        try await fill(host, &told)
        try await step(running)
        #expect(try await host.pendingBlockFiles().isEmpty)

        // Another process was told; this one's list has it as it was.
        let store: any CheckpointStore = third
        _ = try await store.exchange(
            CheckpointMap([
                .init(id: CheckpointServerID(high: 0, low: 1), state: .lost, changedAt: clock.now, name: "first")
            ]))
        try await step(running)
        let wiped = TemporaryFolder()
        let again = try await openHost(wiped, clock: clock)
        try await uploader(again, servers((first, .lost), (second, .active), (third, .active)), clock).restore()
        #expect(try await again.everything() == told.columns)
        try await again.close()
        // A start that comes later finds all of it there.
        let sizes = (await second.blocks.count, await third.blocks.count)
        try await step(uploader(host, servers((first, .lost), (second, .active), (third, .active)), clock))
        let sizesNow = (await second.blocks.count, await third.blocks.count)
        #expect(sizesNow == sizes)
        try await host.close()
    }

    @Test("another store in the place of the one before gets all that lies on disk, whatever was uploaded to that one")
    func anotherStore() async throws {
        let folder = TemporaryFolder()
        var told = Acknowledged()
        let host = try await openHost(folder, clock: clock)
        for _ in 0..<2 { try await fill(host, &told) }
        try await uploader(host, servers((first, .active)), clock).flush()
        #expect(try await host.pendingBlockFiles().isEmpty)
        clock.advance(7_200_000)
        try await step(uploader(host, servers((second, .active)), clock))
        let wiped = TemporaryFolder()
        let again = try await openHost(wiped, clock: clock)
        try await uploader(again, servers((second, .active)), clock).restore()
        #expect(try await again.everything() == told.columns)
        try await again.close()
        try await host.close()
    }

    @Test("at a stop no database waits for another one that does not answer", .timeLimit(.minutes(5)))
    func stop() async throws {
        let folder = TemporaryFolder()
        var told = Acknowledged()
        let host = try await openHost(folder, clock: clock)
        let uploading = uploader(host, servers((first, .active), (second, .active)), clock)
        try await step(uploading, 1)
        await second.setMute(true)
        clock.advance(60_000)
        let running = Task { await uploading.run() }
        while await !second.isAsked { try await Task.sleep(for: .milliseconds(10)) }
        try await fill(host, &told)
        running.cancel()
        try await uploading.flush()
        #expect(try await host.pendingBlockFiles().isEmpty)
        await second.setMute(false)
        await running.value
        try await host.close()
    }

    @Test("one database in two places of the list is used once, and a restore does not wait for the other place")
    func twice() async throws {
        let folder = TemporaryFolder()
        var told = Acknowledged()
        let host = try await openHost(folder, clock: clock)
        let doors = [Doorway(first), Doorway(first)]
        let servers = CheckpointServers(
            doors.map { .init(store: $0, name: "door") }, logger: quiet, wallClock: { [clock] in clock.now })
        let uploading = uploader(host, servers, clock)
        await doors[0].setAway(true)
        try await fill(host, &told)
        try await step(uploading)
        let had = await first.blocks.count
        #expect(had > 0 && servers.status.map(\.isAway) == [true, false])
        // The earlier place answers while the other one, which has the number, does not.
        await doors[0].setAway(false)
        await doors[1].setAway(true)
        try await step(uploading, 1)
        await doors[1].setAway(false)
        #expect(servers.status.map(\.isAway) == [false, true])
        let epochs = await first.epochs
        try await fill(host, &told)
        try await step(uploading)
        #expect(try await host.pendingBlockFiles().isEmpty)
        #expect(await first.blocks.count == 2 * had)
        #expect(await first.epochs == epochs && uploading.statistics.fencedSlots == 0)
        let wiped = TemporaryFolder()
        let again = try await openHost(wiped, clock: clock)
        try await uploader(again, servers, clock).restore()
        #expect(try await again.everything() == told.columns)
        try await again.close()
        try await host.close()
    }
}

/// Two clusters that were given one database.
@Suite struct CheckpointOwnerTests {
    private let store = MemoryCheckpointStore(1)
    private let clock = ManualClock()
    private let patience: Int64 = 60_000

    private func servers(of cluster: String, name: String = "fleet") async -> CheckpointServers {
        let servers = CheckpointServers(
            [.init(store: store, name: "store")], logger: quiet, wallClock: { [clock] in clock.now },
            clock: { [clock] in clock.now })
        await servers.belong(to: CheckpointOwner(cluster: cluster, name: name), patience: patience)
        await servers.refresh()
        return servers
    }

    /// As many looks as there are in that time.
    private func wait(_ milliseconds: Int64, _ asking: CheckpointServers...) async {
        for _ in 0..<milliseconds / OwnerWatch.interval {
            clock.advance(OwnerWatch.interval)
            for servers in asking { try? await servers.beatOnce() }
        }
        for servers in asking { await servers.refresh() }
    }

    @Test("while its owner lives nobody else uses a database, and each is told whose it is")
    func lives() async throws {
        let first = await servers(of: "a")
        let second = await servers(of: "b")
        await wait(10 * patience, first, second)
        #expect(!first.status[0].isAway && second.status[0].isAway && second.status[0].isOthers)
        #expect(second.status[0].reason?.contains("fleet with the ID a") == true)
        await #expect(throws: CheckpointError.self) {
            _ = try await second.fetch(nil, since: .min, local: { [] }, install: { _ in })
        }
    }

    @Test("a cluster of the same name takes over what its owner has left; the owner that wakes leaves it alone")
    func gone() async throws {
        let first = await servers(of: "a")
        let claims = try await store.claim([1, 2], writer: "a")
        let second = await servers(of: "b")
        await wait(patience - OwnerWatch.interval, second)
        #expect(second.status[0].isAway)
        await wait(2 * OwnerWatch.interval, second)
        #expect(!second.status[0].isAway)
        // What the former owner claimed is worth nothing any more.
        #expect(claims.map(\.epoch) == [1, 1])
        #expect(await store.epochs == [1: 2, 2: 2])
        await wait(OwnerWatch.interval, first)
        #expect(first.status[0].isOthers && first.status[0].reason?.contains("the ID b") == true)
    }

    @Test("a cluster of another name never takes it over")
    func otherName() async {
        _ = await servers(of: "a")
        let second = await servers(of: "b", name: "other fleet")
        await wait(10 * patience, second)
        #expect(second.status[0].isOthers)
    }

    @Test("a database that was away, and a node that slept, tell nothing of the owner")
    func breaks() async {
        _ = await servers(of: "a")
        let second = await servers(of: "b")
        for _ in 0..<3 {
            await wait(patience - OwnerWatch.interval, second)
            await store.setAway(true)
            await wait(OwnerWatch.interval, second)
            await store.setAway(false)
        }
        await wait(patience - OwnerWatch.interval, second)
        clock.advance(OwnerWatch.gapMax + 1)
        await wait(patience - OwnerWatch.interval, second)
        #expect(second.status[0].isOthers)
        await wait(2 * OwnerWatch.interval, second)
        #expect(!second.status[0].isAway)
    }

    @Test("a database that hangs keeps beats from no other", .timeLimit(.minutes(5)))
    func hangs() async throws {
        let mute = MemoryCheckpointStore(2)
        await mute.setMute(true)
        let servers = CheckpointServers(
            [.init(store: mute, name: "mute"), .init(store: store, name: "store")], logger: quiet)
        let owner = CheckpointOwner(cluster: "a", name: "fleet")
        await servers.belong(to: owner, patience: patience)
        let beating = Task { await servers.beat() }
        while await store.ownership?.owner != owner { try await Task.sleep(for: .milliseconds(5)) }
        beating.cancel()
        await mute.setMute(false)
        await beating.value
    }
}

/// A place in the list: leads to a store, or is closed.
private actor Doorway: CheckpointStore {
    private let store: MemoryCheckpointStore
    private var isAway = false

    init(_ store: MemoryCheckpointStore) { self.store = store }

    func setAway(_ away: Bool) { isAway = away }

    private func open() throws(CheckpointError) -> MemoryCheckpointStore {
        if isAway { throw .unavailable(reason: "away") }
        return store
    }

    func prepare() async throws(CheckpointError) { try await open().prepare() }

    func beat(_ owner: CheckpointOwner) async throws(CheckpointError) -> CheckpointOwnership {
        try await open().beat(owner)
    }

    func follow(_ former: CheckpointOwnership, as owner: CheckpointOwner) async throws(CheckpointError) -> Bool {
        try await open().follow(former, as: owner)
    }

    func exchange(_ map: CheckpointMap) async throws(CheckpointError) -> CheckpointExchange {
        try await open().exchange(map)
    }

    func claim(_ slots: [UInt16], writer: String) async throws(CheckpointError) -> [SlotClaim] {
        try await open().claim(slots, writer: writer)
    }

    func add(_ batch: CheckpointBatch) async throws(CheckpointError) -> Int { try await open().add(batch) }

    func list(_ request: BlockListRequest) async throws(CheckpointError) -> [BlockRecord] {
        try await open().list(request)
    }

    func fetch(_ records: [BlockRecord]) async throws(CheckpointError) -> [CheckpointBlock] {
        try await open().fetch(records)
    }

    func slots() async throws(CheckpointError) -> [SlotState] { try await open().slots() }

    func drop(before time: Int64, retention: RetentionClass) async throws(CheckpointError) -> Int? { 0 }

    func close() {}
}
