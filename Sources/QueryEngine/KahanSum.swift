/// Compensated summation in Neumaier's form, as Prometheus sums: `sum` is the running total, `compensation` what rounding lost.
///
/// Source: A. Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen", ZAMM 54 (1974).
struct KahanSum {
    var sum = 0.0
    var compensation = 0.0

    @inline(__always)
    mutating func add(_ value: Double) {
        let total = sum + value
        if total.isInfinite {
            compensation = 0
        } else if sum.magnitude >= value.magnitude {
            compensation += (sum - total) + value
        } else {
            compensation += (value - total) + sum
        }
        sum = total
    }

    /// Adds what another sum has collected.
    mutating func merge(_ other: KahanSum) {
        add(other.sum)
        if !sum.isInfinite { compensation += other.compensation }
    }

    /// The total with what was lost put back.
    var total: Double { sum + compensation }
}

/// The mean of numbers one by one: their sum divided by their count, until the sum would overflow; from there on a running mean.
struct KahanMean {
    private var running = KahanSum()
    private var count = 0.0
    private var isIncremental = false

    /// A sum and a count known to be exact.
    init(exactSum: Double, count: Int) {
        running.sum = exactSum
        self.count = Double(count)
    }

    init() {}

    @inline(__always)
    mutating func add(_ value: Double) {
        count += 1
        if count == 1 {
            running.sum = value
            return
        }
        if !isIncremental {
            var next = running
            next.add(value)
            if !next.sum.isInfinite {
                running = next
                return
            }
            isIncremental = true
            running.sum /= count - 1
            running.compensation /= count - 1
        }
        let share = (count - 1) / count
        running.sum *= share
        running.compensation *= share
        running.add(value / count)
    }

    /// Adds what another mean has collected.
    mutating func merge(_ other: KahanMean) {
        if other.count == 0 { return }
        if count == 0 {
            self = other
            return
        }
        if !isIncremental && !other.isIncremental {
            var next = running
            next.merge(other.running)
            if !next.sum.isInfinite {
                running = next
                count += other.count
                return
            }
        }
        let total = count + other.count
        running = share(of: total)
        running.merge(other.share(of: total))
        count = total
        isIncremental = true
    }

    /// The mean's part in one of `total` numbers.
    private func share(of total: Double) -> KahanSum {
        var part = running
        let factor = isIncremental ? count / total : 1 / total
        part.sum *= factor
        part.compensation *= factor
        return part
    }

    /// Sum, compensation, and the count, negative once the sum is a running mean: what `init(state:)` takes.
    var state: (Double, Double, Double) { (running.sum, running.compensation, isIncremental ? -count : count) }

    init(state: (Double, Double, Double)) {
        running = KahanSum(sum: state.0, compensation: state.1)
        count = state.2.magnitude
        isIncremental = state.2 < 0
    }

    var mean: Double {
        isIncremental ? running.total : running.sum / count + running.compensation / count
    }
}
