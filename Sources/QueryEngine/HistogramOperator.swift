internal import MetricModel
internal import QueryLanguage

/// One side of an operator: a number or a histogram.
enum Operand {
    case number(Double)
    case histogram(NativeHistogram)

    init(_ number: Double, _ sample: HistogramSample?) {
        self = sample.map { .histogram($0.histogram) } ?? .number(number)
    }

    fileprivate var kind: String {
        switch self {
        case .number: "float"
        case .histogram: "histogram"
        }
    }
}

/// The binary operators where at least one side is a histogram.
///
/// Source: `vectorElemBinop` in promql/engine.go of Prometheus 3.5.
enum HistogramOperator {
    enum Result {
        case histogram(NativeHistogram)
        /// A comparison that does not hold.
        case nothing
        case failure(OperandFailure)
    }

    /// - Throws: `QueryError` when the result would be too large.
    static func result(
        _ operation: BinaryOperator, _ left: Operand, _ right: Operand
    ) throws(QueryError) -> Result {
        switch (operation, left, right) {
        case (.multiply, .number(let factor), .histogram(let histogram)),
            (.multiply, .histogram(let histogram), .number(let factor)):
            return .histogram(histogram.scaled(by: factor).compacted)
        case (.divide, .histogram(let histogram), .number(let divisor)):
            return .histogram(histogram.divided(by: divisor).compacted)
        case (.add, .histogram(let left), .histogram(let right)):
            return try combined { () throws(HistogramMismatch) in try left.adding(right) }
        case (.subtract, .histogram(let left), .histogram(let right)):
            return try combined { () throws(HistogramMismatch) in try left.subtracting(right) }
        case (.equal, .histogram(let left), .histogram(let right)):
            return left.isSame(as: right) ? .histogram(left) : .nothing
        case (.notEqual, .histogram(let left), .histogram(let right)):
            return left.isSame(as: right) ? .nothing : .histogram(left)
        default: return .failure(.types(left.kind, right.kind))
        }
    }

    private static func combined(
        _ operation: () throws(HistogramMismatch) -> NativeHistogram
    ) throws(QueryError) -> Result {
        do throws(HistogramMismatch) { return .histogram(try operation().compacted) } catch {
            switch error {
            case .schemas, .bounds: return .failure(.layouts)
            case .size(let error): throw .histogramTooLarge(error)
            }
        }
    }

    /// Applies an operator with a number to the histograms of a row.
    static func apply(
        _ node: PlannedMixedBinary, _ scalars: [Double], to row: inout Row, _ failures: inout OperandFailures
    ) throws(QueryError) {
        for step in row.indices {
            guard let sample = row.histogram(step) else { continue }
            row.clear(step)
            let (histogram, scalar) = (Operand.histogram(sample.histogram), Operand.number(scalars[step]))
            switch try result(
                node.operation, node.scalarIsLeft ? scalar : histogram, node.scalarIsLeft ? histogram : scalar)
            {
            case .histogram(let histogram): row.set(step, HistogramSample(histogram))
            case .nothing: break
            case .failure(let failure): failures.note(failure, step)
            }
        }
    }
}

/// Why an operator has no result for two samples.
enum OperandFailure: Hashable {
    case types(String, String)
    case layouts
}

/// Failures of one operation: of several at one step the last is told, as in Prometheus.
struct OperandFailures {
    private var last: [Int: OperandFailure] = [:]

    mutating func note(_ failure: OperandFailure, _ step: Int) {
        last[step] = failure
    }

    func tell(of operation: BinaryOperator, _ notes: inout Notes, _ range: SourceRange) {
        let name = operation.rawValue
        for failure in Set(last.values) {
            switch failure {
            case .types(let left, let right):
                notes.inform(
                    "incompatible sample types encountered for binary operator \"\(name)\": \(left) \(name) \(right)",
                    range)
            case .layouts:
                notes.warn("incompatible bucket layout encountered for binary operator \(name)", range)
            }
        }
    }
}
