import ByteCoding
import MetricModel

/// Entry points for a fuzzer: arbitrary bytes go in, and nothing traps, hangs or grows beyond the limits.
package enum WireFuzzing {
    /// Gives `bytes` to everything that reads bytes from a peer.
    ///
    /// The first byte chooses: 0 to 3, a stream of frames to a connection (client or server, before or after the handshake), with
    /// checksums as they are; 4 to 7, the same with magic, version and checksum mended, so that the fuzzer need not guess them; the
    /// rest, one payload to the decoder of one message.
    ///
    /// - Returns: how many effects, or 1 for a message that decoded: something for a fuzzer to tell runs apart by.
    @discardableResult
    package static func run(_ bytes: [UInt8]) -> Int {
        guard let choice = bytes.first else { return 0 }
        let rest = Array(bytes.dropFirst())
        return choice < 8 ? connection(choice, choice < 4 ? rest : mended(rest)) : message(choice, rest)
    }

    private static func connection(_ choice: UInt8, _ bytes: [UInt8]) -> Int {
        let identity = NodeIdentity(cluster: "fuzz", node: "fuzz")
        let start = MonotonicInstant(milliseconds: 0)
        let role: Connection.Role = choice & 1 == 0 ? .server : .client
        var connection = Connection(
            role: role, offer: ConnectionOffer(identity: identity), limits: ConnectionLimits(), now: start)
        var effects: [ConnectionEffect] = []
        if choice & 2 != 0 {
            var greeting: [UInt8] = []
            let hello = ConnectionOffer(identity: identity).hello(limits: ConnectionLimits())
            let welcome = Welcome(version: 1, identity: identity, streamsMax: 100, requestBytesMax: 1 << 20)
            if role == .server {
                greeting.appendFrame(FrameType.hello.rawValue, stream: 0) { hello.encode(into: &$0) }
            } else {
                greeting.appendFrame(FrameType.welcome.rawValue, stream: 0) { welcome.encode(into: &$0) }
            }
            _ = connection.receive(greeting.rawSpan, now: start, into: &effects)
            if role == .client { openSome(&connection, now: start) }
        }
        _ = connection.receive(bytes.rawSpan, now: start, into: &effects)
        let answers = effects
        for effect in answers {
            guard case .query(let stream, .labelNames) = effect else { continue }
            _ = connection.send(.strings(StringPage(values: ["a"])), on: stream)
        }
        connection.outputTaken(writable: true, into: &effects)
        connection.timer(now: MonotonicInstant(milliseconds: 1 << 33), into: &effects)
        return effects.count
    }

    private static func openSome(_ connection: inout Connection, now: MonotonicInstant) {
        do throws(TypedError) {
            _ = try connection.openWrite(WriteBatch(), deadlineMilliseconds: 1000, now: now)
            let servers = QueryRequest.servers(ServersRequest(tenant: .default))
            _ = try connection.openQuery(servers, deadlineMilliseconds: 0, now: now)
        } catch {
            preconditionFailure("a fresh connection refused a request: \(error)")
        }
    }

    private static func message(_ choice: UInt8, _ bytes: [UInt8]) -> Int {
        let types = FrameType.allCases
        let type = types[Int(choice) % types.count]
        do throws(WireError) {
            switch FrameClass(type: type.rawValue) {
            case .request where type == .write: _ = try WriteBatch(decoding: bytes.rawSpan)
            case .request where type == .store: _ = try StoreCall(decoding: bytes.rawSpan)
            case .request where type == .movement: _ = try MovementPacket(decoding: bytes.rawSpan)
            case .request: _ = try QueryRequest(type, decoding: bytes.rawSpan)
            case .page: _ = try QueryPage(type, decoding: bytes.rawSpan)
            case .end: _ = try Completion(type, decoding: bytes.rawSpan)
            case .connection where type == .hello: _ = try Hello(decoding: bytes.rawSpan)
            case .connection where type == .welcome: _ = try Welcome(decoding: bytes.rawSpan)
            case .connection, .streamControl, .reserved: _ = try GoAway(decoding: bytes.rawSpan)
            }
            return 1
        } catch {
            return 0
        }
    }

    /// The same bytes as frames that are sound: each header gets magic, version, a length that fits, and its checksum.
    private static func mended(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var reader = ByteReader(bytes.rawSpan)
        do throws(ByteError) {
            while !reader.isAtEnd {
                let type = try reader.readUInt8()
                let flags = UInt16(try reader.readUInt8())
                let stream = UInt32(try reader.readUInt8())
                let length = min(Int(try reader.readUInt16()), reader.remaining)
                let payload = try reader.readBytes(count: length)
                result.appendFrame(type, flags: flags, stream: stream) { $0.append(contentsOf: payload) }
            }
        } catch {
            // A header that is cut off ends the input.
            return result
        }
        return result
    }
}
