internal import ByteCoding
internal import MetricModel

/// A series as the log defines it: `series` is its number in this segment.
struct WALDefinition: Equatable, Sendable {
    var series: UInt32
    var definition: SeriesDefinition

    /// No fewer bytes than it takes in a record: numbers (9), two varint lengths (10 each), tenant and labels.
    var bytesMax: Int { 29 + definition.tenant.name.utf8.count + definition.labels.bytes.count }
}

/// Log records: length, CRC-32C, kind, payload. Source: docs/formats/wal.md, sections 3 to 7.
enum WALRecord: Equatable, Sendable {
    /// The kinds, with the numbers that stand for them in the log.
    enum Kind: UInt8, Sendable {
        case definitions = 1
        case samples = 2
        case metadata = 3
        case batch = 4
        case bundle = 5
        case dropped = 6
        case movement = 7
        case histogramSamples = 8
        case histogramBatch = 9

        /// The version of the segments that may have it.
        var since: UInt8 {
            switch self {
            case .definitions, .samples, .metadata: WALSegmentHeader.version
            case .batch, .bundle, .dropped, .movement: WALSegmentHeader.clusterVersion
            case .histogramSamples, .histogramBatch: WALSegmentHeader.histogramVersion
            }
        }
    }

    case definitions([WALDefinition])
    case samples(SampleColumns)
    case metadata([TenantMetadata])
    /// Samples of a numbered batch, perhaps none.
    case batch(BatchMark, SampleColumns)
    /// The same as a bundle, which defines its series itself.
    case bundle(BatchMark, SampleBundle)
    case dropped(DroppedSlots)
    /// What `SlotMovement` notes; bytes here.
    case movement([UInt8])

    /// Bytes before the payload: length, checksum, kind.
    static let prefixSize = 9
    /// Bytes of definitions in one record; a batch of more writes several.
    static let definitionBytesMax = 16 << 20

    // MARK: - Writing

    /// Appends a record that defines series.
    static func definitions(_ definitions: [WALDefinition], into log: inout [UInt8]) {
        let start = begin(.definitions, into: &log)
        log.append(varint: definitions.count)
        for entry in definitions {
            log.append(littleEndian: entry.series)
            log.append(littleEndian: entry.definition.placement.hash)
            log.append(entry.definition.placement.labelIndex)
            log.append(prefixed: entry.definition.tenant.name)
            log.append(prefixed: entry.definition.labels.bytes)
        }
        finish(start, &log)
    }

    /// Appends a record of metadata.
    static func metadata(_ entries: [TenantMetadata], into log: inout [UInt8]) {
        let start = begin(.metadata, into: &log)
        log.append(varint: entries.count)
        for entry in entries {
            log.append(prefixed: entry.tenant.name)
            log.append(prefixed: entry.metadata.metric)
            log.append(prefixed: entry.metadata.type)
            log.append(prefixed: entry.metadata.unit)
            log.append(prefixed: entry.metadata.help)
        }
        finish(start, &log)
    }

    /// Appends a record of samples; the columns are of equal length, at least 1.
    static func samples(
        series: [UInt32], timestamps: [Int64], values: [Double], histograms: HistogramRows = HistogramRows(),
        into log: inout [UInt8]
    ) {
        let start = begin(histograms.isEmpty ? .samples : .histogramSamples, into: &log)
        write(series: series, timestamps: timestamps, values: values, into: &log)
        if !histograms.isEmpty { histograms.encode(into: &log) }
        finish(start, &log)
    }

    /// Appends a record of a numbered batch's samples, perhaps none.
    static func batch(
        _ mark: BatchMark, series: [UInt32], timestamps: [Int64], values: [Double],
        histograms: HistogramRows = HistogramRows(), into log: inout [UInt8]
    ) {
        let start = begin(histograms.isEmpty ? .batch : .histogramBatch, into: &log)
        mark.encode(into: &log)
        write(series: series, timestamps: timestamps, values: values, into: &log)
        if !histograms.isEmpty { histograms.encode(into: &log) }
        finish(start, &log)
    }

