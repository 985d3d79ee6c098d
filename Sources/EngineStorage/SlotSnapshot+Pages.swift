internal import MetricModel
internal import SeriesEngine
internal import SlotMovement

/// A page of a slot.
struct SlotPage: Equatable, Sendable {
    /// A `SampleBundle`.
    var bundle: [UInt8]
    /// Where the next page begins; nil at the end.
    var next: Int?
}

/// Where a page begins: in a window, with the series of a bucket; then come the older windows.
///
/// Both are the same on every node and stay so while samples come and go, so no sample that was there at the first page is on none.
/// As a number: 0 is the first page; else the window, counted from `windowOrigin`, times 65,536, plus the bucket, plus 1.
struct PageCursor: Equatable {
    var window: Int64
    var bucket: Int

    private static let windowOrigin: Int64 = 1 << 45

    init(window: Int64, bucket: Int) {
        self.window = window
        self.bucket = bucket
    }

    /// What a number stands for; nil for the first page, and for a number that no page gave.
    init?(_ number: Int) {
        guard number > 0 else { return nil }
        window = Int64((number - 1) >> 16) - Self.windowOrigin
        bucket = (number - 1) & 0xFFFF
    }

    var number: Int { Int((window + Self.windowOrigin) << 16) + bucket + 1 }
}

extension SlotSnapshot {
    /// A page of the slot, newest window first.
    ///
    /// - Parameters:
    ///   - cursor: 0, or what the page before said.
    ///   - bytesMax: `movement_page_bytes_max`: a page ends behind the bucket of series that reaches it.
    ///   - samplesMax: a page ends behind the bucket that reaches so many samples.
    ///   - theirs: the asker's digests of its windows; where the same is here nothing is sent.
    ///   - known: digests that were computed before.
    /// - Returns: the page and where the next begins.
    /// - Throws: `EngineError.blockUnreadable`.
    func page(
        _ cursor: Int, bytesMax: Int, samplesMax: Int, theirs: [Int64: WindowDigest], known: DigestCache
    ) throws(EngineError) -> SlotPage {
        var writer = BundleWriter()
        var isFull: Bool {
            writer.sampleCount > 0 && (writer.byteCount >= bytesMax || writer.sampleCount >= samplesMax)
        }
        let start = PageCursor(cursor)
        let extents = extents
        let mine = theirs.isEmpty ? [:] : try windowDigests(before: .max, known: known)
        var bound = start?.window ?? Self.window(of: .max)
        var bucket = start?.bucket ?? 0
        while let window = Self.newestWindow(of: extents, notAfter: bound) {
            if window < bound { bucket = 0 }
            if bucket == 0, isFull {
                return SlotPage(bundle: writer.finish(), next: PageCursor(window: window, bucket: 0).number)
            }
            let times = Self.times(of: window)
            if bucket == 0, let their = theirs[times.lowerBound], mine[times.lowerBound] == their {
                bound = window - 1
                continue
            }
            let series = try series(times)
            var last = -1
            var isEmpty = true
            for one in series where one.bucket >= bucket {
                if isFull, one.bucket != last, last >= 0 {
                    return SlotPage(
                        bundle: writer.finish(), next: PageCursor(window: window, bucket: one.bucket).number)
                }
                last = one.bucket
                let run = try run(one, times)
                if !run.isEmpty { isEmpty = false }
                writer.addOlder(
                    one.definition, fingerprint: one.fingerprint, timestamps: run.timestamps[...],
                    values: run.values[...], histograms: run.histograms)
            }
            bound = window - 1
            if isEmpty, bucket == 0 {
                guard let newest = try newestTime(before: times.lowerBound, extents) else { break }
                bound = Self.window(of: newest)
            }
            bucket = 0
        }
        return SlotPage(bundle: writer.finish(), next: nil)
    }

    /// First and last time of anything in blocks and in the head.
    private var extents: [(first: Int64, last: Int64)] {
        var extents = blocks.map { ($0.entry.minTime, $0.entry.maxTime) }
        if let head = headExtent { extents.append((head.lowerBound, head.upperBound)) }
        return extents
    }

    /// The newest window up to `bound` that may have samples.
    private static func newestWindow(of extents: [(first: Int64, last: Int64)], notAfter bound: Int64) -> Int64? {
        let end = times(of: bound).upperBound
        return extents.filter { $0.first <= end }.map { window(of: min($0.last, end)) }.max()
    }

    /// The time of the newest sample before a time. Looks back in growing steps: for windows that turned out to be empty.
    private func newestTime(
        before time: Int64, _ extents: [(first: Int64, last: Int64)]
    ) throws(EngineError) -> Int64? {
        guard let oldest = extents.map(\.first).min(), oldest < time else { return nil }
        var end = time - 1
        var step = 16 * Self.windowLength
        while true {
            let (reach, overflow) = end.subtractingReportingOverflow(step)
            let range = (overflow ? oldest : max(oldest, reach))...end
            var newest: Int64?
            for one in try series(range) {
                let run = try run(one, range)
                for last in [run.timestamps.last, run.histograms.timestamps.last] {
                    if let last { newest = max(newest ?? .min, last) }
                }
            }
            if newest != nil || range.lowerBound == oldest { return newest }
            end = range.lowerBound - 1
            step = step.multipliedReportingOverflow(by: 4).overflow ? .max : step * 4
        }
    }

    /// The samples of some series within a window, as far as they fit into a bundle: the rest differs the next time, too.
    func bundle(window: Int64, series wanted: Set<UInt64>) throws(EngineError) -> [UInt8] {
        let times = Self.times(of: window)
        var writer = BundleWriter()
        for one in try series(times)
        where wanted.contains(one.key) && writer.sampleCount < BundleWriter.samplesMax / 2 {
            let run = try run(one, times)
            writer.addOlder(
                one.definition, fingerprint: one.fingerprint, timestamps: run.timestamps[...], values: run.values[...],
                histograms: run.histograms)
        }
        return writer.finish()
    }
}
