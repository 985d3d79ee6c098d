package import ClusterTransport
internal import Membership
package import SlotMovement

/// The directory as routers, coordinators and slots' machines read it.
extension ClusterDirectory: AggregatorDirectory {
    /// The aggregators as they are known now; see `AggregatorDirectory`.
    package var aggregators: AggregatorView? { snapshot.aggregatorView }

    /// The aggregators now, and at each later change.
    package func views() -> AsyncStream<AggregatorView> {
        let changes = changes()
        return AsyncStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
            let task = Task {
                for await snapshot in changes {
                    if let view = snapshot.aggregatorView { continuation.yield(view) }
                }
                continuation.finish()
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }

    /// The number of the aggregator of that name, known or not yet.
    package func node(named name: String) -> NodeID { number(of: name) }
}
