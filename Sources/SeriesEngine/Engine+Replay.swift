internal import ByteCoding
internal import MetricModel

/// What a segment notes about slots, in order.
package enum LoggedMovement: Equatable, Sendable {
    case batch(BatchMark)
    case dropped(DroppedSlots)
    /// As `SlotMovement` reads it.
    case record([UInt8])
}

/// What replaying one segment brought.
package struct WALReplay: Sendable {
    /// Records taken.
    package var records = 0
    /// Samples taken.
    package var samples = 0
    /// The segment's version.
    package var version: UInt8 = 0
    /// What is noted about slots.
    package var movements: [LoggedMovement] = []
    /// Those batches that were wanted, by their numbers.
    package var batches: [UInt64: NumberedBatch] = [:]
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
    /// - Parameters:
    ///   - segment: the whole of it.
    ///   - wanted: numbers of batches that are kept one by one.
    /// - Returns: what it brought.
    /// - Throws: `WALError.unknownVersion` or `.notASegment`: refuse to start. What else is wrong is in the result.
    package mutating func replay(
        segment: RawSpan, wanting wanted: Set<UInt64> = []
    ) throws(WALError) -> WALReplay {
        precondition(walSegment == 0, "replay after beginSegment")
        var result = WALReplay()
        var offset = 0
        do throws(WALError) {
            let header = try WALSegmentHeader(decoding: segment)
            offset = WALSegmentHeader.size
            result.version = header.version
            var rows: [UInt32: UInt32] = [:]
            while offset < segment.byteCount {
                let start = offset
                guard let record = try WALRecord.read(segment, at: &offset, version: header.version) else { continue }
                try take(record, at: start, rows: &rows, wanted, into: &result)
                result.records += 1
            }
        } catch {
            if error.code == .unknownVersion || error.code == .notASegment { throw error }
            result.stoppedBy = error
            result.droppedBytes = segment.byteCount - error.offset
        }
        return result
    }

    /// What a segment has of the records of `SlotMovement`, up to its end or the first that cannot be read.
    package static func movementRecords(in segment: RawSpan) -> [[UInt8]] {
        var found: [[UInt8]] = []
        var offset = WALSegmentHeader.size
        guard let header = try? WALSegmentHeader(decoding: segment) else { return [] }
        while offset < segment.byteCount {
            do throws(WALError) {
                let record = try WALRecord.read(segment, at: &offset, version: header.version, only: .movement)
                if case .movement(let bytes) = record { found.append(bytes) }
            } catch {
                return found
            }
        }
        return found
    }

    /// Takes one record.
    ///
    /// - Parameters:
    ///   - record: the record.
    ///   - offset: where it begins in the segment.
    ///   - rows: rows of the series table by the numbers that this segment gives to series.
    ///   - wanted: numbers of batches that are kept.
    ///   - result: gains what it brings.
    /// - Throws: `WALError.undefinedSeries`.
    private mutating func take(
        _ record: WALRecord, at offset: Int, rows: inout [UInt32: UInt32], _ wanted: Set<UInt64>,
        into result: inout WALReplay
    ) throws(WALError) {
        switch record {
        case .definitions(let definitions):
            for entry in definitions { rows[entry.series] = define(entry.definition, seriesMax: .max).row }
        case .metadata(let entries):
            for entry in entries { metadata.set(entry) }
        case .samples(let columns):
            let resolved = try resolve(columns.series, at: offset, rows: rows)
            append(
                rows: resolved, timestamps: columns.timestamps, values: columns.values, histograms: columns.histograms)
            result.samples += columns.count
        case .batch(let mark, let columns):
            let resolved = try resolve(columns.series, at: offset, rows: rows)
            append(
                rows: resolved, timestamps: columns.timestamps, values: columns.values, histograms: columns.histograms)
            result.samples += columns.count
            result.movements.append(.batch(mark))
            guard wanted.contains(mark.number) else { return }
            result.batches[mark.number] = numbered(
                mark, rows: resolved, timestamps: columns.timestamps, values: columns.values,
                histograms: columns.histograms)
        case .bundle(let mark, let bundle):
            let prepared = prepare(bundle)
            apply(prepared)
            result.samples += prepared.count
            result.movements.append(.batch(mark))
            if wanted.contains(mark.number) { result.batches[mark.number] = numbered(prepared, as: mark) }
        case .dropped(let dropped):
            dropSlots(dropped.slots.map { UInt16($0) })
            result.movements.append(.dropped(dropped))
        case .movement(let bytes): result.movements.append(.record(bytes))
        }
    }

    private func resolve(
        _ series: [UInt32], at offset: Int, rows: [UInt32: UInt32]
    ) throws(WALError) -> [UInt32] {
        var resolved: [UInt32] = []
        resolved.reserveCapacity(series.count)
        for number in series {
            guard let row = rows[number], row != SeriesTable.noRow else {
                throw WALError(.undefinedSeries, offset: offset, found: UInt64(number))
            }
            resolved.append(row)
        }
        return resolved
    }
}
