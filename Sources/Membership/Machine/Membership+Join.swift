// Coming into a cluster: rounds over the seeds until one shows its view, or until it is clear that there is no cluster yet and this member founds it.

/// How a member may found a cluster.
package struct Founding: Equatable, Sendable {
    /// The settings of the new cluster.
    package var settings: ClusterSettings
    /// So many members that may found the cluster must know of each other, this one included; the one with the least name does.
    package var membersMin: Int

    package init(settings: ClusterSettings, membersMin: Int) {
        self.settings = settings
        self.membersMin = membersMin
    }
}

/// Where the search for a seed stands.
struct JoinState: Sendable {
    var seeds: [NodeAddress] = []
    /// Names of seeds that have no address now: somebody with a cluster may be behind them.
    var unfound = 0
    var cluster = ""
    var founding: Founding?
    /// When the next round begins.
    var at = MembershipInstant.never
    var pause: Int64 = 0
    /// Seeds of this round that have not been asked, and how many have not answered.
    var waiting: [NodeAddress] = []
    var open = 0
    /// What this round's seeds answered.
    var silent = 0
    var withoutCluster: Set<MemberName> = []
    /// Those of them that may found it.
    var founders: Set<MemberName> = []
    var other: String?
    var full = false
    var taken: MemberRecord?
    /// Since when the name has been another's.
    var takenSince: MembershipInstant?

    /// `join_round_seeds_max`: seeds asked in one round, and at once.
    static let roundMax = 16
    static let openMax = 3
}

extension Membership {
    /// Begins to take part.
    ///
    /// - Parameters:
    ///   - seeds: addresses of members, their own among them or not.
    ///   - unfound: names of members for which no address was found.
    ///   - cluster: the cluster's name.
    ///   - founding: how this member may found it; nil for never.
    ///   - known: members known from an earlier start.
    ///   - now: the time.
    ///   - effects: what follows is appended.
    package mutating func start(
        seeds: [NodeAddress], unfound: Int = 0, cluster: String, founding: Founding?, known: [MemberRecord] = [],
        now: MembershipInstant, into effects: inout [MembershipEffect]
    ) {
        precondition(phase == .idle, "started in phase \(phase)")
        phase = .joining
        noticedAt = now
        sweepAt = now.advanced(by: .seconds(10))
        join.cluster = cluster
        join.founding = founding
        join.seeds = seeds
        join.unfound = unfound
        join.pause = configuration.joinRetry
        for record in known where record.name != me.name { insert(record, now: now, into: &effects) }
        if settings == nil, seeds.isEmpty, unfound == 0, let founding, founding.membersMin <= 1 {
            found(founding, now: now, into: &effects)
        } else if settings != nil, seeds.isEmpty, known.isEmpty {
            becomeMember(now: now, into: &effects)
        } else {
            beginRound(now: now, into: &effects)
        }
        schedule()
    }

    /// Replaces the seeds' addresses, after their names were looked up again; when none was found those from before stay.
    ///
    /// - Parameters:
    ///   - seeds: the addresses.
    ///   - unfound: names for which no address was found.
    package mutating func setSeeds(_ seeds: [NodeAddress], unfound: Int = 0) {
        if !seeds.isEmpty { join.seeds = seeds }
        join.unfound = unfound
    }

    /// Begins a round over the seeds and the members known from before.
    mutating func beginRound(now: MembershipInstant, into effects: inout [MembershipEffect]) {
        join.at = .never
        var seeds = Set(join.seeds)
        for entry in entries {
            if let entry, entry.isLive || entry.liveness == .dead { seeds.insert(entry.record.address) }
        }
        seeds.remove(me.address)
        // Seeds that were named come before members that were known: their addresses are fresher.
        let named = shuffled(join.seeds.filter { seeds.contains($0) })
        let known = shuffled(seeds.subtracting(named).sorted())
        join.waiting = Array((named + known).prefix(JoinState.roundMax).reversed())
        join.silent = 0
        join.withoutCluster = []
        join.founders = []
        join.other = nil
        join.full = false
        join.taken = nil
        askSeeds(now: now, into: &effects)
        if join.open == 0 { endRound(now: now, into: &effects) }
    }

