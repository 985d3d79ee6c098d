package import CheckpointPlan
package import ClusterTransport
package import EngineStorage
package import HTTPSurface
package import Logging
import ServiceLifecycle
internal import SlotMovement

/// An aggregator's life: open the store, replay, serve other nodes, and on a stop seal what is in memory.
package struct AggregatorService: Service {
    /// What an aggregator is told once.
    package struct Configuration: Sendable {
        /// Its name, under which it writes checkpoints.
        package var name: String
        /// Engine and log, once the cluster's settings are known; throws when they never will be.
        package var engine: @Sendable () async throws -> EngineHostConfiguration
        /// Whose checkpoint it writes, once that is known; nil in tests of a store without an owner.
        package var owner: (@Sendable () async throws -> CheckpointOwner)?
        /// `checkpoint-owner-patience`, milliseconds.
        package var ownerPatience: Int64 = 60_000
        /// `query_series_max`: series that one question about labels may read.
        package var seriesMax: Int
        /// The aggregators among which this node keeps slots; nil for one that keeps all of them alone.
        package var aggregators: (any AggregatorDirectory)?
        /// `movement-rate`: bytes a second that are copied from other aggregators.
        package var movementRate = Int.max
        /// Where others read how the slots stand.
        package var board = SlotBoard()
        /// Asks the others for deletions, for a bounded time: done before this node answers anybody.
        package var catchUp: @Sendable () async -> Void = {}
        /// Whether this node gives its slots away, and what it does when it has none any more.
        package var isLeaving: @Sendable () -> Bool = { false }
        package var leave: @Sendable (_ isEmpty: () async throws -> Bool) async throws -> Bool = { _ in false }
        /// Whether the cluster has as many copies as it wants.
        package var hasAllCopies: @Sendable () -> Bool = { true }
        /// How long this node may go on without a majority, microseconds: well below the time after which others take its place.
        package var isolationWaitMax: @Sendable () -> Int64 = { .max }
        /// What the directory's node kept its checkpoints in before; taken over before it serves.
        package var former: FormerCheckpoint?
        /// How long a start that lacks blocks waits for the restore before the node serves all the same; `ownerPatience` comes on top.
        package var restoreWait = Duration.seconds(60)
        /// How long a stop may take to seal what is in memory and to upload it; what is left waits for the next start.
        package var sealWait = Duration.seconds(4)

        /// All that has no default.
        package init(
            name: String, seriesMax: Int, engine: @escaping @Sendable () async throws -> EngineHostConfiguration
        ) {
            self.name = name
            self.seriesMax = seriesMax
            self.engine = engine
        }
    }

    /// A store that the directory's node wrote to, and writes to no more: a standalone's, when it grows.
    package struct FormerCheckpoint: Sendable {
        /// The store.
        package var store: any CheckpointStore
        /// Puts it aside, so that the next start does not look at it.
        package var putAside: @Sendable () throws -> Void

        /// - Parameters:
        ///   - store: that it wrote to.
        ///   - putAside: called once all of it is taken over.
        package init(store: any CheckpointStore, putAside: @escaping @Sendable () throws -> Void) {
            self.store = store
            self.putAside = putAside
        }
    }

    /// What `Readiness` calls this part of a process.
    package static let readinessPart = "aggregator"

    /// Between two tries to restore from a store that is away: the first pause, doubled each time up to the last.
    private static let restorePause = Duration.seconds(2)
    private static let restorePauseMax = Duration.seconds(15)
    /// `repair_interval`: how often each slot is compared with one of its other holders, microseconds. What was acknowledged does not need it.
    private static let repairInterval: Int64 = 600_000_000
    /// `departure_pause`: how often a node that leaves looks whether it may.
    private static let departurePause = Duration.milliseconds(500)
    private static let departureLooks = 6

    /// Longer than a former store can take.
    private static let takeoverSealInterval: Int64 = 86_400_000

    /// A store that comes back is used again within seconds.
    private static var cadence: CheckpointCadence.Limits {
        var limits = CheckpointCadence.Limits()
        limits.backOffMillisecondsMax = 5_000
        return limits
    }

    private let configuration: Configuration
    private let directory: DataDirectory
    private let servers: CheckpointServers
    private let readiness: Readiness
    private let metrics: MetricsRegistry
    private let port: HandlerSlot
    private let logger: Logger

    /// - Parameters:
    ///   - configuration: address, identity, engine.
    ///   - directory: the node's data directory, locked.
    ///   - servers: where the durable copy is; they need not be there.
    ///   - readiness: told that the log is not replayed yet, and when other nodes are served.
    ///   - metrics: gets the engine's figures.
    ///   - port: what answers other nodes once the engine is there; closed before a stop comes here.
    ///   - logger: gets what happens to log, blocks and checkpoint.
    package init(
        configuration: Configuration, directory: DataDirectory, servers: CheckpointServers, readiness: Readiness,
        metrics: MetricsRegistry, port: HandlerSlot, logger: Logger
    ) {
        self.configuration = configuration
        self.directory = directory
        self.servers = servers
        self.readiness = readiness
        self.metrics = metrics
        self.port = port
        self.logger = logger
        readiness.set(Self.readinessPart, notReadyBecause: "replaying the log")
    }

    /// Runs until a graceful shutdown.
    ///
    /// - Throws: why the blocks or the log cannot be used, or why there is no cluster.
    package func run() async throws {
        let engine: EngineHostConfiguration
        do {
            engine = try await configuration.engine()
            if let owner = try await configuration.owner?() {
                await servers.belong(to: owner, patience: configuration.ownerPatience)
            }
        } catch is CancellationError {
            // A stop before there was a cluster; the service ends when its turn comes.
            try? await gracefulShutdown()
            return
        }
        // From here on: replaying a log may take longer than others are patient.
        let beating = Task { [servers] in await servers.beat() }
        defer { beating.cancel() }
        try await keep(engine)
    }

    private func keep(_ engine: EngineHostConfiguration) async throws {
        if let former = configuration.former { try await takeOver(former, engine) }
        let slots = await joinedSlots()
        if slots == nil, configuration.aggregators != nil {
            // A stop before this node had a place in the ring.
            try? await gracefulShutdown()
            return
        }
        let host = try await EngineHost.open(
            directory: directory, configuration: engine, movement: slots?.setup, logger: logger)
        // A node among others knows of each slot whether its samples are here.
        if slots == nil, directory.needsRestore, !directory.isNew {
            logger.warning(
                "blocks of this node may be missing; what the checkpoint has is restored",
                metadata: ["directory": "\(directory.path)"])
        }
        EngineMetrics.register(host, in: metrics)
        do {
            try await serve(host, slots)
        } catch {
            try? await host.close()
            throw error
        }
    }

    /// Brings what a former store has and the local disk does not to the local disk, from where it goes to the store of now.
    ///
    /// Before the slots' machine begins: whoever copies from this node later copies all of it.
    private func takeOver(_ former: FormerCheckpoint, _ engine: EngineHostConfiguration) async throws {
        readiness.set(Self.readinessPart, notReadyBecause: "taking over the former checkpoint")
        var settings = engine
        // What the log says of slots stays in the log.
        settings.sealInterval = Self.takeoverSealInterval
        let host = try await EngineHost.open(directory: directory, configuration: settings, logger: logger)
        let servers = CheckpointServers(only: former.store, logger: logger)
        do {
            let reader = CheckpointUploader(
                host: host, servers: servers, writer: configuration.name, limits: Self.cadence, logger: logger)
            let total = try await reader.fetchAll(isUploaded: false)
            try await host.close()
            await servers.close()
            try former.putAside()
            logger.info(
                "former checkpoint taken over", metadata: ["blocks": "\(total.blocks)", "bytes": "\(total.bytes)"])
        } catch {
            try? await host.close()
            await servers.close()
            throw error
        }
    }

    /// What a node that keeps slots among others has beside its engine.
    private struct Slots {
        let setup: MovementSetup
        let aggregators: any AggregatorDirectory
        let link: MovementLink
        let notices: AsyncStream<MovementNotice>
    }

    /// Waits until this node has a place in the ring, so that its machine begins with a view that it is in.
    private func joinedSlots() async -> Slots? {
        guard let aggregators = configuration.aggregators else { return nil }
        let me = aggregators.node(named: configuration.name)
        for await view in aggregators.views() where view.movement.members.contains(me) {
            let (notices, continuation) = AsyncStream.makeStream(of: MovementNotice.self)
            let link = MovementLink(
                directory: aggregators, own: configuration.name, notices: continuation, logger: logger)
            var setup = MovementSetup(
                me: me, boot: UInt32(clamping: directory.bootNumber), view: view.movement,
                names: DirectoryNames(aggregators: aggregators), outlet: link)
            setup.limits.repairInterval = Self.repairInterval
            setup.limits.isolationWait = min(setup.limits.isolationWait, configuration.isolationWaitMax())
            setup.restoresNewDirectory = true
            setup.bytesPerSecondMax = configuration.movementRate
            return Slots(setup: setup, aggregators: aggregators, link: link, notices: notices)
        }
        return nil
    }

    private func serve(_ host: EngineHost, _ slots: Slots?) async throws {
        let uploader = CheckpointUploader(
            host: host, servers: servers, writer: "\(configuration.name)/\(host.directory.bootNumber)",
            limits: Self.cadence, logger: logger)
        EngineMetrics.register(uploader, in: metrics)
        configuration.board.fill(host, uploader)
        let holding = slots.map { EngineSlots(engine: host, directory: $0.aggregators) }
        let handler = AggregatorHandler(
            engine: host, seriesMax: configuration.seriesMax, node: configuration.name, holding: holding)
        handler.queries.register(in: metrics)
        await configuration.catchUp()
        port.fill(handler)
        let moving = Task { await keepSlots(host, slots) }
        logger.info("serving other nodes")
        // A node among others gets its slots from them, or slot by slot from the checkpoint.
        let restoring = Task {
            if slots == nil {
                await restore(with: uploader)
            } else {
                await waitForSlots(host, slots)
            }
        }
        let uploading = Task { await uploader.run() }
        try? await gracefulShutdown()
        restoring.cancel()
        moving.cancel()
        slots?.link.close()
        uploading.cancel()
        await seal(host, uploader)
        try await host.close()
        await servers.close()
        logger.info("store closed")
    }

    /// Tells the machine of each change among the aggregators, and fetches what it wants of the checkpoint.
    private func keepSlots(_ host: EngineHost, _ slots: Slots?) async {
        guard let slots else { return }
        EngineMetrics.registerSlots(host, slots.link, hasAllCopies: configuration.hasAllCopies, in: metrics)
        let restorer = SlotRestorer(engine: host, servers: servers, logger: logger)
        await withTaskGroup { group in
            group.addTask { await restorer.run(slots.notices) }
            group.addTask { await leaveWhenEmpty(host) }
            group.addTask {
                var last: UInt64?
                var isApplied = false
                for await view in slots.aggregators.views() {
                    let isNew = view.viewVersion != last
                    last = view.viewVersion
                    if isNew { isApplied = await update(host, view.movement) }
                    if isApplied { configuration.board.apply(view.settingsVersion, ring: view.ringDigest) }
                }
            }
        }
    }

    /// Whether the engine goes by the view from now on.
    private func update(_ host: EngineHost, _ view: MovementView) async -> Bool {
        while true {
            do {
                try await host.update(view)
                return true
            } catch let error as EngineError where error.code == .logFailed {
                // Nothing is taken and nothing leaves meanwhile.
                do { try await Task.sleep(for: .seconds(1)) } catch { return false }
            } catch {
                logger.error("the cluster's newest view is left aside", metadata: ["error": "\(error)"])
                return false
            }
        }
    }

    /// Leaves the cluster once every slot of a node that gives them away is whole elsewhere. From the moment that this is found the node takes nothing.
    private func leaveWhenEmpty(_ host: EngineHost) async {
        var looks = 0
        while !Task.isCancelled {
            do { try await Task.sleep(for: Self.departurePause) } catch { return }
            looks = configuration.isLeaving() ? looks + 1 : 0
            // Another one that began to leave at the same time has been heard of by then.
            guard looks >= Self.departureLooks else { continue }
            let leaves = try? await configuration.leave {
                guard try await host.depart() else { return false }
                logger.info("all slots are given away; leaving the cluster")
                return true
            }
            if leaves == true { return }
        }
    }

    /// A node that is alone asks the checkpoint what there was before it; who finds others is ready at once.
    private func waitForSlots(_ host: EngineHost, _ slots: Slots?) async {
        if let slots, slots.setup.view.members.count == 1 {
            readiness.set(Self.readinessPart, notReadyBecause: "asking the checkpoint for what it has")
            _ = await Bounded.run(restoreWait) {
                while try await host.movementStatus()?.awaitingCheckpoint ?? 0 > 0 {
                    try await Task.sleep(for: .milliseconds(50))
                }
            }
        }
        if !Task.isCancelled { readiness.set(Self.readinessPart, notReadyBecause: nil) }
    }

    /// Fetches what a lost data directory held. The node is ready once that is done, or cannot be: a store that is away stops no start.
    private func restore(with uploader: CheckpointUploader) async {
        // The first try outlives the wait for it: another beside it would fetch the same blocks again.
        let first = Task { try await restoreOnceOwned(uploader) }
        await withTaskCancellationHandler {
            let wait = restoreWait
            let waited = await Bounded.run(wait) { try await first.value }
            if Task.isCancelled { return }
            if case .failure(is Bounded.TimeoutError) = waited {
                logger.warning(
                    "restoring from the checkpoint goes on while the node serves",
                    metadata: ["waited": "\(wait)"])
            }
            readiness.set(Self.readinessPart, notReadyBecause: nil)
            await retry(after: await first.result, with: uploader)
            await restoreDamaged(with: uploader)
        } onCancel: {
            first.cancel()
        }
    }

    private var restoreWait: Duration { configuration.restoreWait + .milliseconds(configuration.ownerPatience) }

    /// Restores; while the database is still that of a cluster which may be gone, it is waited for.
    private func restoreOnceOwned(_ uploader: CheckpointUploader) async throws {
        while true {
            do {
                return try await uploader.restore()
            } catch CheckpointError.otherOwner {
                try await Task.sleep(for: Self.restorePause)
            }
        }
    }

    /// Tries to restore until that succeeds or the task is cancelled.
    private func retry(after first: Result<Void, any Error>, with uploader: CheckpointUploader) async {
        var result = first
        var pause = Self.restorePause
        var told: String?
        while case .failure(let error) = result, !Task.isCancelled {
            let reason = "\(error)"
            if reason != told {
                told = reason
                logger.warning("not restored from the checkpoint; trying on", metadata: ["error": "\(reason)"])
            }
            do { try await Task.sleep(for: pause) } catch { return }
            pause = min(pause * 2, Self.restorePauseMax)
            do { result = .success(try await uploader.restore()) } catch { result = .failure(error) }
        }
    }

    /// Fetches again what turns out to be damaged while the node serves.
    private func restoreDamaged(with uploader: CheckpointUploader) async {
        while true {
            do { try await Task.sleep(for: Self.restorePause) } catch { return }
            guard directory.needsRestore else { continue }
            do {
                try await uploader.restore()
            } catch {
                await retry(after: .failure(error), with: uploader)
            }
        }
    }

    /// Seals what is in memory and uploads it, as far as that goes in time. The log has it all in any case.
    private func seal(_ host: EngineHost, _ uploader: CheckpointUploader) async {
        let sealed = await Bounded.run(configuration.sealWait) {
            try await host.seal(stopping: true)
            try await uploader.flush()
        }
        if case .failure(let error) = sealed, !(error is CancellationError) {
            logger.warning("not everything is checkpointed; the next start goes on", metadata: ["error": "\(error)"])
        }
    }
}
