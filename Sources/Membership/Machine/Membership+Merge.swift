// One view out of many claims: the greater version wins, whoever says it and in whatever order.

extension Membership {
    /// Takes a claim of another member.
    mutating func take(_ claim: Claim, now: MembershipInstant, into effects: inout [MembershipEffect]) {
        switch claim {
        case .record(let record): merge(record, now: now, into: &effects)
        case .suspect(let name, let version, let accuser):
            suspect(name, version: version, accuser: accuser, now: now, into: &effects)
        case .dead(let name, let version, let accuser):
            bury(name, version: version, accuser: accuser, now: now, into: &effects)
        case .settings(let newer): adopt(newer, now: now, into: &effects)
        }
    }

    /// Takes newer settings of this cluster.
    mutating func adopt(_ newer: ClusterSettings, now: MembershipInstant, into effects: inout [MembershipEffect]) {
        if let settings, newer.id != settings.id || !newer.replaces(settings) { return }
        // A newcomer learns its cluster from a seed's answer, not from any datagram.
        if settings == nil, phase == .joining { return }
        settings = newer
        effects.append(.notify(.settings(newer)))
        spread(.settings(newer), now: now)
    }

    /// Takes a record: of a newcomer, or one that replaces an older.
    mutating func merge(_ record: MemberRecord, now: MembershipInstant, into effects: inout [MembershipEffect]) {
        if record.name == me.name { return hearOfSelf(record, liveness: .alive, now: now, into: &effects) }
        guard let index = indices[record.name], let old = entries[index] else {
            insert(record, now: now, into: &effects)
            return
        }
        guard record.replaces(old.record) else { return }
        if let removal = old.record.removal(of: record) { return merge(removal, now: now, into: &effects) }
        let revives = record.version > old.claimVersion
        change(index) {
            $0.record = record
            if revives {
                $0.liveness = .alive
                $0.claimVersion = record.version
                $0.since = now
                $0.suspicion = nil
            }
        }
        tell(old, record, recovered: revives && old.liveness != .alive, into: &effects)
        spread(.record(record), now: now)
        // Who comes back from the dead was cut off: it knows others that are dead here, and the other way round.
        if revives, old.liveness == .dead { repair(with: record.name, now: now, into: &effects) }
    }

    private func tell(
        _ old: MemberEntry, _ record: MemberRecord, recovered: Bool, into effects: inout [MembershipEffect]
    ) {
        if record.state.isGone {
            if !old.record.state.isGone { effects.append(.notify(.gone(record))) }
        } else if old.record.state.isGone {
            effects.append(.notify(.added(record)))
        } else {
            if recovered { effects.append(.notify(.recovered(record.name))) }
            var before = old.record
            before.version = record.version
            if before == record { return }
            before.progress = record.progress
            effects.append(.notify(before == record ? .progressed(record.name) : .updated(record)))
        }
    }

    /// Adds a member that was not known.
    ///
    /// - Returns: its index; nil when there are `members_max`, none of them gone.
    @discardableResult
    mutating func insert(
        _ record: MemberRecord, now: MembershipInstant, into effects: inout [MembershipEffect]
    ) -> Int? {
        if indices.count + 1 >= SyncMessage.membersMax {
            guard let oldest = oldestTombstone else { return nil }
            drop(oldest, into: &effects)
        }
        let entry = MemberEntry(record: record, claimVersion: record.version, since: now)
        let index: Int
        if let free = freeIndices.popLast() {
            index = free
            entries[index] = entry
        } else {
            index = entries.count
            entries.append(entry)
        }
        indices[record.name] = index
        if entry.isLive { peers.insert(index, random: &random) }
        countIn(index)
        if !record.state.isGone { effects.append(.notify(.added(record))) }
        spread(.record(record), now: now)
        return index
    }

    /// Changes what is known of a member, and what follows from it: the digest, who is probed, who is dead.
    mutating func change(_ index: Int, _ body: (inout MemberEntry) -> Void) {
        guard var entry = entries[index] else { return }
        let wasLive = entry.isLive
        let wasDead = entry.liveness == .dead && !entry.record.state.isGone
        body(&entry)
        entries[index] = entry
        let isDead = entry.liveness == .dead && !entry.record.state.isGone
        if wasLive != entry.isLive {
            if wasLive { peers.remove(index) } else { peers.insert(index, random: &random) }
        }
        if wasDead != isDead {
            if isDead { dead.append(index) } else { dead.removeAll { $0 == index } }
        }
        countIn(index)
    }

