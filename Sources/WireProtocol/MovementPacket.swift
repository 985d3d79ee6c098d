import ByteCoding
package import SlotMovement

/// What one aggregator's `SlotKeeper` says to another's: messages in order, each with the samples that travel beside it.
///
/// Wire form (docs/protocol.md, "Movement packet"): the sender's name; names; messages until the end, each a kind, its fields, and its samples' length plus
/// one (0 for none) and bytes. Columns of rows are in `SlotRowColumn.swift`.
package struct MovementPacket: Equatable, Sendable {
    /// A message and its samples.
    package struct Item: Equatable, Sendable {
        /// What is said.
        package var message: MovementMessage
        /// A bundle of samples, which this protocol does not look into.
        package var samples: [UInt8]?

        /// A message, by default without samples.
        package init(_ message: MovementMessage, samples: [UInt8]? = nil) {
            self.message = message
            self.samples = samples
        }
    }

    /// The name of the node whose messages these are.
    package let sender: String
    /// Names of the nodes that the messages speak of.
    package let names: [String]
    /// The messages; their nodes are indices into `names`.
    package let items: [Item]

    /// One packet of all of `items`, however large.
    ///
    /// - Parameters:
    ///   - items: nodes as this process numbers them.
    ///   - sender: this node's name.
    ///   - name: a node's name.
    package init(_ items: [Item], from sender: String, name: (NodeID) -> String) {
        self.sender = sender.cut(toBytes: WireLimits.nameBytesMax)
        var names = NodeNames()
        self.items = items.map { item in
            Item(item.message.renumbered { NodeID(UInt32(names.add(name($0)))) }, samples: item.samples)
        }
        self.names = names.list
    }

    /// The messages with nodes as this process numbers them.
    ///
    /// - Parameter number: of the node of a name.
    /// - Returns: the messages in order.
    package func items(number: (String) -> NodeID) -> [Item] {
        let numbers = names.map(number)
        return items.map { item in
            Item(item.message.renumbered { numbers[Int($0.number)] }, samples: item.samples)
        }
    }

    /// Packets of some `packetBytes` each. A message with its samples that is larger alone is alone in its packet, and refused when that is
    /// opened if no frame holds it.
    ///
    /// - Parameters:
    ///   - items: nodes as this process numbers them; asks and answers of many rows are cut.
    ///   - sender: this node's name.
    ///   - name: a node's name.
    /// - Returns: packets to send in order.
    package static func packets(
        of items: [Item], from sender: String, name: (NodeID) -> String
    ) -> [MovementPacket] {
        var packets: [MovementPacket] = []
        var part: [Item] = []
        var bytes = 0
        for item in items.flatMap(\.cut) {
            if bytes + item.bytesMax > packetBytes, !part.isEmpty {
                packets.append(MovementPacket(part, from: sender, name: name))
                part = []
                bytes = 0
            }
            part.append(item)
            bytes += item.bytesMax
        }
        if !part.isEmpty { packets.append(MovementPacket(part, from: sender, name: name)) }
        return packets
    }

    /// `movement_packet_bytes`: beyond it a new packet begins, a quarter of what a frame may hold.
    static let packetBytes = 4 << 20
}

extension MovementPacket.Item {
    /// No fewer bytes than the item takes, names aside.
    fileprivate var bytesMax: Int {
        let samples = samples?.count ?? 0
        return switch message {
        case .asks(let asks): 64 + 20 * asks.rows.count
        case .answers(let answers): 64 + 24 * answers.rows.count + 16 * answers.peers.count
        case .copy, .page: 128 + samples
        case .pay(let parts), .paid(let parts):
            parts.reduce(32 + samples) { $0 + 32 + min(3 * $1.slots.count, SlotColumn.slotsMax >> 3) }
        case .windowDigests(_, _, let digests): 64 + 36 * digests.count
        case .seriesDigests(_, _, let digests): 64 + 36 * digests.count
        case .repair(_, _, let series, _): 64 + 8 * series.count + samples
        }
    }

    /// Itself, or parts of it that each are small enough for a packet, where a message may be cut.
    fileprivate var cut: [MovementPacket.Item] {
        guard bytesMax > MovementPacket.packetBytes else { return [self] }
        switch message {
        case .asks(var asks) where asks.rows.count > 1:
            var rest = asks
            let half = asks.rows.count / 2
            asks.rows.removeSubrange(half...)
            rest.rows.removeSubrange(..<half)
            return MovementPacket.Item(.asks(asks)).cut + MovementPacket.Item(.asks(rest)).cut
        case .answers(let answers) where answers.rows.count > 1:
            return answers.halves.flatMap { MovementPacket.Item(.answers($0)).cut }
        case .asks, .answers, .copy, .page, .pay, .paid, .windowDigests, .seriesDigests, .repair:
            return [self]
        }
    }
}

extension SlotAnswers {
    fileprivate var halves: [SlotAnswers] {
        let half = rows.count / 2
        let peersBefore = peerCounts[..<half].reduce(0) { $0 + Int($1) }
        var (first, second) = (self, self)
        first.rows.removeSubrange(half...)
        first.peerCounts.removeSubrange(half...)
        first.peers.removeSubrange(peersBefore...)
        second.rows.removeSubrange(..<half)
        second.peerCounts.removeSubrange(..<half)
        second.peers.removeSubrange(..<peersBefore)
        return [first, second]
    }
}

extension MovementPacket {
    /// Appends the wire form.
    package func encode(into bytes: inout [UInt8]) {
        bytes.append(prefixed: sender)
        NodeNames.encode(names, into: &bytes)
        for item in items {
            item.message.encode(into: &bytes)
            bytes.append(varint: item.samples.map { $0.count + 1 } ?? 0)
            if let samples = item.samples { bytes.append(contentsOf: samples) }
        }
    }

    /// Reads the wire form.
    package init(decoding bytes: RawSpan) throws(WireError) {
        var reader = WireReader(bytes, message: "MovementPacket")
        sender = try reader.string()
        let names = try NodeNames.decode(from: &reader)
        var items: [Item] = []
        while reader.offset < bytes.byteCount {
            var item = Item(try MovementMessage(from: &reader, names))
            let length = try reader.varint()
            if length > 0 { item.samples = try reader.span(count: length - 1).copied() }
            items.append(item)
        }
        self.names = names
        self.items = items
    }
}
