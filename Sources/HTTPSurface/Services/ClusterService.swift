/// Tells of the cluster and changes it. Every role has one.
package protocol ClusterService: Sendable {
    /// The cluster in brief, as this process sees it.
    func status() async throws -> ClusterStatus
    /// Everybody, in the order of their names.
    func members() async throws -> [ClusterMemberStatus]
    /// What all members share.
    ///
    /// - Throws: `APIFailure.unavailable` before they are known.
    func settings() async throws -> ClusterSettingsStatus
    /// What this process says of itself.
    func node() async throws -> NodeReport
    /// The cluster at work, gathered from all of its processes.
    func overview() async throws -> ClusterOverview
    /// Who is to have each slot, and who has it.
    ///
    /// - Throws: `APIFailure.unavailable` while there is no ring.
    func ring() async throws -> ClusterRing
    /// Slots on their way.
    func movements() async throws -> ClusterMovements
    /// Which keys this process has.
    func keyring() async throws -> KeyringStatus
    /// Reads the keyring's file again.
    ///
    /// - Returns: which keys this process has now.
    /// - Throws: `APIFailure.badData` for a file that cannot be used; the keys stay as they were.
    func reloadKeyring() async throws -> KeyringStatus
    /// Removes a dead member for good.
    ///
    /// - Throws: `APIFailure.notFound` for a member that is not known, `.badData` for one that is not dead.
    func forget(_ name: String) async throws
    /// Begins to give this process' slots to the other aggregators; it leaves the cluster, and ends, when they have them.
    ///
    /// - Parameter force: whether it may leave fewer aggregators than there are copies.
    /// - Throws: `APIFailure.badData` for a process that has no slots to give, or nobody to give them to.
    func drain(force: Bool) async throws
    /// Keeps this process' slots after all.
    ///
    /// - Throws: `APIFailure.badData` for a process that does not leave.
    func undrain() async throws
    /// Changes what all members share.
    ///
    /// - Returns: the settings from now on; the change itself may go on for long.
    /// - Throws: `APIFailure.badData` for a value that cannot be, `.unavailable` when another change came in between.
    func change(_ change: SettingChange) async throws -> ClusterSettingsStatus
}

