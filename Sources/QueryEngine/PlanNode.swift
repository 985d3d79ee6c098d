internal import MetricModel
internal import QueryLanguage

/// What the evaluator runs: the tree with parentheses gone, selectors numbered, and times resolved.
indirect enum PlanNode: Sendable {
    // Scalars and texts.
    case constant(Double)
    case text(String)
    case evaluationTime
    case scalarBinary(BinaryOperator, PlanNode, PlanNode)
    case scalarNegation(PlanNode)
    /// `scalar(vector)`
    case scalarOf(PlanNode)

    // Instant vectors.
    case selector(PlannedSelector)
    /// `vector(scalar)`
    case vectorOf(PlanNode)
    /// `-vector`
    case negation(PlanNode)
    /// A function of one sample at a time; the arguments behind the vector are scalars.
    case pointwise(FunctionName, PlanNode, [PlanNode])
    /// A date function without an argument.
    case dateOfEvaluation(FunctionName)
    /// `timestamp(selector)`: the samples' own times.
    case sampleTime(PlannedSelector)
    /// A function of a window; the other arguments are scalars.
    case window(FunctionName, PlannedWindow, [PlanNode])
    case absent(PlanNode, Labels)
    case absentOverTime(PlannedWindow, Labels)
    case sorted(FunctionName, PlanNode, labels: [String])
    case relabelled(LabelChange, PlanNode)
    case histogram(PlannedHistogram)
    case info(PlannedInfo)
    case aggregation(PlannedAggregation)
    /// A vector and a scalar.
    case mixedBinary(PlannedMixedBinary)
    case vectorBinary(PlannedVectorBinary)

    /// The rows of a fragment, from all its parts.
    case fragment(Int)
    /// An aggregation whose input is the states of a fragment's groups.
    case mergedStates(PlannedAggregation)

    /// A range vector as the whole of an instant query.
    case rangeVector(PlannedWindow)
}

/// An instant selector.
struct PlannedSelector: Sendable {
    /// Which of the plan's selections it reads.
    var selection: Int
    var time: SelectorTime
    /// Whether all its series have the same metric name, so that dropping the name keeps them apart.
    var hasFixedName: Bool
}

/// A range vector: a selector with a window, or a subquery.
struct PlannedWindow: Sendable {
    /// Where its samples come from.
    enum Source: Sendable {
        case selection(Int)
        /// An instant vector, evaluated at multiples of a step in milliseconds.
        case subquery(PlanNode, step: Int64)
    }

    var source: Source
    var time: SelectorTime
    /// Length of the window in milliseconds; the window is left-open.
    var length: Int64
    var hasFixedName: Bool
    var range: SourceRange
    /// Where what is said of it has its place: as in Prometheus a subquery has none, and is taken for the query's beginning.
    var noteRange: SourceRange

    /// The window's end, seen from an evaluation time.
    func end(_ time: Int64) -> Int64 { self.time.reference(time) }
}

/// `label_replace` or `label_join`.
enum LabelChange: Sendable {
    case replace(target: String, template: String, source: String, expression: RegularExpression)
    case join(target: String, separator: String, sources: [String])
}

/// `histogram_quantile` or `histogram_fraction`.
struct PlannedHistogram: Sendable {
    var function: FunctionName
    /// The quantile, or the lower and the upper bound.
    var parameters: [PlanNode]
    var inner: PlanNode
    var parameterRange: SourceRange
    var range: SourceRange
}

/// An aggregation with its parameter evaluated at planning when it is a text.
struct PlannedAggregation: Sendable {
    var operation: AggregationOperator
    var grouping: LabelFilter
    var parameter: PlanNode?
    var parameterRange: SourceRange?
    var inner: PlanNode
    /// Where the aggregation stands, and where its argument does.
    var range: SourceRange
    var innerRange: SourceRange
}

/// `vector op scalar` or `scalar op vector`.
struct PlannedMixedBinary: Sendable {
    var operation: BinaryOperator
    var vector: PlanNode
    var scalar: PlanNode
    var scalarIsLeft: Bool
    var returnsBool: Bool
    var range: SourceRange
}

/// `vector op vector`.
struct PlannedVectorBinary: Sendable {
    var operation: BinaryOperator
    var left: PlanNode
    var right: PlanNode
    var returnsBool: Bool
    var matching: VectorMatching
    /// The labels that decide which series belong together.
    var signature: LabelFilter
    var range: SourceRange
}

extension PlanNode {
    /// Whether the rows stay apart when their metric names are dropped.
    var isUniqueWithoutName: Bool {
        switch self {
        case .selector(let node), .sampleTime(let node): node.hasFixedName
        case .window(let function, let window, _): function == .lastOverTime ? window.hasFixedName : true
        case .negation, .pointwise, .vectorOf, .dateOfEvaluation, .absent, .absentOverTime, .histogram: true
        case .sorted(_, let inner, _): inner.isUniqueWithoutName
        case .aggregation(let node):
            switch node.operation {
            case .topk, .bottomk, .limitk, .limitRatio: node.inner.isUniqueWithoutName
            case .sum, .avg, .count, .min, .max, .group, .stddev, .stdvar, .countValues, .quantile:
                node.grouping.dropsName
            }
        case .mixedBinary(let node):
            node.operation.isComparison && !node.returnsBool ? node.vector.isUniqueWithoutName : true
        case .vectorBinary(let node): !node.operation.isSet && (!node.operation.isComparison || node.returnsBool)
        case .mergedStates(let node): node.grouping.dropsName
        // Whatever the fragment was: putting rows together by their labels is right for all.
        case .fragment: false
        case .relabelled, .info, .constant, .text, .evaluationTime, .scalarBinary, .scalarNegation, .scalarOf,
            .rangeVector:
            false
        }
    }
}