    /// Appends a record of a numbered batch that came as a bundle.
    static func bundle(_ mark: BatchMark, bundle: [UInt8], into log: inout [UInt8]) {
        let start = begin(.bundle, into: &log)
        mark.encode(into: &log)
        log.append(contentsOf: bundle)
        finish(start, &log)
    }

    /// Appends a record of slots that were dropped.
    static func dropped(_ dropped: DroppedSlots, into log: inout [UInt8]) {
        let start = begin(.dropped, into: &log)
        dropped.encode(into: &log)
        finish(start, &log)
    }

    /// Appends a record of what `SlotMovement` notes.
    static func movement(_ bytes: [UInt8], into log: inout [UInt8]) {
        let start = begin(.movement, into: &log)
        log.append(contentsOf: bytes)
        finish(start, &log)
    }

    private static func write(series: [UInt32], timestamps: [Int64], values: [Double], into log: inout [UInt8]) {
        log.append(littleEndian: UInt32(series.count))
        guard let first = series.first else { return }
        let isRun = isConsecutive(series)
        let form = TimestampForm(of: timestamps)
        log.append((isRun ? 1 : 0) | form.code << 1)
        if isRun { log.append(littleEndian: first) } else { log.append(column: series) }
        form.write(timestamps, into: &log)
        log.append(column: values)
    }

    private static func begin(_ kind: Kind, into log: inout [UInt8]) -> Int {
        let start = log.count
        log.append(littleEndian: UInt32(0))
        log.append(littleEndian: UInt32(0))
        log.append(kind.rawValue)
        return start
    }

    private static func finish(_ start: Int, _ log: inout [UInt8]) {
        let length = log.count - start - prefixSize
        precondition(length <= WALSegmentHeader.recordBytesMax, "log record of \(length) bytes")
        log.replace(at: start, littleEndian: UInt32(length))
        log.replace(at: start + 4, littleEndian: checksum(log.rawSpan.extracting(start..<log.count)))
    }

    /// The checksum of a whole record: over its length, kind and payload.
    private static func checksum(_ record: RawSpan) -> UInt32 {
        let length = CRC32C.of(record.extracting(0..<4))
        return CRC32C.of(record.extracting(8..<record.byteCount), continuing: length)
    }

    private static func isConsecutive(_ series: [UInt32]) -> Bool {
        guard let first = series.first, series.count - 1 <= UInt32.max - first else { return false }
        for index in series.indices where series[index] &- first != UInt32(truncatingIfNeeded: index) { return false }
        return true
    }

    // MARK: - Reading

    /// Reads the record at `offset` of a segment and moves `offset` behind it; on an error `offset` stays.
    ///
    /// - Parameters:
    ///   - segment: the whole segment.
    ///   - offset: of the record.
    ///   - version: of the segment.
    ///   - wanted: the one kind that is read; nil for all.
    /// - Returns: nil for a record of a kind that is not wanted, whose bytes are not looked at.
    /// - Throws: `WALError`.
    static func read(
        _ segment: RawSpan, at offset: inout Int, version: UInt8, only wanted: Kind? = nil
    ) throws(WALError) -> WALRecord? {
        let remaining = segment.byteCount - offset
        guard remaining >= prefixSize else { throw WALError(.recordTooShort, offset: offset, found: 0) }
        var prefix = ByteReader(segment.extracting(offset..<offset + prefixSize))
        do {
            let length = Int(try prefix.readUInt32())
            let checksum = try prefix.readUInt32()
            let number = try prefix.readUInt8()
            guard length <= WALSegmentHeader.recordBytesMax else {
                throw WALError(.badLength, offset: offset, found: UInt64(length))
            }
            guard remaining - prefixSize >= length else {
                throw WALError(.recordTooShort, offset: offset, found: UInt64(length))
            }
            let end = offset + prefixSize + length
            if let wanted, number != wanted.rawValue {
                offset = end
                return nil
            }
            guard checksum == Self.checksum(segment.extracting(offset..<end)) else {
                throw WALError(.badChecksum, offset: offset, found: UInt64(checksum))
            }
            guard let kind = Kind(rawValue: number), kind.since <= version else {
                throw WALError(.unknownRecord, offset: offset, found: UInt64(number))
            }
            let record = try payload(kind, segment.extracting(offset + prefixSize..<end))
            offset = end
            return record
        } catch let error as WALError {
            throw error
        } catch {
            throw WALError(.badRecord, offset: offset, found: 0)
        }
    }

