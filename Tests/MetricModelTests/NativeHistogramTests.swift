import ByteCoding
import MetricModel
import Testing

@Suite("Native histograms")
struct NativeHistogramTests {
    private typealias Span = NativeHistogram.Span
    private typealias Buckets = NativeHistogram.Buckets

    private static let latency = NativeHistogram(
        schema: 3, counterResetHint: .notReset, count: 12, sum: 18.4, zeroThreshold: 0.001, zeroCount: 2,
        positive: Buckets(
            spans: [Span(offset: -3, length: 2), Span(offset: 4, length: 1)], counts: [1, 7, 1]),
        negative: Buckets(spans: [Span(offset: 0, length: 1)], counts: [1]))
    private static let custom = NativeHistogram(
        schema: NativeHistogram.customSchema, count: 3.5, sum: -0.0,
        positive: Buckets(spans: [Span(offset: 0, length: 3)], counts: [0.5, 1, 2]), customValues: [-1, 5])

    private func refusal(_ change: (inout NativeHistogram) -> Void, of base: NativeHistogram = latency)
        -> HistogramError?
    {
        var histogram = base
        change(&histogram)
        do throws(HistogramError) {
            try histogram.check()
            return nil
        } catch {
            return error
        }
    }

    @Test("a sound histogram passes")
    func sound() {
        #expect(refusal { _ in } == nil)
        #expect(refusal({ _ in }, of: Self.custom) == nil)
        #expect(refusal { $0 = NativeHistogram(schema: 0, count: 0, sum: .nan) } == nil)
        #expect(refusal { $0.positive.spans[0].offset = Int32(-NativeHistogram.bucketIndexMax) } == nil)
    }

    @Test("what is put in says how much heavier the column has become, also where it replaces another")
    func weights() {
        var columns = HistogramColumns()
        var light = Self.latency
        light.count = 1
        var wide = Self.latency
        wide.positive = Buckets(spans: [Span(offset: 0, length: 100)], counts: Array(repeating: 1, count: 100))
        var greatest = light
        greatest.count = 1000
        let outcomes = [light, wide, light, greatest].map { columns.insert(timestamp: 5, $0) }
        let gain = wide.weight - light.weight
        #expect(outcomes.map(\.weight) == [light.weight, gain, 0, -gain])
        #expect(outcomes.map(\.isNew) == [true, false, false, false])
        #expect(columns.weight == light.weight)
    }

    @Test("a result may have more buckets than a sample")
    func sizes() throws {
        var histogram = Self.latency
        for (count, sample, result) in [
            (4095, true, true), (4096, false, true), (32_767, false, true), (32_768, false, false),
        ] {
            histogram.positive = Buckets(
                spans: [Span(offset: 0, length: UInt32(count))], counts: Array(repeating: 1, count: count))
            #expect(((try? histogram.checkLayout()) != nil) == sample, "\(count)")
            #expect(((try? histogram.checkLayout(.result)) != nil) == result, "\(count)")
        }
    }

    @Test("what a sender may have got wrong is refused with its reason")
    func refusals() {
        #expect(refusal { $0.schema = 9 } == .unknownSchema(9))
        #expect(refusal { $0.schema = -5 } == .unknownSchema(-5))
        #expect(refusal { $0.positive.spans[1].offset = -1 } == .negativeOffset(span: 1))
        #expect(refusal { $0.positive.spans[0].length = 3 } == .bucketsUnlikeSpans(spans: 4, counts: 3))
        #expect(refusal { $0.positive.spans[1].offset = .max } == .indexOutOfRange)
        #expect(refusal { $0.positive.spans[0].offset = .min } == .indexOutOfRange)
        #expect(refusal { $0.negative.spans[0].length = .max } == .indexOutOfRange)
        #expect(refusal { $0.negative.counts[0] = -1 } == .negativeCount(of: "a bucket"))
        #expect(refusal { $0.count = .nan } == .countNotFinite(of: "its count"))
        #expect(refusal { $0.zeroCount = .infinity } == .countNotFinite(of: "its zero count"))
        #expect(refusal { $0.zeroThreshold = -1 } == .badZeroThreshold)
        #expect(refusal { $0.zeroThreshold = .nan } == .badZeroThreshold)
        #expect(refusal { $0.customValues = [1] } == .boundsWithoutCustomSchema)
        #expect(refusal({ $0.customValues = [5, 5] }, of: Self.custom) == .boundsNotAscending)
        #expect(refusal({ $0.customValues = [5, .infinity] }, of: Self.custom) == .boundsNotAscending)
        #expect(refusal({ $0.customValues = [5] }, of: Self.custom) == .indexOutOfRange)
        #expect(refusal({ $0.negative = Self.latency.negative }, of: Self.custom) == .customWithNegative)
        #expect(refusal({ $0.zeroCount = 1 }, of: Self.custom) == .customWithZeroBucket)
        #expect(refusal({ $0.positive.spans[0].offset = -1 }, of: Self.custom) == .negativeOffset(span: 0))
    }

