internal import ClusterTransport
package import EngineStorage
internal import Logging
internal import SeriesEngine
package import SlotMovement
internal import Synchronization
internal import WireProtocol

extension MovementParcel {
    /// Whether it may be large, so that it must not be in the way of messages on which leases hang.
    fileprivate var isBulk: Bool {
        switch message {
        case .asks, .answers, .copy, .paid: false
        case .page, .pay, .repair, .windowDigests, .seriesDigests: true
        }
    }

    /// Whether it carries samples that a peer without `FeatureSet.histograms` does not read.
    fileprivate var hasHistograms: Bool {
        switch message {
        case .page, .pay, .repair: attachment?.first == BundleWriter.histogramVersion
        case .asks, .answers, .copy, .paid, .windowDigests, .seriesDigests: false
        }
    }

    /// Bytes that it takes, roughly.
    fileprivate var size: Int {
        let digests =
            switch message {
            case .windowDigests(_, _, let digests): digests.count
            case .seriesDigests(_, _, let digests): digests.count
            case .asks, .answers, .copy, .page, .pay, .paid, .repair: 0
            }
        return (attachment?.count ?? 0) + 40 * digests
    }
}

/// Carries what this node's slots' machine says to the other aggregators, over the connections of the cluster port.
///
/// Each member has two lanes, so that the short messages on which leases hang do not wait behind pages of samples. A lane sends one packet at a
/// time; what does not fit into it is dropped, and asked for again by whom it matters to. So is what has native histograms, for a member whose
/// program is from before them: it gets them when it has been upgraded.
package final class MovementLink: MovementOutlet {
    /// `movement_outbox_bytes_max`: samples that wait for one member.
    private static let bulkBytesMax = 64 << 20
    /// `movement_outbox_messages_max`: messages without samples that wait for one member.
    private static let promptMessagesMax = 4_096
    /// Of a packet of short messages: after a lease's time it is worth nothing.
    private static let promptDeadline = Duration.seconds(2)
    private static let bulkDeadline = Duration.seconds(15)

    private struct LaneKey: Hashable {
        var node: NodeID
        var isBulk: Bool
    }

    private struct Lane {
        var waiting: [MovementParcel] = []
        var bytes = 0
        var isSending = false
    }

    private struct State {
        var lanes: [LaneKey: Lane] = [:]
        var dropped = 0
        /// Members from which histograms are held back.
        var withoutHistograms: Set<NodeID> = []
        var isClosed = false
    }

    private let directory: any AggregatorDirectory
    private let own: String
    private let notices: AsyncStream<MovementNotice>.Continuation
    private let logger: Logger
    private let state = Mutex(State())

    /// - Parameters:
    ///   - directory: knows the members' names and connections.
    ///   - own: this node's name.
    ///   - notices: gets what the machine says beside its messages.
    ///   - logger: told when a member cannot be reached, at debug level, and once a member when histograms are held back from it.
    init(
        directory: any AggregatorDirectory, own: String, notices: AsyncStream<MovementNotice>.Continuation,
        logger: Logger
    ) {
        self.directory = directory
        self.own = own
        self.notices = notices
        self.logger = logger
    }

    /// Messages that were dropped because too many waited.
    package var droppedMessages: Int { state.withLock { $0.dropped } }

    /// Sends messages to a member; see `MovementOutlet`.
    package func send(_ parcels: [MovementParcel], to node: NodeID) {
        for isBulk in [false, true] {
            let part = parcels.filter { $0.isBulk == isBulk }
            if !part.isEmpty { enqueue(part, on: LaneKey(node: node, isBulk: isBulk)) }
        }
    }

    /// Tells what else came of it; see `MovementOutlet`.
    package func note(_ notice: MovementNotice) { notices.yield(notice) }

    /// Sends nothing any more.
    func close() {
        state.withLock { state in
            state.isClosed = true
            state.lanes = [:]
        }
        notices.finish()
    }

    private func enqueue(_ parcels: [MovementParcel], on key: LaneKey) {
        let begins = state.withLock { state -> Bool in
            if state.isClosed { return false }
            var lane = state.lanes[key] ?? Lane()
            for parcel in parcels {
                let size = parcel.size
                let isFull =
                    key.isBulk
                    ? !lane.waiting.isEmpty && lane.bytes + size > Self.bulkBytesMax
                    : lane.waiting.count >= Self.promptMessagesMax
                if isFull {
                    state.dropped += 1
                } else {
                    lane.waiting.append(parcel)
                    lane.bytes += size
                }
            }
            let begins = !lane.isSending && !lane.waiting.isEmpty
            if begins { lane.isSending = true }
            state.lanes[key] = lane
            return begins
        }
        if begins { Task { await drain(key) } }
    }

    private func drain(_ key: LaneKey) async {
        while let parcels = next(key) {
            guard let client = directory.client(key.node) else { continue }
            let parcels = sendable(parcels, to: key.node, client)
            let items = parcels.map { MovementPacket.Item($0.message, samples: $0.attachment) }
            for packet in MovementPacket.packets(of: items, from: own, name: directory.name(of:)) {
                do {
                    try await client.movement(
                        packet, deadline: key.isBulk ? Self.bulkDeadline : Self.promptDeadline)
                } catch {
                    logger.debug(
                        "messages about slots are lost",
                        metadata: ["member": "\(directory.name(of: key.node))", "error": "\(error)"])
                }
            }
        }
    }

    /// Those of some messages that a member understands.
    private func sendable(
        _ parcels: [MovementParcel], to node: NodeID, _ client: ClusterClient
    ) -> [MovementParcel] {
        if client.features.contains(.histograms) {
            state.withLock { _ = $0.withoutHistograms.remove(node) }
            return parcels
        }
        let sendable = parcels.filter { !$0.hasHistograms }
        // Before the first handshake nothing is known of it, and nothing can be sent.
        if sendable.count < parcels.count, client.isConnected,
            state.withLock({ $0.withoutHistograms.insert(node).inserted })
        {
            logger.warning(
                "a member takes no native histograms; samples with some are held back until it is upgraded",
                metadata: ["member": "\(directory.name(of: node))"])
        }
        return sendable
    }

    /// All that waits, or the end of sending.
    private func next(_ key: LaneKey) -> [MovementParcel]? {
        state.withLock { state in
            guard let waiting = state.lanes[key]?.waiting, !waiting.isEmpty else {
                state.lanes[key] = nil
                return nil
            }
            state.lanes[key]?.waiting = []
            state.lanes[key]?.bytes = 0
            return waiting
        }
    }
}
