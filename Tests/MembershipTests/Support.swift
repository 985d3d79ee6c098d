import ByteCoding
import Membership

func name(_ text: String) throws -> MemberName { try MemberName(text) }

extension MemberRecord {
    /// A member on port `port`, active, an aggregator.
    static func sample(_ text: String, port: UInt16, version: UInt64 = 1, disk: UInt64? = nil, boot: UInt64 = 1) throws
        -> MemberRecord
    {
        var record = MemberRecord(
            name: try MemberName(text), version: version,
            instance: MemberInstance(high: 0xA1, low: disk ?? UInt64(port), boot: boot), roles: .aggregator,
            address: NodeAddress(v4: 0x7F00_0001, port: port))
        record.state = .active
        return record
    }
}

extension ClusterSettings {
    static let sample = ClusterSettings(
        id: ClusterID(high: 1, low: 2), name: "murmur", placementLabels: ["server_id", "instance"],
        lateWindowMilliseconds: 600_000)
}

/// One member under test, its clock and its effects.
struct Harness {
    var member: Membership
    var now = MembershipInstant(microseconds: 1_000_000)
    var effects: [MembershipEffect] = []

    /// A member `me` on port 1 that founded its cluster and knows `others`, on the ports from 2 on.
    init(others: [String] = [], configuration: MembershipConfiguration = MembershipConfiguration()) throws {
        member = Membership(
            record: try .sample("me", port: 1), settings: nil, configuration: configuration, seed: 1)
        member.start(
            seeds: [], cluster: "murmur", founding: Founding(settings: .sample, membersMin: 1), now: now,
            into: &effects)
        for (index, other) in others.enumerated() {
            hear(from: other, claims: [.record(try .sample(other, port: UInt16(index + 2)))])
        }
        effects = []
    }

    mutating func hear(
        from sender: String, _ message: GossipMessage = .gossip, claims: [Claim] = [], port: UInt16 = 2
    ) {
        guard let sender = try? MemberName(sender) else { preconditionFailure("\(sender) is no name") }
        member.receive(
            GossipDatagram(sender: sender, message: message, claims: claims).encoded,
            from: NodeAddress(v4: 0x7F00_0001, port: port), now: now, into: &effects)
    }

    /// Lets time pass up to `microseconds` later, ticking whenever it is due.
    mutating func pass(_ microseconds: Int64) {
        let end = now.advanced(by: microseconds)
        while member.wakeAt <= end {
            now = max(now, member.wakeAt)
            member.tick(now: now, into: &effects)
        }
        now = end
    }

    /// Datagrams sent so far, with the ports they went to.
    var sent: [(port: UInt16, datagram: GossipDatagram)] {
        effects.compactMap { effect in
            guard case .send(let address, let contents) = effect,
                let datagram = try? GossipDatagram(decoding: contents.rawSpan)
            else { return nil }
            return (address.port, datagram)
        }
    }

    /// Exchanges begun so far.
    var exchanges: [(id: SyncID, port: UInt16, message: SyncMessage)] {
        effects.compactMap { effect in
            guard case .exchange(let id, let address, let contents) = effect,
                let message = try? SyncMessage(decoding: contents.rawSpan)
            else { return nil }
            return (id, address.port, message)
        }
    }

    var notices: [MembershipNotice] {
        effects.compactMap { effect in
            if case .notify(let notice) = effect { notice } else { nil }
        }
    }
}

/// Not cryptography: a cipher whose tag depends on everything, for rules that hold with any cipher.
struct ToyCipher: GossipCipher {
    private func hash(_ parts: [[UInt8]], count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        for part in parts { bytes.append(prefixed: part) }
        var result: [UInt8] = []
        var seed: UInt64 = 0
        while result.count < count {
            result.append(littleEndian: XXH3.hash64(bytes.rawSpan, seed: seed))
            seed += 1
        }
        return Array(result.prefix(count))
    }

    func deriveKey(secret: [UInt8], salt: [UInt8], info: [UInt8]) -> [UInt8] { hash([secret, salt, info], count: 32) }
    func digest(_ bytes: [UInt8]) -> [UInt8] { hash([bytes], count: 32) }

    func seal(_ contents: [UInt8], key: [UInt8], nonce: [UInt8], header: [UInt8]) -> [UInt8] {
        let hidden = zip(contents, hash([key, nonce], count: contents.count)).map { $0 ^ $1 }
        return hidden + hash([key, nonce, header, hidden], count: 16)
    }

    func open(_ sealed: [UInt8], key: [UInt8], nonce: [UInt8], header: [UInt8]) -> [UInt8]? {
        let hidden = Array(sealed.dropLast(16))
        guard hash([key, nonce, header, hidden], count: 16) == Array(sealed.suffix(16)) else { return nil }
        return zip(hidden, hash([key, nonce], count: hidden.count)).map { $0 ^ $1 }
    }
}