    private mutating func shuffled(_ addresses: [NodeAddress]) -> [NodeAddress] {
        var addresses = addresses
        for index in addresses.indices.dropLast() {
            addresses.swapAt(index, index + random.number(below: addresses.count - index))
        }
        return addresses
    }

    private mutating func askSeeds(now: MembershipInstant, into effects: inout [MembershipEffect]) {
        while join.open < JoinState.openMax, let seed = join.waiting.popLast() {
            join.open += 1
            exchange(
                .join(cluster: join.cluster, record: me), .join(seed), to: seed, now: now, into: &effects)
        }
    }

    /// A seed did not answer.
    mutating func failJoin(of seed: NodeAddress, now: MembershipInstant, into effects: inout [MembershipEffect]) {
        join.silent += 1
        closeOne(now: now, into: &effects)
    }

    private mutating func closeOne(now: MembershipInstant, into effects: inout [MembershipEffect]) {
        join.open = max(0, join.open - 1)
        askSeeds(now: now, into: &effects)
        if join.open == 0 { endRound(now: now, into: &effects) }
    }

    /// Takes a seed's answer.
    mutating func finishJoin(
        _ message: SyncMessage, from seed: NodeAddress, now: MembershipInstant,
        into effects: inout [MembershipEffect]
    ) {
        switch message {
        case .view(let theirs, let members):
            guard settings == nil || settings?.id == theirs.id else {
                join.other = theirs.name
                return closeOne(now: now, into: &effects)
            }
            join.waiting = []
            join.open = 0
            enter(theirs, members, seed: seed, now: now, into: &effects)
            return
        case .refused(.nameTaken(let record)): join.taken = record
        case .refused(.otherCluster(let name)): join.other = name
        case .refused(.notReady(let name, let mayFound)):
            if name != me.name { join.withoutCluster.insert(name) }
            if name != me.name, mayFound { join.founders.insert(name) }
        case .refused(.full): join.full = true
        case .join, .compare, .delta, .ping, .same: join.silent += 1
        }
        closeOne(now: now, into: &effects)
    }

    /// Takes over a seed's view and becomes a member.
    private mutating func enter(
        _ theirs: ClusterSettings, _ members: [MemberView], seed: NodeAddress, now: MembershipInstant,
        into effects: inout [MembershipEffect]
    ) {
        join.takenSince = nil
        if settings.map({ theirs.replaces($0) }) ?? true {
            settings = theirs
            effects.append(.notify(.settings(theirs)))
        }
        // The seed has let this instance in: what the name had before it is over.
        if let former = members.first(where: { $0.record.name == me.name }) {
            if phase == .member, isOutlived(by: former.record) {
                return fallSilent(.expelled(.outlived(former.record)), into: &effects)
            }
            succeed(former.record)
            if former.record != me || former.liveness != .alive {
                me.version = max(me.version, max(former.claimVersion, former.record.version) + 1)
            }
        }
        if phase == .joining { becomeMember(now: now, into: &effects) }
        merge(
            members.filter { $0.record.name != me.name }, from: me.name, now: now, into: &effects)
        announce(now: now, into: &effects)
        let own = MemberView(record: me, liveness: .alive, claimVersion: me.version, seconds: 0)
        exchange(.delta(sender: me.name, settings: nil, members: [own]), .delta, to: seed, now: now, into: &effects)
    }

    /// Takes over from what had the name before: its place in the ring, so that a lost disk moves no slot, and a greater boot number, so that starts are
    /// told apart over lost disks too.
    private mutating func succeed(_ former: MemberRecord) {
        if former.state.isGone {
            me.leastBoot = max(me.leastBoot, former.instance.boot + 1)
        } else {
            me.state = max(me.state, former.state)
            me.leastBoot = max(me.leastBoot, former.leastBoot)
            me.progress.leavesByForce = former.progress.leavesByForce
        }
        // Nobody has heard of this start before it is let in: one with its number was another, and its directory has been put back to before that.
        guard former.instance != me.instance || phase == .joining, former.instance.boot >= me.instance.boot else {
            return
        }
        me.instance = MemberInstance(
            high: me.instance.high, low: me.instance.low, boot: former.instance.boot + 1)
    }

