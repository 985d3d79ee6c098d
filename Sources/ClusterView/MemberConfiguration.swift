import ClusterTransport
package import GossipTransport
package import Membership
import MetricModel
package import WireProtocol

/// What a process is told once about its part in the cluster.
package struct MemberConfiguration: Sendable {
    /// The settings of the whole cluster that a process was given.
    package struct Wishes: Sendable {
        /// Always compared.
        package var clusterName: String
        /// Copies of each sample.
        package var replicationFactor = 1
        /// Labels that name a series' server.
        package var placementLabels: [String] = []
        /// Milliseconds.
        package var lateWindow: Int64 = 0
        /// Milliseconds; 0 for never.
        package var replacementDelay: Int64 = 600_000
        /// Which of the others somebody gave, by the setting's name; what nobody gave follows the cluster.
        package var given: Set<String> = []

        package init(clusterName: String) { self.clusterName = clusterName }
    }

    /// The ring's key.
    package var name: MemberName
    /// The data directory's UUID with its boot number; one of its own for a process that keeps nothing.
    package var instance: MemberInstance
    /// What it does.
    package var roles: MemberRoles
    /// Where it fails together with others.
    package var zone = ""
    /// Its share of the slots relative to the others'.
    package var weight: UInt32 = 1_000
    /// Where the cluster port is opened.
    package var cluster: SeedName
    /// Where HTTP is served; port 0 is not told to others.
    package var http: SeedName
    /// Where others reach the cluster port, when that is not where it is opened.
    package var advertised: SeedName?
    /// Where other members may be.
    package var seeds: [SeedName] = []
    /// So many aggregators must know of each other before one of them founds the cluster.
    package var founders = 1
    /// The cluster's settings as given.
    package var wishes: Wishes
    /// The file with the cluster's secrets; nil for a cluster without seals.
    package var keyringFile: String?
    /// What is offered to other nodes of the protocol.
    package var features = FeatureSet.known
    /// The data directory; nil keeps nothing.
    package var directory: String?
    /// Notes name and boot number durably, before the process takes part.
    package var noteIdentity: @Sendable (MemberName, UInt64) throws -> Void = { _, _ in }

    package init(
        name: MemberName, instance: MemberInstance, roles: MemberRoles, cluster: SeedName, http: SeedName,
        wishes: Wishes
    ) {
        self.name = name
        self.instance = instance
        self.roles = roles
        self.cluster = cluster
        self.http = http
        self.wishes = wishes
    }

    /// Whether the process holds slots: it may found a cluster, and has a place in the ring.
    var isAggregator: Bool { roles.contains(.aggregator) }

    /// The keyring of the file; an empty one without a file.
    func readKeyring() throws(ClusterError) -> Keyring {
        if let keyringFile { return try KeyringFile.read(path: keyringFile) }
        // Without keys nothing can exceed a limit.
        guard let none = try? Keyring() else { preconditionFailure("an empty keyring is refused") }
        return none
    }
}

extension MemberConfiguration.Wishes {
    /// The settings of a cluster that is founded with these.
    func founding(id: ClusterID) -> ClusterSettings {
        var settings = ClusterSettings(
            id: id, name: clusterName, replicationFactor: UInt8(clamping: replicationFactor),
            placementLabels: placementLabels, lateWindowMilliseconds: lateWindow)
        settings.replacementDelayMilliseconds = replacementDelay
        return settings
    }

    /// The cluster's settings with what was given in their place.
    func over(_ settings: ClusterSettings) -> ClusterSettings {
        var wanted = settings
        // What a command has changed since is not changed back by what a member was once started with.
        if given.contains("replication-factor"), !settings.changed.contains(.replicationFactor) {
            wanted.replicationFactor = UInt8(clamping: replicationFactor)
        }
        if given.contains("replacement-delay"), !settings.changed.contains(.replacementDelay) {
            wanted.replacementDelayMilliseconds = replacementDelay
        }
        if given.contains("placement-labels") { wanted.placementLabels = placementLabels }
        if given.contains("late-window") { wanted.lateWindowMilliseconds = lateWindow }
        return wanted
    }

    /// That a cluster of these settings takes what was given.
    ///
    /// - Throws: `ClusterError.settingsDiffer`, which names each setting with both values.
    func check(against settings: ClusterSettings) throws(ClusterError) {
        let differences = settings.differences(from: over(settings))
        guard differences.isEmpty else {
            throw ClusterError(
                .settingsDiffer, "the cluster has other settings: " + differences.joined(separator: "; "),
                hint: "leave these settings out to take the cluster's, or set them as the cluster has them; "
                    + "of a running cluster murmur ctl settings set changes replication-factor and replacement-delay")
        }
    }

    /// What was given and does not hold, because a command has changed the cluster's settings since.
    func outdated(in settings: ClusterSettings) -> [String] {
        var lines: [String] = []
        if given.contains("replication-factor"), replicationFactor != Int(settings.wantedFactor) {
            lines.append("replication-factor is \(settings.wantedFactor) in the cluster and \(replicationFactor) here")
        }
        if given.contains("replacement-delay"), replacementDelay != settings.replacementDelayMilliseconds {
            let ours = DurationText.text(milliseconds: settings.replacementDelayMilliseconds)
            let here = DurationText.text(milliseconds: replacementDelay)
            lines.append("replacement-delay is \(ours) in the cluster and \(here) here")
        }
        return lines
    }
}
