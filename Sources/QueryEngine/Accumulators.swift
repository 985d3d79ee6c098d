/// What an aggregation keeps for one group at one step. A fresh one has seen nothing.
protocol Accumulator: Sendable {
    init()
    var isEmpty: Bool { get }
    mutating func add(_ value: Double)
    /// The aggregate of at least one value.
    var result: Double { get }

    /// How many numbers `state` takes.
    static var width: Int { get }
    /// What at least one value has left behind; `width` numbers, of which the first is never the stale marker.
    var state: AccumulatorState { get }
    /// Adds what was accumulated elsewhere, from the state it left.
    mutating func merge(_ state: AccumulatorState)
}

/// The numbers that make up an accumulator; those that it does not need are zero.
typealias AccumulatorState = (Double, Double, Double)

struct SumAccumulator: Accumulator {
    private var sum = KahanSum()
    private(set) var isEmpty = true

    @inline(__always)
    mutating func add(_ value: Double) {
        if isEmpty {
            isEmpty = false
            // Not added to zero, which would lose the sign of a negative zero.
            sum.sum = value
        } else {
            sum.add(value)
        }
    }

    var result: Double { sum.total }

    static let width = 2
    var state: AccumulatorState { (sum.sum, sum.compensation, 0) }

    mutating func merge(_ state: AccumulatorState) {
        let other = KahanSum(sum: state.0, compensation: state.1)
        if isEmpty { sum = other } else { sum.merge(other) }
        isEmpty = false
    }
}

struct MeanAccumulator: Accumulator {
    private var mean = KahanMean()
    private(set) var isEmpty = true

    @inline(__always)
    mutating func add(_ value: Double) {
        isEmpty = false
        mean.add(value)
    }

    var result: Double { mean.mean }

    static let width = 3
    var state: AccumulatorState { mean.state }

    mutating func merge(_ state: AccumulatorState) {
        isEmpty = false
        mean.merge(KahanMean(state: state))
    }
}

struct CountAccumulator: Accumulator {
    private var count = 0

    var isEmpty: Bool { count == 0 }

    @inline(__always)
    mutating func add(_ value: Double) { count &+= 1 }

    var result: Double { Double(count) }

    static let width = 1
    var state: AccumulatorState { (Double(count), 0, 0) }

    mutating func merge(_ state: AccumulatorState) {
        // Another node's number: whatever it is, it must not trap.
        count &+= Int(exactly: state.0) ?? 0
    }
}

/// `group`: 1 wherever there is anything.
struct GroupAccumulator: Accumulator {
    private(set) var isEmpty = true

    @inline(__always)
    mutating func add(_ value: Double) { isEmpty = false }

    var result: Double { 1 }

    static let width = 1
    var state: AccumulatorState { (1, 0, 0) }

    mutating func merge(_ state: AccumulatorState) { isEmpty = false }
}

struct MinAccumulator: Accumulator {
    private(set) var result = Double.nan
    private(set) var isEmpty = true

    @inline(__always)
    mutating func add(_ value: Double) {
        if isEmpty || result > value || result.isNaN { result = value }
        isEmpty = false
    }

    static let width = 1
    var state: AccumulatorState { (result, 0, 0) }

    mutating func merge(_ state: AccumulatorState) { add(state.0) }
}

struct MaxAccumulator: Accumulator {
    private(set) var result = Double.nan
    private(set) var isEmpty = true

    @inline(__always)
    mutating func add(_ value: Double) {
        if isEmpty || result < value || result.isNaN { result = value }
        isEmpty = false
    }

    static let width = 1
    var state: AccumulatorState { (result, 0, 0) }

    mutating func merge(_ state: AccumulatorState) { add(state.0) }
}

/// Population variance by Welford's method, as Prometheus aggregates it: without compensation.
struct VarianceAccumulator: Accumulator {
    private var count = 0.0
    private var mean = 0.0
    private var squares = 0.0

    var isEmpty: Bool { count == 0 }

    @inline(__always)
    mutating func add(_ value: Double) {
        count += 1
        if count == 1 {
            mean = value
            squares = value.isFinite ? 0 : .nan
            return
        }
        let delta = value - mean
        mean += delta / count
        squares += delta * (value - mean)
    }

    var result: Double { squares / count }

    static let width = 3
    var state: AccumulatorState { (count, mean, squares) }

    /// Source: T. Chan, G. Golub, R. LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979.
    mutating func merge(_ state: AccumulatorState) {
        if count == 0 {
            (count, mean, squares) = state
            return
        }
        let total = count + state.0
        let delta = state.1 - mean
        squares += state.2 + delta * delta * (count * state.0 / total)
        mean += delta * (state.0 / total)
        count = total
    }
}

struct DeviationAccumulator: Accumulator {
    private var variance = VarianceAccumulator()

    var isEmpty: Bool { variance.isEmpty }

    @inline(__always)
    mutating func add(_ value: Double) { variance.add(value) }

    var result: Double { variance.result.squareRoot() }

    static let width = VarianceAccumulator.width
    var state: AccumulatorState { variance.state }

    mutating func merge(_ state: AccumulatorState) { variance.merge(state) }
}
