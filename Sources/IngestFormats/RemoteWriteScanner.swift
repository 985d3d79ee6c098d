import ByteCoding
import MetricModel

/// Pass 1 over a `WriteRequest`: finds samples and label runs in place and hashes the runs.
///
/// Reads the memory once, in order. The fields, from prometheus/prometheus: prompb/remote.proto and types.proto:
///
///     WriteRequest   1: TimeSeries*  3: MetricMetadata*
///     TimeSeries     1: Label*  2: Sample*  3: Exemplar*  4: Histogram*
///     Sample         1: double value  2: int64 timestamp
///     Histogram      RemoteWriteHistogram.swift
///     MetricMetadata 1: enum type  2: string metric  4: string help  5: string unit
///
/// Label messages are skipped by their length: what is in them is read in pass 2, for runs that the router has not seen.
struct RemoteWriteScanner: ~Escapable {
    /// Why the request as a whole is refused.
    enum Failure: Error {
        case bytes(ByteError)
        case limit(name: String, maximum: Int, found: Int)
    }

    private let bytes: Span<UInt8>
    private let raw: RawSpan
    private let seed: UInt64
    private let limits: Limits
    private let takesHistograms: Bool
    private var histogramBytes = 0
    private var at = 0
    private var seriesCount = 0
    private var metadataCount = 0

    /// Begins at the start of a message, not compressed, that must stay alive as long as the scanner.
    @_lifetime(borrow request)
    init(_ request: borrowing [UInt8], seed: UInt64, limits: Limits, takesHistograms: Bool) {
        self.takesHistograms = takesHistograms
        self.bytes = request.span
        self.raw = request.rawSpan
        self.seed = seed
        self.limits = limits
    }

    /// Reads the whole request.
    ///
    /// - Parameters:
    ///   - write: takes what is found; its `bytes` are left to the caller.
    ///   - spill: takes copies of label runs that do not lie in one piece; their offsets count from the end of the request.
    /// - Throws: `Failure` for bytes that are no `WriteRequest`, and for one over a limit.
    @_lifetime(self: copy self)
    mutating func scan(into write: inout ParsedWrite, spill: inout [UInt8]) throws(Failure) {
        // A series of Prometheus takes 100 to 400 bytes; the arrays grow where this guess is short.
        let guess = min(bytes.count / 128 + 16, limits.seriesPerRequestMax)
        write.series.reserveCapacity(guess)
        write.samples.series.reserveCapacity(guess)
        write.samples.timestamps.reserveCapacity(guess)
        write.samples.values.reserveCapacity(guess)
        while at < bytes.count {
            let start = at
            let tag = try readVarint(end: bytes.count)
            switch tag {
            case 0x0A:
                let end = try readEnd(within: bytes.count)
                try scanSeries(end: end, into: &write, spill: &spill)
            case 0x1A:
                let end = try readEnd(within: bytes.count)
                scanMetadata(end: end, into: &write)
                at = end
            default: try skipField(tag: tag, from: start, end: bytes.count)
            }
        }
    }

    // MARK: - One series

    @_lifetime(self: copy self)
    private mutating func scanSeries(
        end: Int, into write: inout ParsedWrite, spill: inout [UInt8]
    ) throws(Failure) {
        guard seriesCount < limits.seriesPerRequestMax else {
            throw .limit(
                name: "series_per_request_max", maximum: limits.seriesPerRequestMax, found: seriesCount + 1)
        }
        let start = at
        let element = seriesCount
        seriesCount += 1
        let index = UInt32(truncatingIfNeeded: write.series.count)
        let samplesBefore = write.samples.series.count
        var runStart = start
        skipShortLabels(end: end)
        var runEnd = at
        var isInOnePiece = true
        var histograms = 0
        let exemplarsBefore = write.exemplars.count
        while at < end {
            let fieldStart = at
            let tag = try readVarint(end: end)
            switch tag {
            case 0x0A:
                at = try readEnd(within: end)
                if runEnd == fieldStart {
                    runEnd = at
                } else if runEnd == runStart {
                    runStart = fieldStart
                    runEnd = at
                } else {
                    isInOnePiece = false
                }
            case 0x12:
                let sampleEnd = try readEnd(within: end)
                try scanSample(end: sampleEnd, series: index, into: &write.samples)
            case 0x1A:
                let exemplarEnd = try readEnd(within: end)
                write.noteExemplar(offset: at, length: exemplarEnd - at)
                at = exemplarEnd
            case 0x22:
                let histogramEnd = try readEnd(within: end)
                if takesHistograms {
                    try scanHistogram(
                        end: histogramEnd, series: index, element: element, labels: runStart..<runEnd, into: &write)
                } else {
                    histograms += 1
                }
                at = histogramEnd
            default: try skipField(tag: tag, from: fieldStart, end: end)
            }
        }
        if histograms > 0 {
            write.reject(
                element: element, count: histograms,
                reason: "native histograms are not taken here: native-histograms is off (\(histograms) in this series)")
        }
        if write.exemplars.count > exemplarsBefore {
            write.placeExemplars(from: exemplarsBefore, run: isInOnePiece ? runStart..<runEnd : nil)
        }
        let samplesNow = write.samples.series.count
        guard samplesNow > samplesBefore else { return }
        guard samplesNow <= limits.samplesPerRequestMax else {
            throw .limit(name: "samples_per_request_max", maximum: limits.samplesPerRequestMax, found: samplesNow)
        }
        if isInOnePiece {
            let run = raw.extracting(runStart..<runEnd)
            write.series.append(
                RawSeries(
                    hash: XXH3.hash128(run, seed: seed), offset: runStart, length: runEnd - runStart, element: element))
        } else {
            try spillRun(start..<end, element: element, into: &write, spill: &spill)
        }
    }

