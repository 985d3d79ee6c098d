import Synchronization
package import WireProtocol

/// What a server or client has done so far, for metrics.
package struct TransportStatistics: Hashable, Sendable {
    /// Connections that are open now.
    package var connectionsOpen = 0
    /// Connections made or taken.
    package var connectionsMade: UInt64 = 0
    /// Connections refused because `connections_max` was reached, or attempts that failed.
    package var connectionsFailed: UInt64 = 0
    /// A client's requests that are not answered yet.
    package var requestsInFlight = 0
    /// Bytes of frames that the sockets have not taken yet.
    package var bytesUnsent = 0
    /// The sum over all connections, those that are closed included.
    package var connections = ConnectionStatistics()

    /// Nothing yet.
    package init() {}
}

/// The counters of one server or client, which its connections share across event loops.
final class TransportCounters: Sendable {
    private let state = Mutex(TransportStatistics())

    var snapshot: TransportStatistics { state.withLock { $0 } }

    func update(_ body: (inout TransportStatistics) -> Void) {
        state.withLock { body(&$0) }
    }

    /// Adds what a connection did between two readings; once a flush, not once a frame.
    func add(_ current: ConnectionStatistics, since before: ConnectionStatistics) {
        guard current != before else { return }
        state.withLock { state in
            state.connections.framesReceived += current.framesReceived - before.framesReceived
            state.connections.framesSent += current.framesSent - before.framesSent
            state.connections.bytesReceived += current.bytesReceived - before.bytesReceived
            state.connections.bytesSent += current.bytesSent - before.bytesSent
            state.connections.streamsOpened += current.streamsOpened - before.streamsOpened
            state.connections.streamsAccepted += current.streamsAccepted - before.streamsAccepted
            state.connections.streamsRefused += current.streamsRefused - before.streamsRefused
            state.connections.deadlinesExceeded += current.deadlinesExceeded - before.deadlinesExceeded
            state.connections.badFrames += current.badFrames - before.badFrames
        }
    }
}
