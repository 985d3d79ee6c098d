import ByteCoding
import MetricModel
import Testing
import WireProtocol

/// A client and a server in one place: bytes move when a test says so.
struct ConnectionPair {
    var client: Connection
    var server: Connection
    var clientEffects: [ConnectionEffect] = []
    var serverEffects: [ConnectionEffect] = []
    var now = MonotonicInstant(milliseconds: 1_000)

    static let identity = NodeIdentity(cluster: "test", node: "node")

    init(
        client: ConnectionOffer = ConnectionOffer(identity: ConnectionPair.identity),
        server: ConnectionOffer = ConnectionOffer(identity: ConnectionPair.identity),
        clientLimits: ConnectionLimits = ConnectionLimits(), serverLimits: ConnectionLimits = ConnectionLimits()
    ) {
        self.client = Connection(role: .client, offer: client, limits: clientLimits, now: now)
        self.server = Connection(role: .server, offer: server, limits: serverLimits, now: now)
    }

    /// Moves what the client has put out to the server.
    mutating func toServer() {
        let bytes = client.output
        client.outputTaken(writable: true, into: &clientEffects)
        let consumed = server.receive(bytes.rawSpan, now: now, into: &serverEffects)
        #expect(consumed == bytes.count)
    }

    /// Moves what the server has put out to the client.
    mutating func toClient() {
        let bytes = server.output
        server.outputTaken(writable: true, into: &serverEffects)
        let consumed = client.receive(bytes.rawSpan, now: now, into: &clientEffects)
        #expect(consumed == bytes.count)
    }

    mutating func shakeHands() {
        toServer()
        toClient()
        #expect(client.phase == .open && server.phase == .open)
        clientEffects = []
        serverEffects = []
    }

    /// What the server makes of bytes of the test's own.
    mutating func serverReceives(_ bytes: [UInt8]) -> [ConnectionEffect] {
        var effects: [ConnectionEffect] = []
        _ = server.receive(bytes.rawSpan, now: now, into: &effects)
        return effects
    }

    /// What the client makes of bytes of the test's own.
    mutating func clientReceives(_ bytes: [UInt8]) -> [ConnectionEffect] {
        var effects: [ConnectionEffect] = []
        _ = client.receive(bytes.rawSpan, now: now, into: &effects)
        return effects
    }

    @discardableResult
    mutating func openWrite(_ batch: WriteBatch, deadline: UInt32 = 0) -> StreamID {
        do {
            return try client.openWrite(batch, deadlineMilliseconds: deadline, now: now)
        } catch { preconditionFailure("\(error)") }
    }

    mutating func openStore(_ call: StoreCall, deadline: UInt32 = 0) -> StreamID {
        do {
            return try client.openStore(call, deadlineMilliseconds: deadline, now: now)
        } catch { preconditionFailure("\(error)") }
    }

    mutating func openMovement(_ packet: MovementPacket, deadline: UInt32 = 0) -> StreamID {
        do {
            return try client.openMovement(packet, deadlineMilliseconds: deadline, now: now)
        } catch { preconditionFailure("\(error)") }
    }

    @discardableResult
    mutating func openQuery(_ query: QueryRequest, deadline: UInt32 = 0) -> StreamID {
        do {
            return try client.openQuery(query, deadlineMilliseconds: deadline, now: now)
        } catch { preconditionFailure("\(error)") }
    }

    /// The effects so far, taken.
    mutating func takeClientEffects() -> [ConnectionEffect] {
        defer { clientEffects = [] }
        return clientEffects
    }

    /// The effects so far, taken.
    mutating func takeServerEffects() -> [ConnectionEffect] {
        defer { serverEffects = [] }
        return serverEffects
    }
}