    /// Brings an entry's part of the digest up to date.
    private mutating func countIn(_ index: Int) {
        guard var entry = entries[index] else { return }
        let part = entry.currentDigestPart
        guard part != entry.digestPart else { return }
        othersDigest ^= entry.digestPart ^ part
        entry.digestPart = part
        entries[index] = entry
        mismatchSince = nil
    }

    /// Takes a record under this member's own name: an echo, an earlier life, or another instance.
    mutating func hearOfSelf(
        _ record: MemberRecord, liveness: Liveness, now: MembershipInstant, into effects: inout [MembershipEffect]
    ) {
        guard phase == .member || phase == .joining, record != me, record.version >= me.version else { return }
        let isOwn = record.instance == me.instance
        if isOwn, record.state == .forgotten, me.roles.contains(.aggregator) {
            // What others owed this start they have forgotten, so it may not count again; the next one does.
            return fallSilent(.expelled(.removed(record)), into: &effects)
        }
        // While it joins, who lets it in gives it a number above that one.
        if phase == .member, isOutlived(by: record) { return fallSilent(.expelled(.outlived(record)), into: &effects) }
        let isEarlier = record.instance.hasSameDisk(as: me.instance) && record.instance.boot < me.instance.boot
        let isOver = record.state.isGone || liveness == .dead || record.address == me.address
        if isOwn || isEarlier || (isOver && !record.instance.hasSameDisk(as: me.instance)) || me.replaces(record) {
            if record.state.isGone, record.instance.boot < me.instance.boot {
                me.leastBoot = max(me.leastBoot, record.instance.boot + 1)
            }
            raiseOwnVersion(above: record.version, now: now, into: &effects)
        } else {
            fallSilent(.expelled(.superseded(record)), into: &effects)
        }
    }

    /// Whether a record is of a later start of this member's directory, or of another one with this start's number: nobody but a start itself gives
    /// its record a version, until it is gone.
    func isOutlived(by record: MemberRecord) -> Bool {
        guard !record.state.isGone, record.instance.hasSameDisk(as: me.instance) else { return false }
        return (record.instance.boot, record.version) > (me.instance.boot, me.version)
    }

    /// Gives the own record a version above `version`, and spreads it.
    mutating func raiseOwnVersion(
        above version: UInt64, now: MembershipInstant, into effects: inout [MembershipEffect]
    ) {
        me.version = max(me.version, version) + 1
        announce(now: now, into: &effects)
    }

    /// Spreads the own record as it is now.
    mutating func announce(now: MembershipInstant, into effects: inout [MembershipEffect]) {
        ownDigest = me.state.isGone ? 0 : MemberEntry.digestPart(of: me, isDead: false)
        mismatchSince = nil
        effects.append(.notify(.own(me)))
        spread(.record(me), now: now)
    }

    /// Drops what need not be remembered any longer.
    mutating func sweep(now: MembershipInstant, into effects: inout [MembershipEffect]) {
        sweepAt = now.advanced(by: .seconds(10))
        for index in entries.indices {
            guard let entry = entries[index] else { continue }
            let age = now.since(entry.since)
            let isOver =
                entry.record.state.isGone
                ? age > configuration.tombstoneRetention
                : entry.liveness == .dead && !entry.record.roles.contains(.aggregator)
                    && age > configuration.deadStatelessRetention
            if isOver { drop(index, into: &effects) }
        }
    }

    /// The member that has been gone for longest; nil when none is gone.
    var oldestTombstone: Int? {
        var oldest: (index: Int, since: MembershipInstant)?
        for index in entries.indices {
            guard let entry = entries[index], entry.record.state.isGone else { continue }
            if oldest.map({ entry.since < $0.since }) ?? true { oldest = (index, entry.since) }
        }
        return oldest?.index
    }

    /// Forgets that there was such a member, which is dead or gone.
    private mutating func drop(_ index: Int, into effects: inout [MembershipEffect]) {
        guard let entry = entries[index] else { return }
        othersDigest ^= entry.digestPart
        dead.removeAll { $0 == index }
        news.remove(entry.record.name)
        indices[entry.record.name] = nil
        entries[index] = nil
        freeIndices.append(index)
        effects.append(.notify(.dropped(entry.record.name)))
    }
}
