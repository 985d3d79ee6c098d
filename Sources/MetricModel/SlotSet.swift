/// A set of slots: which part of the data a fragment of a query is about.
package struct SlotSet: Hashable, Sendable {
    /// One bit a slot, the lowest first; slots beyond the end are not in the set.
    private var words: [UInt64]

    /// The most slots that a cluster can have.
    package static let slotsMax = 1 << 16

    /// The empty set.
    package init() {
        words = []
    }

    /// All slots below `count`, at most `slotsMax`.
    package init(below count: Int) {
        self.init()
        for slot in 0..<min(count, SlotSet.slotsMax) { insert(UInt16(slot)) }
    }

    /// These slots, each below `slotsMax`.
    package init(_ slots: some Sequence<Int>) {
        self.init()
        for slot in slots { insert(UInt16(slot)) }
    }

    /// The slots of a sequence.
    package init(_ slots: some Sequence<UInt16>) {
        self.init()
        for slot in slots { insert(slot) }
    }

    /// Adds a slot.
    package mutating func insert(_ slot: UInt16) {
        let word = Int(slot) >> 6
        if word >= words.count { words.append(contentsOf: repeatElement(0, count: word + 1 - words.count)) }
        words[word] |= 1 << UInt64(slot & 63)
    }

    /// Whether a slot is in the set.
    package func contains(_ slot: UInt16) -> Bool {
        let word = Int(slot) >> 6
        return word < words.count && words[word] & 1 << UInt64(slot & 63) != 0
    }

    /// Whether all of another set is in this one.
    package func isSuperset(of other: SlotSet) -> Bool {
        other.words.indices.allSatisfy { other.words[$0] & ~($0 < words.count ? words[$0] : 0) == 0 }
    }

    /// Whether no slot is in the set.
    package var isEmpty: Bool { words.allSatisfy { $0 == 0 } }

    /// The slots, ascending.
    package var slots: [UInt16] {
        var slots: [UInt16] = []
        slots.reserveCapacity(count)
        for (index, word) in words.enumerated() {
            var rest = word
            while rest != 0 {
                slots.append(UInt16(index << 6 + rest.trailingZeroBitCount))
                rest &= rest - 1
            }
        }
        return slots
    }

    /// Adds all slots of another set.
    package mutating func formUnion(_ other: SlotSet) {
        if words.count < other.words.count {
            words.append(contentsOf: repeatElement(0, count: other.words.count - words.count))
        }
        for index in other.words.indices { words[index] |= other.words[index] }
    }

    /// Whether a slot is in both sets.
    package func intersects(_ other: SlotSet) -> Bool {
        zip(words, other.words).contains { $0 & $1 != 0 }
    }

    /// The slots that are in both sets.
    package func intersection(_ other: SlotSet) -> SlotSet {
        var both = SlotSet()
        both.words = zip(words, other.words).map { $0 & $1 }
        return both
    }

    /// The slots that are not in another set.
    package func subtracting(_ other: SlotSet) -> SlotSet {
        var rest = self
        for index in words.indices.prefix(other.words.count) { rest.words[index] &= ~other.words[index] }
        return rest
    }

    /// How many slots there are.
    package var count: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }

    /// Equal when the same slots are in both.
    package static func == (left: SlotSet, right: SlotSet) -> Bool {
        left.isSuperset(of: right) && right.isSuperset(of: left)
    }

    /// Goes over the slots alone, not over how they are held.
    package func hash(into hasher: inout Hasher) {
        for (index, word) in words.enumerated() where word != 0 {
            hasher.combine(index)
            hasher.combine(word)
        }
    }

    /// The set as bytes: slot s is bit s mod 8 of byte s / 8, without zero bytes at the end.
    package var bytes: [UInt8] {
        var bytes = words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * UInt64($0))) } }
        while bytes.last == 0 { bytes.removeLast() }
        return bytes
    }

    /// Reads what `bytes` gives; nil when there are more than `slotsMax` slots' worth.
    package init?(bytes: [UInt8]) {
        guard bytes.count <= SlotSet.slotsMax / 8 else { return nil }
        words = [UInt64](repeating: 0, count: (bytes.count + 7) / 8)
        for (index, byte) in bytes.enumerated() { words[index >> 3] |= UInt64(byte) << (8 * UInt64(index & 7)) }
    }
}

/// By which labels series were placed: a bit for each index into the cluster's placement labels, and one for the whole label set.
package struct PlacementKinds: OptionSet, Hashable, Sendable {
    package var rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// Series placed as a `PlacementKey` with this label index.
    package init(labelIndex: UInt8) {
        // Lists hold at most 16 labels, so the last bit is free.
        rawValue = labelIndex < 31 ? 1 << UInt32(labelIndex) : PlacementKinds.wholeLabelSet.rawValue
    }

    /// Series that have none of the placement labels.
    package static let wholeLabelSet = PlacementKinds(rawValue: 1 << 31)
    /// Every series.
    package static let all = PlacementKinds(rawValue: .max)
    /// Every series that has a placement label.
    package static let anyLabel = all.subtracting(wholeLabelSet)

    /// How many kinds there are.
    package var count: Int { rawValue.nonzeroBitCount }
}
