package import ClusterTransport
internal import MetricModel
package import QueryRouting
internal import WireProtocol

/// Asks every aggregator that may hold a part of the answer, at once, and waits for all of them.
///
/// An answer counts only when its end frame has come; one aggregator's failure is the question's.
package struct Fanout: Sendable {
    let aggregators: [ClusterClient]
    let targets: TargetChoice

    /// - Parameters:
    ///   - aggregators: connections by the ring's member index.
    ///   - targets: who must be asked.
    package init(aggregators: [ClusterClient], targets: TargetChoice) {
        self.aggregators = aggregators
        self.targets = targets
    }

    /// What came back, and what every answer built on it must say.
    struct Fetched<Value: Sendable>: Sendable {
        var value: Value
        /// Each once.
        var warnings: [String]
    }

    /// Reads each selection from the members that may hold its series.
    ///
    /// - Returns: for each selection its series, each once.
    func select(
        _ selections: [SeriesSelection], seriesMax: Int, samplesMax: Int, milliseconds: Int64
    ) async throws -> Fetched<[[SeriesColumns]]> {
        let deadline = Duration.milliseconds(milliseconds)
        let budget = ReadBudget(seriesMax: seriesMax, samplesMax: samplesMax)
        return try await withThrowingTaskGroup(of: (Int, Fetched<[SeriesColumns]>).self) { group in
            for (index, selection) in selections.enumerated() {
                for member in targets.members(tenant: selection.tenant, matchers: selection.matchers) {
                    group.addTask {
                        let request = SelectRequest(
                            selection: selection, seriesMax: seriesMax, samplesMax: samplesMax)
                        return (index, try await series(request, from: member, deadline: deadline, budget: budget))
                    }
                }
            }
            var merges = selections.map { _ in SeriesMerge() }
            var warnings: Set<String> = []
            for try await (index, fetched) in group {
                merges[index].add(fetched.value)
                warnings.formUnion(fetched.warnings)
            }
            return Fetched(value: merges.map { $0.finish() }, warnings: warnings.sorted())
        }
    }

    /// Asks all members and collects their pages.
    func pages(_ request: QueryRequest, milliseconds: Int64) async throws -> Fetched<[QueryPage]> {
        let deadline = Duration.milliseconds(milliseconds)
        return try await withThrowingTaskGroup(of: Fetched<[QueryPage]>.self) { group in
            for member in targets.everyMember {
                group.addTask {
                    var pages: [QueryPage] = []
                    let stream = aggregators[member].query(request, deadline: deadline)
                    for try await page in stream { pages.append(page) }
                    return Fetched(value: pages, warnings: stream.end?.warnings ?? [])
                }
            }
            var all: [QueryPage] = []
            var warnings: Set<String> = []
            for try await fetched in group {
                all += fetched.value
                warnings.formUnion(fetched.warnings)
            }
            return Fetched(value: all, warnings: warnings.sorted())
        }
    }

    private func series(
        _ request: SelectRequest, from member: Int, deadline: Duration, budget: ReadBudget
    ) async throws -> Fetched<[SeriesColumns]> {
        var collector = SeriesCollector()
        let stream = aggregators[member].query(.select(request), deadline: deadline)
        for try await page in stream {
            guard case .series(let series) = page else {
                throw TypedError(.internal, "an aggregator answered a select with pages of another kind")
            }
            try budget.take(series.series)
            try collector.append(series)
        }
        return Fetched(value: collector.series, warnings: stream.end?.warnings ?? [])
    }
}