    /// Steps over the labels that a series begins with, as long as each is under 128 bytes: nearly all of a request's fields.
    @inline(__always)
    @_lifetime(self: copy self)
    private mutating func skipShortLabels(end: Int) {
        var at = at
        while end &- at >= 2, bytes[at] == 0x0A {
            let length = Int(bytes[at &+ 1])
            guard length < 0x80, length <= end &- at &- 2 else { break }
            at &+= 2 &+ length
        }
        self.at = at
    }

    /// Copies the labels of a series that has other fields between them into one run: legal protobuf that nobody sends.
    @_lifetime(self: copy self)
    private mutating func spillRun(
        _ message: Range<Int>, element: Int, into write: inout ParsedWrite, spill: inout [UInt8]
    ) throws(Failure) {
        let offset = spill.count
        at = message.lowerBound
        while at < message.upperBound {
            let start = at
            let tag = try readVarint(end: message.upperBound)
            try skipField(tag: tag, from: start, end: message.upperBound)
            guard tag == 0x0A else { continue }
            for index in start..<at { spill.append(bytes[index]) }
        }
        let hash = XXH3.hash128(spill.rawSpan.extracting(offset..<spill.count), seed: seed)
        write.series.append(
            RawSeries(hash: hash, offset: bytes.count + offset, length: spill.count - offset, element: element))
    }

    @_lifetime(self: copy self)
    private mutating func scanSample(end: Int, series: UInt32, into samples: inout SampleColumns) throws(Failure) {
        var value: UInt64 = 0
        var timestamp: UInt64 = 0
        if end &- at >= 10, bytes[at] == 0x09, bytes[at &+ 9] == 0x10 {
            // As every sender writes it.
            value = raw.littleEndianWord(at: at &+ 1)
            at &+= 10
            timestamp = try readLongVarint(end: end)
        }
        while at < end {
            let start = at
            let tag = try readVarint(end: end)
            switch tag {
            case 0x09:
                guard end - at >= 8 else { throw truncated(needed: 8) }
                value = raw.littleEndianWord(at: at)
                at += 8
            case 0x10: timestamp = try readVarint(end: end)
            default: try skipField(tag: tag, from: start, end: end)
            }
        }
        samples.append(
            series: series, timestamp: Int64(bitPattern: timestamp), value: Double(bitPattern: value))
    }

    /// `histogram_bytes_per_request_max`: memory of one request's histograms; a few bytes may stand for many buckets.
    static let histogramBytesMax = 64 << 20

    /// Reads one histogram; one that cannot be stored is rejected alone. One that says that its series ended is a stale marker.
    @inline(never)
    @_lifetime(self: copy self)
    private mutating func scanHistogram(
        end: Int, series: UInt32, element: Int, labels: Range<Int>, into write: inout ParsedWrite
    ) throws(Failure) {
        do throws(RemoteWriteHistogram.Failure) {
            let message = try RemoteWriteHistogram(raw.extracting(at..<end))
            if message.isStaleMarker {
                write.samples.append(series: series, timestamp: message.timestamp, value: StaleMarker.value)
                return
            }
            let histogram = try message.histogram()
            histogramBytes += histogram.memorySize
            write.samples.append(series: series, timestamp: message.timestamp, histogram: histogram)
        } catch {
            let name = write.keepsReasons ? seriesName(labels) : ""
            write.reject(element: element, reason: "native histogram\(name): \(error)")
        }
        guard histogramBytes <= Self.histogramBytesMax else {
            throw .limit(
                name: "histogram_bytes_per_request_max", maximum: Self.histogramBytesMax, found: histogramBytes)
        }
    }

    /// The most characters of a series' name in a reason.
    private static let nameLengthMax = 200

