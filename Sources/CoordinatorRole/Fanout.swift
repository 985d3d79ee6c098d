package import ClusterTransport
internal import MetricModel
package import QueryRouting
package import SlotMovement
internal import Synchronization
internal import WireProtocol

/// Asks the aggregators for everything that an answer needs, each slot once: of a member that has it whole, or of all that may have a part.
///
/// An answer counts only when its end frame has come. Who is asked instead of a member that does not answer, or has not everything, is decided by
/// `QueryRouting.SlotRead`; `SlotReader.swift` carries that out.
package struct Fanout: Sendable {
    let directory: any AggregatorDirectory
    let targets: TargetChoice
    private let limits: MovementLimits
    private let pace: ReadPace
    /// What is shown to nobody.
    let deletions: KnownDeletions
    let maps = ReadMaps()
    /// Takes down who is asked; nil for a query that explains nothing.
    var trace: QueryTrace?
    /// Takes down who answered; nil where nothing is kept of the answer.
    var witness: ReadWitness?

    /// - Parameters:
    ///   - directory: the aggregators; a change takes effect with the next question.
    ///   - targets: which slots must be asked about.
    ///   - limits: the times of a read; the same on all nodes.
    ///   - pace: how this process' reads go.
    ///   - deletions: what this process knows of them.
    package init(
        directory: any AggregatorDirectory, targets: TargetChoice, limits: MovementLimits = MovementLimits(),
        pace: ReadPace, deletions: KnownDeletions = KnownDeletions()
    ) {
        self.directory = directory
        self.targets = targets
        self.limits = limits
        self.pace = pace
        self.deletions = deletions
    }

    /// On how many members each series lies, as far as there are as many.
    var copies: Int { directory.aggregators?.movement.copiesWanted ?? 1 }

    /// What came back, and what every answer built on it must say.
    struct Fetched<Value: Sendable>: Sendable {
        var value: Value
        /// Each once.
        var warnings: [String]
    }

    /// A reader over the aggregators as they are known now.
    ///
    /// - Throws: `TypedError.unavailable` when none is.
    func reader(until deadline: ContinuousClock.Instant) throws(TypedError) -> SlotReader {
        guard let view = directory.aggregators else {
            throw TypedError(.unavailable, "no aggregator is known yet", retryAfterMilliseconds: 1_000)
        }
        return SlotReader(
            directory: directory, view: view, map: maps.map(view), limits: limits, pace: pace,
            deadline: deadline)
    }

    /// Reads each selection from the members that may hold its series.
    ///
    /// - Returns: for each selection its series, each once.
    func select(
        _ selections: [SeriesSelection], seriesMax: Int, samplesMax: Int, milliseconds: Int64
    ) async throws -> Fetched<[[SeriesColumns]]> {
        let reader = try reader(until: .now + .milliseconds(milliseconds))
        let budget = ReadBudget(seriesMax: seriesMax, samplesMax: samplesMax)
        return try await withThrowingTaskGroup(of: (Int, Fetched<[SeriesColumns]>).self) { group in
            for (index, selection) in selections.enumerated() {
                let slots = targets.slots(tenant: selection.tenant, selections: [selection.matchers])
                group.addTask {
                    (index, try await series(selection, slots, mode: .united, reader: reader, budget: budget))
                }
            }
            var all = selections.map { _ in [SeriesColumns]() }
            var warnings: Set<String> = []
            for try await (index, fetched) in group {
                all[index] = fetched.value
                warnings.formUnion(fetched.warnings)
            }
            return Fetched(value: all, warnings: warnings.sorted())
        }
    }

    /// Asks about all slots and collects the pages.
    ///
    /// - Parameters:
    ///   - milliseconds: for everything.
    ///   - request: what to ask about some slots.
    /// - Returns: the pages of all answers that count.
    /// - Throws: as `SlotReader.read`.
    func pages(
        milliseconds: Int64, request: @escaping @Sendable (SlotPart) -> QueryRequest
    ) async throws -> Fetched<[QueryPage]> {
        let fetched = try await answers(milliseconds: milliseconds, request: request)
        return Fetched(value: fetched.value.flatMap(\.pages), warnings: fetched.warnings)
    }

    /// One member's pages.
    struct PagedAnswer: Sendable {
        /// Whether other answers may be about the same slots.
        var isRaw: Bool
        var pages: [QueryPage]
    }

    /// As `pages`, answer by answer.
    func answers(
        milliseconds: Int64, request: @escaping @Sendable (SlotPart) -> QueryRequest
    ) async throws -> Fetched<[PagedAnswer]> {
        let reader = try reader(until: .now + .milliseconds(milliseconds))
        let outcome = try await reader.read(nil, mode: .united, request: request) { _, stream in
            var pages: [QueryPage] = []
            for try await page in stream { pages.append(page) }
            return pages
        }
        let answers = outcome.kept.map { PagedAnswer(isRaw: $0.question.isRaw, pages: $0.value) }
        return Fetched(value: answers, warnings: outcome.warnings.sorted())
    }

    /// The series of one selection in some slots, each once.
    func series(
        _ selection: SeriesSelection, _ slots: SlotSet?, mode: SlotReader.Mode, reader: SlotReader, budget: ReadBudget
    ) async throws -> Fetched<[SeriesColumns]> {
        let outcome = try await reader.read(slots, mode: mode) { part in
            var request = SelectRequest(
                selection: selection, seriesMax: budget.seriesMax, samplesMax: budget.samplesMax, part: part)
            request.explains = trace != nil
            return .select(request)
        } collect: { question, stream in
            var collector = SeriesCollector()
            do {
                for try await page in stream {
                    guard case .series(let series) = page else {
                        throw TypedError(.internal, "an aggregator answered a select with pages of another kind")
                    }
                    try budget.take(series.series, from: ReadBudget.Purse(question))
                    try collector.append(series)
                }
            } catch {
                budget.giveBack(collector.series, to: ReadBudget.Purse(question))
                throw error
            }
            return collector.series
        } discard: { question, series in
            budget.giveBack(series, to: ReadBudget.Purse(question))
        }
        trace?.add(selection, outcome.asked)
        witness?.note(outcome, name: reader.view.name)
        var merge = SeriesMerge()
        for kept in outcome.kept { merge.add(kept.value) }
        // A member that was away may not know of a deletion yet.
        let mask = SelectionMask(selection, deletions.of(selection.tenant))
        let series = mask.isEmpty ? merge.finish() : merge.finish().map(mask.apply).filter { !$0.isEmpty }
        return Fetched(value: series, warnings: outcome.warnings.sorted())
    }
}

/// Who is asked first about each slot, made once for each state of the cluster.
final class ReadMaps: Sendable {
    private let latest = Mutex<(version: UInt64, map: ReadMap)?>(nil)

    func map(_ view: AggregatorView) -> ReadMap {
        latest.withLock { latest in
            if let latest, latest.version == view.version { return latest.map }
            let map = ReadMap(view: view.movement, suspects: view.suspects)
            latest = (view.version, map)
            return map
        }
    }
}
