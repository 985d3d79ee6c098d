internal import MetricModel

// Native histograms as numbers: what `+`, `-`, `*`, `/`, `==` and counter resets mean for them.
// Source: model/histogram/float_histogram.go of Prometheus 3.5, whose results these are to the bit, in its order of additions.

/// Why two histograms have no sum.
enum HistogramMismatch: Error {
    /// One has exponential buckets, the other bounds of its own.
    case schemas
    /// Both have bounds of their own, and different ones.
    case bounds
    /// It would be larger than a result may be.
    case size(HistogramError)
}

extension NativeHistogram {
    // MARK: - With a number

    func scaled(by factor: Double) -> NativeHistogram {
        changed { $0 * factor }
    }

    /// Everything divided; by zero, without any buckets.
    func divided(by divisor: Double) -> NativeHistogram {
        var quotient = changed { $0 / divisor }
        if divisor == 0 {
            quotient.positive = Buckets()
            quotient.negative = Buckets()
        }
        return quotient
    }

    private func changed(_ change: (Double) -> Double) -> NativeHistogram {
        var result = self
        result.zeroCount = change(zeroCount)
        result.count = change(count)
        result.sum = change(sum)
        for index in result.positive.counts.indices { result.positive.counts[index] = change(positive.counts[index]) }
        for index in result.negative.counts.indices { result.negative.counts[index] = change(negative.counts[index]) }
        return result
    }

    // MARK: - With another

    func adding(_ other: NativeHistogram) throws(HistogramMismatch) -> NativeHistogram {
        var sum = try combined(other, subtracts: false)
        if counterResetHint != other.counterResetHint {
            let isGauge = counterResetHint == .gauge || other.counterResetHint == .gauge
            sum.counterResetHint = isGauge ? .gauge : .unknown
        }
        return sum
    }

    func subtracting(_ other: NativeHistogram) throws(HistogramMismatch) -> NativeHistogram {
        try combined(other, subtracts: true)
    }

    private func combined(_ other: NativeHistogram, subtracts: Bool) throws(HistogramMismatch) -> NativeHistogram {
        if hasCustomBuckets != other.hasCustomBuckets { throw .schemas }
        if hasCustomBuckets && !hasSameBounds(as: other) { throw .bounds }
        var result = self
        if !hasCustomBuckets {
            let zeroCount = result.widenZeroBucket(with: other)
            result.zeroCount += subtracts ? -zeroCount : zeroCount
        }
        result.count += subtracts ? -other.count : other.count
        result.sum += subtracts ? -other.sum : other.sum
        var (positive, negative) = (other.positive, other.negative)
        if other.schema < result.schema {
            result.reduce(to: other.schema)
        } else if other.schema > result.schema {
            let levels = Int(other.schema) - Int(result.schema)
            (positive, negative) = (positive.reduced(by: levels), negative.reduced(by: levels))
        }
        result.positive = result.merged(result.positive, positive, subtracts)
        if !hasCustomBuckets { result.negative = result.merged(result.negative, negative, subtracts) }
        do throws(HistogramError) { try result.checkSize(.result) } catch { throw .size(error) }
        return result
    }

    /// At a lower resolution; exponential ones alone have others.
    mutating func reduce(to target: Int8) {
        let levels = Int(schema) - Int(target)
        positive = positive.reduced(by: levels)
        negative = negative.reduced(by: levels)
        schema = target
    }

    func hasSameBounds(as other: NativeHistogram) -> Bool {
        customValues.elementsEqual(other.customValues) { $0.bitPattern == $1.bitPattern }
    }

    /// The buckets of both; those of the second that lie within the zero bucket count there already.
    private func merged(_ left: Buckets, _ right: Buckets, _ subtracts: Bool) -> Buckets {
        if left.isEmpty && !subtracts && (hasCustomBuckets || zeroThreshold == 0) { return right }
        let (first, second) = (left.indexed, outsideZero(right))
        var result: [(index: Int32, count: Double)] = []
        result.reserveCapacity(first.count + second.count)
        var (next, other) = (0, second.startIndex)
        while next < first.count || other < second.endIndex {
            if other == second.endIndex || (next < first.count && first[next].index < second[other].index) {
                result.append(first[next])
                next += 1
                continue
            }
            let added = subtracts ? -second[other].count : second[other].count
            if next < first.count && first[next].index == second[other].index {
                result.append((first[next].index, first[next].count + added))
                next += 1
            } else {
                result.append((second[other].index, added))
            }
            other += 1
        }
        return Buckets(indexed: result)
    }

    /// Buckets without those at the beginning that end within the zero bucket.
    private func outsideZero(_ buckets: Buckets) -> ArraySlice<(index: Int32, count: Double)> {
        let indexed = buckets.indexed
        return hasCustomBuckets ? indexed[...] : indexed.drop { bound(Int($0.index)) <= zeroThreshold }
    }

    // MARK: - The zero bucket

    /// Makes the zero bucket as wide as the other's, or wider where a threshold would cut a populated bucket of either.
    ///
    /// - Returns: the zero count that the other has with it.
    private mutating func widenZeroBucket(with other: NativeHistogram) -> Double {
        var (otherCount, otherThreshold) = (other.zeroCount, other.zeroThreshold)
        while otherThreshold != zeroThreshold {
            if zeroThreshold > otherThreshold {
                (otherCount, otherThreshold) = other.zeroBucket(upTo: zeroThreshold)
            }
            if otherThreshold > zeroThreshold {
                (zeroCount, zeroThreshold) = zeroBucket(upTo: otherThreshold)
                dropBucketsInsideZero()
            }
        }
        return otherCount
    }

