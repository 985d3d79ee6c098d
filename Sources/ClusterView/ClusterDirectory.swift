internal import ByteCoding
package import ClusterTransport
import GossipTransport
package import Logging
package import Membership
package import NIOCore
package import SlotMovement
import Synchronization
package import WireProtocol

/// What this process knows of its cluster, and its connections to the aggregators: one to each, made and ended as members come and go.
///
/// Everybody reads `snapshot` and `client` without waiting. `follow` keeps both up to date with the gossip.
package final class ClusterDirectory: Sendable {
    private struct Connection {
        var client: ClusterClient
        var host: String
        var port: Int
        /// Of which the other one must be.
        var clusterID: String
    }

    private struct State {
        var snapshot = ClusterSnapshot()
        var builder = SnapshotBuilder()
        var connections: [NodeID: Connection] = [:]
        /// Connections that end, and what ended ones did, so that counters never go down.
        var ending: [ClusterClient] = []
        var ended = TransportStatistics()
        var readers: [Int: AsyncStream<ClusterSnapshot>.Continuation] = [:]
        var readersMade = 0
        var isStopped = false
    }

    private let identity: NodeIdentity
    private let own: (name: MemberName, host: String, port: Int)
    private let features: FeatureSet
    private let group: any EventLoopGroup
    private let logger: Logger
    private let handler: any ClusterRequestHandler
    private let state = Mutex(State())

    /// A directory that knows nobody yet.
    ///
    /// - Parameters:
    ///   - name: of this process.
    ///   - cluster: the cluster's name, told to aggregators.
    ///   - host: where this process itself is reached, should it be an aggregator.
    ///   - port: its cluster port.
    ///   - features: of the protocol, offered to aggregators.
    ///   - handler: answers what this process asks itself.
    ///   - group: runs the connections.
    ///   - logger: is told when connections come and go.
    package init(
        name: MemberName, cluster: String, host: String, port: Int, features: FeatureSet,
        handler: any ClusterRequestHandler, group: any EventLoopGroup, logger: Logger
    ) {
        self.handler = handler
        identity = NodeIdentity(cluster: cluster, node: name.text)
        own = (name, host, port)
        self.features = features
        self.group = group
        self.logger = logger
    }

    /// The cluster as it is known now.
    package var snapshot: ClusterSnapshot { state.withLock { $0.snapshot } }

    /// The connection to an aggregator; nil for one that is unknown or gone.
    package func client(_ id: NodeID) -> ClusterClient? { state.withLock { $0.connections[id]?.client } }

    /// The number of an aggregator's name: the same for as long as the process runs. What is no member's name gets one from the upper half.
    package func number(of name: String) -> NodeID {
        guard let name = try? MemberName(name) else {
            let bytes = Array(name.utf8)
            return NodeID(UInt32(truncatingIfNeeded: XXH3.hash64(bytes.rawSpan)) | 1 << 31)
        }
        return state.withLock { $0.builder.number(of: name) }
    }

    /// The name of an aggregator of that number.
    package func name(of node: NodeID) -> String {
        state.withLock { $0.builder.name(of: node) } ?? "a member that is not known here"
    }

    /// All connections with the numbers of their aggregators.
    package var clients: [NodeID: ClusterClient] { state.withLock { $0.connections.mapValues(\.client) } }

    /// What all connections have done together, ended ones included.
    package var transportStatistics: TransportStatistics {
        let (clients, ended) = state.withLock { ($0.connections.values.map(\.client) + $0.ending, $0.ended) }
        return clients.reduce(into: ended) { $0.add($1.statistics) }
    }

    /// The snapshot as it is now, and each later one; a reader that is slow gets the newest alone.
    package func changes() -> AsyncStream<ClusterSnapshot> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: ClusterSnapshot.self, bufferingPolicy: .bufferingNewest(1))
        let number = state.withLock { state -> Int? in
            continuation.yield(state.snapshot)
            if state.isStopped { return nil }
            state.readersMade += 1
            state.readers[state.readersMade] = continuation
            return state.readersMade
        }
        guard let number else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { _ in _ = self.state.withLock { $0.readers.removeValue(forKey: number) } }
        return stream
    }

    /// Takes a new state of the membership over: the snapshot, and the connections that follow from it.
    ///
    /// Readers are told outside the lock: who resumes a task waits for one that is cancelling it, and that one waits for this lock (`changes`).
    func update(views: [MemberView], settings: ClusterSettings?) {
        let (made, ended, snapshot, readers) = state.withLock { state in
            state.snapshot = state.builder.next(views: views, settings: settings)
            let (made, ended) = reconcile(&state)
            state.ending += ended
            return (made, ended, state.snapshot, Array(state.readers.values))
        }
        for client in made { client.start() }
        for reader in readers { reader.yield(snapshot) }
        for client in ended { Task { await end(client) } }
    }

    /// Ends all connections, and the streams of changes.
    func stop() async {
        let (clients, readers) = state.withLock { state in
            state.isStopped = true
            state.ending += state.connections.values.map(\.client)
            defer {
                state.connections = [:]
                state.readers = [:]
            }
            return (state.ending, Array(state.readers.values))
        }
        for reader in readers { reader.finish() }
        await withTaskGroup { group in
            for client in clients { group.addTask { await self.end(client) } }
        }
    }

    private func end(_ client: ClusterClient) async {
        await client.stop(grace: .seconds(1))
        state.withLock { state in
            guard let place = state.ending.firstIndex(where: { $0 === client }) else { return }
            state.ending.remove(at: place)
            state.ended.add(client.statistics)
        }
    }

    /// One connection to each aggregator that is not gone, at its present address.
    private func reconcile(_ state: inout State) -> (made: [ClusterClient], ended: [ClusterClient]) {
        if state.isStopped { return ([], []) }
        var identity = identity
        identity.clusterID = state.snapshot.settings.map { "\($0.id)" } ?? ""
        var made: [ClusterClient] = []
        var ended: [ClusterClient] = []
        var wanted: Set<NodeID> = []
        for member in state.snapshot.aggregators {
            guard let id = member.id else { continue }
            wanted.insert(id)
            let isOwn = member.name == own.name
            let host = isOwn ? own.host : member.record.address.host
            let port = isOwn ? own.port : Int(member.record.address.port)
            if let known = state.connections[id], known.host == host, known.port == port,
                known.clusterID == identity.clusterID
            {
                continue
            }
            if let former = state.connections[id] { ended.append(former.client) }
            let client = ClusterClient(
                host: host, port: port, identity: identity, features: features, group: group, logger: logger,
                own: isOwn ? handler : nil)
            state.connections[id] = Connection(
                client: client, host: host, port: port, clusterID: identity.clusterID)
            made.append(client)
        }
        for (id, connection) in state.connections where !wanted.contains(id) {
            ended.append(connection.client)
            state.connections[id] = nil
        }
        return (made, ended)
    }
}

extension TransportStatistics {
    /// Adds what others did.
    fileprivate mutating func add(_ other: TransportStatistics) {
        connectionsOpen += other.connectionsOpen
        connectionsMade += other.connectionsMade
        connectionsFailed += other.connectionsFailed
        requestsInFlight += other.requestsInFlight
        bytesUnsent += other.bytesUnsent
        connections.streamsOpened += other.connections.streamsOpened
        connections.deadlinesExceeded += other.connections.deadlinesExceeded
    }
}

extension NodeAddress {
    /// The address without its port, as a socket takes it.
    package var host: String {
        let text = description
        let host = text[..<(text.lastIndex(of: ":") ?? text.endIndex)]
        return String(host.hasPrefix("[") ? host.dropFirst().dropLast() : host)
    }
}
