import RealModule

/// The protocol's periods and limits; times are microseconds. The defaults are what docs/membership.md measures.
package struct MembershipConfiguration: Equatable, Sendable {
    /// `probe_interval`: a healthy member begins one probe in each.
    package var probeInterval = Int64.milliseconds(500)
    /// `probe_timeout`: how long a ping may take before others are asked to ping as well.
    package var probeTimeout = Int64.milliseconds(200)
    /// `indirect_probes`: how many others are asked.
    package var indirectProbes = 3
    /// `stream_probe`: whether a stream is tried beside them, in case only datagrams are lost.
    package var streamProbe = true
    /// `local_health_max`: how bad a member can think of itself; its probes take up to this many times longer, and once more.
    package var localHealthMax = 8
    /// Whether bad local health stretches the probe's timeout, as in the paper, or its interval alone, as in memberlist.
    package var healthStretchesTimeout = true

    /// `suspicion_min`: how long a suspicion lasts that others confirmed, in a cluster of up to `suspicionFlatMembers`.
    package var suspicionMin = Int64.seconds(6)
    /// A suspicion that nobody confirmed lasts this many times longer, in tenths.
    package var suspicionMaxTenths: Int64 = 15
    /// Up to so many members a suspicion's time is constant; beyond, it grows with the logarithm of their number.
    package var suspicionFlatMembers = 1_000
    /// `suspicion_confirmations`: so many further accusers shorten a suspicion to its least time.
    package var suspicionConfirmations = 3
    /// `last_question`: so long before a suspicion ends the suspect is asked once more; 0 for never.
    package var lastQuestion = Int64.seconds(1)

    /// `gossip_interval`
    package var gossipInterval = Int64.milliseconds(200)
    /// `gossip_fanout`: how many members get news in each.
    package var gossipFanout = 3
    /// `gossip_fresh_delay`: news is passed on this soon after it came, not at the next interval; 0 for at the interval.
    package var gossipFreshDelay = Int64.milliseconds(20)
    /// lambda: a piece of news is sent lambda · ceil(log10(members + 1)) times by each member that has it.
    package var retransmitMultiplier = 4

    /// `sync_interval`: a full exchange with a random member.
    package var syncInterval = Int64.seconds(30)
    /// `sync_timeout`
    package var syncTimeout = Int64.seconds(5)
    /// `sync_patience`: digests that differ for so long cause an exchange at once; 0 for never.
    package var syncPatience = Int64.milliseconds(1_500)
    /// `reconnect_interval`: one dead member is pinged in each, in case a partition has healed.
    package var reconnectInterval = Int64.seconds(2)
    /// `stall_tolerance`: a timer that is this late tells of a pause of this process; deadlines are moved by as much. 0 for never.
    package var stallTolerance = Int64.milliseconds(250)

    /// `join_retry`: the pause after a failed attempt to join; it doubles up to ten times as much.
    package var joinRetry = Int64.seconds(1)
    /// `name_patience`: how long a newcomer waits for the live owner of its name to be found dead.
    package var namePatience = Int64.seconds(20)
    /// `leave_timeout`: how long a leaving member stays to tell the others.
    package var leaveTimeout = Int64.seconds(3)
    /// `tombstone_retention`: how long a member that left is remembered.
    package var tombstoneRetention = Int64.seconds(24 * 3_600)
    /// `dead_stateless_retention`: after so long a dead member that holds no slots is dropped.
    package var deadStatelessRetention = Int64.seconds(600)
    /// `relays_max`: ping requests of others that are worked on at once; further ones are dropped.
    package var relaysMax = 256

    package init() {}

    /// The defaults of hashicorp/memberlist for a LAN (`DefaultLANConfig`), for comparison: none of the additions above.
    package static var memberlist: MembershipConfiguration {
        var configuration = MembershipConfiguration()
        configuration.probeInterval = .seconds(1)
        configuration.probeTimeout = .milliseconds(500)
        configuration.healthStretchesTimeout = false
        configuration.suspicionMin = .seconds(4)
        configuration.suspicionMaxTenths = 60
        configuration.suspicionFlatMembers = 10
        configuration.suspicionConfirmations = 2
        configuration.lastQuestion = 0
        configuration.gossipFreshDelay = 0
        configuration.syncPatience = 0
        configuration.reconnectInterval = .seconds(30)
        configuration.stallTolerance = 0
        return configuration
    }

    /// The least and the greatest time of a suspicion in a cluster of `members`.
    ///
    /// Lifeguard, section 5.2: min = alpha · log10(n) · probe interval, max = beta · min; here alpha · probe interval is `suspicionMin`, and
    /// the logarithm is relative to `suspicionFlatMembers` and at least 1.
    package func suspicionTimes(members: Int) -> (min: Int64, max: Int64) {
        let scale = max(1, Double.log10(Double(max(members, 1))) / Double.log10(Double(suspicionFlatMembers)))
        let least = Int64(Double(suspicionMin) * scale)
        return (least, least * suspicionMaxTenths / 10)
    }

    /// How often each member sends one piece of news.
    package func transmissionsMax(members: Int) -> Int {
        retransmitMultiplier * max(1, Int(Double.log10(Double(members + 1)).rounded(.up)))
    }
}

/// How long a suspicion lasts, by the number of accusers.
package enum SuspicionTimeout {
    /// max - (max - min) · log(c + 1) / log(k + 1), at least min.
    ///
    /// Source: Dadgar, Phillips and Currey 2018, section 5.2.
    /// - Parameters:
    ///   - confirmations: c, accusers besides the first.
    ///   - wanted: k, so many bring it to `min`; 0 for at once.
    ///   - min: microseconds.
    ///   - max: microseconds.
    /// - Returns: microseconds from the suspicion's beginning.
    package static func duration(confirmations: Int, wanted: Int, min: Int64, max: Int64) -> Int64 {
        guard wanted > 0 else { return min }
        let share = Double.log(Double(confirmations + 1)) / Double.log(Double(wanted + 1))
        return Swift.max(min, max - Int64(Double(max - min) * share))
    }
}

/// Lifeguard's local health: how much a member distrusts its own view. 0 is healthy.
package struct LocalHealth: Equatable, Sendable {
    /// 0 ... the configured maximum.
    package private(set) var score = 0
    private let scoreMax: Int

    init(max: Int) { scoreMax = max }

    /// Worse by `delta`, or better by a negative one.
    mutating func worsen(by delta: Int) { score = min(max(score + delta, 0), scoreMax) }

    /// `duration`, stretched by the score.
    func stretch(_ duration: Int64) -> Int64 { duration * Int64(score + 1) }
}
