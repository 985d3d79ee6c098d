package import MetricModel

/// What a kept result is found by: all that decides what a step of a range query answers, but the data.
package struct ResultKey: Hashable, Sendable {
    private let tenant: TenantID
    /// UTF-8 of the printed expression: texts that are merely canonically equal are others.
    private let expression: [UInt8]
    private let step: Int64
    /// Where the steps lie between multiples of the step.
    private let phase: Int64
    private let lookback: Int64
    private let deletions: UInt64

    /// - Parameters:
    ///   - tenant: whose data is read.
    ///   - expression: printed by `Printer`.
    ///   - steps: of the query.
    ///   - lookback: milliseconds.
    ///   - deletions: the digest of what is known to be hidden of the tenant's samples.
    package init(tenant: TenantID, expression: String, steps: StepRange, lookback: Int64, deletions: UInt64) {
        self.tenant = tenant
        self.expression = Array(expression.utf8)
        step = steps.step
        let rest = steps.first % steps.step
        phase = rest < 0 ? rest + steps.step : rest
        self.lookback = lookback
        self.deletions = deletions
    }

    var memorySize: Int { expression.count + 128 }
}

/// Results lately used, within a number of bytes.
///
/// Two generations: what is used moves to the young one; when that holds half the limit, the old one is forgotten.
package struct ResultCache<Entry: Sendable>: Sendable {
    private var young: [ResultKey: (entry: Entry, bytes: Int)] = [:]
    private var old: [ResultKey: (entry: Entry, bytes: Int)] = [:]
    private var youngBytes = 0
    private var oldBytes = 0
    private let bytesMax: Int
    /// Entries that were forgotten for want of room.
    package private(set) var evictions = 0

    /// - Parameter bytesMax: `result_cache_bytes_max`; 0 keeps nothing.
    package init(bytesMax: Int) {
        self.bytesMax = bytesMax
    }

    /// Bytes of all entries, roughly.
    package var bytes: Int { youngBytes + oldBytes }

    /// How many there are.
    package var count: Int { young.count + old.count }

    /// What is kept under a key, which counts as a use.
    package mutating func entry(_ key: ResultKey) -> Entry? {
        if let found = young[key] { return found.entry }
        guard let found = old.removeValue(forKey: key) else { return nil }
        oldBytes -= found.bytes
        insert(found.entry, key, bytes: found.bytes)
        return found.entry
    }

    /// Keeps an entry in the place of the one before; one of more than half the limit is not kept.
    ///
    /// - Parameters:
    ///   - entry: what is kept.
    ///   - key: by which it is found.
    ///   - bytes: of the entry, roughly.
    package mutating func keep(_ entry: Entry, _ key: ResultKey, bytes: Int) {
        forget(key)
        let bytes = bytes + key.memorySize
        if bytes <= bytesMax / 2 { insert(entry, key, bytes: bytes) }
    }

    private mutating func forget(_ key: ResultKey) {
        if let gone = young.removeValue(forKey: key) { youngBytes -= gone.bytes }
        if let gone = old.removeValue(forKey: key) { oldBytes -= gone.bytes }
    }

    private mutating func insert(_ entry: Entry, _ key: ResultKey, bytes: Int) {
        if youngBytes + bytes > bytesMax / 2 {
            evictions += old.count
            (old, oldBytes) = (young, youngBytes)
            (young, youngBytes) = ([:], 0)
        }
        young[key] = (entry, bytes)
        youngBytes += bytes
    }
}
