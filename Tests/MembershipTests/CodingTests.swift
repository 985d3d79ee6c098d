import ByteCoding
import Membership
import Testing

@Suite("Bytes of datagrams and exchanges") struct CodingTests {
    static let samples: [GossipDatagram] = {
        guard let sender = try? MemberName("node-1"), let other = try? MemberName("node-2"),
            var record = try? MemberRecord.sample("node-2", port: 7481, version: 300)
        else { return [] }
        record.http = NodeAddress(high: 0xFD00_0000_0000_0000, low: 1, port: 7480)
        record.zone = "eu-1"
        record.weight = 200
        record.later = [1, 2, 3]
        let address = NodeAddress(v4: 0x0A00_0001, port: 7481)
        return [
            GossipDatagram(
                sender: sender, message: .ping(sequence: 1, target: other, digest: 0x0102_0304_0506_0708),
                claims: [.suspect(name: other, version: 300, accuser: sender)]),
            GossipDatagram(
                sender: sender, message: .acknowledge(sequence: .max, digest: 9), claims: [.record(record)]),
            GossipDatagram(sender: sender, message: .pingRequest(sequence: 2, target: other, address: address)),
            GossipDatagram(
                sender: sender, message: .notAcknowledged(sequence: 3),
                claims: [.dead(name: other, version: 1 << 40, accuser: other)]),
            GossipDatagram(sender: sender, message: .gossip, claims: [.settings(.sample), .record(record)]),
        ]
    }()

    static let exchanges: [SyncMessage] = {
        guard let sender = try? MemberName("node-1"), let record = try? MemberRecord.sample("node-2", port: 7481) else {
            return []
        }
        let view = MemberView(record: record, liveness: .dead, claimVersion: 4, seconds: 100_000)
        return [
            .join(cluster: "murmur", record: record), .compare(sender: sender, digest: 77),
            .delta(sender: sender, settings: nil, members: [view]),
            .delta(sender: sender, settings: .sample, members: []), .ping(target: sender), .same,
            .view(settings: .sample, members: [view, view]), .refused(.nameTaken(record)),
            .refused(.otherCluster("x")), .refused(.notReady(sender, mayFound: true)), .refused(.full),
        ]
    }()

    @Test("what was written is read, and nothing shorter or with more behind it is the same", arguments: 0..<5)
    func datagrams(index: Int) throws {
        let sample = Self.samples[index]
        let bytes = sample.encoded
        #expect(try GossipDatagram(decoding: bytes.rawSpan) == sample)
        for length in 0..<bytes.count {
            let short = try? GossipDatagram(decoding: Array(bytes[..<length]).rawSpan)
            // Cut between two claims it is a datagram with fewer of them.
            #expect(short == nil || short?.claims.count ?? 0 < sample.claims.count)
        }
    }

    @Test("each bit flipped gives an error or another datagram, which is written as it was read", arguments: 0..<5)
    func flippedDatagrams(index: Int) throws {
        let sample = Self.samples[index]
        let bytes = sample.encoded
        for bit in 0..<bytes.count * 8 {
            var flipped = bytes
            flipped[bit / 8] ^= 1 << UInt8(bit % 8)
            guard let read = try? GossipDatagram(decoding: flipped.rawSpan) else { continue }
            #expect(read != sample || read.claims.count < sample.claims.count)
            #expect(try GossipDatagram(decoding: read.encoded.rawSpan) == read)
        }
    }

    @Test("exchanges: whole, cut at each length, each bit flipped, with something behind", arguments: 0..<11)
    func syncs(index: Int) throws {
        let sample = Self.exchanges[index]
        let bytes = sample.encoded
        #expect(try SyncMessage(decoding: bytes.rawSpan) == sample)
        for length in 0..<bytes.count {
            #expect(throws: MembershipError.self) { try SyncMessage(decoding: Array(bytes[..<length]).rawSpan) }
        }
        #expect(throws: MembershipError.self) { try SyncMessage(decoding: (bytes + [0]).rawSpan) }
        for bit in 0..<bytes.count * 8 {
            var flipped = bytes
            flipped[bit / 8] ^= 1 << UInt8(bit % 8)
            guard let read = try? SyncMessage(decoding: flipped.rawSpan) else { continue }
            #expect(try SyncMessage(decoding: read.encoded.rawSpan) == read)
        }
    }