    /// The zero count with a threshold not below its own; a threshold inside a populated bucket moves to that one's far bound.
    private func zeroBucket(upTo threshold: Double) -> (count: Double, threshold: Double) {
        if threshold == zeroThreshold { return (zeroCount, threshold) }
        var threshold = threshold
        while true {
            var total = zeroCount
            for (index, count) in positive.indexed {
                let (near, far) = bounds(index)
                if near >= threshold { break }
                total += count
                if far > threshold {
                    if count != 0 { threshold = far }
                    break
                }
            }
            var isDone = true
            for (index, count) in negative.indexed {
                let (near, far) = bounds(index)
                if near >= threshold { break }
                total += count
                if far > threshold {
                    // What was counted of the positive side ended too early.
                    if count != 0 {
                        threshold = far
                        isDone = false
                    }
                    break
                }
            }
            if isDone { return (total, threshold) }
        }
    }

    private mutating func dropBucketsInsideZero() {
        positive = outside(positive)
        negative = outside(negative)
    }

    /// The populated buckets that begin outside the zero bucket.
    private func outside(_ buckets: Buckets) -> Buckets {
        let outside = buckets.indexed.drop { bounds($0.index).near < zeroThreshold }
        return Buckets(indexed: outside.filter { $0.count != 0 })
    }

    // MARK: - Form

    /// Without empty buckets.
    var compacted: NativeHistogram {
        var result = self
        result.positive = positive.compacted
        result.negative = negative.compacted
        return result
    }

    /// Whether it is the same for `==` and `changes`: hints are not looked at, empty buckets are.
    func isSame(as other: NativeHistogram) -> Bool {
        guard schema == other.schema, count.bitPattern == other.count.bitPattern,
            sum.bitPattern == other.sum.bitPattern, zeroThreshold == other.zeroThreshold,
            zeroCount.bitPattern == other.zeroCount.bitPattern, !hasCustomBuckets || hasSameBounds(as: other)
        else { return false }
        return positive.isSame(as: other.positive) && negative.isSame(as: other.negative)
    }

    // MARK: - Counter resets

    /// Whether a counter was reset between `previous` and this.
    ///
    /// The counts alone decide: a sender's hint speaks of the sample before, which may not be the one at hand, and what Prometheus reads from its
    /// store has none.
    func isReset(after previous: NativeHistogram) -> Bool {
        if count < previous.count || hasCustomBuckets != previous.hasCustomBuckets { return true }
        if hasCustomBuckets && !hasSameBounds(as: previous) { return true }
        if schema > previous.schema || zeroThreshold < previous.zeroThreshold { return true }
        let (zero, threshold) = previous.zeroBucket(upTo: zeroThreshold)
        if threshold != zeroThreshold || zeroCount < zero { return true }
        let levels = hasCustomBuckets ? 0 : Int(previous.schema) - Int(schema)
        return hasFallen(positive, previous.positive.reduced(by: levels))
            || hasFallen(negative, previous.negative.reduced(by: levels))
    }

    /// Whether a bucket has gone or counts less.
    private func hasFallen(_ current: Buckets, _ previous: Buckets) -> Bool {
        let current = outsideZero(current)
        var next = current.startIndex
        for (index, count) in outsideZero(previous) {
            while next < current.endIndex && current[next].index < index { next += 1 }
            if next < current.endIndex && current[next].index == index {
                if current[next].count < count { return true }
            } else if count != 0 {
                return true
            }
        }
        return false
    }

    /// How many numbers it counts for in a query's limit.
    ///
    /// Source: `Size` of Prometheus' histograms in memory, in units of 16 bytes as its engine counts them.
    var sampleWeight: Int {
        let elements =
            positive.spans.count + negative.spans.count + positive.counts.count + negative.counts.count
            + customValues.count
        return (176 + 8 * elements) / 16
    }
}

extension HistogramColumns {
    /// How many numbers they count for in a query's limit.
    var sampleWeight: Int { values.reduce(0) { $0 + $1.sampleWeight } }
}

extension FragmentHistograms {
    /// How many numbers they count for in a query's limit.
    var sampleWeight: Int { cells.reduce(0) { $0 + ($1.histogram?.sampleWeight ?? 0) } }
}

extension NativeHistogram.Buckets {
    fileprivate var indexed: [(index: Int32, count: Double)] {
        var result: [(index: Int32, count: Double)] = []
        result.reserveCapacity(counts.count)
        forEach { index, count in result.append((index, count)) }
        return result
    }

    fileprivate var compacted: Self {
        // Most have nothing to be left out.
        if !counts.contains(0), spans.dropFirst().allSatisfy({ $0.offset > 0 }), spans.allSatisfy({ $0.length > 0 }) {
            return self
        }
        return Self(indexed: indexed.filter { $0.count != 0 })
    }

    /// Whether the same buckets have the same counts, however the spans are cut.
    fileprivate func isSame(as other: Self) -> Bool {
        guard counts.count == other.counts.count else { return false }
        return indexed.elementsEqual(other.indexed) {
            $0.index == $1.index && $0.count.bitPattern == $1.count.bitPattern
        }
    }
}