/// The cluster in brief: what `GET /api/v1/cluster/status` answers, and `murmur ctl` reads.
package struct ClusterStatus: Codable, Hashable, Sendable {
    /// Members of one role.
    package struct Role: Codable, Hashable, Sendable {
        /// `router`, `aggregator` or `coordinator`.
        package var role: String
        /// Those that are not gone.
        package var members: Int
        /// Those of them that answer.
        package var alive: Int

        package init(role: String, members: Int, alive: Int) {
            self.role = role
            self.members = members
            self.alive = alive
        }
    }

    /// The slots of the process that answers, when it keeps some among others.
    package struct Slots: Codable, Hashable, Sendable {
        /// Slots that the ring wants here.
        package var wanted: Int
        /// Slots that it holds, and those of them that it may be read alone for.
        package var held: Int
        package var whole: Int
        /// Batches that other aggregators miss.
        package var batchesOwed: Int
        /// Whether nothing is left to move, to pay or to drop here.
        package var isSettled: Bool

        package init(wanted: Int, held: Int, whole: Int, batchesOwed: Int, isSettled: Bool) {
            self.wanted = wanted
            self.held = held
            self.whole = whole
            self.batchesOwed = batchesOwed
            self.isSettled = isSettled
        }
    }

    /// A change of the number of copies that is under way.
    package struct CopiesChange: Codable, Hashable, Sendable {
        /// How many there are to be, how many the ring gives each slot, and on how many what is acknowledged lies by all means.
        package var wanted: Int
        package var placed: Int
        package var assured: Int
        /// Aggregators that it waits for, and why.
        package var waitsFor: [String]
        package var reason: String

        package init(wanted: Int, placed: Int, assured: Int, waitsFor: [String], reason: String) {
            self.wanted = wanted
            self.placed = placed
            self.assured = assured
            self.waitsFor = waitsFor
            self.reason = reason
        }
    }

    /// Dead aggregators, and what becomes of them.
    package struct Replacement: Codable, Hashable, Sendable {
        /// Their names.
        package var dead: [String]
        /// Why others do not take their place yet; nil when they do now.
        package var reason: String?
        /// How long until they do, when nothing else is in the way, seconds.
        package var secondsLeft: Int?

        package init(dead: [String], reason: String?, secondsLeft: Int?) {
            self.dead = dead
            self.reason = reason
            self.secondsLeft = secondsLeft
        }
    }

    /// A member that a process cannot reach on one way.
    package struct Unreachable: Codable, Hashable, Sendable {
        package var name: String
        /// `UDP` or `TCP`.
        package var by: String
        /// Its cluster port.
        package var address: String

        package init(name: String, by: String, address: String) {
            self.name = name
            self.by = by
            self.address = address
        }
    }

    /// Somebody whose gossip this process refuses.
    package struct Stranger: Codable, Hashable, Sendable {
        /// The member at the address; nil for none that is known.
        package var name: String?
        /// Where its datagrams come from, as they say.
        package var address: String
        /// The cluster that they are of; nil when they cannot be opened, for other keys, or none.
        package var clusterID: String?
        /// How long ago the last one came.
        package var seconds: Int

        package init(name: String?, address: String, clusterID: String?, seconds: Int) {
            self.name = name
            self.address = address
            self.clusterID = clusterID
            self.seconds = seconds
        }
    }

    /// The cluster's name, and its identity; nil before they are known.
    package var cluster: String?
    package var clusterID: String?
    /// The process that answers.
    package var node: String
    package var roles: [String]
    /// Its program's version.
    package var version: String
    /// Whether it can do its work, and if not why.
    package var isReady: Bool
    package var waitingFor: [String]
    /// Everybody by role.
    package var members: [Role]
    /// Names of members that do not answer.
    package var suspected: [String]
    package var dead: [String]
    /// Aggregators among which slots are spread, and how many hold each.
    package var ring: [String]
    package var replicationFactor: Int
    /// Nil for a process that keeps none, or all of them alone.
    package var slots: Slots?
    /// How far a change of the number of copies is; nil when it is done.
    package var copiesChange: CopiesChange?
    /// Nil while nobody is dead who has slots.
    package var replacement: Replacement?
    /// Settings that this process was started with and that do not hold, since a command has changed the cluster's.
    package var outdatedSettings: [String] = []
    /// Members that this process cannot reach, although they answer others or on another way.
    package var unreachable: [Unreachable] = []
    /// Nil while all gossip that comes is of this cluster, and sealed as this process' keyring says.
    package var stranger: Stranger?
    /// The databases that keep checkpoints; nil for a process that writes none.
    package var checkpoint: [CheckpointServerState]?
    /// What is wrong with the files of its data directory, if anything.
    package var fileProblems: [String]?
    /// Equal for members that see the same.
    package var view: String
    /// Unix milliseconds there.
    package var time: Int64

    package init(node: String, roles: [String], version: String, isReady: Bool, waitingFor: [String], time: Int64) {
        self.node = node
        self.roles = roles
        self.version = version
        self.isReady = isReady
        self.waitingFor = waitingFor
        self.time = time
        members = []
        suspected = []
        dead = []
        ring = []
        replicationFactor = 0
        view = ""
    }
}

