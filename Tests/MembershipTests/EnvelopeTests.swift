import Membership
import Testing

@Suite("Envelopes") struct EnvelopeTests {
    private let cluster = ClusterID(high: 0x0102_0304_0506_0708, low: 0x090A_0B0C_0D0E_0F10)

    private func key(_ byte: UInt8) throws -> Keyring.Key {
        try Keyring.Key(secret: [UInt8](repeating: byte, count: 32))
    }

    private func envelope(_ keys: [UInt8], salt: UInt64 = 1, cluster: ClusterID? = nil) throws -> Envelope {
        Envelope(
            cluster: cluster ?? self.cluster, keyring: try Keyring(keys: keys.map(key)), cipher: ToyCipher(),
            salt: (salt, salt))
    }

    @Test("what is wrapped comes out, sealed or not, and never as another kind", arguments: [[], [1]] as [[UInt8]])
    func roundTrip(keys: [UInt8]) throws {
        var sender = try envelope(keys)
        var receiver = try envelope(keys, salt: 2)
        for kind in EnvelopeKind.allCases {
            let wrapped = sender.wrap([1, 2, 3], as: kind)
            #expect(wrapped.count <= 3 + Envelope.overhead)
            for other in EnvelopeKind.allCases where other != kind {
                #expect(throws: MembershipError.self) { try receiver.unwrap(wrapped, as: other) }
            }
            #expect(try receiver.unwrap(wrapped, as: kind) == [1, 2, 3])
        }
    }

    @Test("each bit flipped and each length cut is refused", arguments: [[], [1]] as [[UInt8]])
    func damage(keys: [UInt8]) throws {
        var sender = try envelope(keys)
        let wrapped = sender.wrap(Array(0..<40), as: .datagram)
        for bit in 0..<wrapped.count * 8 {
            var flipped = wrapped
            flipped[bit / 8] ^= 1 << UInt8(bit % 8)
            var receiver = try envelope(keys, salt: 2)
            #expect(throws: MembershipError.self, "bit \(bit)") { try receiver.unwrap(flipped, as: .datagram) }
        }
        for length in 0..<wrapped.count {
            var receiver = try envelope(keys, salt: 2)
            #expect(throws: MembershipError.self) { try receiver.unwrap(Array(wrapped[..<length]), as: .datagram) }
        }
    }

    @Test("another cluster's envelope is refused, also with the same key; a newcomer's is taken where it may be")
    func clusters() throws {
        var other = try envelope([1], cluster: ClusterID(high: 5, low: 5))
        var newcomer = try envelope([1], salt: 3, cluster: .unknown)
        var receiver = try envelope([1], salt: 2)
        #expect(
            throws: MembershipError(
                .wrongCluster, in: "envelope of cluster 00000000000000050000000000000005", offset: 4)
        ) {
            try receiver.unwrap(other.wrap([1], as: .datagram), as: .datagram)
        }
        #expect(throws: MembershipError.self) { try receiver.unwrap(newcomer.wrap([1], as: .request), as: .request) }
        let request = newcomer.wrap([1], as: .request)
        #expect(try receiver.unwrap(request, as: .request, acceptsUnknownCluster: true) == [1])
        let foreign = newcomer.wrap([2], as: .request)
        #expect(throws: MembershipError(.wrongCluster, in: "envelope", offset: 4)) {
            try receiver.unwrap(foreign, as: .request, acceptsUnknownCluster: true)
        }
        #expect(try newcomer.unwrap(receiver.wrap([2], as: .answer), as: .answer) == [2])
    }

    @Test("an envelope counts once, overtaken ones count, too old ones do not")
    func replay() throws {
        var sender = try envelope([1])
        var receiver = try envelope([1], salt: 2)
        let wrapped = (0..<3_000).map { sender.wrap([UInt8(truncatingIfNeeded: $0)], as: .datagram) }
        for index in [0, 5, 3, 4, 1_000, 6, 999] { _ = try receiver.unwrap(wrapped[index], as: .datagram) }
        for index in [0, 5, 3, 4, 1_000, 6, 999] {
            #expect(throws: MembershipError(.replayed, in: "envelope", offset: 40)) {
                try receiver.unwrap(wrapped[index], as: .datagram)
            }
        }
        _ = try receiver.unwrap(wrapped[2_999], as: .datagram)
        #expect(throws: MembershipError(.replayed, in: "envelope", offset: 40)) {
            try receiver.unwrap(wrapped[1_900], as: .datagram)
        }
        _ = try receiver.unwrap(wrapped[2_100], as: .datagram)
    }

    @Test("a keyring is rotated live: at no step does a member refuse another's envelopes")
    func rotation() throws {
        var left = try envelope([1], salt: 1)
        var right = try envelope([1], salt: 2)
        func exchange() throws {
            #expect(try right.unwrap(left.wrap([1], as: .datagram), as: .datagram) == [1])
            #expect(try left.unwrap(right.wrap([2], as: .datagram), as: .datagram) == [2])
        }
        try exchange()
        try left.keyring.add(key(2))
        try exchange()
        try right.keyring.add(key(2))
        try left.keyring.use(key(2))
        try exchange()
        try right.keyring.use(key(2))
        try exchange()
        try left.keyring.remove(key(1))
        try exchange()
        try right.keyring.remove(key(1))
        try exchange()
        var stranger = try envelope([1], salt: 3)
        #expect(throws: MembershipError(.unknownKey, in: "envelope", offset: 20)) {
            try right.unwrap(stranger.wrap([1], as: .datagram), as: .datagram)
        }
    }

    @Test("seals are switched on live: accept both, seal, refuse the rest")
    func switchingOn() throws {
        var open = try envelope([])
        var changing = try envelope([1], salt: 2)
        changing.keyring.sealsOutgoing = false
        changing.keyring.acceptsUnsealed = true
        #expect(try changing.unwrap(open.wrap([1], as: .datagram), as: .datagram) == [1])
        #expect(try open.unwrap(changing.wrap([1], as: .datagram), as: .datagram) == [1])
        changing.keyring.sealsOutgoing = true
        changing.keyring.acceptsUnsealed = false
        #expect(throws: MembershipError(.unsealed, in: "envelope", offset: 3)) {
            try changing.unwrap(open.wrap([1], as: .datagram), as: .datagram)
        }
    }

    @Test("a keyring has room for a few keys of 32 bytes, and never loses the one that seals")
    func keyring() throws {
        #expect(throws: MembershipError.self) { try Keyring.Key(secret: [1]) }
        var keyring = try Keyring(keys: [key(1)])
        #expect(throws: MembershipError.self) { try keyring.remove(key(1)) }
        #expect(throws: MembershipError.self) { try keyring.use(key(9)) }
        for byte in 2...8 as ClosedRange<UInt8> { try keyring.add(key(byte)) }
        #expect(throws: MembershipError(.limitExceeded, in: "keyring")) { try keyring.add(key(9)) }
    }
}
