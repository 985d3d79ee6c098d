internal import ClusterTransport
internal import EngineStorage
internal import SlotMovement

/// The members' names as the engine's log keeps them.
struct DirectoryNames: MemberNames {
    let aggregators: any AggregatorDirectory

    func number(of name: String) -> NodeID { aggregators.node(named: name) }

    func name(of node: NodeID) -> String { aggregators.name(of: node) }
}