    /// ` of name{a="b"}`, cut short; empty where the labels are none.
    private func seriesName(_ run: Range<Int>) -> String {
        guard let labels = try? LabelRun.labels(in: raw.extracting(run), limits: limits) else { return "" }
        let name = labels.description
        return " of " + (name.count > Self.nameLengthMax ? name.prefix(Self.nameLengthMax) + "…" : name)
    }

    // MARK: - Metadata

    /// Reads one entry; one that cannot be read is rejected alone.
    private mutating func scanMetadata(end: Int, into write: inout ParsedWrite) {
        metadataCount += 1
        guard write.metadata.count < ParsedWrite.metadataPerRequestMax else { return }
        var reader = ProtobufReader(raw.extracting(at..<end))
        var type: UInt64 = 0
        var metadata = MetricMetadata(metric: "", type: "", unit: "", help: "")
        do throws(ByteError) {
            while let field = try reader.nextField() {
                switch (field.number, field.type) {
                case (1, .varint): type = try reader.readVarint()
                case (2, .bytes): metadata.metric = try reader.readString()
                case (4, .bytes): metadata.help = try reader.readString()
                case (5, .bytes): metadata.unit = try reader.readString()
                default: try reader.skip(field.type)
                }
            }
        } catch {
            write.reject(element: metadataCount - 1, reason: "metadata entry: \(error)")
            return
        }
        metadata.type = RemoteWriteMetricType.name(of: type)
        if metadata.help.utf8.count > ParsedWrite.metadataTextBytesMax { metadata.help = "" }
        if metadata.unit.utf8.count > ParsedWrite.metadataTextBytesMax { metadata.unit = "" }
        guard !metadata.metric.isEmpty, metadata.metric.utf8.count <= limits.labelValueBytesMax else { return }
        write.metadata.append(metadata)
    }

    // MARK: - The wire format

    /// Consumes a field that is not wanted, tag already read.
    @_lifetime(self: copy self)
    private mutating func skipField(tag: UInt64, from start: Int, end: Int) throws(Failure) {
        guard tag >> 3 > 0, tag >> 3 <= 536_870_911 else { throw .bytes(ByteError(.badTag, offset: start, needed: 0)) }
        switch tag & 7 {
        case 0: _ = try readVarint(end: end)
        case 1: try skip(8, end: end)
        case 2: at = try readEnd(within: end)
        case 5: try skip(4, end: end)
        default: throw .bytes(ByteError(.badTag, offset: start, needed: 0))
        }
    }

    @_lifetime(self: copy self)
    private mutating func skip(_ count: Int, end: Int) throws(Failure) {
        guard end - at >= count else { throw truncated(needed: count) }
        at += count
    }

    /// Consumes a length and returns where the field that it measures ends.
    @inline(__always)
    @_lifetime(self: copy self)
    private mutating func readEnd(within end: Int) throws(Failure) -> Int {
        let length = try readVarint(end: end)
        guard length <= UInt64(end &- at) else { throw truncated(needed: Int(clamping: length)) }
        return at &+ Int(truncatingIfNeeded: length)
    }

    @inline(__always)
    @_lifetime(self: copy self)
    private mutating func readVarint(end: Int) throws(Failure) -> UInt64 {
        guard at < end else { throw truncated(needed: 1) }
        let first = bytes[at]
        if first < 0x80 {
            at &+= 1
            return UInt64(first)
        }
        if at &+ 1 < end, bytes[at &+ 1] < 0x80 {
            let second = bytes[at &+ 1]
            at &+= 2
            return UInt64(first & 0x7F) | UInt64(second) << 7
        }
        return try readLongVarint(end: end)
    }

    @_lifetime(self: copy self)
    private mutating func readLongVarint(end: Int) throws(Failure) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        let start = at
        while true {
            guard at < end else { throw truncated(needed: 1) }
            let byte = bytes[at]
            at &+= 1
            if shift == 63 && byte > 1 { throw .bytes(ByteError(.varintTooLong, offset: start, needed: 0)) }
            value |= UInt64(byte & 0x7F) &<< shift
            if byte < 0x80 { return value }
            shift &+= 7
        }
    }

    private func truncated(needed: Int) -> Failure {
        .bytes(ByteError(.truncated, offset: at, needed: needed))
    }
}

/// The metric types of remote write's metadata.
enum RemoteWriteMetricType {
    private static let names = [
        "unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset",
    ]

    /// The type's name; a number from a later version is `unknown`.
    static func name(of number: UInt64) -> String {
        number < UInt64(names.count) ? names[Int(number)] : "unknown"
    }

    /// The number of a type's name; 0, unknown, for one that remote write has no number for.
    static func number(of name: String) -> UInt64 {
        UInt64(names.firstIndex(of: name) ?? 0)
    }
}
