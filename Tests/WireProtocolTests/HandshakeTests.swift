import ByteCoding
import Testing
import WireProtocol

@Suite("Handshake")
struct HandshakeTests {
    static func offer(
        _ versions: ClosedRange<UInt32> = 1...1, required: UInt64 = 0, optional: UInt64 = 0, cluster: String = "test",
        id: String = ""
    ) -> ConnectionOffer {
        var identity = NodeIdentity(cluster: cluster, node: "n")
        identity.clusterID = id
        return ConnectionOffer(
            identity: identity, lowestVersion: versions.lowerBound,
            highestVersion: versions.upperBound, requiredFeatures: FeatureSet(rawValue: required),
            optionalFeatures: FeatureSet(rawValue: optional))
    }

    @Test(
        "the highest version that both know is chosen",
        arguments: [(1...1, 1...1, 1), (1...3, 2...5, 3), (2...5, 1...3, 3), (4...4, 1...9, 4)]
            as [(
                ClosedRange<UInt32>, ClosedRange<UInt32>, UInt32
            )])
    func versions(_ client: ClosedRange<UInt32>, _ server: ClosedRange<UInt32>, _ chosen: UInt32) {
        var pair = ConnectionPair(client: Self.offer(client), server: Self.offer(server))
        pair.toServer()
        pair.toClient()
        #expect(pair.client.peer?.version == chosen)
        #expect(pair.server.peer?.version == chosen)
        #expect(pair.client.acceptsRequests)
    }

    @Test(
        "without a common version, a common cluster or a required feature both ends learn why and close",
        arguments: [
            (offer(1...2), offer(3...4), .versionMismatch), (offer(3...4), offer(1...2), .versionMismatch),
            (offer(required: 1), offer(), .versionMismatch), (offer(), offer(required: 4), .versionMismatch),
            (offer(required: 1 << 63), offer(optional: 1), .versionMismatch),
            (offer(cluster: "a"), offer(cluster: "b"), .badRequest),
            (offer(id: "1f"), offer(id: "2f"), .badRequest), (offer(id: "1f"), offer(), .unavailable),
            (offer(), offer(id: "1f"), .unavailable),
        ] as [(ConnectionOffer, ConnectionOffer, TypedError.Code)])
    func refusals(_ client: ConnectionOffer, _ server: ConnectionOffer, _ code: TypedError.Code) {
        var pair = ConnectionPair(client: client, server: server)
        pair.toServer()
        guard case .close(let serverError?) = pair.serverEffects.last else {
            Issue.record("the server did not refuse: \(pair.serverEffects)")
            return
        }
        #expect(serverError.code == code)
        pair.toClient()
        #expect(pair.clientEffects == [.close(serverError)])
        #expect(pair.client.phase == .closed && pair.server.phase == .closed)
        #expect(throws: TypedError.self) {
            try pair.client.openWrite(WriteBatch(), deadlineMilliseconds: 0, now: pair.now)
        }
    }

    @Test("optional features that only one side has are left out")
    func optionalFeatures() {
        var pair = ConnectionPair(
            client: Self.offer(required: 1, optional: 0b0110), server: Self.offer(required: 2, optional: 0b1001))
        pair.toServer()
        pair.toClient()
        #expect(pair.client.peer?.features == FeatureSet(rawValue: 0b0011))
        #expect(pair.server.peer?.features == FeatureSet(rawValue: 0b0011))
    }

    @Test("anything but the handshake's frame closes the connection before it", arguments: FrameType.allCases)
    func prematureFrames(_ type: FrameType) {
        for role in [Connection.Role.client, .server] {
            let expected: [FrameType] = role == .server ? [.hello] : [.welcome, .goAway]
            if expected.contains(type) { continue }
            let now = MonotonicInstant(milliseconds: 0)
            var connection = Connection(role: role, offer: Self.offer(), limits: ConnectionLimits(), now: now)
            let stream: UInt32 = FrameClass(type: type.rawValue) == .connection ? 0 : 1
            let frame = [UInt8].encoding { $0.appendFrame(type.rawValue, stream: stream) { _ in } }
            var effects: [ConnectionEffect] = []
            _ = connection.receive(frame.rawSpan, now: now, into: &effects)
            #expect(connection.phase == .closed)
        }
    }

    @Test("a second hello closes the connection")
    func secondHello() {
        var pair = ConnectionPair()
        let hello = pair.client.output
        pair.shakeHands()
        _ = pair.serverReceives(hello)
        #expect(pair.server.phase == .closed)
    }

    @Test("a peer that does not finish the handshake in time is given up")
    func timeout() {
        var pair = ConnectionPair()
        var effects: [ConnectionEffect] = []
        let deadline = pair.server.nextTimer
        #expect(deadline == MonotonicInstant(milliseconds: 6_000))
        // A peer that sends its hello byte by byte gains no time.
        pair.now = MonotonicInstant(milliseconds: 5_999)
        #expect(pair.serverReceives(Array(pair.client.output.prefix(10))).isEmpty)
        pair.server.timer(now: pair.now, into: &effects)
        #expect(effects.isEmpty)
        pair.server.timer(now: MonotonicInstant(milliseconds: 6_000), into: &effects)
        #expect(pair.server.phase == .closed)
        #expect(pair.server.nextTimer == nil)
    }
}
