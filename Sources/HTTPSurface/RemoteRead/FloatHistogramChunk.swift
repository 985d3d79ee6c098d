package import MetricModel

/// Encodes native histograms as Prometheus' chunks of float histograms, which its remote read streams: the layout once, delta of delta for
/// times, XOR for sums and counts.
///
/// Source: Prometheus' tsdb/docs/format/chunks.md, "Float histogram chunk data"; the bit patterns of numbers, tsdb/chunkenc/varbit.go.
package enum FloatHistogramChunk {
    /// Histograms in one chunk, as many as `XORChunk` has numbers.
    package static let histogramsMax = 120
    /// Numbers in a chunk of more than one histogram; each takes at most 77 bits.
    private static let numbersMax = 8_192

    /// The chunk of histograms from `start` on, before `end`, as many as can be in one.
    ///
    /// They have one layout, and are all gauges or count never less than the one before: of the histograms of a chunk readers take for granted
    /// that there was no reset.
    ///
    /// - Parameters:
    ///   - columns: the histograms of a series.
    ///   - start: the first, before `end`.
    ///   - end: at most as many as there are.
    /// - Returns: the bytes of the chunk and the index behind its last histogram.
    package static func encode(
        _ columns: HistogramColumns, from start: Int, before end: Int
    ) -> (bytes: [UInt8], end: Int) {
        precondition(start < end && end <= columns.count, "a chunk of no histograms")
        let end = chunkEnd(columns.values, from: start, before: end)
        let first = columns.values[start]
        var bits = BitWriter()
        bits.write(UInt64(end - start), 16)
        bits.write(header(first.counterResetHint), 8)
        writeLayout(of: first, into: &bits)
        var windows = Array(repeating: ValueWindow(), count: numberCount(first))
        var last: [UInt64] = []
        var (time, delta): (Int64, Int64) = (0, 0)
        for index in start..<end {
            let numbers = self.numbers(columns.values[index])
            let step = columns.timestamps[index] &- time
            switch index - start {
            case 0:
                bits.write(varbit: step)
                for number in numbers { bits.write(number, 64) }
            case 1: bits.write(varbit: step)
            default: bits.write(varbit: step &- delta)
            }
            if index > start {
                for place in numbers.indices {
                    windows[place].write(numbers[place] ^ last[place], into: &bits)
                }
            }
            (time, delta, last) = (columns.timestamps[index], step, numbers)
        }
        return (bits.bytes, end)
    }

    private static func chunkEnd(_ histograms: [NativeHistogram], from start: Int, before limit: Int) -> Int {
        let most = min(histogramsMax, max(1, numbersMax / numberCount(histograms[start])))
        var end = start + 1
        while end < limit, end - start < most, continues(histograms[end - 1], histograms[end]) { end += 1 }
        return end
    }

    /// Whether a histogram may follow one in a chunk.
    private static func continues(_ last: NativeHistogram, _ next: NativeHistogram) -> Bool {
        let isGauge = next.counterResetHint == .gauge
        guard isGauge == (last.counterResetHint == .gauge), next.hasSameLayout(as: last) else { return false }
        if isGauge { return true }
        return next.counterResetHint != .reset && next.count >= last.count && next.zeroCount >= last.zeroCount
            && zip(next.positive.counts, last.positive.counts).allSatisfy { $0 >= $1 }
            && zip(next.negative.counts, last.negative.counts).allSatisfy { $0 >= $1 }
    }

    /// The two highest bits say what is known of resets between the chunk before and this one.
    private static func header(_ hint: NativeHistogram.CounterResetHint) -> UInt64 {
        switch hint {
        case .unknown: 0
        case .notReset: 0b0100_0000
        case .reset: 0b1000_0000
        case .gauge: 0b1100_0000
        }
    }

    private static func numberCount(_ histogram: NativeHistogram) -> Int {
        3 + histogram.positive.counts.count + histogram.negative.counts.count
    }

    /// Count, zero count, sum and the buckets, as bits.
    private static func numbers(_ histogram: NativeHistogram) -> [UInt64] {
        let head = [histogram.count, histogram.zeroCount, histogram.sum]
        return (head + histogram.positive.counts + histogram.negative.counts).map(\.bitPattern)
    }

    private static func writeLayout(of histogram: NativeHistogram, into bits: inout BitWriter) {
        // Powers of two have a shorter form, which nobody needs.
        if histogram.zeroThreshold == 0 {
            bits.write(0, 8)
        } else {
            bits.write(0xFF, 8)
            bits.write(histogram.zeroThreshold.bitPattern, 64)
        }
        bits.write(varbit: Int64(histogram.schema))
        for spans in [histogram.positive.spans, histogram.negative.spans] {
            bits.write(varbit: UInt64(spans.count))
            for span in spans {
                bits.write(varbit: UInt64(span.length))
                bits.write(varbit: Int64(span.offset))
            }
        }
        guard histogram.hasCustomBuckets else { return }
        bits.write(varbit: UInt64(histogram.customValues.count))
        for bound in histogram.customValues {
            // Likewise: thousandths have a shorter form.
            bits.write(0, 1)
            bits.write(bound.bitPattern, 64)
        }
    }
}

extension BitWriter {
    /// The sizes of numbers in bits, by the ones before a zero that say which; one more for 64.
    private static let sizes = [0, 3, 6, 9, 12, 18, 25, 56]

    /// A signed number: how many bits it takes, then those.
    fileprivate mutating func write(varbit value: Int64) {
        let form = Self.sizes.firstIndex { size in
            if size == 0 { return value == 0 }
            let half = Int64(1) << (size - 1)
            return value > -half && value <= half
        }
        write(UInt64(bitPattern: value), form: form)
    }

    /// A number from 0 on, likewise.
    fileprivate mutating func write(varbit value: UInt64) {
        write(value, form: Self.sizes.firstIndex { value < UInt64(1) << UInt64($0) })
    }

    private mutating func write(_ value: UInt64, form: Int?) {
        guard let form else {
            write(0xFF, 8)
            return write(value, 64)
        }
        // As many ones, and a zero.
        write(0xFE, form + 1)
        write(value, Self.sizes[form])
    }
}
