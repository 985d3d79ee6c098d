package import Membership

/// Somebody whose datagrams are refused, again and again.
package struct Stranger: Hashable, Sendable {
    /// Why they are.
    package enum Reason: Hashable, Sendable {
        /// No key here opens them: other keys, or none.
        case otherKeys
        /// They are of another cluster, with this ID.
        case otherCluster(ClusterID)
    }

    /// Where they come from, as they say: nothing in them is authenticated.
    package var sender: NodeAddress
    package var reason: Reason
    /// How long ago the last one came, monotonic.
    package var microsecondsAgo: Int64
}

/// The addresses whose datagrams are refused. One datagram says nothing: anybody can send it in another's name.
struct Strangers {
    /// `strangers_max`: addresses that are remembered.
    private static let strangersMax = 16
    /// `stranger_refusals_told`: datagrams of an address, none of them taken since, that are worth a word.
    private static let refusalsTold = 3
    /// `strangers_told`: for so long after the last one. Microseconds.
    private static let toldFor: Int64 = 60_000_000

    private var refusals: [NodeAddress: (count: Int, reason: Stranger.Reason, last: Int64)] = [:]

    /// A datagram was refused.
    ///
    /// - Returns: whether the sender is worth a word from now on.
    mutating func refused(from sender: NodeAddress, for reason: Stranger.Reason, at now: Int64) -> Bool {
        if refusals[sender] == nil, refusals.count >= Self.strangersMax {
            guard let oldest = refusals.min(by: { $0.value.last < $1.value.last }) else { return false }
            refusals[oldest.key] = nil
        }
        let count = (refusals[sender]?.count ?? 0) + 1
        refusals[sender] = (count, reason, now)
        return count == Self.refusalsTold
    }

    /// A datagram was taken: its sender is no stranger by now.
    mutating func taken(from sender: NodeAddress) {
        if !refusals.isEmpty { refusals[sender] = nil }
    }

    /// Who was refused last; nil while nobody is worth a word.
    func last(at now: Int64) -> Stranger? {
        let told = refusals.filter { $0.value.count >= Self.refusalsTold && now - $0.value.last < Self.toldFor }
        return told.max { $0.value.last < $1.value.last }.map {
            Stranger(sender: $0.key, reason: $0.value.reason, microsecondsAgo: now - $0.value.last)
        }
    }
}