    /// Nobody let this member in: found the cluster, go on alone with what is known, try again, or give up.
    private mutating func endRound(now: MembershipInstant, into effects: inout [MembershipEffect]) {
        guard phase == .joining || phase == .member, peers.members.isEmpty || phase == .joining else { return }
        if join.full { return fallSilent(.expelled(.full), into: &effects) }
        if let record = join.taken {
            if record.keepsSlots(against: me) { return fallSilent(.expelled(.keepsSlots(record)), into: &effects) }
            let since = join.takenSince ?? now
            join.takenSince = since
            if now.since(since) >= configuration.namePatience {
                return fallSilent(.expelled(.nameTaken(record)), into: &effects)
            }
        } else if settings == nil {
            if let other = join.other, join.withoutCluster.isEmpty {
                return fallSilent(.expelled(.otherCluster(other)), into: &effects)
            }
            if let founding = join.founding, join.silent == 0, join.unfound == 0,
                join.seeds.count <= JoinState.roundMax,
                join.founders.count + 1 >= founding.membersMin, join.founders.allSatisfy({ me.name < $0 })
            {
                return found(founding, now: now, into: &effects)
            }
        } else if phase == .joining {
            // The rest of the cluster is down: this member has what it needs to go on, and keeps looking.
            becomeMember(now: now, into: &effects)
        }
        join.at = now.advanced(by: join.pause * 3 / 4 + random.duration(below: join.pause / 2))
        join.pause = min(join.pause * 2, configuration.joinRetry * 10)
        effects.append(.resolveSeeds)
    }

    private mutating func found(
        _ founding: Founding, now: MembershipInstant, into effects: inout [MembershipEffect]
    ) {
        settings = founding.settings
        effects.append(.notify(.settings(founding.settings)))
        becomeMember(now: now, into: &effects)
        announce(now: now, into: &effects)
    }

    private mutating func becomeMember(now: MembershipInstant, into effects: inout [MembershipEffect]) {
        phase = .member
        probeAt = now.advanced(by: random.duration(below: configuration.probeInterval))
        syncAt = now.advanced(by: random.duration(below: configuration.syncInterval))
        armReconnect(now: now)
        if !news.isEmpty { gossipAt = now.advanced(by: configuration.gossipFreshDelay) }
        effects.append(.notify(.joined))
    }

    /// Decides whether a newcomer may come in.
    mutating func admit(_ record: MemberRecord, of cluster: String, now: MembershipInstant) -> SyncMessage {
        guard let settings else { return .refused(.notReady(me.name, mayFound: join.founding != nil)) }
        guard cluster.utf8.elementsEqual(settings.name.utf8) else { return .refused(.otherCluster(settings.name)) }
        if record.name == me.name {
            if record.instance != me.instance { return .refused(.nameTaken(me)) }
            return .refused(.notReady(me.name, mayFound: false))
        }
        if let index = indices[record.name], let entry = entries[index] {
            if entry.record.keepsSlots(against: record) { return .refused(.nameTaken(entry.record)) }
            let isNext =
                record.instance.hasSameDisk(as: entry.record.instance)
                && record.instance.boot >= entry.record.instance.boot
            if entry.isLive, !isNext, entry.record.address != record.address {
                // The known one stays while it lives; whether it does is found out at once.
                if entry.liveness == .alive { peers.putNext(index) }
                return .refused(.nameTaken(entry.record))
            }
        } else if indices.count + 1 >= SyncMessage.membersMax, oldestTombstone == nil {
            return .refused(.full)
        }
        return .view(settings: settings, members: views(now: now))
    }
}

extension MemberRecord {
    /// Whether this is a member whose slots the other one, who holds none, would take over with its name, dead or not.
    fileprivate func keepsSlots(against other: MemberRecord) -> Bool {
        !state.isGone && roles.contains(.aggregator) && !other.roles.contains(.aggregator)
    }
}
