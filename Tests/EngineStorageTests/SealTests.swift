import ByteCoding
import EngineStorage
import Foundation
import MetricModel
import SeededRandom
import SeriesEngine
import Testing

@Suite("Sealing")
struct SealTests {
    private func samples(_ servers: Int, at time: Int64, _ random: inout SplitMix64) throws
        -> [(SeriesDefinition, Int64, Double)]
    {
        try (0..<servers).map {
            (try definition("cpu", "web-\($0)"), time, Double(Int.random(in: 0..<10_000, using: &random)) / 100)
        }
    }

    @Test("whatever point a crash stops a seal at, the next start has each sample once")
    func crashPoints() async throws {
        let folder = TemporaryFolder()
        let clock = ManualClock()
        var random = SplitMix64(seed: 3)
        var told = Acknowledged()
        let host = try await openHost(folder, clock: clock)
        for _ in 0..<150 {
            clock.advance(1000)
            let input = try samples(20, at: clock.now, &random)
            _ = try await host.append(batch(input))
            told.take(input)
        }
        let before = try folder.copy()
        try await host.seal()
        #expect(try await host.everything() == told.columns)
        let input = try samples(20, at: clock.now + 500, &random)
        _ = try await host.append(batch(input))
        let after = try folder.copy()
        try await host.close()

        // Before the block exists; a torn temporary file; the block written, the log not yet cut; the log half cut; all done.
        let block = try after.read("blocks/0000000001.block")
        let torn = try before.copy()
        try torn.write(Array(block.prefix(block.count / 2)), to: "blocks/0000000001.block.tmp")
        let uncut = try before.copy()
        try uncut.write(block, to: "blocks/0000000001.block")
        try uncut.write(after.read("catalog"), to: "catalog")
        for (name, state) in [("before", before), ("torn", torn), ("uncut", uncut)] {
            let again = try await openHost(state, clock: clock)
            #expect(try await again.everything() == told.columns, "\(name)")
            if name == "uncut" { #expect(again.statistics.replayedSamples == 0, "the log is covered by the block") }
            try await again.close()
            #expect(try state.files("blocks").allSatisfy { !$0.hasSuffix(".tmp") })
        }
        told.take(input)
        let again = try await openHost(after, clock: clock)
        #expect(try await again.everything() == told.columns)
        #expect(again.statistics.replayedSamples == 20)
        try await again.close()
    }

    @Test("ten times more data than a head may hold leaves memory and log flat")
    func memoryStaysFlat() async throws {
        let folder = TemporaryFolder()
        let clock = ManualClock()
        var random = SplitMix64(seed: 5)
        let limit = 20_000
        let host = try await openHost(folder, clock: clock) { $0.headSamplesMax = limit }
        var stored = 0
        var highest = 0
        while stored < 10 * limit {
            clock.advance(1000)
            let input = try (0..<5).flatMap { second in try samples(100, at: clock.now + Int64(second), &random) }
            do {
                _ = try await host.append(batch(input))
                stored += input.count
            } catch let error as EngineError where error.code == .overloaded {
                // The seal is slower than we: shed, as the limit says.
                await Task.yield()
            }
            highest = max(highest, host.statistics.headSamples)
        }
        #expect(highest <= 2 * limit + 1000)
        #expect(host.statistics.seals >= 4)
        let kept = try await host.everything().values.reduce(0) { $0 + $1.timestamps.count }
        #expect(kept == stored)
        try await host.seal()
        #expect(host.statistics.headSamples == 0)
        #expect(try folder.files("wal").count == 1)
        try await host.close()
    }

    @Test("a failed seal loses nothing and is tried again")
    func failedSealIsRetried() async throws {
        let folder = TemporaryFolder()
        let clock = ManualClock()
        var random = SplitMix64(seed: 9)
        var told = Acknowledged()
        let host = try await openHost(folder, clock: clock)
        let input = try samples(10, at: clock.now, &random)
        _ = try await host.append(batch(input))
        told.take(input)
        // A directory in the way of the block's temporary file makes its creation fail, for root too.
        let obstacle = folder.path + "/engine-0/blocks/0000000001.block.tmp"
        try FileManager.default.createDirectory(atPath: obstacle + "/x", withIntermediateDirectories: true)
        await #expect(throws: EngineError.self) { try await host.seal() }
        #expect(host.statistics.sealFailures >= 1)
        #expect(try await host.everything() == told.columns)
        let later = try samples(10, at: clock.now + 1000, &random)
        _ = try await host.append(batch(later))
        told.take(later)
        #expect(try await host.everything() == told.columns)
        try FileManager.default.removeItem(atPath: obstacle)
        try await host.seal()
        #expect(try await host.everything() == told.columns)
        try await host.close()
        let copy1 = try folder.copy()
        let again = try await openHost(copy1, clock: clock)
        #expect(try await again.everything() == told.columns)
        try await again.close()
    }

    @Test("retention drops whole block files, and refuses what is older at the door")
    func retention() async throws {
        let folder = TemporaryFolder()
        let clock = ManualClock()
        let host = try await openHost(folder, clock: clock) { $0.engine.retention = 3_600_000 }
        let cpu = try definition("cpu", "a")
        let first = clock.now
        _ = try await host.append(batch([(cpu, first, 1)]))
        try await host.seal()
        clock.advance(3_000_000)
        let second = clock.now
        let outcome = try await host.append(
            batch([(cpu, second, 2), (cpu, first - 3_600_000, 3)]))
        #expect(outcome.rejections == [SampleRejection(row: 1, reason: .tooOld)])
        try await host.seal()
        #expect(try folder.blocks().count == 2)
        clock.advance(1_000_000)
        // Each turn of the engine's thread looks at the clock; bounded, not timed.
        var turns = 0
        while host.statistics.blocksDropped == 0 && turns < 10_000 {
            _ = try await host.metadata(tenant: .default)
            turns += 1
        }
        #expect(host.statistics.blocksDropped == 1)
        #expect(try await host.everything().values.map(\.timestamps) == [[second]])
        #expect(try folder.files("blocks") == ["0000000002.block", "0000000002.block.local"])
        try await host.close()
    }

    @Test("a damaged block is an error that names it, never a short answer")
    func damagedBlock() async throws {
        let folder = TemporaryFolder()
        let clock = ManualClock()
        let host = try await openHost(folder, clock: clock)
        _ = try await host.append(batch([(definition("cpu", "a"), clock.now, 1)]))
        try await host.seal()
        try await host.close()
        let bytes = try folder.read("blocks/0000000001.block")
        for position in stride(from: 0, to: bytes.count, by: 5) {
            var damaged = bytes
            damaged[position] ^= 0x10
            let copy = try folder.copy()
            try copy.write(damaged, to: "blocks/0000000001.block")
            do {
                let again = try await openHost(copy, clock: clock)
                do {
                    let found = try await again.everything().values.map(\.values)
                    // Only bytes that say nothing may change without notice: the file's header and reserved ones.
                    #expect(found == [[1]], "byte \(position)")
                } catch let error as EngineError {
                    #expect(error.code == .blockUnreadable && error.message.contains("0000000001.block"))
                }
                try await again.close()
            } catch let error as EngineError {
                #expect(error.code == .blockUnreadable || error.code == .unknownVersion, "byte \(position): \(error)")
            }
        }
    }

    @Test("blocks, catalog and log of an unknown version are refused at the start")
    func unknownVersions() async throws {
        let folder = TemporaryFolder()
        let clock = ManualClock()
        let host = try await openHost(folder, clock: clock)
        _ = try await host.append(batch([(definition("cpu", "a"), clock.now, 1)]))
        try await host.seal()
        try await host.close()
        let blockSize = try folder.read("blocks/0000000001.block").count
        let places = [
            ("blocks/0000000001.block", blockSize - 8), ("blocks/0000000001.block", 4), ("catalog", 4),
            ("wal/0000000002.wal", 4),
        ]
        for (file, position) in places {
            let copy = try folder.copy()
            var bytes = try copy.read(file)
            bytes[position] = 4
            try copy.write(bytes, to: file)
            do {
                _ = try await openHost(copy, clock: clock)
                Issue.record("\(file) of version 4 was taken")
            } catch let error as EngineError {
                #expect(error.code == .unknownVersion, "\(error)")
            }
        }
    }
}
