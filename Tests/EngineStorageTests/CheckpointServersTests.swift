import CheckpointPlan
import EngineStorage
import MetricModel
import SeriesEngine
import Testing

@Suite("Several databases of one checkpoint")
struct CheckpointServersTests {
    private let first = MemoryCheckpointStore(1)
    private let second = MemoryCheckpointStore(2)
    private let clock = ManualClock()

    private func servers(_ listed: (MemoryCheckpointStore, CheckpointMap.State)...) -> CheckpointServers {
        CheckpointServers(
            listed.map { .init(store: $0.0, name: $0.0 === first ? "first" : "second", state: $0.1) }, logger: quiet,
            wallClock: { [clock] in clock.now })
    }

    private func uploader(_ host: EngineHost, _ servers: CheckpointServers, isNewStore: Bool = false)
        -> CheckpointUploader
    {
        CheckpointUploader(
            host: host, servers: servers, writer: "test", limits: CheckpointCadence.Limits(), isNewStore: isNewStore,
            logger: quiet, clock: { [clock] in clock.now })
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
        let uploading = uploader(host, servers)
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
        let uploading = uploader(host, servers((first, .active), (second, .active)))
        try await fill(host, &told)
        try await uploading.flush()
        try await host.close()

        let wiped = TemporaryFolder()
        let again = try await openHost(wiped, clock: clock)
        // Known by what the first says of it alone.
        let restoring = uploader(again, servers((first, .active), (second, .active)))
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
        let uploading = uploader(host, servers((first, .active)))
        await #expect(throws: CheckpointError.self) { try await uploading.restore() }
        try await fill(host, &told)
        try await step(uploading)
        #expect(await !first.blocks.isEmpty)
        #expect(try await host.pendingBlockFiles().count == 1)
        try await host.close()
    }

    @Test("a retired database is written no more and read on; a lost one is not asked, and what it had is written anew")
    func retiredAndLost() async throws {
        let folder = TemporaryFolder()
        var told = Acknowledged()
        let host = try await openHost(folder, clock: clock)
        try await fill(host, &told)
        try await uploader(host, servers((first, .active), (second, .active))).flush()
        let had = await second.blocks.count

        // An old list does not bring it back.
        let retiring = uploader(host, servers((first, .active), (second, .retired)))
        try await fill(host, &told)
        try await retiring.flush()
        #expect(await second.blocks.count == had)
        #expect(await first.map.servers[1].state == .retired)
        try await uploader(host, servers((first, .active), (second, .active))).flush()
        #expect(await second.map.servers[1].state == .retired)
        let reading = TemporaryFolder()
        let reader = try await openHost(reading, clock: clock)
        try await uploader(reader, servers((first, .active), (second, .retired))).restore()
        #expect(try await reader.everything() == told.columns)
        try await reader.close()

        await second.setAway(true)
        let mending = uploader(host, servers((first, .active), (second, .lost)), isNewStore: true)
        try await step(mending)
        let wiped = TemporaryFolder()
        let again = try await openHost(wiped, clock: clock)
        try await uploader(again, servers((first, .active), (second, .lost))).restore()
        #expect(try await again.everything() == told.columns)
        try await again.close()
        try await host.close()
    }
}
