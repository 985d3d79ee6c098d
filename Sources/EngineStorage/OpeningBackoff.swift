/// Files whose opening came to nothing, and when it is tried again. Times are monotonic milliseconds.
package struct OpeningBackoff {
    private struct Entry {
        let files: Set<UInt32>
        let until: Int64
        /// How long it had to wait after the last failure; nil where it was refused alone.
        let delay: Int64?
    }

    /// After a refusal before any file was read: others that were used lately have the room.
    package static let withoutWork: Int64 = 1_000
    /// After the first attempt in vain; twice as long after each that follows, up to `longest`.
    package static let shortest: Int64 = 10_000
    package static let longest: Int64 = 600_000
    /// What is remembered; the oldest is forgotten first, what was only refused once its time is over.
    package static let entriesMax = 64

    private var entries: [Entry] = []

    package init() {}

    /// Whether to open these has to wait: with all of those that failed among them it would fail again.
    package func holdsBack(_ files: Set<UInt32>, now: Int64) -> Bool {
        entries.contains { now < $0.until && $0.files.isSubset(of: files) }
    }

    /// Notes that these could not be opened together, after they were read.
    package mutating func failed(_ files: Set<UInt32>, now: Int64) {
        let delay = delay(of: files).map { min($0 * 2, Self.longest) } ?? Self.shortest
        note(Entry(files: files, until: now + delay, delay: delay), now)
    }

    /// Notes that there was no room for these, before any was read.
    package mutating func refused(_ files: Set<UInt32>, now: Int64) {
        note(Entry(files: files, until: now + Self.withoutWork, delay: delay(of: files)), now)
    }

    /// Forgets what is open now.
    package mutating func opened(_ files: Set<UInt32>) { entries.removeAll { $0.files.isSubset(of: files) } }

    private func delay(of files: Set<UInt32>) -> Int64? { entries.first { $0.files == files }?.delay }

    private mutating func note(_ entry: Entry, _ now: Int64) {
        entries.removeAll { $0.files == entry.files || $0.delay == nil && $0.until <= now }
        if entries.count == Self.entriesMax { entries.removeFirst() }
        entries.append(entry)
    }
}