    private static func payload(_ kind: Kind, _ bytes: RawSpan) throws -> WALRecord {
        var reader = ByteReader(bytes)
        let record: WALRecord
        switch kind {
        case .definitions: record = .definitions(try readDefinitions(&reader))
        case .samples: record = .samples(try readSamples(&reader))
        case .histogramSamples:
            var samples = try readSamples(&reader)
            samples.histograms = try HistogramRows(reading: &reader, rowCount: samples.count)
            record = .samples(samples)
        case .histogramBatch:
            let mark = try BatchMark(reading: &reader)
            var samples = try readSamples(&reader)
            samples.histograms = try HistogramRows(reading: &reader, rowCount: samples.count)
            record = .batch(mark, samples)
        case .metadata: record = .metadata(try readMetadata(&reader))
        case .batch:
            let mark = try BatchMark(reading: &reader)
            record = .batch(mark, try readSamples(&reader, mayBeEmpty: true))
        case .bundle:
            let mark = try BatchMark(reading: &reader)
            record = .bundle(mark, try SampleBundle(decoding: reader.readSpan(count: reader.remaining)))
        case .dropped:
            record = .dropped(try DroppedSlots(reading: &reader))
        case .movement: record = .movement(try reader.readBytes(count: reader.remaining))
        }
        guard reader.isAtEnd else { throw ByteError(.truncated, offset: reader.offset, needed: 0) }
        return record
    }

    @_lifetime(reader: copy reader)
    private static func readDefinitions(_ reader: inout ByteReader) throws -> [WALDefinition] {
        let count = try reader.readCount(unit: 11)
        var result: [WALDefinition] = []
        result.reserveCapacity(count)
        for _ in 0..<count {
            let series = try reader.readUInt32()
            let placement = PlacementKey(hash: try reader.readUInt32(), labelIndex: try reader.readUInt8())
            let tenant = try TenantID(validating: reader.readString())
            let labels = try Labels(validating: reader.readPrefixedBytes())
            result.append(
                WALDefinition(
                    series: series, definition: SeriesDefinition(tenant: tenant, labels: labels, placement: placement)))
        }
        return result
    }

    @_lifetime(reader: copy reader)
    private static func readMetadata(_ reader: inout ByteReader) throws -> [TenantMetadata] {
        let count = try reader.readCount(unit: 5)
        var result: [TenantMetadata] = []
        result.reserveCapacity(count)
        for _ in 0..<count {
            let tenant = try TenantID(validating: reader.readString())
            let metadata = MetricMetadata(
                metric: try reader.readString(), type: try reader.readString(), unit: try reader.readString(),
                help: try reader.readString())
            result.append(TenantMetadata(tenant: tenant, metadata: metadata))
        }
        return result
    }

    @_lifetime(reader: copy reader)
    private static func readSamples(_ reader: inout ByteReader, mayBeEmpty: Bool = false) throws -> SampleColumns {
        let count = Int(try reader.readUInt32())
        if mayBeEmpty, count == 0 { return SampleColumns() }
        let flags = try reader.readUInt8()
        guard count <= reader.remaining / 8, let form = TimestampForm(code: flags >> 1) else {
            throw ByteError(.truncated, offset: reader.offset, needed: count)
        }
        let series: [UInt32]
        if flags & 1 == 1 {
            let first = try reader.readUInt32()
            series = (0..<count).map { first &+ UInt32(truncatingIfNeeded: $0) }
        } else {
            series = try reader.readUInt32Array(count: count)
        }
        let timestamps = try form.read(count: count, &reader)
        return SampleColumns(series: series, timestamps: timestamps, values: try reader.readDoubleArray(count: count))
    }
}
