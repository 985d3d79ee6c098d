/// Files whose opening came to nothing, and when it is tried again. Times are monotonic milliseconds.
struct OpeningBackoff {
    private struct Entry {
        let files: Set<UInt32>
        var until: Int64
        var delay: Int64
    }

    /// After a refusal that cost nothing: others that were used lately have the room, or questions at work hold it.
    static let withoutWork: Int64 = 1_000
    /// After the first attempt in vain; twice as long after each that follows, up to `longest`.
    static let shortest: Int64 = 10_000
    static let longest: Int64 = 600_000
    /// What is remembered; the oldest is forgotten first.
    static let entriesMax = 64

    private var entries: [Entry] = []

    /// Whether to open these has to wait: with all of those that failed among them it would fail again.
    func holdsBack(_ files: [BlockFile], now: Int64) -> Bool {
        let waiting = entries.filter { now < $0.until }
        if waiting.isEmpty { return false }
        let numbers = Set(files.map(\.number))
        return waiting.contains { $0.files.isSubset(of: numbers) }
    }

    /// Notes that these could not be opened together, after all work for it was done.
    mutating func failed(_ files: Set<UInt32>, now: Int64) {
        let before = entries.first { $0.files == files }?.delay
        note(files, before.map { min(max($0 * 2, Self.shortest), Self.longest) } ?? Self.shortest, now)
    }

    /// Notes that there was no room for these, before work was done.
    mutating func refused(_ files: Set<UInt32>, now: Int64) { note(files, Self.withoutWork, now) }

    /// Forgets what is open now.
    mutating func opened(_ files: Set<UInt32>) { entries.removeAll { $0.files.isSubset(of: files) } }

    private mutating func note(_ files: Set<UInt32>, _ delay: Int64, _ now: Int64) {
        entries.removeAll { $0.files == files }
        if entries.count == Self.entriesMax { entries.removeFirst() }
        entries.append(Entry(files: files, until: now + delay, delay: delay))
    }
}
