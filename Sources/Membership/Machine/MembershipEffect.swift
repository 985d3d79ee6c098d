/// The number of one exchange on a stream, to match its answer.
package struct SyncID: Hashable, Comparable, Sendable, BitwiseCopyable {
    package let number: UInt64

    package init(number: UInt64) { self.number = number }

    package static func < (left: SyncID, right: SyncID) -> Bool { left.number < right.number }
}

/// What the membership wants done, in order.
package enum MembershipEffect: Equatable, Sendable {
    /// Send a datagram with these contents.
    case send(to: NodeAddress, contents: [UInt8])
    /// Exchange these contents for an answer on a stream, and call `answered` or `failed`.
    case exchange(SyncID, to: NodeAddress, contents: [UInt8])
    /// Look the seeds' names up again and call `setSeeds`: a new attempt to join is near.
    case resolveSeeds
    /// Something is known that was not.
    case notify(MembershipNotice)
}

/// What changed in this member's view.
package enum MembershipNotice: Equatable, Sendable {
    /// This member is part of the cluster.
    case joined
    /// A member is known that was not, or was gone.
    case added(MemberRecord)
    /// A member's record changed, perhaps to a new instance.
    case updated(MemberRecord)
    /// A member's record says nothing new but how far it is.
    case progressed(MemberName)
    /// A member does not answer: route round it.
    case suspected(MemberName)
    /// A suspected or dead member answers.
    case recovered(MemberName)
    /// A member is dead.
    case died(MemberName)
    /// A member said that it stops: it is dead as well, and nothing is wrong.
    case stopped(MemberName)
    /// A member has left or was forgotten: its record says which.
    case gone(MemberRecord)
    /// A dead member without slots, or one that was gone, is no longer remembered.
    case dropped(MemberName)
    /// The cluster's settings are these now.
    case settings(ClusterSettings)
    /// This member's own record changed, by itself or because it had to contradict.
    case own(MemberRecord)
    /// This member has told the others that it stops or leaves.
    case finished
    /// This member cannot be part of the cluster; it has fallen silent.
    case expelled(ExpulsionReason)
}

/// Why a member fell silent.
package enum ExpulsionReason: Equatable, Sendable, CustomStringConvertible {
    /// A live member has the name.
    case nameTaken(MemberRecord)
    /// The name is that of an aggregator, which this member is none.
    case keepsSlots(MemberRecord)
    /// Others removed this start of an aggregator because it did not answer.
    case removed(MemberRecord)
    /// A newer instance took the name over.
    case superseded(MemberRecord)
    /// The cluster knows this start of the data directory, or a later one, as this process has not been: the directory is an older copy, or runs twice.
    case outlived(MemberRecord)
    /// A seed is of another cluster, whose name this is.
    case otherCluster(String)
    /// The cluster has `members_max` already.
    case full

    package var description: String {
        switch self {
        case .nameTaken(let record):
            "the name \(record.name) belongs to a live member at \(record.address), instance \(record.instance)"
        case .keepsSlots(let record):
            "the name \(record.name) is that of an aggregator, whose slots a process of another role would take over"
        case .removed(let record):
            "\(record.name), start \(record.instance.boot), was removed from the cluster while it did not answer"
        case .superseded(let record):
            "a newer instance took over the name \(record.name): \(record.instance) at \(record.address)"
        case .outlived(let record):
            "the data directory is a copy: \(record.name) was at start \(record.instance.boot), version \(record.version) already"
        case .otherCluster(let name): "the seeds are of another cluster, \(name)"
        case .full: "the cluster has members_max (\(SyncMessage.membersMax)) members"
        }
    }
}

/// What the membership has done so far.
package struct MembershipStatistics: Hashable, Sendable {
    /// Datagrams and their bytes of contents, out and in.
    package var datagramsSent: UInt64 = 0
    package var bytesSent: UInt64 = 0
    package var datagramsReceived: UInt64 = 0
    package var bytesReceived: UInt64 = 0
    /// Datagrams and exchanges whose contents could not be read.
    package var malformed: UInt64 = 0
    /// Pings and exchanges meant for another member.
    package var misdirected: UInt64 = 0
    /// Probes begun, and those without any answer.
    package var probes: UInt64 = 0
    package var probesFailed: UInt64 = 0
    /// Ping requests dropped because of `relays_max`.
    package var relaysRefused: UInt64 = 0
    /// Suspicions begun here, and members found dead here.
    package var suspicions: UInt64 = 0
    package var deaths: UInt64 = 0
    /// Claims about this member that it contradicted.
    package var refutations: UInt64 = 0
    /// Exchanges begun, those of them because digests differed, and those without answer.
    package var exchanges: UInt64 = 0
    package var repairs: UInt64 = 0
    package var exchangesFailed: UInt64 = 0
    /// Bytes of exchanges' contents, out and in.
    package var exchangeBytesSent: UInt64 = 0
    package var exchangeBytesReceived: UInt64 = 0
    /// Pauses of this process noticed.
    package var stalls: UInt64 = 0

    package init() {}
}
