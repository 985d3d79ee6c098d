internal import ByteCoding
package import ClusterTransport
package import HTTPSurface
internal import IngestFormats
package import IngestRouting
package import Logging
package import MetricModel
internal import NIOCore
package import Placement
package import SlotMovement
internal import Synchronization
internal import WireProtocol

/// The router role: a push comes in over HTTP, batches leave for the aggregators, and the reply is sent once enough of them have it.
///
/// Parsing (pass 1) runs beside other pushes; looking series up (pass 2) and acknowledgements touch the shared series cache and run
/// one at a time on this actor. What a reply says is in `IngestAnswers.swift`.
package actor IngestRouter: IngestService {
    /// What a router is told once.
    package struct Configuration: Sendable {
        /// The cluster's placement labels, in their order.
        package var placement: PlacementLabels
        /// The cluster's number of slot bits.
        package var slotBits = 14
        /// What a request may contain.
        package var limits = Limits()
        /// Whether native histograms are stored, or refused.
        package var nativeHistograms = true
        /// What the router may hold.
        package var routerLimits = RouterLimits()
        /// How long an aggregator may take to acknowledge a batch, when nobody else can be asked.
        package var writeTimeout: Duration = .seconds(10)
        /// The times of a write; the same on all nodes.
        package var movementLimits = MovementLimits()
        /// Mixed into the hashes of raw label runs, so that nobody outside can aim at the cache; random for each process.
        package var seed: UInt64

        /// Defaults throughout.
        package init(placement: PlacementLabels, seed: UInt64) {
            self.placement = placement
            self.seed = seed
        }
    }

    private let configuration: Configuration
    private let directory: any AggregatorDirectory
    private let logger: Logger
    private var router: WriteRouter
    /// The slots' owners as of the newest view that a push has seen.
    private var owners: (version: UInt64, table: SlotOwners)?
    /// The actor's figures as of the last push, for readers that cannot wait for it.
    private nonisolated let board = Mutex(WriteRouter.Statistics())

    /// `exemplar_timeout`: exemplars are hints; a push waits no longer for them.
    private static let exemplarTimeout = Duration.milliseconds(500)
    /// `push_tick`: how often a push looks whether somebody else must be asked.
    private static let tick = Duration.milliseconds(100)

    /// - Parameters:
    ///   - configuration: limits and time-outs.
    ///   - directory: the aggregators; a change takes effect with the next push.
    ///   - logger: gets refused pushes, at debug level.
    package init(configuration: Configuration, directory: any AggregatorDirectory, logger: Logger) {
        self.configuration = configuration
        self.directory = directory
        self.logger = logger
        router = WriteRouter(
            placement: configuration.placement, slotBits: configuration.slotBits, limits: configuration.limits,
            routerLimits: configuration.routerLimits, movementLimits: configuration.movementLimits,
            firstBatch: .random(in: .min ... .max))
    }

    /// What the router has done, as of the last push.
    package nonisolated var figures: WriteRouter.Statistics { board.withLock { $0 } }

    /// Stores what can be stored; see `IngestService`.
    package nonisolated func ingest(_ request: IngestRequest) async -> IngestReply {
        let format: any IngestFormat =
            switch request.form {
            case .remoteWrite: RemoteWriteFormat(takesHistograms: configuration.nativeHistograms)
            case .json: JSONPushFormat()
            }
        do {
            try format.check(
                contentType: request.contentType.isEmpty ? nil : request.contentType,
                contentEncoding: request.contentEncoding.isEmpty ? nil : request.contentEncoding)
            let seed = XXH3.hash64(Array(request.tenant.name.utf8).rawSpan, seed: configuration.seed)
            let parsed = try format.parse(
                Array(request.body.readableBytesView), seed: seed, limits: configuration.limits)
            let report = try await store(parsed, request)
            return IngestAnswers.reply(to: report, format: format)
        } catch {
            let reply = IngestAnswers.reply(to: error, format: format)
            logger.debug(
                "push refused",
                metadata: ["tenant": "\(request.tenant)", "status": "\(reply.status)", "reason": "\(error)"])
            return reply
        }
    }

    private func store(_ parsed: consuming ParsedWrite, _ request: IngestRequest) async throws -> WriteReport {
        guard let view = directory.aggregators else {
            throw TypedError(.unavailable, "no aggregator is known yet", retryAfterMilliseconds: 1_000)
        }
        var write = try router.route(
            parsed, tenant: request.tenant, arrival: Timestamp(milliseconds: request.arrival),
            idempotencyKey: request.idempotencyKey, owners: owners(of: view), clock: clock(view.suspects))
        defer {
            let statistics = router.statistics
            board.withLock { $0 = statistics }
        }
        let exemplars = write.exemplars
        async let kept: Void = keep(exemplars)
        do {
            if write.hasAlternatives {
                try await complete(&write, view)
            } else {
                try await completeAlone(&write, view)
            }
        } catch {
            router.abandon(write)
            throw error
        }
        await kept
        return router.finish(write)
    }

    private func owners(of view: AggregatorView) -> SlotOwners {
        if let owners, owners.version == view.viewVersion { return owners.table }
        let table = SlotOwners(view.movement)
        owners = (view.viewVersion, table)
        return table
    }

    private func clock(_ suspects: Set<NodeID>) -> WriteRouter.Clock {
        WriteRouter.Clock(now: Self.now, suspects: suspects)
    }

    /// Microseconds of the monotonic clock.
    private nonisolated static var now: Int64 {
        let (seconds, attoseconds) = start.duration(to: .now).components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }

    private nonisolated static let start = ContinuousClock.now

    /// What happens to a push that waits.
    private enum Event: Sendable {
        case answered(RoutedBatch, Result<StoreAnswer, any Error>)
        case tick
    }

    /// Sends what the push asks for until it is acknowledged, asking others where an aggregator does not answer.
    private func complete(_ write: inout WriteInProgress, _ view: AggregatorView) async throws {
        let deadline = Duration.microseconds(configuration.movementLimits.writeDeadline)
        try await withThrowingTaskGroup(of: Event.self) { group in
            defer { group.cancelAll() }
            var lastFailure: (any Error)?
            group.addTask { try await Self.waitForTick() }
            while write.state == .underWay {
                for batch in write.takeBatches() {
                    group.addTask { .answered(batch, await self.send(batch, view, deadline: deadline)) }
                }
                guard let event = try await group.next() else { break }
                // Who is suspect by now is not waited for.
                let clock = clock(directory.aggregators?.suspects ?? view.suspects)
                switch event {
                case .tick:
                    try router.advance(&write, clock: clock)
                    group.addTask { try await Self.waitForTick() }
                case .answered(let batch, .success(let answer)):
                    try router.acknowledge(
                        batch, answer.acknowledgement, answer.reply(number: view.node), of: &write, clock: clock)
                case .answered(let batch, .failure(let error)):
                    lastFailure = error
                    if Self.isFinal(error) { throw error }
                    try router.fail(batch, of: &write, clock: clock)
                }
            }
            if write.state == .failed { throw lastFailure ?? Self.notEnough }
        }
    }

    /// As above where there is nobody else to ask: one after the other, without a timer.
    private func completeAlone(_ write: inout WriteInProgress, _ view: AggregatorView) async throws {
        // Time stands still: an answer that comes late is an answer, and `writeTimeout` bounds the wait.
        let clock = clock(view.suspects)
        while write.state == .underWay {
            let batches = write.takeBatches()
            if batches.isEmpty { throw Self.notEnough }
            let answers = try await withThrowingTaskGroup { group in
                for batch in batches.dropFirst() {
                    group.addTask {
                        (batch, try await self.send(batch, view, deadline: self.configuration.writeTimeout).get())
                    }
                }
                var answers = [
                    (batches[0], try await send(batches[0], view, deadline: configuration.writeTimeout).get())
                ]
                for try await answer in group { answers.append(answer) }
                return answers
            }
            for (batch, answer) in answers {
                try router.acknowledge(
                    batch, answer.acknowledgement, answer.reply(number: view.node), of: &write, clock: clock)
            }
        }
        if write.state == .failed { throw Self.notEnough }
    }

    private nonisolated static func waitForTick() async throws -> Event {
        try await Task.sleep(for: tick)
        return .tick
    }

    private static let notEnough = TypedError(
        .unavailable, "too few aggregators have logged the push in time", retryAfterMilliseconds: 1_000)

    /// Whether another aggregator would say the same, or must not be asked: load is shed, not moved.
    private nonisolated static func isFinal(_ error: any Error) -> Bool {
        guard let error = error as? TypedError else { return true }
        return switch error.code {
        case .badRequest, .tooLarge, .overloaded: true
        case .notFound, .unavailable, .deadlineExceeded, .cancelled, .unknownReference, .versionMismatch, .internal,
            .evaluation:
            false
        }
    }

    /// Hands exemplars on. They are hints: where that fails they are lost, and the push is none the worse.
    private nonisolated func keep(_ exemplars: [RoutedExemplars]) async {
        for routed in exemplars {
            do {
                guard let client = directory.client(routed.node) else { continue }
                let stream = client.query(.keepExemplars(routed.batch), deadline: Self.exemplarTimeout)
                for try await _ in stream {}
            } catch {
                logger.debug("exemplars lost", metadata: ["reason": "\(error)"])
            }
        }
    }

    private nonisolated func send(
        _ batch: RoutedBatch, _ view: AggregatorView, deadline: Duration
    ) async -> Result<StoreAnswer, any Error> {
        do {
            guard let client = directory.client(batch.node) else {
                let name = view.name(of: batch.node)
                throw TypedError(.unavailable, "there is no connection to \(name)", retryAfterMilliseconds: 1_000)
            }
            let call = StoreCall(batch.request, batch: batch.batch, name: view.name)
            return .success(try await client.store(call, deadline: deadline))
        } catch {
            return .failure(error)
        }
    }
}
