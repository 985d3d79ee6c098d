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

    var mean: Double {
        isIncremental ? running.total : running.sum / count + running.compensation / count
    }
}
