internal import MetricModel
internal import QueryLanguage

// MARK: - Binary operators

extension Evaluation {
    /// A vector and a scalar, cell by cell.
    func rows(of node: PlannedMixedBinary, _ grid: TimeGrid, _ body: RowConsumer) throws(QueryError) {
        let scalars = try scalars(node.scalar, grid)
        let operation = node.operation
        let isLeft = node.scalarIsLeft
        // Where a histogram and a number have nothing in common, the reason; by step, as only the last one is told.
        var failures = OperandFailures()
        defer { failures.tell(of: operation, &notes, node.range) }
        if operation.isComparison && !node.returnsBool {
            try rows(node.vector, grid) { labels, row throws(QueryError) in
                for step in row.indices where row[step].isPresent {
                    let (left, right) = isLeft ? (scalars[step], row[step]) : (row[step], scalars[step])
                    // What passes keeps the vector's value, on whichever side it stands.
                    if !Arithmetic.holds(operation, left, right) { row[step] = .absent }
                }
                if row.hasHistograms { try HistogramOperator.apply(node, scalars, to: &row, &failures) }
                try body(labels, &row)
            }
            return
        }
        try droppingName(node.vector, grid, body) { row throws(QueryError) in
            for step in row.indices where row[step].isPresent {
                let (left, right) = isLeft ? (scalars[step], row[step]) : (row[step], scalars[step])
                row[step] = Arithmetic.scalar(operation, left, right)
            }
            if row.hasHistograms { try HistogramOperator.apply(node, scalars, to: &row, &failures) }
        }
    }

    /// Two vectors: series with equal signatures meet.
    func frame(of node: PlannedVectorBinary, _ grid: TimeGrid) throws(QueryError) -> Frame {
        var join = SeriesJoin(node: node, left: try frame(node.left, grid), right: try frame(node.right, grid))
        try checkCancelled()
        try checkSize(rows: join.left.count + join.right.count, steps: grid.count)
        switch node.operation {
        case .and: return join.intersection(keepsMatched: true)
        case .unless: return join.intersection(keepsMatched: false)
        case .or: return try join.union()
        case .add, .subtract, .multiply, .divide, .modulo, .power, .atan2, .equal, .notEqual, .less, .lessOrEqual,
            .greater,
            .greaterOrEqual:
            return try join.matched(self)
        }
    }
}

/// The rows of two vectors, numbered by signature: the labels that `on` and `ignoring` leave. Signatures are resolved once a series;
/// what is left for each step is presence and arithmetic.
struct SeriesJoin {
    let node: PlannedVectorBinary
    let left: Frame
    let right: Frame
    private var signatures = Groups()
    private let leftSignatures: [Int]
    private let rightSignatures: [Int]
    private var steps: Int { left.steps }

    init(node: PlannedVectorBinary, left: Frame, right: Frame) {
        self.node = node
        self.left = left
        self.right = right
        var signatures = Groups()
        leftSignatures = left.labels.map { signatures.number(node.signature.key($0)) }
        rightSignatures = right.labels.map { signatures.number(node.signature.key($0)) }
        self.signatures = signatures
    }

    // MARK: - Set operators

    /// Whether any row of a signature has a sample, for each signature and step.
    private func presence(_ frame: Frame, _ rows: [Int]) -> [Bool] {
        var present = [Bool](repeating: false, count: signatures.keys.count * steps)
        for (row, signature) in rows.enumerated() {
            for step in 0..<steps where frame.isPresent(row, step) { present[signature * steps + step] = true }
        }
        return present
    }

    /// `and`, and without what matches `unless`.
    func intersection(keepsMatched: Bool) -> Frame {
        let matched = presence(right, rightSignatures)
        var result = Frame(steps: steps)
        for (index, signature) in leftSignatures.enumerated() {
            var row = left.row(index)
            for step in 0..<steps where matched[signature * steps + step] != keepsMatched { row.clear(step) }
            if row.hasSample { result.append(left.labels[index], row) }
        }
        return result
    }

    /// `or`: all of the left, and of the right what has no signature on the left.
    func union() throws(QueryError) -> Frame {
        let matched = presence(left, leftSignatures)
        var builder = FrameBuilder(steps: steps)
        for index in 0..<left.count { try builder.add(left.labels[index], left.row(index)) }
        for (index, signature) in rightSignatures.enumerated() {
            var row = right.row(index)
            for step in 0..<steps where matched[signature * steps + step] { row.clear(step) }
            if row.hasSample { try builder.add(right.labels[index], row) }
        }
        return builder.frame
    }

    // MARK: - Arithmetic and comparison

