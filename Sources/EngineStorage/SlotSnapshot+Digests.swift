internal import ByteCoding
internal import MetricModel
internal import SeriesEngine
internal import SlotMovement
internal import Synchronization

extension SlotSeries {
    /// What names the series where digests by series are compared.
    var key: UInt64 { fingerprint.hash.low }
}

extension SlotSnapshot {
    /// The digests of a window's samples by series.
    func seriesDigests(window: Int64) throws(EngineError) -> [UInt64: WindowDigest] {
        let times = Self.times(of: window)
        var digests: [UInt64: WindowDigest] = [:]
        for one in try series(times) {
            let run = try run(one, times)
            if run.isEmpty { continue }
            digests[one.key, default: WindowDigest()].add(run, 0..<run.count, of: one)
            digests[one.key]?.add(run.histograms, 0..<run.histograms.count, of: one)
        }
        return digests
    }

    /// The digests of the windows that end before a time, by their starts; windows without samples have none.
    ///
    /// - Parameters:
    ///   - before: the start of a window.
    ///   - known: digests of windows that only blocks have samples of.
    /// - Returns: the digests.
    /// - Throws: `EngineError.blockUnreadable`.
    func windowDigests(before: Int64, known: DigestCache) throws(EngineError) -> [Int64: WindowDigest] {
        let head = headExtent
        var result: [Int64: WindowDigest] = [:]
        /// Windows to compute, with the files that have them; none for those that the head has a part in.
        var missing: [Int64: [UInt32]]? = [:]
        if let windows = filesByWindow(before: before) {
            for (window, files) in windows {
                let times = Self.times(of: window)
                let isInHead = head?.overlaps(times) ?? false
                if !isInHead, let digest = known.digest(slot: slot, window: window, files: files) {
                    if digest.count > 0 { result[times.lowerBound] = digest }
                } else {
                    missing?[window] = isInHead ? [] : files
                }
            }
        } else {
            missing = nil
        }
        let first = missing.map { $0.keys.min().map { Self.times(of: $0).lowerBound } } ?? .min
        let last = missing.map { $0.keys.max().map { Self.times(of: $0).upperBound } } ?? before - 1
        guard let first, let last, first <= last else { return result }
        var found: [Int64: WindowDigest] = [:]
        for one in try series(first...last) {
            let run = try run(one, first...last)
            for (window, range) in Self.windows(of: run.timestamps)
            where missing.map({ $0[window] != nil }) ?? true {
                found[window, default: WindowDigest()].add(run, range, of: one)
            }
            for (window, range) in Self.windows(of: run.histograms.timestamps)
            where missing.map({ $0[window] != nil }) ?? true {
                found[window, default: WindowDigest()].add(run.histograms, range, of: one)
            }
        }
        for (window, files) in missing ?? [:] where !files.isEmpty {
            known.note(found[window] ?? WindowDigest(), slot: slot, window: window, files: files)
        }
        for (window, digest) in found { result[Self.times(of: window).lowerBound] = digest }
        return result
    }

    /// The windows that ascending times lie in, with their parts of them.
    private static func windows(of timestamps: [Int64]) -> [(window: Int64, range: Range<Int>)] {
        var parts: [(window: Int64, range: Range<Int>)] = []
        var start = 0
        while start < timestamps.count {
            let window = window(of: timestamps[start])
            let end = times(of: window).upperBound
            var stop = start + 1
            while stop < timestamps.count && timestamps[stop] <= end { stop += 1 }
            parts.append((window, start..<stop))
            start = stop
        }
        return parts
    }

    /// More windows than these are not listed one by one: times that lie so far apart are looked at sample by sample.
    private static var windowsListedMax: Int64 { 65_536 }

    /// The windows that end before a time and may have samples, with the files that may have them; nil when there are too many.
    private func filesByWindow(before: Int64) -> [Int64: [UInt32]]? {
        var windows: [Int64: [UInt32]] = [:]
        let end = Self.window(of: before) - 1
        for (file, entry) in blocks {
            let first = Self.window(of: entry.minTime)
            let last = min(Self.window(of: entry.maxTime), end)
            guard first <= last else { continue }
            guard last - first < Self.windowsListedMax else { return nil }
            for window in first...last { windows[window, default: []].append(file.number) }
        }
        if let head = headExtent {
            let first = Self.window(of: head.lowerBound)
            let last = min(Self.window(of: head.upperBound), end)
            guard last - first < Self.windowsListedMax else { return nil }
            if first <= last { for window in first...last where windows[window] == nil { windows[window] = [] } }
        }
        return windows
    }
}

extension WindowDigest {
    /// Adds some histograms.
    mutating func add(_ histograms: HistogramColumns, _ range: Range<Int>, of series: SlotSeries) {
        for index in range { add(histograms.hash(index, fingerprint: series.fingerprint.hash)) }
    }

    /// Adds some numbers of a run.
    mutating func add(_ run: SampleRun, _ range: Range<Int>, of series: SlotSeries) {
        let fingerprint = (series.fingerprint.hash.high, series.fingerprint.hash.low)
        for index in range {
            add(Self.hash(fingerprint: fingerprint, timestamp: run.timestamps[index], value: run.values[index]))
        }
    }
}

/// Digests of windows whose samples lie in blocks alone, by the files that have them: blocks never change, so neither do these.
final class DigestCache: Sendable {
    private struct Key: Hashable {
        var slot: UInt16
        var window: Int64
    }

    private let known = Mutex<[Key: (files: [UInt32], digest: WindowDigest)]>([:])
    private let entriesMax: Int

    /// - Parameter entriesMax: `digest_cache_entries_max`; when it is reached everything is computed anew.
    init(entriesMax: Int) {
        self.entriesMax = entriesMax
    }

    func digest(slot: UInt16, window: Int64, files: [UInt32]) -> WindowDigest? {
        known.withLock { known in
            guard let entry = known[Key(slot: slot, window: window)], entry.files == files else { return nil }
            return entry.digest
        }
    }

    func note(_ digest: WindowDigest, slot: UInt16, window: Int64, files: [UInt32]) {
        known.withLock { known in
            if known.count >= entriesMax { known.removeAll() }
            known[Key(slot: slot, window: window)] = (files, digest)
        }
    }
}
