import ByteCoding
package import SlotMovement

/// A batch of some slots for one of the nodes that shall log it, with what the node's `SlotKeeper` is asked.
///
/// Wire form (docs/protocol.md, "Store"): a varint length and as many bytes of header; the `WriteBatch`.
package struct StoreCall: Equatable, Sendable {
    /// What is asked; its nodes are indices into `names`.
    package let request: StoreRequest
    /// Names of the nodes that the request speaks of.
    package let names: [String]
    /// The samples of the request's slots, and no others; none when the request is repeated.
    package let batch: WriteBatch

    /// - Parameters:
    ///   - request: nodes as this process numbers them.
    ///   - batch: the samples of its slots.
    ///   - name: a node's name.
    package init(_ request: StoreRequest, batch: WriteBatch, name: (NodeID) -> String) {
        var names = NodeNames()
        self.request = request.renumbered { NodeID(UInt32(names.add(name($0)))) }
        self.names = names.list
        self.batch = batch
    }

    /// The request with nodes as this process numbers them.
    ///
    /// - Parameter number: of the node of a name.
    /// - Returns: what is asked.
    package func request(number: (String) -> NodeID) -> StoreRequest {
        request.renumbered { number(names[Int($0.number)]) }
    }
}

/// What came of a `StoreCall`: of its rows, and of its slots.
///
/// Wire form (docs/protocol.md, "Stored"): a varint length and as many bytes of reply; the `WriteAcknowledgement`.
package struct StoreAnswer: Equatable, Sendable {
    /// What came of the slots; its nodes are indices into `names`.
    package let reply: StoreReply
    /// Names of the nodes that the reply speaks of.
    package let names: [String]
    /// References and refused rows. Of slots that were not logged it says nothing that counts.
    package let acknowledgement: WriteAcknowledgement

    /// - Parameters:
    ///   - reply: nodes as this process numbers them.
    ///   - acknowledgement: of the rows.
    ///   - name: a node's name.
    package init(_ reply: StoreReply, acknowledgement: WriteAcknowledgement, name: (NodeID) -> String) {
        var names = NodeNames()
        self.reply = reply.renumbered { NodeID(UInt32(names.add(name($0)))) }
        self.names = names.list
        self.acknowledgement = acknowledgement
    }

    /// The reply with nodes as this process numbers them.
    ///
    /// - Parameter number: of the node of a name.
    /// - Returns: what came of the slots.
    package func reply(number: (String) -> NodeID) -> StoreReply {
        reply.renumbered { number(names[Int($0.number)]) }
    }
}

extension StoreCall {
    private static let standIn: UInt8 = 1
    private static let repeated: UInt8 = 2

    /// Appends the wire form.
    package func encode(into bytes: inout [UInt8]) {
        var header: [UInt8] = []
        header.append(littleEndian: request.batch)
        header.append((request.isStandIn ? Self.standIn : 0) | (request.isRepeated ? Self.repeated : 0))
        NodeNames.encode(names, into: &header)
        header.append(varint: request.skipping.count)
        for start in request.skipping {
            header.append(varint: UInt64(start.node.number))
            header.append(varint: UInt64(start.boot))
        }
        SlotColumn.encode(request.slots, into: &header)
        bytes.append(prefixed: header)
        batch.encode(into: &bytes)
    }

    /// Reads the wire form.
    package init(decoding bytes: RawSpan) throws(WireError) {
        var reader = WireReader(bytes, message: "StoreCall")
        let header = try reader.prefixedSpan()
        batch = try WriteBatch(decoding: bytes.extracting(reader.offset..<bytes.byteCount))
        var fields = WireReader(header, message: "StoreCall")
        let number = try fields.uint64()
        let flags = try fields.uint8()
        guard flags <= Self.standIn | Self.repeated else { throw fields.malformed("flags", found: UInt64(flags)) }
        names = try NodeNames.decode(from: &fields)
        var skipping: [NodeStart] = []
        for _ in 0..<(try fields.number("skipping", below: names.count + 1)) {
            skipping.append(
                NodeStart(node: try fields.node("skipping", names), boot: try fields.uint32Varint("skipping")))
        }
        let slots = try SlotColumn.decode(from: &fields)
        try fields.expectEnd()
        request = StoreRequest(
            slots: slots, batch: number, skipping: skipping, isStandIn: flags & Self.standIn != 0,
            isRepeated: flags & Self.repeated != 0)
    }
}

