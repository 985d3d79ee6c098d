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
    private let store: any CheckpointStore
    private let logger: Logger
    /// Between two tries while the store is away.
    private static let pause = Duration.seconds(2)
    /// `restored_slots_max`: slots fetched at a time.
    private static let slotsMax = 256

    private var wanted: Set<Int> = []
    private var isAtWork = false
    private var told: String?
    /// Blocks found in files here, by file; they never change.
    private var local: [UInt32: [(slot: UInt16, id: BlockID)]] = [:]

    init(engine: EngineHost, store: any CheckpointStore, logger: Logger) {
        self.engine = engine
        self.store = store
        self.logger = logger
    }

    /// Follows the machine's notices until they end.
    func run(_ notices: AsyncStream<MovementNotice>) async {
        for await notice in notices {
            switch notice {
            case .restore(let slot):
                wanted.insert(slot)
                if !isAtWork {
                    isAtWork = true
                    Task { await self.work() }
                }
            case .held, .recoveredWithout: break
            }
        }
        wanted = []
    }

    private func work() async {
        defer { isAtWork = false }
        while !wanted.isEmpty, !Task.isCancelled {
            let slots = Array(wanted.sorted().prefix(Self.slotsMax))
            do {
                try await fetch(slots)
                wanted.subtract(slots)
                told = nil
            } catch let error as EngineError where error.code == .closed {
                return
            } catch {
                if told != "\(error)" {
                    told = "\(error)"
                    logger.warning(
                        "slots not restored from the checkpoint; trying on",
                        metadata: ["slots": "\(wanted.count)", "error": "\(error)"])
                }
                try? await Task.sleep(for: Self.pause)
            }
        }
    }

    private func fetch(_ slots: [Int]) async throws {
        let retention = engine.configuration.engine.retention
        let since = retention > 0 ? engine.configuration.clock() - retention : .min
        local.merge(try await engine.localBlocks(besides: Set(local.keys))) { $1 }
        var cursor = RestoreCursor(
            slots: slots.map { UInt16($0) }, since: since, known: local.values.flatMap { $0 })
        while cursor.next != .finished {
            switch cursor.next {
            case .list(let request): try cursor.listed(try await store.list(request))
            case .fetch(let records):
                let blocks = try await store.fetch(records)
                try await engine.install(blocks)
                cursor.fetched(records)
            case .finished: break
            }
        }
        for slot in slots { try await engine.restore(slot: slot, []) }
        logger.info(
            "slots restored from the checkpoint",
            metadata: ["slots": "\(slots.count)", "blocks": "\(cursor.fetchedCount)"])
    }
}
