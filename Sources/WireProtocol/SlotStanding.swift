import ByteCoding
package import MetricModel
package import SlotMovement

/// What a node that answers a question is to slots that it does not have whole: enough to judge whether the union of several nodes' answers
/// is complete.
package struct SlotStanding: Hashable, Sendable {
    /// The slots in this condition.
    package var slots: SlotSet
    /// How far the node has come to hold them.
    package var role: SlotRole
    /// Whether all that it logged of them is still there.
    package var isSound: Bool
    /// Names of all members that may have samples of them, as the node sees it.
    package var members: [String]
    /// How many of the members may be missing in a union without an acknowledged batch missing; -1 when no union is complete.
    package var missingMax: Int

    /// What a node is to `slots`.
    package init(slots: SlotSet, role: SlotRole, isSound: Bool, members: [String], missingMax: Int) {
        self.slots = slots
        self.role = role
        self.isSound = isSound
        self.members = members
        self.missingMax = missingMax
    }
}

extension SlotStanding {
    /// Appends the wire form: message `SlotStanding` of control.proto, whose members are indices into the names around it.
    func encode(_ names: NodeNames, into bytes: inout [UInt8]) {
        let slots = slots.bytes
        if !slots.isEmpty { ProtobufWriter.bytes(1, slots, into: &bytes) }
        bytes.field(2, UInt64(role.rawValue))
        bytes.field(3, UInt64(isSound ? 1 : 0))
        var packed: [UInt8] = []
        for member in members { packed.append(varint: names.index(of: member)) }
        if !packed.isEmpty { ProtobufWriter.bytes(4, packed, into: &bytes) }
        bytes.field(5, Int64(missingMax))
    }

    /// Reads the wire form; a role of a later version reads as none.
    init(decoding bytes: RawSpan, names: [String]) throws(WireError) {
        var reader = ControlReader(bytes, message: "SlotStanding")
        self.init(slots: SlotSet(), role: .none, isSound: false, members: [], missingMax: 0)
        while let field = try reader.next() {
            switch field {
            case (1, .bytes): slots = try reader.slots("slots")
            case (2, .varint): role = SlotRole(rawValue: UInt8(clamping: try reader.varint())) ?? .none
            case (3, .varint): isSound = try reader.varint() != 0
            case (4, .bytes): members += try Self.members(try reader.span(), names: names)
            case (5, .varint): missingMax = Int(clamping: try reader.int64())
            default: try reader.skip(field)
            }
        }
        guard members.count <= names.count else {
            throw reader.limitExceeded("members", found: members.count, expected: names.count)
        }
    }

    private static func members(_ packed: RawSpan, names: [String]) throws(WireError) -> [String] {
        var reader = WireReader(packed, message: "SlotStanding")
        var members: [String] = []
        while reader.offset < packed.byteCount {
            members.append(names[try reader.number("members", below: names.count)])
        }
        return members
    }
}
