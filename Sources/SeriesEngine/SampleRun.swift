internal import ChunkCoding
package import MetricModel

/// Samples of one series being put together from several sources: strictly ascending timestamps, one value each.
package struct SampleRun: Sendable {
    /// Unix milliseconds, strictly ascending.
    package private(set) var timestamps: [Int64] = []
    /// As many values.
    package private(set) var values: [Double] = []
    /// Native histograms, with times of their own; where one is at the time of a value, `settle` takes the value out.
    package private(set) var histograms = HistogramColumns()
    private var picker = ChunkPicker()

    package init() {}

    /// How many samples there are that are numbers.
    package var count: Int { timestamps.count }

    /// Whether there is no sample of either kind.
    package var isEmpty: Bool { timestamps.isEmpty && histograms.isEmpty }

    /// Leaves one sample a time: to be called once everything is merged, and before anything is read.
    package mutating func settle() {
        SampleResolution.settle(&timestamps, &values, histograms)
    }

    /// Adds histograms of another source.
    package mutating func merge(_ added: HistogramColumns) {
        if !added.isEmpty { histograms.merge(added) }
    }

    /// All samples as a series has them.
    package mutating func columns(_ labels: Labels) -> SeriesColumns {
        settle()
        return SeriesColumns(labels: labels, timestamps: timestamps, values: values, histograms: histograms)
    }

    /// Forgets all samples and keeps the memory.
    package mutating func removeAll() {
        timestamps.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
        if !histograms.isEmpty { histograms = HistogramColumns() }
    }

    /// Adds samples that lie behind all that is there, `room` of them at most: `fill` gets the columns, where to begin in both, and a picker, and
    /// returns where it ended.
    @inline(__always)
    mutating func append(
        room: Int,
        _ fill: (inout MutableSpan<Int64>, inout MutableSpan<Double>, Int, inout ChunkPicker) throws(BlockError) -> Int
    ) throws(BlockError) {
        try Self.append(room, to: &timestamps, &values, &picker, fill)
    }

    @inline(__always)
    private static func append(
        _ room: Int, to timestamps: inout [Int64], _ values: inout [Double], _ picker: inout ChunkPicker,
        _ fill: (inout MutableSpan<Int64>, inout MutableSpan<Double>, Int, inout ChunkPicker) throws(BlockError) -> Int
    ) throws(BlockError) {
        let base = timestamps.count
        timestamps.append(contentsOf: repeatElement(0, count: room))
        values.append(contentsOf: repeatElement(0, count: room))
        var times = timestamps.mutableSpan
        var column = values.mutableSpan
        let end = try fill(&times, &column, base, &picker)
        guard end < times.count else { return }
        timestamps.removeSubrange(end...)
        values.removeSubrange(end...)
    }

    /// Decodes a chunk to the end; it lies behind all that is there.
    mutating func appendDecoding(_ chunk: RawSpan) throws(ChunkError) {
        try ChunkDecoder.decode(chunk, timestamps: &timestamps, values: &values)
    }

    /// Adds another source, itself strictly ascending; equal timestamps are resolved by `SampleResolution`.
    ///
    /// - Complexity: O(added) when it lies after all that is there, else O(both).
    package mutating func merge(timestamps added: [Int64], values addedValues: [Double]) {
        guard let first = added.first else { return }
        guard let last = timestamps.last else {
            timestamps = added
            values = addedValues
            return
        }
        if first > last {
            timestamps.append(contentsOf: added)
            values.append(contentsOf: addedValues)
            return
        }
        interleave(added, addedValues)
    }

    /// Drops what lies outside `start ... end`.
    package mutating func trim(start: Int64, end: Int64) {
        if !histograms.isEmpty { histograms = histograms.within(start, end) }
        if let last = timestamps.last, last > end {
            let keep = end == .max ? timestamps.count : timestamps.partition(from: end + 1)
            timestamps.removeSubrange(keep...)
            values.removeSubrange(keep...)
        }
        if let first = timestamps.first, first < start {
            let drop = timestamps.partition(from: start)
            timestamps.removeFirst(drop)
            values.removeFirst(drop)
        }
    }

    private mutating func interleave(_ added: [Int64], _ addedValues: [Double]) {
        var mergedTimestamps: [Int64] = []
        var mergedValues: [Double] = []
        mergedTimestamps.reserveCapacity(timestamps.count + added.count)
        mergedValues.reserveCapacity(timestamps.count + added.count)
        var left = 0
        var right = 0
        while left < timestamps.count || right < added.count {
            if right == added.count || (left < timestamps.count && timestamps[left] < added[right]) {
                mergedTimestamps.append(timestamps[left])
                mergedValues.append(values[left])
                left += 1
            } else if left == timestamps.count || added[right] < timestamps[left] {
                mergedTimestamps.append(added[right])
                mergedValues.append(addedValues[right])
                right += 1
            } else {
                mergedTimestamps.append(added[right])
                mergedValues.append(SampleResolution.winner(values[left], addedValues[right]))
                left += 1
                right += 1
            }
        }
        timestamps = mergedTimestamps
        values = mergedValues
    }
}
