/// The cluster at work, gathered from all of its processes: what `GET /api/v1/cluster/overview` answers.
package struct ClusterOverview: Codable, Hashable, Sendable {
    /// How many slots have all of their copies.
    package struct Replication: Codable, Hashable, Sendable {
        package var slots: Int
        /// Copies of each slot: as many as the cluster is set to, or as there are aggregators.
        package var copies: Int
        /// Every wanted copy is whole.
        package var full = 0
        /// A whole copy is there, and another is on its way.
        package var moving = 0
        /// A whole copy is there, and another is not whole or does not answer.
        package var fewer = 0
        /// No single copy is known to be whole: what several members have is united for an answer.
        package var united = 0
        /// Nobody who should have it answers.
        package var silent = 0

        package init(slots: Int, copies: Int) {
            self.slots = slots
            self.copies = copies
        }
    }

    /// One process.
    package struct Node: Codable, Hashable, Sendable {
        package var name: String
        package var zone: String
        package var roles: [String]
        /// As `ClusterMemberStatus` has them.
        package var state: String
        package var liveness: String
        package var seconds: UInt64
        package var weight: Double
        package var http: String?
        /// What it says of itself, without its slots' letters; nil when it does not answer.
        package var report: NodeReport?

        package init(_ member: ClusterMemberStatus, report: NodeReport?) {
            name = member.name
            zone = member.zone
            roles = member.roles
            state = member.state
            liveness = member.liveness
            seconds = member.seconds
            weight = member.weight
            http = member.http
            self.report = report
        }
    }

    /// What somebody should look at.
    package struct Warning: Codable, Hashable, Sendable {
        package var text: String
        /// What to do about it; empty when it passes by itself.
        package var advice: String

        package init(_ text: String, advice: String = "") {
            self.text = text
            self.advice = advice
        }
    }

    /// The cluster's name; nil before it is known.
    package var cluster: String?
    /// The process that answers.
    package var node: String
    /// Unix milliseconds there.
    package var time: Int64
    /// Copies that the cluster is set to keep.
    package var replicationFactor: Int
    /// Nil while there is no ring.
    package var replication: Replication?
    /// Everybody who is not gone, in the order of their names.
    package var nodes: [Node]
    package var movements: ClusterMovements
    package var warnings: [Warning]
    /// Differs when `GET /api/v1/cluster/ring` would answer something else.
    package var ringStamp: String

    package init(
        cluster: String?, node: String, time: Int64, replicationFactor: Int, replication: Replication?, nodes: [Node],
        movements: ClusterMovements, warnings: [Warning], ringStamp: String
    ) {
        self.cluster = cluster
        self.node = node
        self.time = time
        self.replicationFactor = replicationFactor
        self.replication = replication
        self.nodes = nodes
        self.movements = movements
        self.warnings = warnings
        self.ringStamp = ringStamp
    }
}

/// Slots on their way: what `GET /api/v1/cluster/movements` answers.
package struct ClusterMovements: Codable, Hashable, Sendable {
    /// What one aggregator gains or gives away.
    package struct Movement: Codable, Hashable, Sendable {
        package var node: String
        /// `gains` or `gives`.
        package var direction: String
        package var move: NodeReport.Move

        package init(node: String, direction: String, move: NodeReport.Move) {
            self.node = node
            self.direction = direction
            self.move = move
        }
    }

    package var movements: [Movement]
    /// Aggregators that do not answer, of whose slots nothing is known.
    package var silent: [String]
    /// Whether all that answered have nothing left to move, to pay or to drop.
    package var isSettled: Bool

    package init(movements: [Movement], silent: [String], isSettled: Bool) {
        self.movements = movements
        self.silent = silent
        self.isSettled = isSettled
    }
}

/// Who is to have each slot, and who has it: what `GET /api/v1/cluster/ring` answers.
package struct ClusterRing: Codable, Hashable, Sendable {
    /// One aggregator.
    package struct Node: Codable, Hashable, Sendable {
        package var name: String
        package var zone: String
        /// Whether the ring has it; one that leaves, or is about to join, still has samples or has them soon.
        package var isInRing: Bool
        /// The slots that it is to have: `a` as the first owner, `b` as the second and so on, `.` not.
        package var owns: SlotLetters
        /// How far it is with each, as `NodeReport.states`; nil when it does not answer.
        package var states: SlotLetters?

        package init(name: String, zone: String, isInRing: Bool, owns: SlotLetters, states: SlotLetters?) {
            self.name = name
            self.zone = zone
            self.isInRing = isInRing
            self.owns = owns
            self.states = states
        }
    }

    /// How many slots have all of their copies.
    package var replication: ClusterOverview.Replication
    /// The aggregators that are not gone, in the order of their names.
    package var nodes: [Node]
    /// As in `ClusterOverview`.
    package var stamp: String

    package init(replication: ClusterOverview.Replication, nodes: [Node], stamp: String) {
        self.replication = replication
        self.nodes = nodes
        self.stamp = stamp
    }
}