    @Test("lengths and counts that promise more than there is are refused before anything is set aside")
    func hostileLengths() throws {
        let huge: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]
        let head = GossipDatagram(sender: try name("a"), message: .gossip).encoded
        for tag in 0...255 as ClosedRange<UInt8> {
            #expect(throws: MembershipError.self) { try GossipDatagram(decoding: (head + [tag] + huge).rawSpan) }
        }
        for kind in [1, 2, 3, 4, 17, 18, 19, 20] as [UInt8] {
            #expect(throws: MembershipError.self) { try SyncMessage(decoding: ([kind] + huge).rawSpan) }
        }
        #expect(throws: MembershipError.self) {
            try GossipDatagram(decoding: [UInt8](repeating: 0, count: GossipDatagram.contentBytesMax + 1).rawSpan)
        }
    }

    @Test("claims of kinds that later versions have are passed over")
    func laterClaims() throws {
        let sample = Self.samples[0]
        let bytes = GossipDatagram(sender: sample.sender, message: sample.message).encoded
        let later: [UInt8] = [200, 3, 1, 2, 3]
        let read = try GossipDatagram(decoding: (bytes + later + sample.claims[0].encoded).rawSpan)
        #expect(read == sample)
    }

    @Test("fields of later versions are carried on unread, and names keep to their alphabet and length")
    func laterFields() throws {
        var record = try MemberRecord.sample("a", port: 1)
        record.later = [7, 7]
        #expect(try MemberRecord(decoding: record.encoded.rawSpan) == record)
        var settings = ClusterSettings.sample
        settings.later = [9]
        #expect(try ClusterSettings(decoding: settings.encoded.rawSpan) == settings)
        for bad in ["", "two words", "é", "tab\t", String(repeating: "x", count: 129)] {
            #expect(throws: MembershipError.self) { try MemberName(bad) }
        }
        #expect(try MemberName(String(repeating: "x", count: 128)).text.count == 128)
    }

    @Test("datagrams stay within their limit however much news there is, and all of it arrives in the end")
    func bounded() throws {
        var harness = try Harness(others: (0..<200).map { "a-rather-long-name-of-a-member-\($0)" })
        harness.pass(.seconds(8))
        var heard: Set<String> = []
        for effect in harness.effects {
            if case .send(_, let contents) = effect { #expect(contents.count <= GossipDatagram.contentBytesMax) }
        }
        for sent in harness.sent {
            for case .record(let record) in sent.datagram.claims { heard.insert(record.name.text) }
        }
        #expect(heard.count == 201)
    }

    @Test("a snapshot is read as it was written, and a damaged one is refused")
    func snapshot() throws {
        let harness = try Harness(others: ["a", "b"])
        guard let snapshot = harness.member.snapshot(now: harness.now) else { return }
        let bytes = snapshot.encoded
        #expect(try MembershipSnapshot(decoding: bytes.rawSpan) == snapshot)
        for length in 0..<bytes.count {
            #expect(throws: MembershipError.self) { try MembershipSnapshot(decoding: Array(bytes[..<length]).rawSpan) }
        }
        for bit in 0..<bytes.count * 8 {
            var flipped = bytes
            flipped[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(throws: MembershipError.self) { try MembershipSnapshot(decoding: flipped.rawSpan) }
        }
    }

    @Test("an instance is a UUID and a boot number")
    func instances() throws {
        let instance = try MemberInstance(uuid: "01234567-89ab-cdef-0011-223344556677", boot: 4)
        #expect(instance == MemberInstance(high: 0x0123_4567_89AB_CDEF, low: 0x0011_2233_4455_6677, boot: 4))
        #expect(instance.description == "0123456789abcdef0011223344556677/4")
        for bad in ["", "01234567-89ab-cdef-0011-22334455667", "x1234567-89ab-cdef-0011-223344556677"] {
            #expect(throws: MembershipError.self) { try MemberInstance(uuid: bad, boot: 1) }
        }
    }

    @Test("addresses read as people write them")
    func addresses() {
        #expect(NodeAddress(v4: 0x0A01_0203, port: 7481).description == "10.1.2.3:7481")
        #expect(
            NodeAddress(high: 0xFD00_0000_0000_0000, low: 0x1F, port: 1).description == "[fd00:0:0:0:0:0:0:1f]:1")
    }
}
