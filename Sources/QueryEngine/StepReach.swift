internal import QueryLanguage

/// What a step of a range query reads: ranges of time, seen from the step.
///
/// Held by a query each of whose steps depends on nothing but these times, so that its steps may be kept one by one.
package struct StepReach: Equatable, Sendable {
    /// `reach_ranges_max`: selectors beyond it are told as one range.
    static let rangesMax = 16

    /// Milliseconds to be added to a step's time, inclusive; ascending, at least one.
    package let ranges: [ClosedRange<Int64>]

    init(_ ranges: [ClosedRange<Int64>]) {
        let sorted = Set(ranges).sorted { ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound) }
        if sorted.count > Self.rangesMax, let first = sorted.first {
            self.ranges = [
                sorted.reduce(first) { min($0.lowerBound, $1.lowerBound)...max($0.upperBound, $1.upperBound) }
            ]
        } else {
            self.ranges = sorted
        }
    }

    /// From the first to the last time that is read by any of the steps between two.
    package func times(of steps: ClosedRange<Int64>) -> ClosedRange<Int64> {
        let first = ranges.map(\.lowerBound).min() ?? 0
        let last = ranges.map(\.upperBound).max() ?? 0
        return steps.lowerBound + first...steps.upperBound + last
    }

    /// The times of steps that read any of some times.
    func steps(reading times: ClosedRange<Int64>) -> [ClosedRange<Int64>] {
        ranges.map {
            times.lowerBound.saturating(minus: $0.upperBound)...times.upperBound.saturating(minus: $0.lowerBound)
        }
    }
}

extension Int64 {
    fileprivate func saturating(minus other: Int64) -> Int64 {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? (other > 0 ? .min : .max) : difference
    }
}

extension QueryPlan {
    /// What each step reads; nil where a step's result may depend on more: on other steps or on the query's bounds, or where nothing is read.
    ///
    /// That is so for `@`, which pins what all steps read; for functions of windows over several metric names and for `label_replace` and
    /// `label_join`, which refuse equal label sets even where they meet at no step; and for `info`, which looks at all steps to find its labels.
    package var reach: StepReach? {
        guard isRange, fragments.isEmpty else { return nil }
        var ranges: [ClosedRange<Int64>] = []
        guard root.addReach(seenFrom: 0...0, lookback: options.lookback, to: &ranges), !ranges.isEmpty else {
            return nil
        }
        return StepReach(ranges)
    }
}

extension PlanNode {
    /// Adds what is read by an evaluation at the times of `times`, as seen from a step; false where that does not tell all.
    fileprivate func addReach(
        seenFrom times: ClosedRange<Int64>, lookback: Int64, to ranges: inout [ClosedRange<Int64>]
    ) -> Bool {
        switch self {
        case .selector(let selector), .sampleTime(let selector):
            guard selector.time.at == nil else { return false }
            ranges.append(selector.time.range(times, length: lookback))
            return true
        case .window(let function, let window, let parameters):
            guard function == .lastOverTime || window.hasFixedName,
                window.addReach(seenFrom: times, lookback: lookback, to: &ranges)
            else { return false }
            return parameters.allSatisfy { $0.addReach(seenFrom: times, lookback: lookback, to: &ranges) }
        case .absentOverTime(let window, _):
            return window.addReach(seenFrom: times, lookback: lookback, to: &ranges)
        case .relabelled, .info, .rangeVector, .fragment, .mergedStates: return false
        case .constant, .text, .evaluationTime, .scalarBinary, .scalarNegation, .scalarOf, .vectorOf, .negation,
            .pointwise, .dateOfEvaluation, .absent, .sorted, .histogram, .aggregation, .mixedBinary, .vectorBinary:
            return children.allSatisfy { $0.addReach(seenFrom: times, lookback: lookback, to: &ranges) }
        }
    }
}

extension PlannedWindow {
    fileprivate func addReach(
        seenFrom times: ClosedRange<Int64>, lookback: Int64, to ranges: inout [ClosedRange<Int64>]
    ) -> Bool {
        guard time.at == nil else { return false }
        let read = time.range(times, length: length)
        switch source {
        case .selection:
            ranges.append(read)
            return true
        case .subquery(let inner, _): return inner.addReach(seenFrom: read, lookback: lookback, to: &ranges)
        }
    }
}

extension SelectorTime {
    /// Left-open windows of a length that end at times seen from a step.
    fileprivate func range(_ times: ClosedRange<Int64>, length: Int64) -> ClosedRange<Int64> {
        times.lowerBound - offset - length + 1...times.upperBound - offset
    }
}
