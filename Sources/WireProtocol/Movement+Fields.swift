import ByteCoding
import SlotMovement

// The fields that messages about slots have in common: nodes as indices into the message's names, stakes, roles.

extension [UInt8] {
    mutating func append(nodes: [NodeID]) {
        append(varint: nodes.count)
        for node in nodes { append(varint: UInt64(node.number)) }
    }
}

extension WireReader {
    /// A node of the message's names.
    @_lifetime(self: copy self)
    mutating func node(_ field: String, _ names: [String]) throws(WireError) -> NodeID {
        NodeID(UInt32(try number(field, below: names.count)))
    }

    @_lifetime(self: copy self)
    mutating func nodes(_ field: String, _ names: [String]) throws(WireError) -> [NodeID] {
        var nodes: [NodeID] = []
        for _ in 0..<(try number(field, below: names.count + 1)) { nodes.append(try node(field, names)) }
        return nodes
    }

    @_lifetime(self: copy self)
    mutating func uint32Varint(_ field: String) throws(WireError) -> UInt32 {
        UInt32(try number(field, below: 1 << 32))
    }

    @_lifetime(self: copy self)
    mutating func role() throws(WireError) -> SlotRole {
        let value = try uint8()
        guard let role = SlotRole(rawValue: value) else { throw malformed("role", found: UInt64(value)) }
        return role
    }
}

extension Stake {
    func encode(into bytes: inout [UInt8]) {
        bytes.append(varint: UInt64(node.number))
        bytes.append(varint: UInt64(boot))
        bytes.append(varint: UInt64(attempt))
        bytes.append(role.rawValue)
    }

    init(from reader: inout WireReader, _ names: [String]) throws(WireError) {
        self.init(
            node: try reader.node("stake", names), boot: try reader.uint32Varint("boot"),
            attempt: try reader.uint32Varint("attempt"), role: try reader.role())
    }

    func renumbered(_ number: (NodeID) -> NodeID) -> Stake {
        Stake(node: number(node), boot: boot, attempt: attempt, role: role)
    }
}

extension StoreRequest {
    func renumbered(_ number: (NodeID) -> NodeID) -> StoreRequest {
        var request = self
        request.skipping = skipping.map { NodeStart(node: number($0.node), boot: $0.boot) }
        return request
    }
}

extension StoreReply {
    func renumbered(_ number: (NodeID) -> NodeID) -> StoreReply {
        StoreReply(batch: batch, node: number(node), boot: boot, groups: groups.map { $0.renumbered(number) })
    }
}

extension StoreReply.Group {
    func renumbered(_ number: (NodeID) -> NodeID) -> StoreReply.Group {
        var group = self
        switch outcome {
        case .logged(let skipping): group.outcome = .logged(skipping: skipping.map(number))
        case .notHolder(let wanted): group.outcome = .notHolder(wanted: wanted.map(number))
        case .refused: break
        }
        group.peers = peers.map { $0.renumbered(number) }
        return group
    }
}
