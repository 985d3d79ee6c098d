import ClusterTransport
import GossipTransport
import Membership

/// What the data directory knows of the cluster from earlier starts, brought in line with what this start was given.
enum KeptCluster {
    /// What a start finds.
    struct Finding {
        /// Whether the directory knows its cluster.
        var isKnown: Bool
        /// Whether it knows members beside this one that are not gone.
        var hasOthers: Bool
    }

    /// A cluster of one has the settings that its only member is given, as if it had been founded with them; a name that changes makes it a new cluster.
    /// A cluster of more keeps what it has.
    ///
    /// - Throws: `ClusterError` when the file cannot be used, or the directory is that of another name or cluster.
    static func prepare(_ configuration: MemberConfiguration) throws -> Finding {
        guard let directory = configuration.directory else { return Finding(isKnown: false, hasOthers: false) }
        var kept: MembershipSnapshot
        do {
            guard let found = try PeersFile.read(in: directory) else {
                return Finding(isKnown: false, hasOthers: false)
            }
            kept = found
        } catch let error as DataFileError {
            throw ClusterError(
                .badPeers, error.description,
                hint: "move that file away; the process then finds its cluster by --join alone")
        }
        let wishes = configuration.wishes
        let others = kept.members.map(\.record).filter { !$0.state.isGone && $0.name != kept.me.name }
        if !others.isEmpty {
            guard kept.me.name == configuration.name else {
                throw ClusterError(
                    .otherDirectory,
                    "data directory \(directory) belongs to \(kept.me.name), not to \(configuration.name)",
                    hint: "start it with --name \(kept.me.name), or choose another directory with --data-dir")
            }
            guard kept.settings.name.utf8.elementsEqual(wishes.clusterName.utf8) else {
                throw ClusterError(
                    .otherDirectory,
                    "data directory \(directory) belongs to the cluster \(kept.settings.name), "
                        + "not to \(wishes.clusterName)",
                    hint: "start it with --cluster-name \(kept.settings.name), or choose another --data-dir")
            }
            // Before the others hear that this member is another kind of process now. Who has left, or was never let in, looks when it joins.
            if configuration.isAggregator, !kept.me.state.isGone {
                try Company.check(configuration.roles, others)
            }
            return Finding(isKnown: true, hasOthers: true)
        }
        guard configuration.isAggregator else { return Finding(isKnown: true, hasOthers: false) }
        var next = wishes.founding(id: kept.settings.id)
        next.version = kept.settings.version
        // What a command has changed stays changed.
        if kept.settings.changed.contains(.replicationFactor) { next.copies = kept.settings.copies }
        if kept.settings.changed.contains(.replacementDelay) {
            next.replacementDelayMilliseconds = kept.settings.replacementDelayMilliseconds
        }
        // A later start of the same settings is no change.
        if next.copies.wanted == kept.settings.copies.wanted { next.copies = kept.settings.copies }
        next.changed = kept.settings.changed
        next.zoneRule = kept.settings.zoneRule
        next.formatLevel = kept.settings.formatLevel
        next.later = kept.settings.later
        guard next != kept.settings else { return Finding(isKnown: true, hasOthers: false) }
        if kept.settings.name.utf8.elementsEqual(next.name.utf8) {
            next.version += 1
        } else {
            next = wishes.founding(id: .random())
        }
        kept.settings = next
        try PeersFile.write(kept, in: directory)
        return Finding(isKnown: true, hasOthers: false)
    }
}

extension ClusterID {
    /// The identity of a cluster that is founded now.
    static func random() -> ClusterID { ClusterID(high: .random(in: 1 ... .max), low: .random(in: .min ... .max)) }
}
