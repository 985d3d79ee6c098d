import EngineStorage
import Foundation
import MetricModel
import SeriesEngine
import Testing

@Suite("The engine's host")
struct EngineHostTests {
    @Test(
        "what is acknowledged is visible to the next query, and there after a restart", arguments: Durability.allCases)
    func acknowledgedIsVisible(durability: Durability) async throws {
        let folder = TemporaryFolder()
        let clock = ManualClock()
        var told = Acknowledged()
        let cpu = try definition("cpu", "web-1")
        let host = try await openHost(folder, clock: clock) { $0.durability = durability }
        let first = host.generation
        for second in 0..<200 {
            let sample = [(cpu, clock.now + Int64(second) * 1000, Double(second))]
            let outcome = try await host.append(batch(sample))
            #expect(outcome.rejections.isEmpty && outcome.references == [0])
            told.take(sample)
            if second % 50 == 0 { #expect(try await host.everything() == told.columns) }
        }
        try await host.close()
        await #expect(throws: EngineError(.closed, "the engine is closed")) {
            _ = try await host.append(batch([(cpu, clock.now, 1)]))
        }
        // The lock goes with the host's directory, which this scope still holds: open a copy.
        let copy = try folder.copy()
        let again = try await openHost(copy, clock: clock)
        #expect(again.generation != first)
        #expect(again.directory.bootNumber == 2)
        #expect(try await again.everything() == told.columns)
        #expect(again.statistics.replayedSamples == 200)
        #expect(again.statistics.replayDroppedBytes == 0)
        try await again.close()
    }

