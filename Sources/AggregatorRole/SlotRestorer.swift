internal import CheckpointPlan
internal import EngineStorage
internal import Logging
internal import SeriesEngine
internal import SlotMovement

/// Fetches from the checkpoint what it has of slots that were taken over without all who had samples of them.
///
/// The machine asks again for as long as a slot awaits it, so a store that is away costs time and nothing more.
actor SlotRestorer {
    private let engine: EngineHost
    private let servers: CheckpointServers
    private let logger: Logger
    /// Between two looks whether a database that was away answers.
    private static let pause = Duration.seconds(2)
    /// `restore_looks_max`: after so many of them slots are tried again in any case.
    private static let looksMax = 15
    /// `restored_slots_max`: slots fetched at a time.
    private static let slotsMax = 2_048

    private var rounds = RestoreRounds(slotsMax: slotsMax)
    private var isAtWork = false
    private var told: String?
    /// Blocks found in files here, by file, for as long as slots are wanted; they never change.
    private var local: [UInt32: [(slot: UInt16, id: BlockID)]] = [:]
    /// How many of them had turned out to be unreadable by then.
    private var damagedCount = 0

    /// - Parameters:
    ///   - engine: of the slots.
    ///   - servers: have what the checkpoint has; they need not be there.
    ///   - logger: told what was restored, and why it was not.
    init(engine: EngineHost, servers: CheckpointServers, logger: Logger) {
        self.engine = engine
        self.servers = servers
        self.logger = logger
    }

    /// Follows the machine's notices until they end, or the task is cancelled; nothing is fetched any more when it returns.
    func run(_ notices: AsyncStream<MovementNotice>) async {
        await withDiscardingTaskGroup { group in
            for await notice in notices {
                switch notice {
                case .restore(let slot):
                    rounds.insert(slot)
                    if !isAtWork {
                        isAtWork = true
                        group.addTask { await self.work() }
                    }
                }
            }
            group.cancelAll()
        }
        rounds.clear()
    }

    private func work() async {
        defer {
            isAtWork = false
            local = [:]
        }
        var (awayAtBegin, looks) = (away, 0)
        while rounds.count > 0, !Task.isCancelled {
            if rounds.isOver {
                do { try await Task.sleep(for: Self.pause) } catch { return }
                await servers.refresh()
                looks += 1
                guard looks >= Self.looksMax || away != awayAtBegin || !away.contains(true) else { continue }
                (awayAtBegin, looks) = (away, 0)
                rounds.begin()
            }
            let slots = rounds.next
            do {
                try await fetch(slots)
                rounds.restored(slots)
                told = nil
            } catch let error as EngineError where error.code == .closed {
                return
            } catch {
                rounds.failed(slots)
                if told != "\(error)" {
                    told = "\(error)"
                    logger.warning(
                        "slots not restored from the checkpoint; trying on",
                        metadata: ["slots": "\(rounds.count)", "error": "\(error)"])
                }
            }
        }
    }

    /// The databases that cannot be used now, by their place in the list.
    private var away: [Bool] { servers.status.map(\.isAway) }

    private func fetch(_ slots: [Int]) async throws {
        let retention = engine.configuration.engine.retention
        let since = retention > 0 ? engine.configuration.clock() - retention : .min
        let numbers = slots.map { UInt16($0) }
        let damaged = engine.statistics.damagedSlotBlocks
        let total = try await servers.fetch(numbers, since: since) {
            try await self.localIDs(of: Set(numbers))
        } install: { [engine] blocks in
            try await engine.install(blocks)
        }
        try await engine.restored(slots, unlessDamagedSince: damaged)
        logger.info(
            "slots restored from the checkpoint",
            metadata: ["slots": "\(slots.count)", "blocks": "\(total.blocks)"])
    }

    private func localIDs(of slots: Set<UInt16>) async throws -> [(slot: UInt16, id: BlockID)] {
        let damaged = engine.statistics.damagedSlotBlocks
        if damaged != damagedCount { local = [:] }
        damagedCount = damaged
        local.merge(try await engine.localBlocks(besides: Set(local.keys))) { $1 }
        return local.values.flatMap { $0.filter { slots.contains($0.slot) } }
    }
}
