package import ClusterTransport
package import HTTPSurface
package import Logging
internal import MetricModel

/// Deletes samples: reads the selectors, gives the deletions to all aggregators, and answers once they have them.
package struct DeletionCoordinator: DeletionService {
    private let coordinator: Coordinator
    private let exchange: DeletionExchange
    private let known: KnownDeletions
    private let clock: @Sendable () -> Int64
    private let logger: Logger

    /// - Parameters:
    ///   - coordinator: reads selectors.
    ///   - exchange: gives deletions to others.
    ///   - known: what there is already.
    ///   - clock: Unix milliseconds.
    ///   - logger: told of each deletion, who asked for it and what came of it.
    package init(
        _ coordinator: Coordinator, exchange: DeletionExchange, known: KnownDeletions,
        clock: @escaping @Sendable () -> Int64, logger: Logger
    ) {
        self.coordinator = coordinator
        self.exchange = exchange
        self.known = known
        self.clock = clock
        self.logger = logger
    }

    /// Deletes; see `DeletionService`.
    package func delete(_ request: DeletionRequest) async throws {
        let deletions = try deletions(request)
        if deletions.isEmpty { return }
        let spread = await exchange.spread(deletions)
        for deletion in deletions {
            logger.notice(
                "deletion",
                metadata: [
                    "tenant": "\(deletion.tenant)", "series": "\(deletion)", "client": "\(request.client)",
                    "taken": "\(spread.taken) of \(spread.members)", "done": "\(spread.isAssured)",
                ])
        }
        if spread.isAssured { return }
        let reason =
            spread.refusals.isEmpty
            ? "only \(spread.taken) of \(spread.members) aggregators answer"
            : spread.refusals.joined(separator: "; ")
        throw APIFailure(
            .unavailable,
            "the deletion is not known to all aggregators that answer, and to more than half of all: \(reason). Who has it keeps "
                + "it; ask again", retryAfterSeconds: 1)
    }

    /// What is asked for, one for each selector, where there is room for it.
    private func deletions(_ request: DeletionRequest) throws -> [Deletion] {
        let now = clock()
        var deletions: [Deletion] = []
        for selector in request.selectors {
            let matchers = try coordinator.parseSelector(selector)
            if matchers.isEmpty {
                throw APIFailure(.badData, "invalid parameter \"match[]\": it must contain at least one matcher")
            }
            do throws(ModelError) {
                let deletion = try Deletion(
                    tenant: request.tenant, matchers: matchers, start: request.start, end: request.end, created: now)
                if !deletion.isEmpty { deletions.append(deletion) }
            } catch {
                throw APIFailure(.badData, "invalid parameter \"match[]\": \(error)")
            }
        }
        do throws(ModelError) { try known.set.admit(deletions) } catch {
            throw APIFailure(
                .execution,
                "there are as many deletions as there may be: \(error). They go with the samples, by retention")
        }
        return deletions
    }
}
