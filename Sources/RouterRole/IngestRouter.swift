internal import ByteCoding
package import ClusterTransport
package import HTTPSurface
internal import IngestFormats
package import IngestRouting
package import Logging
package import MetricModel
internal import NIOCore
package import Placement
internal import Synchronization
internal import WireProtocol

/// The router role: a push comes in over HTTP, batches leave for the aggregators, and the reply is sent once they have acknowledged.
///
/// Parsing (pass 1) runs beside other pushes; looking series up (pass 2) and acknowledgements touch the shared series cache and run
/// one at a time on this actor. What a reply says is in `IngestAnswers.swift`.
package actor IngestRouter: IngestService {
    /// What a router is told once.
    package struct Configuration: Sendable {
        /// The cluster's placement labels, in their order.
        package var placement: PlacementLabels
        /// What a request may contain.
        package var limits = Limits()
        /// What the router may hold.
        package var routerLimits = RouterLimits()
        /// How long an aggregator may take to acknowledge a batch.
        package var writeTimeout: Duration = .seconds(10)
        /// Mixed into the hashes of raw label runs, so that nobody outside can aim at the cache; random for each process.
        package var seed: UInt64

        /// Defaults throughout.
        package init(placement: PlacementLabels, seed: UInt64) {
            self.placement = placement
            self.seed = seed
        }
    }

    private let configuration: Configuration
    private let aggregators: [ClusterClient]
    private let owners: SlotOwners
    private let logger: Logger
    private var router: WriteRouter
    /// The actor's figures as of the last push, for readers that cannot wait for it.
    private nonisolated let board = Mutex(WriteRouter.Statistics())

    /// - Parameters:
    ///   - configuration: limits and time-outs.
    ///   - aggregators: connections by the index that `owners` uses.
    ///   - owners: which aggregator each slot belongs to.
    ///   - logger: gets refused pushes, at debug level.
    package init(configuration: Configuration, aggregators: [ClusterClient], owners: SlotOwners, logger: Logger) {
        self.configuration = configuration
        self.aggregators = aggregators
        self.owners = owners
        self.logger = logger
        router = WriteRouter(
            placement: configuration.placement, limits: configuration.limits, routerLimits: configuration.routerLimits)
    }

    /// What the router has done, as of the last push.
    package nonisolated var figures: WriteRouter.Statistics { board.withLock { $0 } }

    /// Stores what can be stored; see `IngestService`.
    package nonisolated func ingest(_ request: IngestRequest) async -> IngestReply {
        let format: any IngestFormat =
            switch request.form {
            case .remoteWrite: RemoteWriteFormat()
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
        var write = try router.route(
            parsed, tenant: request.tenant, arrival: Timestamp(milliseconds: request.arrival),
            idempotencyKey: request.idempotencyKey, owners: owners)
        defer {
            let statistics = router.statistics
            board.withLock { $0 = statistics }
        }
        let exemplars = write.exemplars
        async let kept: Void = keep(exemplars)
        do {
            var pending = write.batches
            while !pending.isEmpty {
                let answered = try await send(pending)
                pending = []
                for (batch, answer) in answered { pending += try router.acknowledge(batch, answer, of: &write) }
            }
        } catch {
            router.abandon(write)
            throw error
        }
        await kept
        return router.finish(write)
    }

    /// Hands exemplars on. They are hints: where that fails they are lost, and the push is none the worse.
    private nonisolated func keep(_ exemplars: [RoutedExemplars]) async {
        for routed in exemplars {
            do {
                let stream = aggregators[routed.aggregator].query(
                    .keepExemplars(routed.batch), deadline: configuration.writeTimeout)
                for try await _ in stream {}
            } catch {
                logger.debug("exemplars lost", metadata: ["reason": "\(error)"])
            }
        }
    }

    private nonisolated func send(_ batches: [RoutedBatch]) async throws -> [(RoutedBatch, WriteAcknowledgement)] {
        if batches.count == 1 { return [(batches[0], try await send(batches[0]))] }
        return try await withThrowingTaskGroup { group in
            for batch in batches {
                group.addTask { (batch, try await self.send(batch)) }
            }
            var answered: [(RoutedBatch, WriteAcknowledgement)] = []
            for try await answer in group { answered.append(answer) }
            return answered
        }
    }

    private nonisolated func send(_ batch: RoutedBatch) async throws -> WriteAcknowledgement {
        try await aggregators[batch.aggregator].write(batch.batch, deadline: configuration.writeTimeout)
    }
}
