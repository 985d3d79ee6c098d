import ByteCoding
package import MetricModel

/// A part of the answer to a fragment.
///
/// Wire form: u32 rows; per row a varint length and the canonical labels, u32 first step, u32 cells, f64 each: the columns one after the other.
/// With the uppermost bit of the cells' number set the row's native histograms follow: a varint length and the metric, a varint number of
/// histograms, and of each the varints offset, weight, and length of the histogram's bytes, 0 for none, with these.
package struct FragmentPage: Equatable, Sendable {
    /// Rows in the order the sender chose; one that does not fit continues in the next, with the same labels and the steps behind.
    package var rows: [FragmentRow]

    /// A page of `rows`.
    package init(rows: [FragmentRow]) {
        self.rows = rows
    }
}

extension FragmentPage {
    private static let rowBytesMin = 9
    private static let histogramBit: UInt32 = 1 << 31

    /// Appends the wire form; `FragmentPager` keeps it within `WireLimits.pagePayloadBytesMax`.
    package func encode(into bytes: inout [UInt8]) {
        bytes.append(littleEndian: UInt32(rows.count))
        for row in rows {
            bytes.append(prefixed: row.labels.bytes)
            bytes.append(littleEndian: UInt32(row.first))
            bytes.append(littleEndian: UInt32(row.cells.count) | (row.histograms == nil ? 0 : Self.histogramBit))
            bytes.append(column: row.cells)
            row.histograms?.encode(into: &bytes)
        }
    }

    /// Reads the wire form. How many columns the cells are is for the asker to check.
    package init(decoding bytes: RawSpan) throws(WireError) {
        var reader = WireReader(bytes, message: "FragmentPage")
        let count = try reader.count("rows", unit: Self.rowBytesMin, limit: WireLimits.pagePayloadBytesMax)
        rows = []
        rows.reserveCapacity(count)
        for _ in 0..<count {
            let labels = try Labels(from: &reader)
            let first = Int(try reader.uint32())
            let (cells, hasHistograms) = try reader.flaggedCount(
                "cells", unit: 8, limit: WireLimits.pagePayloadBytesMax / 8, flag: Self.histogramBit)
            var row = FragmentRow(labels: labels, first: first, cells: try reader.doubleColumn(count: cells))
            if hasHistograms { row.histograms = try FragmentHistograms(from: &reader, steps: cells) }
            rows.append(row)
        }
        try reader.expectEnd()
    }
}

/// Cuts a stream of rows into pages: `append` rows as they come, send what it returns, and `finish`.
package struct FragmentPager: Sendable {
    private static let rowBytes = 16
    private let width: Int
    private var page = FragmentPage(rows: [])
    private var bytes = 0

    /// - Parameter width: columns of a row.
    package init(width: Int) {
        self.width = width
    }

    /// Takes a row and returns the pages that are full.
    ///
    /// - Throws: `TypedError.tooLarge` when the labels alone exceed half a page's limit.
    package mutating func append(_ row: FragmentRow) throws(TypedError) -> [FragmentPage] {
        let labelBytes = row.labels.bytes.count + Self.rowBytes
        guard labelBytes <= WireLimits.pagePayloadBytesMax / 2 else {
            throw TypedError(.tooLarge, "a label set of \(row.labels.bytes.count) bytes does not fit in a page")
        }
        let steps = row.cells.count / width
        let sizes = row.histograms?.encodedSizes ?? [:]
        var full: [FragmentPage] = []
        var start = 0
        repeat {
            let (end, pieceBytes) = end(of: row, from: start, steps, sizes)
            let piece = start == 0 && end == steps ? row : self.piece(of: row, start..<end, steps)
            if !page.rows.isEmpty && bytes + labelBytes + pieceBytes > SeriesPager.pageBytesDefault {
                full.append(turn())
            }
            page.rows.append(piece)
            bytes += labelBytes + pieceBytes
            start = end
        } while start < steps
        return full
    }

    /// The last page, unless it is empty.
    package mutating func finish() -> FragmentPage? {
        page.rows.isEmpty ? nil : turn()
    }

    /// Where a piece that begins at a step ends, at the latest, and its bytes without labels.
    private func end(
        of row: FragmentRow, from start: Int, _ steps: Int, _ histogramBytes: [Int: Int]
    ) -> (end: Int, bytes: Int) {
        let stepsMax = SeriesPager.pageBytesDefault / (8 * width)
        if histogramBytes.isEmpty {
            let end = min(steps, start + stepsMax)
            return (end, 8 * width * (end - start))
        }
        var end = start
        var size = row.histograms?.metric.utf8.count ?? 0
        while end < steps {
            let next = 8 * width + (histogramBytes[end] ?? 0)
            if end > start && size + next > SeriesPager.pageBytesDefault { break }
            size += next
            end += 1
        }
        return (end, size)
    }

    private func piece(of row: FragmentRow, _ range: Range<Int>, _ steps: Int) -> FragmentRow {
        var piece = FragmentRow(labels: row.labels, first: row.first + range.lowerBound, cells: [])
        for column in 0..<width {
            piece.cells += row.cells[column * steps + range.lowerBound..<column * steps + range.upperBound]
        }
        piece.histograms = row.histograms?.part(range)
        return piece
    }

    private mutating func turn() -> FragmentPage {
        defer {
            page = FragmentPage(rows: [])
            bytes = 0
        }
        return page
    }
}

/// Puts the rows of pages together again: those that were cut are whole.
package struct FragmentCollector: Sendable {
    /// What has arrived, in the order it arrived.
    package private(set) var rows: [FragmentRow] = []
    private let width: Int

    /// - Parameter width: columns of a row.
    package init(width: Int) {
        self.width = width
    }

    /// Adds the next page of the stream.
    ///
    /// A row that has the last one's labels and begins where that ends is its rest, or may as well be: joined they say the same.
    package mutating func append(_ page: FragmentPage) {
        for row in page.rows {
            guard let last = rows.last, last.first + last.cells.count / width == row.first, last.labels == row.labels
            else {
                rows.append(row)
                continue
            }
            rows[rows.count - 1].cells = joined(last.cells, row.cells)
            if last.histograms != nil || row.histograms != nil {
                let before = last.histograms ?? FragmentHistograms(metric: row.histograms?.metric ?? "")
                rows[rows.count - 1].histograms = before.joined(
                    with: row.histograms, after: last.cells.count / width)
            }
        }
    }

    private func joined(_ left: [Double], _ right: [Double]) -> [Double] {
        var cells: [Double] = []
        cells.reserveCapacity(left.count + right.count)
        let (leftSteps, rightSteps) = (left.count / width, right.count / width)
        for column in 0..<width {
            cells += left[column * leftSteps..<(column + 1) * leftSteps]
            cells += right[column * rightSteps..<(column + 1) * rightSteps]
        }
        return cells
    }
}