    @Test("lists beyond their limits are refused by the limit's name")
    func limits() {
        let many = NativeHistogram.bucketsMax + 1
        let wide = refusal {
            $0.positive = Buckets(
                spans: [Span(offset: 0, length: UInt32(many))], counts: Array(repeating: 0, count: many))
        }
        #expect(wide == .limit(name: "histogram_buckets_max", maximum: many - 1, found: many + 1))
        let spans = refusal { $0.positive.spans = Array(repeating: Span(offset: 0, length: 0), count: many) }
        #expect(spans == .limit(name: "histogram_spans_max", maximum: many - 1, found: many + 1))
        let bounds = refusal({ $0.customValues = (0..<many).map { Double($0) } }, of: Self.custom)
        #expect(bounds == .limit(name: "histogram_custom_bounds_max", maximum: many - 1, found: many))
    }

    @Test("bytes give back every bit, and equal histograms have equal bytes")
    func bytes() throws {
        var odd = Self.latency
        odd.sum = Double(bitPattern: 0x7FF8_0000_0000_1234)
        odd.count = 1.5
        var negativeZero = Self.latency
        negativeZero.zeroCount = -0.0
        for histogram in [Self.latency, Self.custom, odd, negativeZero, NativeHistogram(schema: 8, count: 0, sum: 0)] {
            let bytes = histogram.encoded
            var reader = ByteReader(bytes.rawSpan)
            #expect(try NativeHistogram(reading: &reader) == histogram)
            let isAtEnd = reader.isAtEnd
            #expect(isAtEnd)
        }
        #expect(negativeZero != Self.latency && negativeZero.encoded != Self.latency.encoded)
    }

    @Test("bytes cut anywhere are refused, and no flipped bit traps")
    func hostileBytes() {
        for histogram in [Self.latency, Self.custom] {
            let bytes = histogram.encoded
            for length in bytes.indices {
                #expect(throws: ByteError.self) {
                    let cut = Array(bytes[..<length])
                    var reader = ByteReader(cut.rawSpan)
                    _ = try NativeHistogram(reading: &reader)
                }
            }
            for bit in 0..<bytes.count * 8 {
                var mutant = bytes
                mutant[bit / 8] ^= 1 << UInt8(bit % 8)
                var reader = ByteReader(mutant.rawSpan)
                if let read = try? NativeHistogram(reading: &reader) {
                    #expect(throws: Never.self) { try read.checkLayout() }
                }
            }
        }
    }

    @Test("of two histograms the same one wins on either side")
    func winner() {
        var other = Self.latency
        other.count = 13
        var third = Self.latency
        third.counterResetHint = .gauge
        let all = [Self.latency, other, third, Self.custom]
        for left in all {
            for right in all {
                let winner = SampleResolution.winner(left, right)
                #expect(winner == SampleResolution.winner(right, left))
                #expect(winner == left || winner == right)
            }
        }
        #expect(SampleResolution.winner(Self.latency, other) == other)
    }

    @Test("a histogram beats the number at its time")
    func settle() {
        var times: [Int64] = [1, 2, 3, 4, 5]
        var values: [Double] = [10, 20, 30, 40, 50]
        let histograms = HistogramColumns(timestamps: [0, 2, 5, 9], values: Array(repeating: Self.latency, count: 4))
        SampleResolution.settle(&times, &values, histograms)
        #expect(times == [1, 3, 4] && values == [10, 30, 40])
    }

    @Test("columns keep one histogram a time, in any order of arrival")
    func columns() {
        var other = Self.latency
        other.count = 99
        var left = HistogramColumns(timestamps: [1, 3], values: [Self.latency, Self.latency])
        let right = HistogramColumns(timestamps: [2, 3], values: [Self.custom, other])
        var swapped = right
        swapped.merge(left)
        left.merge(right)
        #expect(left == swapped && left.timestamps == [1, 2, 3] && left.values[2] == other)
        #expect(left.within(2, 2).timestamps == [2])
        #expect(left.within(4, 9).isEmpty)
        left.remove(1...2)
        #expect(left.timestamps == [3])
    }

    @Test("rows are found, cut out and read again")
    func rows() throws {
        var samples = SampleColumns()
        samples.append(series: 0, timestamp: 1, value: 1)
        samples.append(series: 1, timestamp: 1, histogram: Self.latency)
        samples.append(series: 2, timestamp: 1, value: 3)
        samples.append(series: 3, timestamp: 1, histogram: Self.custom)
        let part = samples.part(rows: [3, 0, 1])
        #expect(part.histograms[0] == Self.custom && part.histograms[1] == nil && part.histograms[2] == Self.latency)
        #expect(samples.histograms.without(rows: [0, 1]).rows == [1])
        var bytes: [UInt8] = []
        samples.histograms.encode(into: &bytes)
        var reader = ByteReader(bytes.rawSpan)
        #expect(try HistogramRows(reading: &reader, rowCount: 4) == samples.histograms)
        #expect(throws: ByteError.self) {
            var reader = ByteReader(bytes.rawSpan)
            _ = try HistogramRows(reading: &reader, rowCount: 3)
        }
    }

    @Test("buckets of a lower resolution hold the same observations")
    func reduced() {
        let buckets = Buckets(indexed: [(-3, 1), (-2, 2), (0, 3), (1, 4), (2, 5), (5, 6)])
        let half = buckets.reduced(by: 1)
        var found: [Int32: Double] = [:]
        half.forEach { found[$0] = $1 }
        #expect(found == [-1: 3, 0: 3, 1: 9, 3: 6])
        #expect(buckets.reduced(by: 40).counts == [6, 15])
    }
}
