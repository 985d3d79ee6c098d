package import ByteCoding

/// Native histograms of one series: strictly ascending timestamps, one histogram each.
package struct HistogramColumns: Equatable, Sendable {
    /// Unix milliseconds, strictly ascending.
    package private(set) var timestamps: [Int64] = []
    /// As many histograms.
    package private(set) var values: [NativeHistogram] = []

    /// None.
    package init() {}

    /// - Precondition: strictly ascending timestamps and as many histograms.
    package init(timestamps: [Int64], values: [NativeHistogram]) {
        precondition(timestamps.count == values.count, "histogram columns of unequal length")
        self.timestamps = timestamps
        self.values = values
    }

    package var count: Int { timestamps.count }
    package var isEmpty: Bool { timestamps.isEmpty }

    /// Bytes in memory, roughly.
    package var memorySize: Int { values.reduce(0) { $0 + $1.memorySize + 8 } }

    /// What they count as where samples are limited.
    package var weight: Int { values.reduce(0) { $0 + $1.weight } }

    /// Adds a histogram behind all others.
    package mutating func append(timestamp: Int64, _ histogram: NativeHistogram) {
        precondition(timestamps.last.map { $0 < timestamp } ?? true, "histograms must ascend")
        timestamps.append(timestamp)
        values.append(histogram)
    }

    /// Adds a histogram at its place; of two at one time the winner stays.
    ///
    /// - Returns: whether there is one more, and the change of `weight`: negative where a lighter one wins.
    package mutating func insert(timestamp: Int64, _ histogram: NativeHistogram) -> (isNew: Bool, weight: Int) {
        let place = firstIndex(from: timestamp)
        if place < count, timestamps[place] == timestamp {
            let before = values[place].weight
            values[place] = SampleResolution.winner(values[place], histogram)
            return (false, values[place].weight - before)
        }
        timestamps.insert(timestamp, at: place)
        values.insert(histogram, at: place)
        return (true, histogram.weight)
    }

    /// Adds others; of two at one time the winner stays.
    ///
    /// - Complexity: O(added) when they lie behind all that are there, else O(both).
    package mutating func merge(_ added: HistogramColumns) {
        guard let first = added.timestamps.first else { return }
        guard let last = timestamps.last else {
            self = added
            return
        }
        if first > last {
            timestamps += added.timestamps
            values += added.values
            return
        }
        var merged = HistogramColumns()
        var (left, right) = (0, 0)
        while left < count || right < added.count {
            if right == added.count || (left < count && timestamps[left] < added.timestamps[right]) {
                merged.append(timestamp: timestamps[left], values[left])
                left += 1
            } else if left == count || added.timestamps[right] < timestamps[left] {
                merged.append(timestamp: added.timestamps[right], added.values[right])
                right += 1
            } else {
                merged.append(
                    timestamp: timestamps[left], SampleResolution.winner(values[left], added.values[right]))
                left += 1
                right += 1
            }
        }
        self = merged
    }

    /// Those within a time range, both ends included.
    package func within(_ start: Int64, _ end: Int64) -> HistogramColumns {
        guard let first = timestamps.first, let last = timestamps.last else { return self }
        if first >= start && last <= end { return self }
        let from = firstIndex(from: start)
        let to = end == .max ? count : firstIndex(from: end + 1)
        return from < to ? self[from..<to] : HistogramColumns()
    }

    /// Takes out those of a time range, both ends included.
    package mutating func remove(_ range: ClosedRange<Int64>) {
        let first = firstIndex(from: range.lowerBound)
        let end = range.upperBound == .max ? count : firstIndex(from: range.upperBound + 1)
        guard first < end else { return }
        timestamps.removeSubrange(first..<end)
        values.removeSubrange(first..<end)
    }

    /// Some of them by their indexes.
    package subscript(range: Range<Int>) -> HistogramColumns {
        HistogramColumns(timestamps: Array(timestamps[range]), values: Array(values[range]))
    }

    /// The index of the first that is not before a time.
    package func firstIndex(from time: Int64) -> Int { timestamps.partition(from: time) }
}

/// Histograms among the rows of `SampleColumns`, by ascending row.
package struct HistogramRows: Equatable, Sendable {
    /// Ascending, each once.
    package private(set) var rows: [UInt32] = []
    /// As many histograms.
    package private(set) var values: [NativeHistogram] = []

    /// None.
    package init() {}

    package var count: Int { rows.count }
    package var isEmpty: Bool { rows.isEmpty }

    /// Bytes in memory, roughly.
    package var memorySize: Int { values.reduce(0) { $0 + $1.memorySize + 4 } }

    /// Adds a histogram.
    ///
    /// - Precondition: its row is behind all others.
    package mutating func append(row: Int, _ histogram: NativeHistogram) {
        precondition(rows.last.map { Int($0) < row } ?? true, "rows of histograms must ascend")
        rows.append(UInt32(row))
        values.append(histogram)
    }

    /// The histogram of a row; nil where there is a number.
    package subscript(row: Int) -> NativeHistogram? {
        let row = UInt32(row)
        let place = rows.partition(from: row)
        return place < rows.count && rows[place] == row ? values[place] : nil
    }

    /// Those that are left, by their new rows, when some rows are taken out.
    ///
    /// - Parameter skipped: ascending, each once.
    /// - Returns: the rest.
    package func without(rows skipped: [Int]) -> HistogramRows {
        var rest = HistogramRows()
        var before = 0
        for (row, histogram) in zip(rows, values) {
            while before < skipped.count, skipped[before] < Int(row) { before += 1 }
            if before < skipped.count, skipped[before] == Int(row) { continue }
            rest.append(row: Int(row) - before, histogram)
        }
        return rest
    }

    /// Those of some rows, by the places of these rows.
    ///
    /// - Parameter wanted: rows in any order.
    /// - Returns: for each of them that is a histogram, its index in `wanted` and the histogram.
    package func part(rows wanted: [Int]) -> HistogramRows {
        var part = HistogramRows()
        if isEmpty { return part }
        for (index, row) in wanted.enumerated() {
            if let histogram = self[row] { part.append(row: index, histogram) }
        }
        return part
    }

    /// Appends all of them: varint count, for each a varint row (of the second and the later ones the difference) and the histogram.
    package func encode(into bytes: inout [UInt8]) {
        bytes.append(varint: count)
        var last: UInt32 = 0
        for (row, histogram) in zip(rows, values) {
            bytes.append(varint: UInt64(row - last))
            histogram.encode(into: &bytes)
            last = row
        }
    }

    /// Reads what `encode` wrote.
    ///
    /// - Parameters:
    ///   - reader: at the count.
    ///   - rowCount: rows that there are.
    /// - Throws: `ByteError`, also for rows that do not ascend or are not there.
    @_lifetime(reader: copy reader)
    package init(reading reader: inout ByteReader, rowCount: Int) throws(ByteError) {
        // 23 bytes is the least that an entry takes.
        for index in 0..<(try reader.readCount(unit: 23)) {
            let start = reader.offset
            let difference = try reader.readVarint()
            let last = Int(rows.last ?? 0)
            guard difference < UInt64(rowCount - last), index == 0 || difference > 0 else {
                throw ByteError(.outOfRange, offset: start, needed: 0)
            }
            rows.append(UInt32(last + Int(difference)))
            values.append(try NativeHistogram(reading: &reader))
        }
    }
}