    @Test("a reference of an earlier start is unknown, never another series")
    func oldReferencesAreUnknown() async throws {
        let folder = TemporaryFolder()
        let clock = ManualClock()
        let host = try await openHost(folder, clock: clock)
        let outcome = try await host.append(batch([(definition("cpu", "a"), clock.now, 1)]))
        let rows = SampleColumns(series: [outcome.references[0]], timestamps: [clock.now + 1], values: [2])
        #expect(
            try await host.append(AppendInput(rows: rows, generation: outcome.generation)).unknownReferences.isEmpty)
        try await host.close()
        let copy1 = try folder.copy()
        let again = try await openHost(copy1, clock: clock)
        let late = try await again.append(AppendInput(rows: rows, generation: outcome.generation))
        #expect(late.unknownReferences == [0])
        try await again.close()
    }

    @Test("a second process on a data directory is refused, naming the directory")
    func directoryIsLocked() async throws {
        let folder = TemporaryFolder()
        let host = try await openHost(folder)
        do {
            _ = try DataDirectory(path: folder.path)
            Issue.record("the lock was given twice")
        } catch {
            #expect(error.code == .directoryLocked)
            #expect(error.message.contains(folder.path))
        }
        try await host.close()
    }

    @Test("a data directory that cannot be written is a clear error")
    func unusableDirectory() throws {
        let folder = TemporaryFolder()
        try Data().write(to: URL(fileURLWithPath: folder.path))
        do {
            _ = try DataDirectory(path: folder.path + "/data")
            Issue.record("a directory below a file")
        } catch {
            #expect(error.code == .directoryNotWritable)
            #expect(
                error.message == "data directory \(folder.path)/data cannot be used: "
                    + "create directory \(folder.path)/data: Not a directory")
        }
    }

    @Test("missing folders above a data directory are made")
    func foldersAbove() throws {
        let folder = TemporaryFolder()
        let directory = try DataDirectory(path: folder.path + "/a/b//c/")
        #expect(directory.isNew && FileManager.default.fileExists(atPath: folder.path + "/a/b/c/node.json"))
    }

    @Test("an identity that cannot be read is an error that names it, not a new node", arguments: ["", "{", "[1]"])
    func brokenIdentity(_ text: String) throws {
        let folder = TemporaryFolder()
        _ = try DataDirectory(path: folder.path)
        try Data(text.utf8).write(to: URL(fileURLWithPath: folder.path + "/node.json"))
        do {
            _ = try DataDirectory(path: folder.path)
            Issue.record("a directory without a node's identity")
        } catch {
            #expect(error.message.contains(folder.path + "/node.json"))
        }
    }

    @Test("an identity that the system does not hand out is told with the system's reason")
    func unreadableIdentity() throws {
        let folder = TemporaryFolder()
        _ = try DataDirectory(path: folder.path)
        let file = folder.path + "/node.json"
        try FileManager.default.removeItem(atPath: file)
        try FileManager.default.createDirectory(atPath: file, withIntermediateDirectories: true)
        do {
            _ = try DataDirectory(path: folder.path)
            Issue.record("a folder read as an identity")
        } catch {
            // Another directory, or other permissions, would not help.
            #expect(error.code == .directoryUnusable)
            #expect(error.message == "data directory \(folder.path) cannot be used: read \(file): Is a directory")
        }
    }

    @Test("the identity of a directory stays, its boots are counted")
    func identityStays() throws {
        let folder = TemporaryFolder()
        var known: String?
        var generations: Set<UInt64> = []
        for boot in 1...3 {
            let directory = try DataDirectory(path: folder.path)
            #expect(directory.bootNumber == UInt64(boot))
            #expect(directory.isNew == (boot == 1))
            if let known { #expect(directory.nodeID == known) }
            known = directory.nodeID
            generations.insert(directory.generation)
        }
        #expect(generations.count == 3)
    }

    @Test("name and boot number that a cluster gave outlive the start, and the next start counts on from them")
    func takenIdentity() throws {
        let folder = TemporaryFolder()
        do {
            let directory = try DataDirectory(path: folder.path, hasEngine: false)
            #expect(directory.nodeName == nil)
            #expect(!FileManager.default.fileExists(atPath: folder.path + "/engine-0"))
            try directory.take(name: "node-7", boot: 41)
            #expect(directory.bootNumber == 41 && directory.nodeName == "node-7")
        }
        let next = try DataDirectory(path: folder.path)
        #expect(next.bootNumber == 42 && next.nodeName == "node-7")
    }

    @Test("metadata and servers outlive seals and restarts; tenants do not see each other")
    func metadataAndServers() async throws {
        let folder = TemporaryFolder()
        let clock = ManualClock()
        let other = try TenantID(validating: "other")
        let host = try await openHost(folder, clock: clock)
        let entry = MetricMetadata(metric: "cpu", type: "gauge", unit: "%", help: "busy")
        var input = batch([
            (try definition("cpu", "web-1"), clock.now, 1), (try definition("memory", "web-1"), clock.now + 5, 2),
            (try definition("cpu", "web-1", tenant: other), clock.now, 3),
        ])
        input.metadata = [TenantMetadata(tenant: .default, metadata: entry)]
        _ = try await host.append(input)
        let wanted = [ServerSummary(id: "web-1", label: "instance", lastPush: clock.now + 5, seriesCount: 2)]
        func check(_ host: EngineHost) async throws {
            #expect(try await host.servers(tenant: .default) == wanted)
            #expect(try await host.servers(tenant: other).map(\.seriesCount) == [1])
            #expect(try await host.metadata(tenant: .default) == [entry])
            #expect(try await host.metadata(tenant: other).isEmpty)
            #expect(try await host.everything(tenant: other).values.map(\.values) == [[3]])
            let scope = LabelScope(tenant: .default, matcherSets: [], start: .min, end: .max)
            #expect(try await host.labelNames(scope, seriesMax: .max) == ["__name__", "instance"])
            #expect(try await host.labelValues("__name__", scope, seriesMax: .max) == ["cpu", "memory"])
            let memory = LabelScope(
                tenant: .default, matcherSets: [[Matcher(equal: "__name__", "memory")]], start: .min, end: .max)
            #expect(try await host.series(memory, seriesMax: .max).map(\.description) == ["memory{instance=\"web-1\"}"])
            await #expect(throws: EngineError.self) { _ = try await host.series(scope, seriesMax: 1) }
        }
        try await check(host)
        let copy2 = try folder.copy()
        let logged = try await openHost(copy2, clock: clock)
        try await check(logged)
        try await logged.close()
        for _ in 0..<4 { try await host.seal() }
        try await check(host)
        try await host.close()
        let copy3 = try folder.copy()
        let sealed = try await openHost(copy3, clock: clock)
        try await check(sealed)
        try await sealed.close()
        let copy = try folder.copy()
        try FileManager.default.removeItem(atPath: copy.path + "/engine-0/catalog")
        let rebuilt = try await openHost(copy, clock: clock)
        try await check(rebuilt)
        try await rebuilt.close()
    }

    @Test("limits of a query are errors that name them")
    func queryLimits() async throws {
        let folder = TemporaryFolder()
        let clock = ManualClock()
        let host = try await openHost(folder, clock: clock)
        for server in 0..<10 {
            let series = try definition("cpu", "web-\(server)")
            _ = try await host.append(batch((0..<10).map { (series, clock.now + Int64($0), 1) }))
        }
        for sealed in [false, true] {
            if sealed { for _ in 0..<4 { try await host.seal() } }
            let all = SeriesSelection(tenant: .default, matchers: [], start: .min, end: .max)
            await #expect(throws: EngineError(.limitExceeded, "query_series_max is 9, the selection has at least 10")) {
                _ = try await host.select(all, seriesMax: 9, samplesMax: .max) { _ in }
            }
            await #expect(
                throws: EngineError(.limitExceeded, "query_samples_max is 99, the selection has at least 100")
            ) {
                _ = try await host.select(all, seriesMax: 10, samplesMax: 99) { _ in }
            }
            #expect(try await host.select(all, seriesMax: 10, samplesMax: 100) { _ in }.sampleCount == 100)
        }
        try await host.close()
    }

    @Test("while the log cannot be written nothing is stored and nothing acknowledged; it goes on when it can")
    func logFailure() async throws {
        let folder = TemporaryFolder()
        let clock = ManualClock()
        let host = try await openHost(folder, clock: clock) { $0.walSegmentBytesMax = 1 }
        let cpu = try definition("cpu", "a")
        // A directory in the place of the next segment: root cannot create the file either.
        let obstacle = folder.path + "/engine-0/wal/0000000002.wal"
        try FileManager.default.createDirectory(atPath: obstacle, withIntermediateDirectories: false)
        _ = try await host.append(batch([(cpu, clock.now, 1)]))
        for attempt in 1...3 {
            do {
                _ = try await host.append(batch([(cpu, clock.now + 60_000, 2)]))
                Issue.record("attempt \(attempt) was acknowledged without a log")
            } catch let error as EngineError {
                #expect(error.code == .logFailed && error.retryAfterMilliseconds != nil)
            }
            #expect(try await host.everything().values.map(\.values) == [[1]])
        }
        try FileManager.default.removeItem(atPath: obstacle)
        _ = try await host.append(batch([(cpu, clock.now + 1000, 3)]))
        #expect(try await host.everything().values.map(\.values) == [[1, 3]])
        #expect(host.statistics.walFailures >= 3)
        try await host.close()
        let copy = try folder.copy()
        let again = try await openHost(copy, clock: clock)
        #expect(try await again.everything().values.map(\.values) == [[1, 3]])
        try await again.close()
    }

    @Test("a full queue answers overload with a time to retry, and what it took is answered")
    func queueOverload() async throws {
        let folder = TemporaryFolder()
        let clock = ManualClock()
        let host = try await openHost(folder, clock: clock) {
            $0.queueBatchesMax = 4
            $0.durability = .fsync
        }
        let cpu = try definition("cpu", "a")
        let start = clock.now
        let taken = await withTaskGroup(of: Bool.self) { group in
            for index in 0..<400 {
                group.addTask {
                    do {
                        _ = try await host.append(batch([(cpu, start + Int64(index), 1)]))
                        return true
                    } catch let error as EngineError {
                        #expect(error.code == .overloaded && error.retryAfterMilliseconds != nil)
                        #expect(error.message.contains("ingest_queue_batches_max"))
                    } catch {
                        Issue.record(error)
                    }
                    return false
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(try await host.everything().values.first?.timestamps.count == taken)
        try await host.close()
    }
}
