import ByteCoding
import Foundation
import MetricModel
import Testing
import WireProtocol

/// The bytes in docs/protocol.md are what this program writes and reads: page and program change together or not at all.
@Suite("Golden vectors of docs/protocol.md")
struct GoldenVectorTests {
    /// What each vector of the page must be.
    static var vectors: [(name: String, bytes: [UInt8])] {
        var pair = ConnectionPair(
            client: ConnectionOffer(identity: NodeIdentity(cluster: "murmur", node: "router-1")),
            server: ConnectionOffer(identity: NodeIdentity(cluster: "murmur", node: "aggregator-1")))
        var result: [(String, [UInt8])] = [("hello", pair.client.output)]
        pair.toServer()
        result.append(("welcome", pair.server.output))
        pair.toClient()
        pair.openWrite(Samples.batch, deadline: 1000)
        result.append(("write", pair.client.output))
        pair.toServer()
        pair.server.finish(StreamID(number: 1), with: .written(Samples.acknowledgement), into: &pair.serverEffects)
        result.append(("write-acknowledgement", pair.server.output))
        pair.toClient()
        let select = pair.openQuery(Samples.queries[0], deadline: 30_000)
        result.append(("select", pair.client.output))
        pair.toServer()
        _ = pair.server.send(.series(Samples.page), on: select)
        result.append(("series-page", pair.server.output))
        pair.toClient()
        pair.server.finish(select, with: .ended(Samples.end), into: &pair.serverEffects)
        result.append(("select-end", pair.server.output))
        pair.toClient()
        let servers = pair.openQuery(Samples.queries[5])
        pair.toServer()
        pair.client.cancel(servers)
        result.append(("cancel", pair.client.output))
        pair.server.finish(servers, with: .failed(Samples.error), into: &pair.serverEffects)
        result.append(("error", pair.server.output))
        pair.toClient()
        pair.server.leave(TypedError(.unavailable, "the node is stopping"), into: &pair.serverEffects)
        result.append(("go-away", pair.server.output))
        result.append(
            (
                "ping",
                .encoding { $0.appendFrame(FrameType.ping.rawValue, stream: 0) { $0 += [1, 2, 3, 4, 5, 6, 7, 8] } }
            ))
        result.append(
            (
                "credit",
                .encoding {
                    $0.appendFrame(FrameType.credit.rawValue, stream: 3) { $0.append(littleEndian: UInt32(1 << 20)) }
                }
            ))
        return result + fragmentVectors
    }

    /// A connection of a coordinator that both ends have opened, with all features.
    private static var coordinatorPair: ConnectionPair {
        let offer = ConnectionOffer(
            identity: NodeIdentity(cluster: "murmur", node: "coordinator-1"), optionalFeatures: .known)
        var pair = ConnectionPair(client: offer, server: offer)
        pair.toServer()
        pair.toClient()
        return pair
    }

    /// On a connection of its own, its first stream.
    private static var fragmentVectors: [(name: String, bytes: [UInt8])] {
        var pair = coordinatorPair
        var small = Samples.fragment
        small.slots = Samples.slots(9)
        let stream = pair.openQuery(.fragment(small), deadline: 30_000)
        var result: [(String, [UInt8])] = [("fragment", pair.client.output)]
        pair.toServer()
        _ = pair.server.send(.fragment(Samples.fragmentPage), on: stream)
        result.append(("fragment-page", pair.server.output))
        pair.toClient()
        pair.server.finish(stream, with: .ended(Samples.fragmentEnd), into: &pair.serverEffects)
        result.append(("fragment-end", pair.server.output))
        result.append(
            (
                "part-end",
                .encoding { $0.appendFrame(FrameType.selectEnd.rawValue, stream: 3, body: Samples.partEnd.encode) }
            ))
        pair.toClient()
        let asked = pair.openQuery(
            .deletions(DeletionsRequest(digest: 7, deletions: Samples.deletions)), deadline: 5_000)
        result.append(("deletions", pair.client.output))
        pair.toServer()
        _ = pair.server.send(.deletions(DeletionsPage(digest: 9)), on: asked)
        result.append(("deletions-page", pair.server.output))
        return result + changesVectors + storeVectors
    }

    /// On a connection of its own, its first stream.
    private static var changesVectors: [(name: String, bytes: [UInt8])] {
        var pair = coordinatorPair
        let stream = pair.openQuery(.changes(Samples.changes), deadline: 30_000)
        var result: [(String, [UInt8])] = [("changes", pair.client.output)]
        pair.toServer()
        _ = pair.server.send(.changes(Samples.changesPage), on: stream)
        result.append(("changes-page", pair.server.output))
        return result
    }

    /// On a connection of its own, its first two streams.
    private static var storeVectors: [(name: String, bytes: [UInt8])] {
        let identity = NodeIdentity(cluster: "murmur", node: "node-a")
        var pair = ConnectionPair(
            client: ConnectionOffer(identity: identity, optionalFeatures: .known),
            server: ConnectionOffer(identity: identity, optionalFeatures: .known))
        pair.toServer()
        pair.toClient()
        let store = pair.openStore(Samples.storeCall, deadline: 1000)
        var result: [(String, [UInt8])] = [("store", pair.client.output)]
        pair.toServer()
        pair.server.finish(store, with: .stored(Samples.storeAnswer), into: &pair.serverEffects)
        result.append(("stored", pair.server.output))
        pair.toClient()
        let movement = pair.openMovement(Samples.packet, deadline: 1000)
        result.append(("movement", pair.client.output))
        pair.toServer()
        pair.server.finish(movement, with: .received, into: &pair.serverEffects)
        result.append(("received", pair.server.output))
        return result
    }

    /// The page's vectors: blocks that begin with "```hex NAME".
    static func documented() throws -> [String: [UInt8]] {
        var result: [String: [UInt8]] = [:]
        var name: String?
        var digits = ""
        for line in try Repository.text("docs/protocol.md").split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("```hex ") {
                name = String(line.dropFirst(7))
                digits = ""
            } else if line == "```", let ended = name {
                result[ended] = [UInt8](hex: digits)
                name = nil
            } else if name != nil {
                // Behind a semicolon stands what the bytes mean.
                digits += line.prefix { $0 != ";" }
            }
        }
        return result
    }

    @Test("each vector is what this program writes, and none is missing")
    func writes() throws {
        let documented = try Self.documented()
        for (name, bytes) in Self.vectors {
            #expect(documented[name] == bytes, "\(name) is now \(bytes.hex)")
        }
        #expect(Set(documented.keys) == Set(Self.vectors.map(\.name)))
    }

    @Test("the conversation of the vectors is read by both ends as it was meant")
    func reads() throws {
        let documented = try Self.documented()
        func bytes(_ name: String) throws -> [UInt8] { try #require(documented[name], "no vector \(name)") }
        let now = MonotonicInstant(milliseconds: 0)
        var server = Connection(
            role: .server, offer: ConnectionOffer(identity: NodeIdentity(cluster: "murmur", node: "aggregator-1")),
            limits: ConnectionLimits(), now: now)
        var effects: [ConnectionEffect] = []
        for name in ["hello", "write", "select", "ping", "credit"] {
            let frame = try bytes(name)
            #expect(server.receive(frame.rawSpan, now: now, into: &effects) == frame.count)
        }
        #expect(effects.count == 3 && server.phase == .open)
        #expect(effects[1] == .write(stream: StreamID(number: 1), batch: Samples.batch))
        #expect(effects[2] == .query(stream: StreamID(number: 3), request: Samples.queries[0]))
        #expect(server.statistics.framesReceived == 5)
    }
}