    /// The one side holds at most one series of a signature at each step; the many side may hold several with `group_left` or
    /// `group_right`.
    mutating func matched(_ evaluation: Evaluation) throws(QueryError) -> Frame {
        let isSwapped = node.matching.cardinality == .oneToMany
        let many = isSwapped ? right : left
        let one = isSwapped ? left : right
        let manySignatures = isSwapped ? rightSignatures : leftSignatures
        var oneRows = [[Int]](repeating: [], count: signatures.keys.count)
        for (row, signature) in (isSwapped ? leftSignatures : rightSignatures).enumerated() {
            oneRows[signature].append(row)
        }
        try checkUnique(one, oneRows, many, side: isSwapped ? "left" : "right", isPart: evaluation.isPart)

        var output = MatchOutput(node: node, steps: steps)
        let hasHistograms = many.hasHistograms || one.hasHistograms
        var failures = OperandFailures()
        for (manyRow, signature) in manySignatures.enumerated() {
            try evaluation.checkCancelled()
            for oneRow in oneRows[signature] {
                try evaluation.checkSize(rows: output.builder.frame.count + 1, steps: steps)
                var target: Int?
                for step in 0..<steps {
                    let (manyValue, oneValue) = (many[manyRow, step], one[oneRow, step])
                    if !manyValue.isPresent || !oneValue.isPresent {
                        if !hasHistograms || !many.isPresent(manyRow, step) || !one.isPresent(oneRow, step) { continue }
                        let pair = (
                            Operand(manyValue, many.histogram(manyRow, step)),
                            Operand(oneValue, one.histogram(oneRow, step))
                        )
                        let result = try HistogramOperator.result(
                            node.operation, isSwapped ? pair.1 : pair.0, isSwapped ? pair.0 : pair.1)
                        if case .failure(let failure) = result {
                            failures.note(failure, step)
                            continue
                        }
                        if case .nothing = result, !node.returnsBool { continue }
                        let row = target ?? output.row(many.labels[manyRow], one.labels[oneRow], signature)
                        target = row
                        try output.set(row, step, result, signature)
                        let (made, weight) = (output.builder.frame.count, output.builder.frame.histogramWeight)
                        try evaluation.checkSize(rows: made, steps: steps, histograms: weight)
                        continue
                    }
                    let (leftValue, rightValue) = isSwapped ? (oneValue, manyValue) : (manyValue, oneValue)
                    let holds = Arithmetic.holds(node.operation, leftValue, rightValue)
                    if !holds && !node.returnsBool { continue }
                    let row = target ?? output.row(many.labels[manyRow], one.labels[oneRow], signature)
                    target = row
                    let value = Arithmetic.value(node.operation, leftValue, rightValue)
                    try output.set(row, step, node.returnsBool ? (holds ? 1 : 0) : value, signature)
                }
            }
        }
        failures.tell(of: node.operation, &evaluation.notes, node.range)
        return output.builder.frame
    }

    private func checkUnique(
        _ one: Frame, _ oneRows: [[Int]], _ many: Frame, side: String, isPart: Bool
    ) throws(QueryError) {
        for (signature, rows) in oneRows.enumerated() where rows.count > 1 {
            for step in 0..<steps {
                let present = rows.filter { one.isPresent($0, step) }
                // Where the other side is empty nothing is matched, and nothing is wrong. A part cannot tell, and so refuses.
                guard present.count > 1, isPart || (0..<many.count).contains(where: { many.isPresent($0, step) })
                else { continue }
                let group = SeriesJoin.text(LabelFilter.labels(signatures.keys[signature]))
                let found = [present[1], present[0]].map { SeriesJoin.text(one.labels[$0]) }.joined(separator: ", ")
                let duplicates =
                    "found duplicate series for the match group \(group) on the \(side) hand-side of the operation: [\(found)]"
                let rule = "many-to-many matching not allowed: matching labels must be unique on one side"
                throw QueryError(.execution, "\(duplicates);\(rule)")
            }
        }
    }

    /// All labels in braces, the metric's name too, as Prometheus' error shows them.
    private static func text(_ labels: Labels) -> String {
        "{" + labels.labels.map { "\($0.name)=\"\($0.value)\"" }.joined(separator: ", ") + "}"
    }
}

/// The result rows of a matching, and whether two matches met in one of them.
private struct MatchOutput {
    let node: PlannedVectorBinary
    private(set) var builder: FrameBuilder
    /// The signature that made each row.
    private var madeBy: [Int] = []
    /// One-to-one: the steps at which a signature has matched, by signature.
    private var matchedSteps: [Int: [Bool]] = [:]
    private let steps: Int
    private let filter: LabelFilter

    init(node: PlannedVectorBinary, steps: Int) {
        self.node = node
        self.steps = steps
        builder = FrameBuilder(steps: steps)
        let dropsName = !node.operation.isComparison || node.returnsBool
        let labels = node.matching.labels
        if node.matching.cardinality != .oneToOne {
            filter = LabelFilter(dropping: [], andName: dropsName)
        } else if node.matching.isOn {
            filter = LabelFilter(keeping: dropsName ? labels.filter { $0 != Labels.metricName } : labels)
        } else {
            filter = LabelFilter(dropping: labels, andName: dropsName)
        }
    }

    /// The row for a pair: the many side's labels, less what the operation drops, with those that `group_left` copies.
    mutating func row(_ many: Labels, _ one: Labels, _ signature: Int) -> Int {
        var labels = filter(many)
        for name in node.matching.include { labels = labels.setting(name, to: one[name] ?? "") }
        let row = builder.row(labels)
        if row == madeBy.count { madeBy.append(signature) }
        return row
    }

    mutating func set(_ row: Int, _ step: Int, _ value: Double, _ signature: Int) throws(QueryError) {
        try claim(row, step, signature)
        try builder.set(row, step, value)
    }

    /// Puts what histograms gave.
    mutating func set(
        _ row: Int, _ step: Int, _ result: HistogramOperator.Result, _ signature: Int
    ) throws(QueryError) {
        try claim(row, step, signature)
        switch result {
        case .histogram(let histogram) where !node.returnsBool:
            try builder.set(row, step, HistogramSample(histogram))
        case .histogram: try builder.set(row, step, 1)
        case .nothing: try builder.set(row, step, 0)
        case .failure: preconditionFailure("a failure has no cell")
        }
    }

    private mutating func claim(_ row: Int, _ step: Int, _ signature: Int) throws(QueryError) {
        if node.matching.cardinality == .oneToOne {
            if matchedSteps[signature, default: [Bool](repeating: false, count: steps)][step] {
                throw QueryError(
                    .execution,
                    "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)")
            }
            matchedSteps[signature, default: [Bool](repeating: false, count: steps)][step] = true
        } else if builder.frame.isPresent(row, step) && madeBy[row] == signature {
            throw QueryError(.execution, "multiple matches for labels: grouping labels must ensure unique matches")
        }
    }
}
