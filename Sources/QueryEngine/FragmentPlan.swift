package import MetricModel
package import QueryLanguage

/// A fragment made ready on the node that has the data.
package struct FragmentPlan: Sendable {
    let plan: QueryPlan
    let shape: Fragment.Shape

    /// What to read, one selection for each selector of the fragment.
    package var selections: [SeriesSelection] { plan.selections }

    /// Of each selection, the times at which alone the newest sample is wanted; nil where all samples are.
    package let times: [SampleTimes?]

    /// Columns of a row.
    package var width: Int {
        guard shape == .states, case .aggregation(let node) = plan.root else { return 1 }
        return node.operation.stateWidth
    }

    /// What a node is told of a fragment.
    package struct Question: Hashable, Sendable {
        /// The whole query as written.
        package var text: String
        package var tenant: TenantID
        /// Where the fragment's expression stands in it.
        package var range: SourceRange
        package var shape: Fragment.Shape
        /// The times at which it is evaluated: first, distance, number; Unix milliseconds.
        package var start: Int64
        package var step: Int64
        package var count: Int
        /// The times that `@ start()` and `@ end()` mean.
        package var queryStart: Int64
        package var queryEnd: Int64
        package var options: EvaluationOptions
        package var parser: ParserOptions

        /// Everything there is to say.
        package init(
            text: String, tenant: TenantID, range: SourceRange, shape: Fragment.Shape, start: Int64, step: Int64,
            count: Int, queryStart: Int64, queryEnd: Int64, options: EvaluationOptions, parser: ParserOptions
        ) {
            self.text = text
            self.tenant = tenant
            self.range = range
            self.shape = shape
            self.start = start
            self.step = step
            self.count = count
            self.queryStart = queryStart
            self.queryEnd = queryEnd
            self.options = options
            self.parser = parser
        }
    }

    /// Plans what was asked.
    ///
    /// - Throws: `ParseError`, or `QueryError`: times out of bounds, no instant vector there, or none of the fragment's shape.
    package init(_ question: Question) throws {
        let whole = try Parser.parse(question.text, options: question.parser)
        guard let expression = whole.vector(at: question.range) else {
            throw QueryError(.badRequest, "no instant vector stands where the fragment is", question.range)
        }
        let (length, overflow) = question.step.multipliedReportingOverflow(by: Int64(max(question.count - 1, 0)))
        let (end, beyond) = question.start.addingReportingOverflow(length)
        guard question.step > 0, (1...max(1, question.options.samplesMax)).contains(question.count), !overflow, !beyond,
            [question.start, end, question.queryStart, question.queryEnd].allSatisfy({
                $0.magnitude <= 2 * Planner.timeMax
            }), (1...QueryPlan.lookbackMax).contains(question.options.lookback)
        else { throw QueryError(.badRequest, "evaluation time is out of bounds") }
        let grid = TimeGrid(start: question.start, step: question.step, count: question.count)
        var planner = Planner(
            tenant: question.tenant, bounds: (question.queryStart, question.queryEnd), options: question.options,
            distribution: nil)
        let root = try planner.plan(expression, grid)
        shape = question.shape
        times = planner.times
        if shape != .rows {
            guard case .aggregation(let node) = root, shape == .members || node.operation.hasStates else {
                throw QueryError(.badRequest, "no aggregation stands where the fragment is", question.range)
            }
        }
        plan = QueryPlan(
            root: root, planner: planner, grid: grid, isRange: true, resultType: .vector, isOrdered: false,
            text: question.text)
    }
}

/// What an evaluation has to say beside its rows.
package struct FragmentNotes: Equatable, Sendable {
    /// Samples that were read.
    package var samplesRead: Int
    /// Warnings and infos of the language, each once.
    package var warnings: [String]
    package var infos: [String]

    /// By default, nothing.
    package init(samplesRead: Int = 0, warnings: [String] = [], infos: [String] = []) {
        self.samplesRead = samplesRead
        self.warnings = warnings
        self.infos = infos
    }
}

extension Evaluator {
    /// Evaluates a fragment on this node's part of the data.
    ///
    /// - Parameters:
    ///   - fragment: what to compute.
    ///   - source: this node's series.
    ///   - isCancelled: as for a whole plan.
    ///   - profile: measures it; nil for no measuring.
    ///   - emit: gets each row that has anything.
    /// - Returns: what is to be told beside.
    /// - Throws: `QueryError`, as for a whole plan; the data of one part may forbid what the whole allows.
    package static func evaluate(
        _ fragment: FragmentPlan, source: some SeriesSource, isCancelled: () -> Bool = { false },
        profile: EvaluationProfile? = nil, emit: (FragmentRow) -> Void
    ) throws(QueryError) -> FragmentNotes {
        try withoutActuallyEscaping(isCancelled) { isCancelled throws(QueryError) in
            let evaluation = Evaluation(plan: fragment.plan, source: source, fragments: [], isCancelled: isCancelled)
            evaluation.isPart = true
            evaluation.profile = profile
            try withoutActuallyEscaping(emit) { emit throws(QueryError) in try evaluation.rows(of: fragment, emit) }
            return FragmentNotes(
                samplesRead: evaluation.samplesRead, warnings: evaluation.notes.allWarnings,
                infos: evaluation.notes.allInfos)
        }
    }
}

extension Evaluation {
    fileprivate func rows(of fragment: FragmentPlan, _ emit: @escaping (FragmentRow) -> Void) throws(QueryError) {
        try checkCancelled()
        let grid = fragment.plan.grid
        var (count, weight) = (0, 0)
        // Its rows are not the operator's own, which nobody asks for.
        let (profile, measured) = (profile, fragment.shape == .rows ? nil : profile?.enter(fragment.plan.root, plan))
        defer { if let measured { profile?.leave(measured) } }
        let output = {
            (labels: Labels, cells: [Double], width: Int, histograms: FragmentHistograms?) throws(QueryError) in
            guard let row = FragmentRow(labels, trimming: cells, width: width, histograms) else { return }
            count += 1
            if let histograms { weight += histograms.sampleWeight }
            if let measured {
                profile?.give(measured)
                profile?.resume(measured)
            }
            try self.checkSize(rows: count, steps: grid.count * width, histograms: weight)
            emit(row)
        }
        switch (fragment.shape, fragment.plan.root) {
        case (.states, .aggregation(let node)):
            try states(of: node, grid) { labels, group throws(QueryError) in
                try output(labels, group.columns, group.width, group.histograms)
            }
        case (.members, .aggregation(let node)):
            try rows(node.inner, grid) { labels, row throws(QueryError) in
                try output(node.grouping(labels), row.values, 1, row.fragment)
            }
        default:
            try rows(fragment.plan.root, grid) { labels, row throws(QueryError) in
                try output(labels, row.values, 1, row.fragment)
            }
        }
    }
}
