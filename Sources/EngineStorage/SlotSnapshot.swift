internal import ByteCoding
internal import MetricModel
internal import SeriesEngine
internal import SlotMovement

/// All samples of one slot as they were at one moment, to be read on any thread. Next: `SlotSnapshot+Pages.swift`, `+Digests.swift`.
struct SlotSnapshot: Sendable {
    /// `movement_window`: the time that one window spans, milliseconds.
    static let windowLength: Int64 = 600_000

    let slot: UInt16
    let head: HeadSelection
    /// In order of sealing; each file has the entry.
    let blocks: [(file: BlockFile, entry: BlockDirectoryEntry)]
    let cache: BlockCache

    /// The window that a time lies in; window 0 begins at time 0.
    static func window(of time: Int64) -> Int64 {
        let (quotient, remainder) = time.quotientAndRemainder(dividingBy: windowLength)
        return remainder < 0 ? quotient - 1 : quotient
    }

    /// First and last time of a window; the last window ends with time itself.
    static func times(of window: Int64) -> ClosedRange<Int64> {
        let (start, overflow) = window.multipliedReportingOverflow(by: windowLength)
        let first = overflow ? Int64.min : start
        let (end, beyond) = (window + 1).multipliedReportingOverflow(by: windowLength)
        return first...(beyond ? .max : end - 1)
    }
}

/// One series of a slot and where its samples lie.
struct SlotSeries {
    let definition: SeriesDefinition
    let fingerprint: Fingerprint
    /// In the head's series.
    var inHead: Int?
    var inBlocks: [(block: LoadedSlotBlock, series: Int)] = []

    /// Series are ordered by this part of their fingerprints: the same on every node, whatever series come and go.
    var bucket: Int { Int(fingerprint.hash.high >> 48) }
}

extension SlotSnapshot {
    /// The series that may have samples within a range, by bucket.
    func series(_ range: ClosedRange<Int64>) throws(EngineError) -> [SlotSeries] {
        var found: [Fingerprint: SlotSeries] = [:]
        for (file, entry) in blocks where entry.minTime <= range.upperBound && entry.maxTime >= range.lowerBound {
            let block = try cache.load(file, entry)
            for series in 0..<block.index.seriesCount
            where block.index.overlaps(series: series, range.lowerBound, range.upperBound) {
                let fingerprint = block.index.fingerprint(of: series)
                if found[fingerprint] == nil {
                    found[fingerprint] = SlotSeries(
                        definition: try unreadable(file) { () throws(BlockError) in
                            try block.index.definition(of: series)
                        }, fingerprint: fingerprint)
                }
                found[fingerprint]?.inBlocks.append((block, series))
            }
        }
        for (index, series) in head.series.enumerated() {
            guard let extent = head.extent(series), extent.first <= range.upperBound, extent.last >= range.lowerBound
            else { continue }
            let fresh = SlotSeries(
                definition: SeriesDefinition(
                    tenant: head.tenant(of: series), labels: head.labels(of: series), placement: series.placement),
                fingerprint: series.fingerprint)
            found[series.fingerprint, default: fresh].inHead = index
        }
        return found.values.sorted { left, right in
            (left.fingerprint.hash.high, left.fingerprint.hash.low)
                < (right.fingerprint.hash.high, right.fingerprint.hash.low)
        }
    }

    /// The samples of a series within a range.
    func run(_ series: SlotSeries, _ range: ClosedRange<Int64>) throws(EngineError) -> SampleRun {
        var run = SampleRun()
        do throws(BlockError) {
            for (block, index) in series.inBlocks {
                try block.merge(series: index, into: &run, start: range.lowerBound, end: range.upperBound)
            }
            if let index = series.inHead {
                try head.merge(at: index, into: &run, start: range.lowerBound, end: range.upperBound)
            }
        } catch {
            throw EngineError(.blockUnreadable, "slot \(slot), series \(series.definition.labels): \(error)")
        }
        run.settle()
        return run
    }

    /// First and last time of the samples in the head; nil when there are none.
    var headExtent: ClosedRange<Int64>? {
        var first = Int64.max
        var last = Int64.min
        for series in head.series {
            guard let extent = head.extent(series) else { continue }
            first = min(first, extent.first)
            last = max(last, extent.last)
        }
        return first <= last ? first...last : nil
    }

    private func unreadable<T>(_ file: BlockFile, _ body: () throws(BlockError) -> T) throws(EngineError) -> T {
        do throws(BlockError) { return try body() } catch {
            throw EngineError(.blockUnreadable, "block \(file.path), slot \(slot): \(error)")
        }
    }
}
