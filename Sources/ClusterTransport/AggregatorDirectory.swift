internal import ByteCoding
package import SlotMovement

/// The aggregators of a cluster as one process knows them now: who has which slots, who does not answer, and how each is reached. Read
/// without waiting; a later look may see others.
package protocol AggregatorDirectory: Sendable {
    /// What is known now; nil while there is no aggregator.
    var aggregators: AggregatorView? { get }

    /// The aggregators now, and at each later change; a reader that is slow gets the newest alone.
    func views() -> AsyncStream<AggregatorView>

    /// The number of the aggregator of that name, known or not yet: the same for as long as the process runs.
    func node(named name: String) -> NodeID

    /// The name of an aggregator that has a number.
    func name(of node: NodeID) -> String

    /// The connection to an aggregator; nil for one that is not known or gone.
    func client(_ node: NodeID) -> ClusterClient?
}

/// The aggregators at one moment.
package struct AggregatorView: Sendable {
    /// Greater is newer; views of one version are the same.
    package var version: UInt64
    /// The members and the order of each slot. As long as `viewVersion` stays it is the same.
    package var movement: MovementView
    package var viewVersion: UInt64
    /// Aggregators that most likely do not answer.
    package var suspects: Set<NodeID>
    /// The version of the cluster's settings that it follows.
    package var settingsVersion: UInt64
    /// The same for all who see the same ring, the same starts of its members and the same settings; 0 where nobody asks.
    package var ringDigest: UInt64
    private let names: [NodeID: String]
    private let numbers: [[UInt8]: NodeID]

    /// What is known of the aggregators named in `names`.
    package init(
        version: UInt64, movement: MovementView, viewVersion: UInt64, suspects: Set<NodeID>, names: [NodeID: String],
        settingsVersion: UInt64 = 0, ringDigest: UInt64 = 0
    ) {
        self.version = version
        self.movement = movement
        self.viewVersion = viewVersion
        self.suspects = suspects
        self.settingsVersion = settingsVersion
        self.ringDigest = ringDigest
        self.names = names
        numbers = Dictionary(names.map { (Array($0.value.utf8), $0.key) }, uniquingKeysWith: min)
    }

    /// The node of a name. One that is not known here yet gets a number of its own from the upper half, always the same.
    package func node(named name: String) -> NodeID {
        let bytes = Array(name.utf8)
        if let known = numbers[bytes] { return known }
        return NodeID(UInt32(truncatingIfNeeded: XXH3.hash64(bytes.rawSpan)) | 1 << 31)
    }

    /// The name of a node.
    package func name(of node: NodeID) -> String { names[node] ?? "a member that is not known here" }
}

/// Aggregators that are always the same: those of a process that is all roles in one, or of a test.
package struct FixedAggregators: AggregatorDirectory {
    /// See `AggregatorDirectory`.
    package let aggregators: AggregatorView?
    private let clients: [NodeID: ClusterClient]

    /// - Parameters:
    ///   - movement: who has which slots.
    ///   - members: each with its name and connection.
    package init(movement: MovementView, members: [(node: NodeID, name: String, client: ClusterClient)]) {
        let names = Dictionary(members.map { ($0.node, $0.name) }, uniquingKeysWith: { first, _ in first })
        aggregators = AggregatorView(
            version: 1, movement: movement, viewVersion: 1, suspects: [], names: names)
        clients = Dictionary(members.map { ($0.node, $0.client) }, uniquingKeysWith: { first, _ in first })
    }

    /// See `AggregatorDirectory`.
    package func client(_ node: NodeID) -> ClusterClient? { clients[node] }

    /// See `AggregatorDirectory`.
    package func views() -> AsyncStream<AggregatorView> {
        AsyncStream { continuation in
            if let aggregators { continuation.yield(aggregators) }
            continuation.finish()
        }
    }

    /// See `AggregatorDirectory`.
    package func node(named name: String) -> NodeID { aggregators?.node(named: name) ?? NodeID(.max) }

    /// See `AggregatorDirectory`.
    package func name(of node: NodeID) -> String { aggregators?.name(of: node) ?? "" }
}
