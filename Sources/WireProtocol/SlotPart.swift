import ByteCoding
package import MetricModel

/// Which slots' data a question is about, and what of them that the node does not have whole.
package enum SlotPart: Hashable, Sendable {
    /// All that the node has, whatever it is to the slots.
    case everything
    /// Of these slots, those that the node has whole; the rest is left out, and the end of the answer says so.
    case whole(SlotSet)
    /// Of these slots all that the node has, whole or not: a part of a union.
    case raw(SlotSet)
}

extension SlotPart {
    /// Appends the wire form as field `number`: message `SlotPart` of control.proto, left out for everything.
    func encode(field number: Int, into bytes: inout [UInt8]) {
        let (slots, isRaw): (SlotSet, Bool)
        switch self {
        case .everything: return
        case .whole(let set): (slots, isRaw) = (set, false)
        case .raw(let set): (slots, isRaw) = (set, true)
        }
        ProtobufWriter.message(number, into: &bytes) { inner in
            let slots = slots.bytes
            if !slots.isEmpty { ProtobufWriter.bytes(1, slots, into: &inner) }
            inner.field(2, UInt64(isRaw ? 1 : 0))
        }
    }

    init(decoding bytes: RawSpan) throws(WireError) {
        var reader = ControlReader(bytes, message: "SlotPart")
        var slots = SlotSet()
        var isRaw = false
        while let field = try reader.next() {
            switch field {
            case (1, .bytes): slots = try reader.slots("slots")
            case (2, .varint): isRaw = try reader.varint() != 0
            default: try reader.skip(field)
            }
        }
        self = isRaw ? .raw(slots) : .whole(slots)
    }
}
