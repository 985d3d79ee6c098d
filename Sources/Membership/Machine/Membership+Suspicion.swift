// From a failed probe to a death: Lifeguard's suspicion, which ends the sooner the more members confirm it.

extension Membership {
    /// Takes an accusation: the first begins a suspicion, further independent ones shorten it.
    mutating func suspect(
        _ name: MemberName, version: UInt64, accuser: MemberName, now: MembershipInstant,
        into effects: inout [MembershipEffect]
    ) {
        if name == me.name { return refute(version, into: &effects, now: now) }
        guard let index = indices[name], let entry = entries[index], !entry.record.state.isGone,
            version >= entry.claimVersion
        else { return }
        if version == entry.claimVersion {
            switch entry.liveness {
            case .alive: break
            case .suspect: return confirm(index, accuser: accuser, now: now)
            case .dead: return
            }
        }
        let (least, most) = configuration.suspicionTimes(members: liveCount)
        let suspicion = Suspicion(
            start: now, accusers: [accuser],
            wanted: min(configuration.suspicionConfirmations, max(0, liveCount - 2)), min: least, max: most)
        change(index) {
            $0.liveness = .suspect
            $0.claimVersion = version
            $0.since = now
            $0.suspicion = suspicion
        }
        if entry.liveness != .suspect { effects.append(.notify(.suspected(name))) }
        statistics.suspicions += 1
        look(at: suspicion)
        spread(.suspect(name: name, version: version, accuser: accuser), now: now)
    }

    private mutating func confirm(_ index: Int, accuser: MemberName, now: MembershipInstant) {
        guard var suspicion = entries[index]?.suspicion, suspicion.accusers.count <= suspicion.wanted,
            !suspicion.accusers.contains(accuser), let entry = entries[index]
        else { return }
        suspicion.accusers.append(accuser)
        entries[index]?.suspicion = suspicion
        look(at: suspicion)
        spread(.suspect(name: entry.record.name, version: entry.claimVersion, accuser: accuser), now: now)
    }

    /// Makes sure that a suspicion is looked at in time.
    private mutating func look(at suspicion: Suspicion) {
        let ahead = suspicion.askedLast ? 0 : configuration.lastQuestion
        suspicionAt = min(suspicionAt, suspicion.deadline.advanced(by: -ahead))
    }

    /// Asks suspects whose time is nearly over once more, and declares dead those whose time is over.
    mutating func advanceSuspicions(now: MembershipInstant, into effects: inout [MembershipEffect]) {
        suspicionAt = .never
        for index in peers.members {
            guard let entry = entries[index], var suspicion = entry.suspicion else { continue }
            if now >= suspicion.deadline {
                statistics.deaths += 1
                declareDead(index, version: entry.claimVersion, accuser: me.name, now: now, into: &effects)
                continue
            }
            if !suspicion.askedLast, now >= suspicion.deadline.advanced(by: -configuration.lastQuestion) {
                suspicion.askedLast = true
                entries[index]?.suspicion = suspicion
                if configuration.lastQuestion > 0 { ping(entry, sequence: nextSequence(), into: &effects) }
            }
            look(at: suspicion)
        }
    }

    /// Takes a death that another member claims.
    mutating func bury(
        _ name: MemberName, version: UInt64, accuser: MemberName, now: MembershipInstant,
        into effects: inout [MembershipEffect]
    ) {
        if name == me.name { return refute(version, into: &effects, now: now) }
        guard let index = indices[name], let entry = entries[index], !entry.record.state.isGone,
            version >= entry.claimVersion, version > entry.claimVersion || entry.liveness != .dead
        else { return }
        declareDead(index, version: version, accuser: accuser, now: now, into: &effects)
    }

    private mutating func declareDead(
        _ index: Int, version: UInt64, accuser: MemberName, now: MembershipInstant,
        into effects: inout [MembershipEffect]
    ) {
        guard let entry = entries[index] else { return }
        let wasDead = entry.liveness == .dead
        change(index) {
            $0.liveness = .dead
            $0.claimVersion = version
            $0.since = now
            $0.suspicion = nil
        }
        let name = entry.record.name
        if !wasDead { effects.append(.notify(accuser == name ? .stopped(name) : .died(name))) }
        spread(.dead(name: name, version: version, accuser: accuser), now: now)
        armReconnect(now: now)
        // Alone: perhaps the others are where the seeds' names now point.
        if peers.members.isEmpty, phase == .member { join.at = min(join.at, now.advanced(by: join.pause)) }
    }

    /// Contradicts a claim that this member is suspected, dead or gone, by a greater version of its record.
    mutating func refute(_ version: UInt64, into effects: inout [MembershipEffect], now: MembershipInstant) {
        guard phase == .member || phase == .joining, version >= me.version else { return }
        statistics.refutations += 1
        health.worsen(by: 1)
        raiseOwnVersion(above: version, now: now, into: &effects)
    }
}
