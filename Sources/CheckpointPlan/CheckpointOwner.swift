/// The cluster whose checkpoint a database keeps; a database is one cluster's.
package struct CheckpointOwner: Hashable, Sendable {
    /// The cluster's ID, 32 hexadecimal digits: what tells clusters apart.
    package var cluster: String
    /// Its `cluster-name`.
    package var name: String

    package init(cluster: String, name: String) {
        self.cluster = cluster
        self.name = name
    }

    /// Whether both are one cluster.
    package func isSame(as other: CheckpointOwner) -> Bool { cluster.utf8.elementsEqual(other.cluster.utf8) }

    /// Whether both have one name, so that one may come in the place of the other.
    package func mayFollow(_ other: CheckpointOwner) -> Bool { name.utf8.elementsEqual(other.name.utf8) }
}

/// Whose a database is, as it says itself.
package struct CheckpointOwnership: Hashable, Sendable {
    package var owner: CheckpointOwner
    /// Raised with each beat of one of the owner's members: while it grows, the owner lives.
    package var beat: Int64

    package init(owner: CheckpointOwner, beat: Int64) {
        self.owner = owner
        self.beat = beat
    }
}

/// Whether a database that is another cluster's may go over to this one.
///
/// It may once its owner has not been there for a while that this node has watched without a break, and if both have one name: that is how a cluster
/// whose directories were all lost gets its checkpoint back under its new ID. No clock but this node's counts, and a database that was
/// away, or a node that slept, tells nothing of the owner.
package struct OwnerWatch: Sendable {
    /// `checkpoint_beat_interval`: milliseconds between two beats of a member, and between two looks.
    package static let interval: Int64 = 5_000
    /// `checkpoint_watch_gap`: longer between two looks begins the watch anew. Milliseconds.
    package static let gapMax: Int64 = 3 * interval

    private var seen: (ownership: CheckpointOwnership, first: Int64, last: Int64)?

    package init() {}

    /// The database said whose it is.
    ///
    /// - Parameters:
    ///   - ownership: another cluster's.
    ///   - now: monotonic milliseconds.
    package mutating func note(_ ownership: CheckpointOwnership, now: Int64) {
        if let seen, seen.ownership == ownership, now - seen.last <= Self.gapMax {
            self.seen?.last = now
        } else {
            seen = (ownership, now, now)
        }
    }

    /// The database did not say whose it is, or that it is this cluster's.
    package mutating func reset() { seen = nil }

    /// - Parameters:
    ///   - owner: who may follow.
    ///   - patience: milliseconds without a beat.
    /// - Returns: the ownership that may end now, if the database still says the same.
    package func over(for owner: CheckpointOwner, patience: Int64) -> CheckpointOwnership? {
        guard let seen, seen.last - seen.first >= patience, owner.mayFollow(seen.ownership.owner) else { return nil }
        return seen.ownership
    }
}