extension StoreAnswer {
    /// Appends the wire form.
    package func encode(into bytes: inout [UInt8]) {
        var header: [UInt8] = []
        header.append(littleEndian: reply.batch)
        NodeNames.encode(names, into: &header)
        header.append(varint: UInt64(reply.node.number))
        header.append(varint: UInt64(reply.boot))
        header.append(varint: reply.groups.count)
        for group in reply.groups { group.encode(into: &header) }
        bytes.append(prefixed: header)
        acknowledgement.encode(into: &bytes)
    }

    /// Reads the wire form.
    package init(decoding bytes: RawSpan) throws(WireError) {
        var reader = WireReader(bytes, message: "StoreAnswer")
        let header = try reader.prefixedSpan()
        acknowledgement = try WriteAcknowledgement(decoding: bytes.extracting(reader.offset..<bytes.byteCount))
        var fields = WireReader(header, message: "StoreAnswer")
        let number = try fields.uint64()
        names = try NodeNames.decode(from: &fields)
        let node = try fields.node("node", names)
        let boot = try fields.uint32Varint("boot")
        var groups: [StoreReply.Group] = []
        for _ in 0..<(try fields.number("groups", below: SlotColumn.slotsMax)) {
            groups.append(try StoreReply.Group(from: &fields, names))
        }
        try fields.expectEnd()
        reply = StoreReply(batch: number, node: node, boot: boot, groups: groups)
    }
}

extension StoreReply.Group {
    private static let logged: UInt8 = 0
    private static let notHolder: UInt8 = 1
    private static let refused: UInt8 = 2

    fileprivate func encode(into bytes: inout [UInt8]) {
        SlotColumn.encode(slots, into: &bytes)
        bytes.append(varint: UInt64(attempt))
        bytes.append(role.rawValue)
        let (kind, nodes): (UInt8, [NodeID]) =
            switch outcome {
            case .logged(let skipping): (Self.logged, skipping)
            case .notHolder(let wanted): (Self.notHolder, wanted)
            case .refused: (Self.refused, [])
            }
        bytes.append(kind)
        bytes.append(nodes: nodes)
        bytes.append(varint: peers.count)
        for peer in peers { peer.encode(into: &bytes) }
        bytes.append(varint: copiesWanted)
    }

    fileprivate init(from reader: inout WireReader, _ names: [String]) throws(WireError) {
        let slots = try SlotColumn.decode(from: &reader)
        let attempt = try reader.uint32Varint("attempt")
        let role = try reader.role()
        let kind = try reader.uint8()
        let nodes = try reader.nodes("nodes", names)
        let outcome: StoreReply.Outcome
        switch kind {
        case Self.logged: outcome = .logged(skipping: nodes)
        case Self.notHolder: outcome = .notHolder(wanted: nodes)
        case Self.refused where nodes.isEmpty: outcome = .refused
        default: throw reader.malformed("outcome", found: UInt64(kind))
        }
        var peers: [Stake] = []
        for _ in 0..<(try reader.number("peers", below: names.count + 1)) {
            peers.append(try Stake(from: &reader, names))
        }
        let copiesWanted = try reader.number("copiesWanted", below: WireLimits.nodeNamesMax + 1)
        self.init(
            slots: slots, attempt: attempt, role: role, outcome: outcome, peers: peers, copiesWanted: copiesWanted)
    }
}