/// One member as a process sees it.
package struct ClusterMemberStatus: Codable, Hashable, Sendable {
    package var name: String
    package var roles: [String]
    /// `joining`, `active`, `leaving`, `left` or `forgotten`: what it says itself.
    package var state: String
    /// `alive`, `suspect` or `dead`: whether it answers.
    package var liveness: String
    /// How long that has been so.
    package var seconds: UInt64
    /// Empty for none.
    package var zone: String
    /// Its share of the slots; 1 is usual.
    package var weight: Double
    /// Its cluster port.
    package var address: String
    /// Where it serves HTTP; nil when it does not say.
    package var http: String?
    /// The data directory, or the process that has none.
    package var instance: String
    /// The number of its start.
    package var boot: UInt64
    /// How full an aggregator's disk is, per cent; nil when it does not say.
    package var diskFill: Int?

    package init(
        name: String, roles: [String], state: String, liveness: String, seconds: UInt64, zone: String, weight: Double,
        address: String, http: String?, instance: String, boot: UInt64
    ) {
        self.name = name
        self.roles = roles
        self.state = state
        self.liveness = liveness
        self.seconds = seconds
        self.zone = zone
        self.weight = weight
        self.address = address
        self.http = http
        self.instance = instance
        self.boot = boot
    }
}

/// What all members of a cluster share.
package struct ClusterSettingsStatus: Codable, Hashable, Sendable {
    package var clusterName: String
    package var clusterID: String
    /// Grows with each change.
    package var version: UInt64
    package var replicationFactor: Int
    package var placementLabels: [String]
    /// As a setting has it: `2h`.
    package var lateWindow: String
    package var slots: Int
    /// Whether copies are kept in different zones.
    package var spreadsOverZones: Bool
    package var formatLevel: Int
    /// As a setting has it: `10m`.
    package var replacementDelay: String
    /// Copies that the ring gives each slot, and on how many what is acknowledged lies by all means; `replicationFactor` is what is wanted.
    package var placedCopies: Int
    package var assuredCopies: Int

    package init(
        clusterName: String, clusterID: String, version: UInt64, replicationFactor: Int, placementLabels: [String],
        lateWindow: String, slots: Int, spreadsOverZones: Bool, formatLevel: Int, replacementDelay: String,
        placedCopies: Int, assuredCopies: Int
    ) {
        self.clusterName = clusterName
        self.clusterID = clusterID
        self.version = version
        self.replicationFactor = replicationFactor
        self.placementLabels = placementLabels
        self.lateWindow = lateWindow
        self.slots = slots
        self.spreadsOverZones = spreadsOverZones
        self.formatLevel = formatLevel
        self.replacementDelay = replacementDelay
        self.placedCopies = placedCopies
        self.assuredCopies = assuredCopies
    }
}

/// Which keys a process has; never the keys.
package struct KeyringStatus: Codable, Hashable, Sendable {
    /// The first 4 bytes of each key's SHA-256, as envelopes carry them; the first one seals.
    package var keys: [String]
    /// Whether what this process sends is sealed.
    package var seals: Bool
    /// Whether it takes what is not sealed.
    package var acceptsUnsealed: Bool
    /// The process that answers.
    package var node: String

    package init(keys: [String], seals: Bool, acceptsUnsealed: Bool, node: String) {
        self.keys = keys
        self.seals = seals
        self.acceptsUnsealed = acceptsUnsealed
        self.node = node
    }
}

/// What the cluster's API answers: the data in Prometheus' envelope.
package struct ClusterReply<Value: Codable & Sendable>: Codable, Sendable {
    /// `success` or `error`.
    package var status: String
    package var data: Value?
    /// Why it failed.
    package var error: String?
}

/// What `POST /api/v1/cluster/forget` takes.
package struct ForgetRequest: Codable, Sendable {
    package var name: String

    package init(name: String) { self.name = name }
}

/// What `POST /api/v1/cluster/settings/set` takes: a setting and its value, as a flag has it.
package struct SettingChange: Codable, Sendable {
    package var name: String
    package var value: String

    package init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

/// What `POST /api/v1/cluster/drain` takes; a body without it is no force.
package struct DrainRequest: Codable, Sendable {
    /// `true` to leave fewer aggregators than there are copies.
    package var force: String?

    package init(force: String? = nil) { self.force = force }
}
