import ByteCoding
import SeededRandom

/// Who is in the cluster and who answers: SWIM with Lifeguard's extensions, as a value.
///
/// Datagrams, exchanges' contents, commands and the time go in; effects come out. It knows no socket, no clock and no randomness of
/// its own. The shell gives it every datagram that waits before it calls `tick`, so that a process that was paused hears its news before it acts
/// on timers, and calls `tick` at `wakeAt` at the latest.
///
/// Sources: Das, Gupta and Motivala, "SWIM", 2002; Dadgar, Phillips and Currey, "Lifeguard", 2018; docs/membership.md has what is added.
///
/// Phases: idle (left by `start`), joining (left by a view from a seed, by founding the cluster, or by expulsion), member (left by
/// `stop`, `leave` or expulsion), departing (left when all has been said), silent (final). Next: `Membership+Probe.swift`, then in the order in which a
/// crash is noticed `+Suspicion`, `+Gossip`, `+Merge`; `+Join` and `+Sync` for streams, `+Commands` for what the process wants.
package struct Membership: Sendable {
    /// Where this member's own life stands.
    package enum Phase: Equatable, Sendable {
        /// Before `start`.
        case idle
        /// Asks seeds; answers, but does not probe.
        case joining
        /// Takes part.
        case member
        /// Tells the others that it goes.
        case departing
        /// Says and hears nothing any more.
        case silent
    }

    /// Periods and limits.
    package let configuration: MembershipConfiguration
    /// This member's own record.
    package internal(set) var me: MemberRecord
    /// The cluster's settings; nil before a newcomer has learned them.
    package internal(set) var settings: ClusterSettings? {
        didSet {
            settingsDigest = settings?.digestPart ?? 0
            mismatchSince = nil
        }
    }
    /// Where this member's own life stands.
    package internal(set) var phase = Phase.idle
    /// How much this member distrusts its own view.
    package internal(set) var health: LocalHealth
    /// What has been done so far.
    package internal(set) var statistics = MembershipStatistics()
    /// Call `tick` now or earlier.
    package private(set) var wakeAt = MembershipInstant.never
    /// Equal digests mean equal views: the members, their versions, who is dead, the cluster's settings.
    package var viewDigest: UInt64 { othersDigest ^ ownDigest ^ settingsDigest }

    var random: SplitMix64
    /// The others; nil where one was dropped and the place waits for a newcomer.
    var entries: [MemberEntry?] = []
    var indices: [MemberName: Int] = [:]
    var freeIndices: [Int] = []
    /// Who is alive or suspected, and who is dead but not gone.
    var peers = ProbeList()
    var dead: [Int] = []
    var news = BroadcastQueue()
    var othersDigest: UInt64 = 0
    var ownDigest: UInt64
    var settingsDigest: UInt64

    var sequence: UInt32
    var probe: Probe?
    var relays: [Relay] = []
    var exchanges: [Exchange] = []
    var lastExchange: UInt64 = 0

    /// The time of the last call.
    var noticedAt = MembershipInstant(microseconds: .min / 2)
    /// The end of this process' last pause.
    var stalledAt = MembershipInstant(microseconds: .min / 2)
    var probeAt = MembershipInstant.never
    var gossipAt = MembershipInstant.never
    var gossipedAt = MembershipInstant(microseconds: .min / 2)
    /// No suspicion needs a look earlier.
    var suspicionAt = MembershipInstant.never
    var syncAt = MembershipInstant.never
    var reconnectAt = MembershipInstant.never
    var sweepAt = MembershipInstant.never
    var departAt = MembershipInstant.never
    /// Since when other members' digests have differed from this one's, which has not changed since.
    var mismatchSince: MembershipInstant?
    /// Not earlier another exchange is begun because of that, and the pause after it.
    var repairAt = MembershipInstant(microseconds: .min / 2)
    var repairPause: Int64 = 0
    var join = JoinState()

    /// A member that does nothing before `start`.
    ///
    /// - Parameters:
    ///   - record: its own; the version is at least 1.
    ///   - settings: kept from an earlier start; nil for a newcomer.
    ///   - configuration: periods and limits.
    ///   - seed: of its generator; different on each start.
    package init(
        record: MemberRecord, settings: ClusterSettings?, configuration: MembershipConfiguration, seed: UInt64
    ) {
        precondition(record.fits, "the own record is out of range: \(record)")
        self.configuration = configuration
        self.settings = settings
        settingsDigest = settings?.digestPart ?? 0
        me = record
        health = LocalHealth(max: configuration.localHealthMax)
        random = SplitMix64(seed: seed)
        sequence = UInt32(truncatingIfNeeded: random.next())
        ownDigest = MemberEntry.digestPart(of: record, isDead: false)
    }

    /// Sets the own address, which is known once the socket is bound.
    ///
    /// - Parameter address: of the cluster port; the phase must be idle.
    package mutating func setAddress(_ address: NodeAddress) {
        precondition(phase == .idle, "the address is set in phase \(phase)")
        me.address = address
    }

    /// Sets where this member serves HTTP.
    ///
    /// - Parameter address: nil for nowhere; the phase must be idle.
    package mutating func setHTTP(_ address: NodeAddress?) {
        precondition(phase == .idle, "the HTTP address is set in phase \(phase)")
        me.http = address
    }

    /// Members that are alive or suspected, this one included.
    package var liveCount: Int { peers.members.count + 1 }

    /// Takes the contents of a datagram.
    ///
    /// - Parameters:
    ///   - contents: opened and checked by the envelope.
    ///   - address: where it came from; answers go there.
    ///   - now: the time; never earlier than in the call before.
    ///   - effects: what follows is appended.
    package mutating func receive(
        _ contents: [UInt8], from address: NodeAddress, now: MembershipInstant,
        into effects: inout [MembershipEffect]
    ) {
        guard phase == .member || phase == .joining else { return }
        notice(now)
        statistics.datagramsReceived += 1
        statistics.bytesReceived += UInt64(contents.count)
        do throws(MembershipError) {
            let datagram = try GossipDatagram(decoding: contents.rawSpan)
            for claim in datagram.claims { take(claim, now: now, into: &effects) }
            handle(datagram, from: address, now: now, into: &effects)
        } catch {
            statistics.malformed += 1
        }
        schedule()
    }

    /// Acts on whatever is due.
    ///
    /// - Parameters:
    ///   - now: the time; never earlier than in the call before.
    ///   - effects: what follows is appended.
    package mutating func tick(now: MembershipInstant, into effects: inout [MembershipEffect]) {
        guard phase != .idle, phase != .silent else { return }
        notice(now)
        if now >= sweepAt { sweep(now: now, into: &effects) }
        expireExchanges(now: now, into: &effects)
        if now >= join.at { beginRound(now: now, into: &effects) }
        if phase == .member {
            advanceProbe(now: now, into: &effects)
            advanceRelays(now: now, into: &effects)
            if now >= suspicionAt { advanceSuspicions(now: now, into: &effects) }
            if now >= syncAt { syncWithAnyone(now: now, into: &effects) }
            if now >= reconnectAt { reconnect(now: now, into: &effects) }
        }
        if now >= gossipAt { gossip(now: now, into: &effects) }
        if phase == .departing, now >= departAt || news.isEmpty { fallSilent(.finished, into: &effects) }
        schedule()
    }

    /// Notices a pause of this process: a call that comes much later than it was asked for. While it lasted nothing was heard, so what was
    /// awaited gets as much longer.
    mutating func notice(_ now: MembershipInstant) {
        noticedAt = now
        let late = now.since(wakeAt)
        guard configuration.stallTolerance > 0, late > configuration.stallTolerance else { return }
        statistics.stalls += 1
        health.worsen(by: 1)
        probe?.postpone(by: late)
        for index in relays.indices { relays[index].nackAt.postpone(by: late) }
        for index in peers.members { entries[index]?.suspicion?.postponed += late }
        // Who came back meanwhile has not told this member yet.
        for index in dead { entries[index]?.since.postpone(by: late) }
        stalledAt = now
        for index in exchanges.indices { exchanges[index].deadline.postpone(by: late) }
        suspicionAt.postpone(by: late)
        probeAt.postpone(by: late)
    }

    /// Works out when the next call is due.
    mutating func schedule() {
        if phase == .silent {
            wakeAt = .never
            return
        }
        var next = min(gossipAt, sweepAt, departAt, join.at)
        if phase == .member {
            next = min(next, probeAt, suspicionAt, syncAt)
            next = min(next, reconnectAt)
            if let probe { next = min(next, probe.nextAt) }
        }
        for relay in relays { next = min(next, relay.nackAt) }
        for exchange in exchanges { next = min(next, exchange.deadline) }
        // What is overdue is due now: it is not late because of the call that has just been made.
        wakeAt = max(next, noticedAt)
    }

    /// Ends everything.
    mutating func fallSilent(_ notice: MembershipNotice, into effects: inout [MembershipEffect]) {
        phase = .silent
        exchanges = []
        relays = []
        effects.append(.notify(notice))
    }
}
