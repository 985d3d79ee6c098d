internal import MetricModel

/// One batch's judgement: which rows are taken, which are refused and why, which series the log has yet to learn.
///
/// Source of the rules: design.md, "Late samples"; an empty series takes any age inside the retention.
struct Judging {
    /// Row of the series table for each definition of the batch.
    let definitionRows: [UInt32]
    /// Why a definition was refused.
    let refusals: [SampleRejection.Reason?]
    /// Whether the batch's references belong to this generation.
    let knowsReferences: Bool
    private let oldest: Int64
    private let newest: Int64
    private let lateWindow: Int64

    /// Rows of the series table for the samples taken, in order.
    private(set) var rows: [UInt32] = []
    private(set) var rejections: [SampleRejection] = []
    /// Batch rows whose reference is not known.
    private(set) var unknown: [UInt32] = []
    /// Rows of the series table that the current segment does not define yet.
    private(set) var undefinedRows: [UInt32] = []
    /// Batch rows that are not taken, ascending.
    private var skipped: [Int] = []

    init(
        definitionRows: [UInt32], refusals: [SampleRejection.Reason?], knowsReferences: Bool, now: Int64,
        configuration: EngineConfiguration
    ) {
        self.definitionRows = definitionRows
        self.refusals = refusals
        self.knowsReferences = knowsReferences
        self.oldest = configuration.retention > 0 ? now - configuration.retention : .min + 1
        self.newest = now + configuration.futureSkewMax
        self.lateWindow = configuration.lateWindow
    }

    /// Judges every row; `judged` and `walSegment` of the series move on.
    mutating func run(_ input: SampleColumns, table: inout SeriesTable, segment: UInt32) {
        rows.reserveCapacity(input.count)
        for index in 0..<input.count {
            let row = self.row(of: input.series[index], table: table)
            guard row != SeriesTable.noRow else {
                skipUnresolved(index, series: input.series[index])
                continue
            }
            let timestamp = input.timestamps[index]
            guard timestamp >= oldest && timestamp <= newest else {
                reject(index, timestamp < oldest ? .tooOld : .tooNew)
                continue
            }
            let state = table.states[Int(row)]
            if timestamp > state.judged {
                table.states[Int(row)].judged = timestamp
            } else if timestamp < state.judged &- lateWindow {
                reject(index, .tooOld)
                continue
            }
            if state.walSegment != segment {
                table.states[Int(row)].walSegment = segment
                undefinedRows.append(row)
            }
            rows.append(row)
        }
    }

    /// The elements of a column that belong to the rows taken.
    func kept<T>(_ column: [T]) -> [T] {
        if skipped.isEmpty { return column }
        var result: [T] = []
        result.reserveCapacity(rows.count)
        var from = 0
        for index in skipped {
            result.append(contentsOf: column[from..<index])
            from = index + 1
        }
        result.append(contentsOf: column[from...])
        return result
    }

    /// The histograms of the rows taken.
    func kept(_ histograms: HistogramRows) -> HistogramRows {
        skipped.isEmpty || histograms.isEmpty ? histograms : histograms.without(rows: skipped)
    }

    @inline(__always)
    private func row(of series: UInt32, table: borrowing SeriesTable) -> UInt32 {
        if series & SeriesReference.definitionBit == 0 {
            return knowsReferences ? table.row(ofReference: series) : SeriesTable.noRow
        }
        let definition = Int(series & ~SeriesReference.definitionBit)
        return definition < definitionRows.count ? definitionRows[definition] : SeriesTable.noRow
    }

    private mutating func skipUnresolved(_ index: Int, series: UInt32) {
        let definition = Int(series & ~SeriesReference.definitionBit)
        if series & SeriesReference.definitionBit != 0, definition < refusals.count, let reason = refusals[definition] {
            reject(index, reason)
        } else {
            unknown.append(UInt32(index))
            skipped.append(index)
        }
    }

    private mutating func reject(_ index: Int, _ reason: SampleRejection.Reason) {
        rejections.append(SampleRejection(row: index, reason: reason))
        skipped.append(index)
    }
}
