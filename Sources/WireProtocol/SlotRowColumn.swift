import ByteCoding
import SlotMovement

/// Rows about slots, by condition: each distinct condition once, with the slots that are in it. 16,384 slots in few conditions take few KB.
///
/// Wire form: varint number of conditions; for each: role u8, flags u8, varint attempt, in answers a varint number of peers and
/// their stakes; `SlotColumn`.
struct SlotRowColumn {
    /// By ascending slot.
    private(set) var rows: [SlotRow] = []
    private(set) var peerCounts: [UInt16] = []
    private(set) var peers: [Stake] = []

    private struct Condition: Hashable {
        var role: SlotRole
        var flags: SlotFlags
        var attempt: UInt32
        var peers: ArraySlice<Stake>
    }

    /// Appends the rows of asks.
    static func encode(_ rows: [SlotRow], into bytes: inout [UInt8]) {
        var groups = Groups()
        for row in rows { groups.add(row, peers: []) }
        groups.encode(hasPeers: false, into: &bytes)
    }

    /// Appends the rows of answers.
    static func encode(
        _ rows: [SlotRow], _ peerCounts: [UInt16], _ peers: [Stake], into bytes: inout [UInt8]
    ) {
        precondition(rows.count == peerCounts.count, "\(rows.count) rows, peers of \(peerCounts.count)")
        var groups = Groups()
        var start = 0
        for (row, count) in zip(rows, peerCounts) {
            groups.add(row, peers: peers[start..<start + Int(count)])
            start += Int(count)
        }
        groups.encode(hasPeers: true, into: &bytes)
    }

    /// The distinct conditions in the order of their first slots.
    private struct Groups {
        private var conditions: [Condition] = []
        private var slots: [[Int]] = []
        private var numbers: [Condition: Int] = [:]
        private var last = 0

        mutating func add(_ row: SlotRow, peers: ArraySlice<Stake>) {
            let condition = Condition(role: row.role, flags: row.flags, attempt: row.attempt, peers: peers)
            // Neighbours are mostly alike.
            if last >= conditions.count || conditions[last] != condition {
                last = numbers[condition] ?? conditions.count
            }
            if last == conditions.count {
                numbers[condition] = last
                conditions.append(condition)
                slots.append([])
            }
            slots[last].append(Int(row.slot))
        }

        func encode(hasPeers: Bool, into bytes: inout [UInt8]) {
            bytes.append(varint: conditions.count)
            for (condition, slots) in zip(conditions, slots) {
                bytes.append(condition.role.rawValue)
                bytes.append(condition.flags.rawValue)
                bytes.append(varint: UInt64(condition.attempt))
                if hasPeers {
                    bytes.append(varint: condition.peers.count)
                    for peer in condition.peers { peer.encode(into: &bytes) }
                }
                SlotColumn.encode(slots, into: &bytes)
            }
        }
    }

    /// Reads the wire form.
    ///
    /// - Throws: `WireError` for a slot that is in two conditions, besides what its fields may lack.
    init(from reader: inout WireReader, _ names: [String], hasPeers: Bool) throws(WireError) {
        var conditions: [Condition] = []
        // Of each slot the condition, counted from 1.
        var places: [Int] = []
        for _ in 0..<(try reader.number("rows", below: SlotColumn.slotsMax + 1)) {
            let role = try reader.role()
            let flags = SlotFlags(rawValue: try reader.uint8())
            let attempt = try reader.uint32Varint("attempt")
            var peers: [Stake] = []
            if hasPeers {
                for _ in 0..<(try reader.number("peers", below: min(names.count, Int(UInt16.max)) + 1)) {
                    peers.append(try Stake(from: &reader, names))
                }
            }
            conditions.append(Condition(role: role, flags: flags, attempt: attempt, peers: peers[...]))
            let slots = try SlotColumn.decode(from: &reader)
            if let greatest = slots.last, greatest >= places.count {
                places.append(contentsOf: repeatElement(0, count: greatest + 1 - places.count))
            }
            try reader.expand("peers", by: slots.count * peers.count)
            for slot in slots {
                guard places[slot] == 0 else { throw reader.malformed("rows", found: UInt64(slot)) }
                places[slot] = conditions.count
            }
        }
        for (slot, place) in places.enumerated() where place > 0 {
            let condition = conditions[place - 1]
            rows.append(
                SlotRow(slot: slot, role: condition.role, flags: condition.flags, attempt: condition.attempt))
            guard hasPeers else { continue }
            peerCounts.append(UInt16(condition.peers.count))
            peers.append(contentsOf: condition.peers)
        }
    }
}
