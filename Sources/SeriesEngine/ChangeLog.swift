/// Which times of an engine's data changed since when: what tells a kept result of a query from one that is out of date.
///
/// Each change has a number. A window of time (2^14 ms, 16.384 s) remembers the newest change that touched it; who knows the data as of change n
/// asks which windows were touched since. Nothing is kept of what was there when the engine began: the numbers are of one generation.
/// Whatever changes what a query may read must be noted here, of these or of all times: samples taken, slots and blocks dropped or added.
package struct ChangeLog: Sendable {
    static let windowBits = 14
    /// `changed_windows_max`: beyond it the older half becomes one.
    static let windowsMax = 32_768
    /// Ranges that one answer names; beyond it the oldest become one.
    package static let rangesMax = 64

    /// The number of the newest change.
    package private(set) var sequence: UInt64 = 0
    /// The newest change of each window, by the window's number.
    private var windows: [Int64: UInt64] = [:]
    /// Windows before this number changed, all together, at the latest by `olderSequence`.
    private var olderEnd = Int64.min
    private var olderSequence: UInt64 = 0
    /// When all times changed last.
    private var everything: UInt64 = 0

    package init() {}

    /// Samples at these times were taken: one change.
    ///
    /// - Complexity: O(samples), about a nanosecond each where they lie within some minutes of the first.
    package mutating func note(_ timestamps: [Int64]) {
        guard let first = timestamps.first else { return }
        sequence += 1
        // A bit for each of 64 windows around the first sample's: nearly all of a batch lies there.
        let base = (first >> Self.windowBits) &- 32
        var near: UInt64 = 0
        var far: Int64?
        for timestamp in timestamps {
            let window = timestamp >> Self.windowBits
            let place = UInt64(bitPattern: window &- base)
            if place < 64 {
                near |= 1 &<< place
            } else if window != far {
                far = window
                touch(window)
            }
        }
        while near != 0 {
            touch(base &+ Int64(near.trailingZeroBitCount))
            near &= near &- 1
        }
        if windows.count > Self.windowsMax { fold() }
    }

    private mutating func touch(_ window: Int64) {
        // What was made one stays one: a backfill does not fill the table again and again.
        if window < olderEnd { olderSequence = sequence } else { windows[window] = sequence }
    }

    /// Something before a time changed, which is older than most of what changes else.
    package mutating func noteAll(before time: Int64) {
        sequence += 1
        olderEnd = max(olderEnd, ((time - 1) >> Self.windowBits) + 1)
        olderSequence = sequence
    }

    /// Anything may have changed.
    package mutating func noteEverything() {
        sequence += 1
        everything = sequence
        windows.removeAll(keepingCapacity: true)
        (olderEnd, olderSequence) = (.min, 0)
    }

    /// What changed after a change, in ascending order; may name more times than changed, never fewer.
    ///
    /// - Parameters:
    ///   - known: a number that `sequence` had.
    ///   - times: of interest, inclusive.
    /// - Returns: at most `rangesMax` ranges, inclusive, which may reach beyond `times`.
    /// - Complexity: O(windows in `times`), or of those that are kept where that is less.
    package func changes(since known: UInt64, in times: ClosedRange<Int64>) -> [ClosedRange<Int64>] {
        if known < everything { return [times] }
        let first = times.lowerBound >> Self.windowBits
        let last = times.upperBound >> Self.windowBits
        var changed: [Int64] = []
        if last - first >= Int64(windows.count) {
            for (window, number) in windows where number > known && window >= first && window <= last {
                changed.append(window)
            }
            changed.sort()
        } else {
            for window in first...last where (windows[window] ?? 0) > known { changed.append(window) }
        }
        var ranges: [ClosedRange<Int64>] = []
        if known < olderSequence, first < olderEnd {
            ranges.append(times.lowerBound...max(times.lowerBound, (olderEnd << Self.windowBits) &- 1))
        }
        for window in changed {
            let start = window << Self.windowBits
            let end = start + (1 << Self.windowBits) - 1
            if let before = ranges.last, before.upperBound >= start &- 1 {
                ranges[ranges.count - 1] = before.lowerBound...max(before.upperBound, end)
            } else {
                ranges.append(start...end)
            }
        }
        guard ranges.count > Self.rangesMax else { return ranges }
        let newest = ranges.suffix(Self.rangesMax - 1)
        return [ranges[0].lowerBound...ranges[ranges.count - Self.rangesMax].upperBound] + newest
    }

    /// Makes all but the newest half of what may be remembered one.
    private mutating func fold() {
        let numbers = windows.keys.sorted()
        let kept = numbers.count - Self.windowsMax / 2
        for number in numbers[..<kept] { olderSequence = max(olderSequence, windows.removeValue(forKey: number) ?? 0) }
        olderEnd = max(olderEnd, numbers[kept])
    }
}
