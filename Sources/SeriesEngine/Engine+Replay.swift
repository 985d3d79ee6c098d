internal import ByteCoding
internal import MetricModel

/// What replaying one segment brought.
package struct WALReplay: Equatable, Sendable {
    /// Records taken.
    package var records = 0
    /// Samples taken.
    package var samples = 0
    /// Why reading stopped before the end; nil when all was read.
    package var stoppedBy: WALError?
    /// Bytes from there on that are not taken.
    package var droppedBytes = 0

    /// Nothing yet.
    package init() {}
}

extension Engine {
    /// Takes the records of one segment into the head, up to its end or the first that cannot be read.
    ///
    /// Samples go the way of `apply`: they were judged before they were logged. The caller replays all segments that no block
    /// covers by ascending number, then calls `beginSegment`.
    /// - Throws: `WALError.unknownVersion` or `.notASegment`: refuse to start. What else is wrong is in the result.
    package mutating func replay(segment: RawSpan) throws(WALError) -> WALReplay {
        precondition(walSegment == 0, "replay after beginSegment")
        var result = WALReplay()
        var offset = 0
        do throws(WALError) {
            _ = try WALSegmentHeader(decoding: segment)
            offset = WALSegmentHeader.size
            var rows: [UInt32: UInt32] = [:]
            while offset < segment.byteCount {
                let start = offset
                let record = try WALRecord.read(segment, at: &offset)
                result.samples += try take(record, at: start, rows: &rows)
                result.records += 1
            }
        } catch {
            if error.code == .unknownVersion || error.code == .notASegment { throw error }
            result.stoppedBy = error
            result.droppedBytes = segment.byteCount - error.offset
        }
        return result
    }

    /// Takes one record.
    ///
    /// - Parameters:
    ///   - record: the record.
    ///   - offset: where it begins in the segment.
    ///   - rows: rows of the series table by the numbers that this segment gives to series.
    /// - Returns: samples taken.
    /// - Throws: `WALError.undefinedSeries`.
    private mutating func take(
        _ record: WALRecord, at offset: Int, rows: inout [UInt32: UInt32]
    ) throws(WALError) -> Int {
        switch record {
        case .definitions(let definitions):
            for entry in definitions { rows[entry.series] = define(entry.definition, seriesMax: .max).row }
            return 0
        case .metadata(let entries):
            for entry in entries { metadata.set(entry) }
            return 0
        case .samples(let columns):
            var resolved: [UInt32] = []
            resolved.reserveCapacity(columns.count)
            for series in columns.series {
                guard let row = rows[series], row != SeriesTable.noRow else {
                    throw WALError(.undefinedSeries, offset: offset, found: UInt64(series))
                }
                resolved.append(row)
            }
            append(rows: resolved, timestamps: columns.timestamps, values: columns.values)
            return columns.count
        }
    }
}
