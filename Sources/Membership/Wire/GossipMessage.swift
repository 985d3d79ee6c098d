import ByteCoding

/// What a datagram says besides its claims.
package enum GossipMessage: Equatable, Sendable {
    /// Asks `target` to acknowledge; another member at its address does not.
    case ping(sequence: UInt32, target: MemberName, digest: UInt64)
    /// Answers a ping.
    case acknowledge(sequence: UInt32, digest: UInt64)
    /// Asks the receiver to ping `target` and to pass the acknowledgement on.
    case pingRequest(sequence: UInt32, target: MemberName, address: NodeAddress)
    /// Answers a ping request whose target has not answered in time: the path to the proxy works at least.
    case notAcknowledged(sequence: UInt32)
    /// Nothing: the datagram is there for its claims.
    case gossip

    fileprivate enum Kind: UInt8 {
        case ping = 1
        case acknowledge = 2
        case pingRequest = 3
        case notAcknowledged = 4
        case gossip = 5
    }
}

/// The contents of one datagram: who sent it, a message, and claims behind it.
package struct GossipDatagram: Equatable, Sendable {
    /// `gossip_datagram_bytes_max`: an envelope with its seal and contents; fits in an Ethernet frame with room for tunnels.
    package static let bytesMax = 1_400
    /// Most bytes of contents.
    package static let contentBytesMax = bytesMax - Envelope.overhead

    /// The member that sent it.
    package var sender: MemberName
    /// What it says.
    package var message: GossipMessage
    /// What it passes on.
    package var claims: [Claim] = []

    package init(sender: MemberName, message: GossipMessage, claims: [Claim] = []) {
        self.sender = sender
        self.message = message
        self.claims = claims
    }

    /// The contents' bytes.
    package var encoded: [UInt8] {
        var bytes = Self.head(sender: sender, message: message)
        for claim in claims { bytes.append(contentsOf: claim.encoded) }
        return bytes
    }

    /// The bytes in front of the claims.
    static func head(sender: MemberName, message: GossipMessage) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(256)
        bytes.append(prefixed: sender.text)
        switch message {
        case .ping(let sequence, let target, let digest):
            bytes.append(GossipMessage.Kind.ping.rawValue)
            bytes.append(littleEndian: sequence)
            bytes.append(prefixed: target.text)
            bytes.append(littleEndian: digest)
        case .acknowledge(let sequence, let digest):
            bytes.append(GossipMessage.Kind.acknowledge.rawValue)
            bytes.append(littleEndian: sequence)
            bytes.append(littleEndian: digest)
        case .pingRequest(let sequence, let target, let address):
            bytes.append(GossipMessage.Kind.pingRequest.rawValue)
            bytes.append(littleEndian: sequence)
            bytes.append(prefixed: target.text)
            bytes.append(address: address)
        case .notAcknowledged(let sequence):
            bytes.append(GossipMessage.Kind.notAcknowledged.rawValue)
            bytes.append(littleEndian: sequence)
        case .gossip:
            bytes.append(GossipMessage.Kind.gossip.rawValue)
        }
        return bytes
    }

    /// Reads the contents of one datagram.
    ///
    /// - Throws: `MembershipError` for what cannot be read; nothing of such a datagram counts.
    package init(decoding bytes: RawSpan) throws(MembershipError) {
        guard bytes.byteCount <= Self.contentBytesMax else { throw MembershipError(.limitExceeded, in: "datagram") }
        var reader = GossipReader(bytes, place: "datagram")
        sender = try reader.name()
        guard let kind = GossipMessage.Kind(rawValue: try reader.uint8()) else { throw reader.fault(.malformed) }
        switch kind {
        case .ping:
            message = .ping(
                sequence: try reader.uint32(), target: try reader.name(), digest: try reader.uint64())
        case .acknowledge: message = .acknowledge(sequence: try reader.uint32(), digest: try reader.uint64())
        case .pingRequest:
            message = .pingRequest(
                sequence: try reader.uint32(), target: try reader.name(), address: try reader.address())
        case .notAcknowledged: message = .notAcknowledged(sequence: try reader.uint32())
        case .gossip: message = .gossip
        }
        var claims: [Claim] = []
        try Claim.readAll(&reader) { claims.append($0) }
        self.claims = claims
    }
}
