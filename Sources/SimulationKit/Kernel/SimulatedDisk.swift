package import SeededRandom

/// A node's disk, as far as a log goes: records in order, of which the first `syncedEnd` outlive a loss of power.
///
/// A killed process loses nothing that it had written; a power cut takes some suffix of what was not synced; a wiped disk is a new one.
/// Positions count from the disk's first record and are never reused, also after `cut`.
package struct SimulatedDisk<Record> {
    private var kept: [Record] = []
    /// Position of the first record that is still there.
    package private(set) var start = 0
    /// Position behind the last record that a power cut cannot take.
    package private(set) var syncedEnd = 0

    package init() {}

    /// Position behind the last record.
    package var end: Int { start + kept.count }

    /// The records from `start` to `end`.
    package var records: [Record] { kept }

    /// The record at a position in `start ..< end`.
    package subscript(position: Int) -> Record { kept[position - start] }

    /// Writes a record behind the last.
    ///
    /// - Parameter record: it is gone after a power cut until `sync`.
    /// - Returns: its position.
    @discardableResult
    package mutating func append(_ record: Record) -> Int {
        kept.append(record)
        return end - 1
    }

    /// Makes all that was written durable.
    package mutating func sync() { syncedEnd = end }

    /// Deletes the records before a position.
    package mutating func cut(before position: Int) {
        let count = min(max(position - start, 0), kept.count)
        kept.removeFirst(count)
        start += count
        syncedEnd = max(syncedEnd, start)
    }

    /// Takes the power away.
    ///
    /// - Parameter random: how much of what was not synced had reached the disk by chance.
    /// - Returns: how many records are lost.
    @discardableResult
    package mutating func powerCut(random: inout SplitMix64) -> Int {
        let atRisk = end - syncedEnd
        guard atRisk > 0 else { return 0 }
        let lost = random.number(in: 0...atRisk)
        kept.removeLast(lost)
        return lost
    }

    /// Changes records where they lie.
    package mutating func change(_ body: (inout Record) -> Void) {
        for index in kept.indices { body(&kept[index]) }
    }

    /// Puts an empty disk in the place of this one.
    package mutating func wipe() { self = SimulatedDisk() }
}
