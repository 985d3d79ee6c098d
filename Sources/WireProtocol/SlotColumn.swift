import ByteCoding

/// A column of slots, ascending and distinct, in the fewest bytes of three forms (docs/protocol.md, "Slots").
///
/// A batch of one owner's slots is a list of a few; all slots of a node in equal condition are few runs, or, scattered, a map of bits.
enum SlotColumn {
    private static let list: UInt8 = 0
    private static let runs: UInt8 = 1
    private static let bits: UInt8 = 2

    /// Slots lie below it.
    static let slotsMax = 1 << 16

    /// Appends the wire form.
    ///
    /// - Precondition: ascending, distinct, 0 ..< `slotsMax`.
    static func encode(_ slots: [Int], into bytes: inout [UInt8]) {
        var asList = [list]
        var asRuns = [runs]
        asList.append(varint: slots.count)
        let starts = slots.indices.filter { $0 == 0 || slots[$0] != slots[$0 - 1] + 1 }
        asRuns.append(varint: starts.count)
        var next = 0
        for slot in slots {
            precondition(slot >= next && slot < slotsMax, "slot \(slot) behind \(next)")
            asList.append(varint: slot - next)
            next = slot + 1
        }
        next = 0
        for (index, start) in starts.enumerated() {
            let length = (index + 1 < starts.count ? starts[index + 1] : slots.count) - start
            asRuns.append(varint: slots[start] - next)
            asRuns.append(varint: length - 1)
            next = slots[start] + length
        }
        let shorter = asRuns.count < asList.count ? asRuns : asList
        guard let first = slots.first, let last = slots.last, last >> 3 - first >> 3 + 6 < shorter.count else {
            return bytes.append(contentsOf: shorter)
        }
        var map = [UInt8](repeating: 0, count: last >> 3 - first >> 3 + 1)
        for slot in slots { map[slot >> 3 - first >> 3] |= 1 << UInt8(slot & 7) }
        bytes.append(bits)
        bytes.append(varint: first >> 3)
        bytes.append(prefixed: map)
    }

    /// Reads the wire form.
    ///
    /// - Throws: `WireError` for a form that is not known, and for slots from `slotsMax` on.
    static func decode(from reader: inout WireReader) throws(WireError) -> [Int] {
        let slots =
            switch try reader.uint8() {
            case list: try decodeList(from: &reader)
            case runs: try decodeRuns(from: &reader)
            case bits: try decodeBits(from: &reader)
            case let form: throw reader.malformed("slots", found: UInt64(form), expected: UInt64(bits))
            }
        try reader.expand("slots", by: slots.count)
        return slots
    }

    private static func decodeList(from reader: inout WireReader) throws(WireError) -> [Int] {
        var slots: [Int] = []
        var next: UInt64 = 0
        for _ in 0..<(try reader.number("slots", below: slotsMax + 1)) {
            let slot = try place(next, try reader.varint(), reader)
            slots.append(Int(slot))
            next = slot + 1
        }
        return slots
    }

    private static func decodeRuns(from reader: inout WireReader) throws(WireError) -> [Int] {
        var slots: [Int] = []
        var next: UInt64 = 0
        for _ in 0..<(try reader.number("slots", below: slotsMax + 1)) {
            let first = try place(next, try reader.varint(), reader)
            let last = try place(first, try reader.varint(), reader)
            slots.append(contentsOf: Int(first)...Int(last))
            next = last + 1
        }
        return slots
    }

    private static func decodeBits(from reader: inout WireReader) throws(WireError) -> [Int] {
        let first = try reader.number("slots", below: slotsMax >> 3)
        let map = try reader.prefixedSpan().copied()
        guard map.count <= slotsMax >> 3 - first else {
            throw reader.malformed("slots", found: UInt64(map.count), expected: UInt64(slotsMax >> 3 - first))
        }
        var slots: [Int] = []
        for (index, byte) in map.enumerated() where byte != 0 {
            for bit in 0..<8 where byte & 1 << UInt8(bit) != 0 { slots.append((first + index) << 3 + bit) }
        }
        return slots
    }

    /// The slot `gap` behind `next`.
    private static func place(
        _ next: UInt64, _ gap: UInt64, _ reader: borrowing WireReader
    ) throws(WireError) -> UInt64 {
        let (slot, overflow) = next.addingReportingOverflow(gap)
        guard !overflow, slot < UInt64(slotsMax) else {
            throw reader.malformed("slots", found: slot, expected: UInt64(slotsMax))
        }
        return slot
    }
}
