/// What an aggregation keeps for one group at one step. A fresh one has seen nothing.
protocol Accumulator: Sendable {
    init()
    var isEmpty: Bool { get }
    mutating func add(_ value: Double)
    /// The aggregate of at least one value.
    var result: Double { get }
}

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
}

struct CountAccumulator: Accumulator {
    private var count = 0

    var isEmpty: Bool { count == 0 }

    @inline(__always)
    mutating func add(_ value: Double) { count &+= 1 }

    var result: Double { Double(count) }
}

/// `group`: 1 wherever there is anything.
struct GroupAccumulator: Accumulator {
    private(set) var isEmpty = true

    @inline(__always)
    mutating func add(_ value: Double) { isEmpty = false }

    var result: Double { 1 }
}

struct MinAccumulator: Accumulator {
    private(set) var result = Double.nan
    private(set) var isEmpty = true

    @inline(__always)
    mutating func add(_ value: Double) {
        if isEmpty || result > value || result.isNaN { result = value }
        isEmpty = false
    }
}

struct MaxAccumulator: Accumulator {
    private(set) var result = Double.nan
    private(set) var isEmpty = true

    @inline(__always)
    mutating func add(_ value: Double) {
        if isEmpty || result < value || result.isNaN { result = value }
        isEmpty = false
    }
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
}

struct DeviationAccumulator: Accumulator {
    private var variance = VarianceAccumulator()

    var isEmpty: Bool { variance.isEmpty }

    @inline(__always)
    mutating func add(_ value: Double) { variance.add(value) }

    var result: Double { variance.result.squareRoot() }
}

/// The k best of a group at one step, the worst of them on top of a binary heap. NaN is worse than any number.
///
/// Which of equal values stay is arbitrary but not random: the heap moves as Go's `container/heap` does, so that on the same series in
/// the same order the choice is Prometheus' own.
struct BestElements: Sendable {
    struct Element: Sendable {
        var value: Double
        /// Number of the series among the aggregation's input.
        var row: Int
    }

    private var heap: [Element] = []

    /// Whether `left` is worse than `right` when the largest (or the smallest) are wanted; of two NaNs each is.
    @inline(__always)
    private static func isWorse(_ left: Element, _ right: Element, wantsLargest: Bool) -> Bool {
        left.value.isNaN || (wantsLargest ? left.value < right.value : left.value > right.value)
    }

    @inline(__always)
    mutating func offer(_ element: Element, atMost k: Int, wantsLargest: Bool) {
        if heap.count < k {
            heap.append(element)
            rise(wantsLargest)
        } else if !element.value.isNaN && BestElements.isWorse(heap[0], element, wantsLargest: wantsLargest) {
            heap[0] = element
            sink(wantsLargest)
        }
    }

    private mutating func rise(_ wantsLargest: Bool) {
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            if !BestElements.isWorse(heap[child], heap[parent], wantsLargest: wantsLargest) { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    private mutating func sink(_ wantsLargest: Bool) {
        var parent = 0
        while true {
            var worst = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
                if BestElements.isWorse(heap[child], heap[worst], wantsLargest: wantsLargest) { worst = child }
            }
            if worst == parent { return }
            heap.swapAt(parent, worst)
            parent = worst
        }
    }

    /// The elements, best first.
    func ordered(wantsLargest: Bool) -> [Element] {
        heap.sorted { $1.value.isNaN ? !$0.value.isNaN : BestElements.isWorse($1, $0, wantsLargest: wantsLargest) }
    }
}
