import ByteCoding

// What goes over the wire around the contents of a datagram or an exchange, docs/membership.md, "Envelope":
//
//     0      2       3       4            20         24            40           48
//     | "MG" | vers. | flags | cluster ID | key      | boot salt   | counter    | sealed contents, tag (16)      sealed
//     | "MG" | vers. | flags | cluster ID | CRC-32C  | contents                                                  not sealed

/// What an envelope is around; sealed with it, so that one is never taken for the other.
package enum EnvelopeKind: UInt8, CaseIterable, Sendable {
    /// A `GossipDatagram`
    case datagram = 0
    /// A `SyncMessage` that asks.
    case request = 1
    /// A `SyncMessage` that answers.
    case answer = 2
}

/// Puts contents into envelopes and takes them out: the cluster's ID, and the seal by a key derived for this start of the process.
///
/// A value with state: the counter of what was sealed, and the windows that tell replays.
package struct Envelope: Sendable {
    /// Most bytes that an envelope adds: those of a sealed one.
    package static let overhead = 64
    /// `envelope_peers_max`: starts of other members whose keys and windows are kept; the one not heard of for longest goes first.
    package static let peersMax = 8_192

    private static let version: UInt8 = 1
    private static let sealedFlag: UInt8 = 0x80
    private static let clearHeaderSize = 24
    private static let sealedHeaderSize = 48
    private static let tagSize = 16

    private struct Peer: Sendable {
        var key: [UInt8]
        var window = ReplayWindow()
        var lastUse: UInt64
    }

    private struct PeerID: Hashable {
        var key: UInt32
        var high: UInt64
        var low: UInt64
    }

    /// The cluster; others' envelopes are refused. `ClusterID.unknown` until a newcomer has learned it: then any is taken.
    package var cluster: ClusterID
    /// The secrets; may be changed at any time.
    package var keyring: Keyring { didSet { keysChanged() } }

    private let cipher: any GossipCipher
    private let salt: (high: UInt64, low: UInt64)
    private var counter: UInt64 = 0
    private var sealingKey: (number: UInt32, key: [UInt8])?
    private var secrets: [UInt32: [UInt8]] = [:]
    private var peers: [PeerID: Peer] = [:]
    private var uses: UInt64 = 0

    /// - Parameters:
    ///   - cluster: the ID, or `unknown`.
    ///   - keyring: the secrets.
    ///   - cipher: does the cryptography.
    ///   - salt: 128 random bits, new on each start, so that no nonce is used twice with a key.
    package init(cluster: ClusterID, keyring: Keyring, cipher: any GossipCipher, salt: (high: UInt64, low: UInt64)) {
        self.cluster = cluster
        self.keyring = keyring
        self.cipher = cipher
        self.salt = salt
        keysChanged()
    }

    private mutating func keysChanged() {
        secrets = [:]
        for key in keyring.keys { secrets[number(of: key)] = key.secret }
        peers = peers.filter { secrets[$0.key.key] != nil }
        sealingKey = keyring.keys.first.map { key in
            let number = number(of: key)
            return (number, derive(number, salt.high, salt.low))
        }
    }

    /// A key's number: the first 4 bytes of its SHA-256, little-endian.
    private func number(of key: Keyring.Key) -> UInt32 {
        cipher.digest(key.secret).prefix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// A sender's key: HKDF of the secret with the sender's boot salt.
    private func derive(_ number: UInt32, _ high: UInt64, _ low: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: high)
        bytes.append(littleEndian: low)
        return cipher.deriveKey(secret: secrets[number] ?? [], salt: bytes, info: Array("murmuration gossip 1".utf8))
    }

    /// Puts contents into an envelope.
    package mutating func wrap(_ contents: [UInt8], as kind: EnvelopeKind) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(contents.count + Self.overhead)
        let isSealed = keyring.sealsOutgoing && sealingKey != nil
        bytes += [0x4D, 0x47, Self.version, kind.rawValue | (isSealed ? Self.sealedFlag : 0)]
        bytes.append(clusterID: cluster)
        guard isSealed, let sealingKey else {
            let crc = CRC32C.of(contents.rawSpan, continuing: CRC32C.of(bytes.rawSpan))
            bytes.append(littleEndian: crc)
            bytes.append(contentsOf: contents)
            return bytes
        }
        counter += 1
        bytes.append(littleEndian: sealingKey.number)
        bytes.append(littleEndian: salt.high)
        bytes.append(littleEndian: salt.low)
        bytes.append(littleEndian: counter)
        bytes += cipher.seal(contents, key: sealingKey.key, nonce: Self.nonce(counter), header: bytes)
        return bytes
    }

    private static func nonce(_ counter: UInt64) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 4)
        bytes.append(littleEndian: counter)
        return bytes
    }

    /// The cluster that an envelope says it is of: what anybody can write.
    ///
    /// - Parameter bytes: a whole envelope.
    /// - Returns: nil for what is none.
    package static func cluster(of bytes: [UInt8]) -> ClusterID? {
        var reader = GossipReader(bytes.rawSpan, place: "envelope")
        guard (try? reader.uint32()) != nil else { return nil }
        return try? reader.clusterID()
    }

    /// Takes contents out of an envelope.
    ///
    /// - Parameters:
    ///   - bytes: a whole envelope.
    ///   - kind: what it must be around.
    ///   - acceptsUnknownCluster: whether a sender may not know its cluster yet, as one that asks to join.
    /// - Returns: the contents.
    /// - Throws: `MembershipError` when it is not this cluster's, damaged, not sealed with a key of the keyring, or was received before.
    package mutating func unwrap(
        _ bytes: [UInt8], as kind: EnvelopeKind, acceptsUnknownCluster: Bool = false
    ) throws(MembershipError) -> [UInt8] {
        let span = bytes.rawSpan
        var reader = GossipReader(span, place: "envelope")
        guard try reader.uint8() == 0x4D, try reader.uint8() == 0x47, try reader.uint8() == Self.version else {
            throw MembershipError(.unknownVersion, in: "envelope")
        }
        let flags = try reader.uint8()
        guard flags & ~Self.sealedFlag == kind.rawValue else {
            throw MembershipError(.malformed, in: "envelope", offset: 3)
        }
        let theirs = try reader.clusterID()
        let isJoiner = acceptsUnknownCluster && theirs == .unknown
        guard theirs == cluster || cluster == .unknown || isJoiner else {
            throw MembershipError(.wrongCluster, in: "envelope of cluster \(theirs)", offset: 4)
        }
        if flags & Self.sealedFlag != 0 {
            let contents = try unseal(bytes, &reader)
            try expectJoin(contents, isJoiner && cluster != .unknown)
            return contents
        }
        guard keyring.acceptsUnsealed else { throw MembershipError(.unsealed, in: "envelope", offset: 3) }
        let crc = try reader.uint32()
        let contents = span.extracting(Self.clearHeaderSize..<span.byteCount)
        guard CRC32C.of(contents, continuing: CRC32C.of(span.extracting(0..<20))) == crc else {
            throw MembershipError(.damaged, in: "envelope", offset: 20)
        }
        try expectJoin(contents.copied(), isJoiner && cluster != .unknown)
        return contents.copied()
    }

    /// Who does not know the cluster yet may ask to join it, and nothing else.
    private func expectJoin(_ contents: [UInt8], _ isJoiner: Bool) throws(MembershipError) {
        guard !isJoiner || SyncMessage.isJoin(contents) else {
            throw MembershipError(.wrongCluster, in: "envelope", offset: 4)
        }
    }

    private mutating func unseal(
        _ bytes: [UInt8], _ reader: inout GossipReader
    ) throws(MembershipError) -> [UInt8] {
        let number = try reader.uint32()
        let id = PeerID(key: number, high: try reader.uint64(), low: try reader.uint64())
        let counter = try reader.uint64()
        guard bytes.count >= Self.sealedHeaderSize + Self.tagSize else {
            throw MembershipError(.truncated, in: "envelope", offset: Self.sealedHeaderSize)
        }
        guard secrets[number] != nil else { throw MembershipError(.unknownKey, in: "envelope", offset: 20) }
        // A key is kept only once an envelope has proved that its sender knows the secret: junk fills no tables.
        var peer = peers[id] ?? Peer(key: derive(number, id.high, id.low), lastUse: 0)
        let header = Array(bytes[..<Self.sealedHeaderSize])
        let sealed = Array(bytes[Self.sealedHeaderSize...])
        guard let contents = cipher.open(sealed, key: peer.key, nonce: Self.nonce(counter), header: header) else {
            throw MembershipError(.unauthentic, in: "envelope", offset: Self.sealedHeaderSize)
        }
        let isNew = peer.window.take(counter)
        uses += 1
        peer.lastUse = uses
        if peers[id] == nil, peers.count >= Self.peersMax,
            let oldest = peers.min(by: { $0.value.lastUse < $1.value.lastUse })
        {
            peers[oldest.key] = nil
        }
        peers[id] = peer
        guard isNew else { throw MembershipError(.replayed, in: "envelope", offset: 40) }
        return contents
    }
}
