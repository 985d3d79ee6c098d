package import MetricModel
internal import SeriesEngine

extension StoredSelection {
    /// What reading all of it takes from head and blocks.
    ///
    /// - Throws: `EngineError.blockUnreadable`.
    /// - Complexity: O(chunks); nothing is decoded. Where block files are not open as a whole, their indexes are read.
    package func volume() throws(EngineError) -> ReadVolume {
        var volume = ReadVolume()
        let (start, end) = (selection.start, selection.end)
        for series in snapshot.head.series where slots.contains(series.placement.slot(bits: slotBits)) {
            snapshot.head.measure(series, into: &volume, start: start, end: end)
        }
        if let sealed {
            let view = sealed.view
            for number in sealed.numbers {
                let slot = view.table.placements[Int(number)].slot(bits: slotBits)
                guard slots.contains(slot) else { continue }
                view.chunks.measure(
                    number, of: view.hidden[slot] ?? view.wanted, into: &volume, start: start, end: end, times: times)
            }
            return volume
        }
        var reader = SelectionReader(
            selection: selection, snapshot: snapshot, slots: slots, cache: cache, slotBits: slotBits)
        while let slot = reader.nextSlot() {
            for parts in try reader.series(of: slot) {
                for (block, series) in parts.blocks {
                    block.index.measure(series: series, into: &volume, start: start, end: end)
                }
            }
        }
        return volume
    }
}
