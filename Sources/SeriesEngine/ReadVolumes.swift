package import MetricModel

// How much a read of a series decodes, counted from the places of its chunks; nothing is decoded for it.

extension HeadSelection {
    /// Adds what a read of a series within `start ... end` takes from the head.
    package func measure(_ series: HeadSeries, into volume: inout ReadVolume, start: Int64, end: Int64) {
        frozen?.samples(row: series.row).measure(into: &volume, start: start, end: end)
        series.live.measure(into: &volume, start: start, end: end)
    }
}

extension HeadSamples {
    fileprivate func measure(into volume: inout ReadVolume, start: Int64, end: Int64) {
        for chunk in chunks where chunk.last >= start && chunk.first <= end { volume.add(bytes: chunk.bytes.count) }
        for open in [openTimestamps.count, late.timestamps.count] where open > 0 {
            volume.add(bytes: open * (MemoryLayout<Int64>.size + MemoryLayout<Double>.size))
        }
        histograms?.measure(into: &volume, start: start, end: end)
    }
}

extension SlotIndex {
    /// Adds what a read of a series within `start ... end` takes from this block.
    package func measure(series: Int, into volume: inout ReadVolume, start: Int64, end: Int64) {
        for chunk in chunks(of: series) where chunk.last >= start && chunk.first <= end {
            volume.add(bytes: chunk.length)
        }
    }
}
