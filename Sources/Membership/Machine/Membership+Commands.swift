// What the process wants: to change its record, to remove others, to change settings, to go; and what it wants to know.

extension Membership {
    /// Changes the own record; it gets a greater version and is spread.
    ///
    /// - Parameters:
    ///   - now: the time.
    ///   - effects: what follows is appended.
    ///   - body: changes what it likes except name, version and instance.
    /// - Throws: `MembershipError.malformed` when the record would be out of range; nothing is changed then.
    package mutating func update(
        now: MembershipInstant, into effects: inout [MembershipEffect], _ body: (inout MemberRecord) -> Void
    ) throws(MembershipError) {
        var changed = me
        body(&changed)
        changed.version = me.version
        changed.instance = me.instance
        guard changed.fits, changed.name == me.name else { throw MembershipError(.malformed, in: "own record") }
        guard changed != me else { return }
        changed.version += 1
        me = changed
        notice(now)
        announce(now: now, into: &effects)
        schedule()
    }

    /// Changes the cluster's settings.
    ///
    /// - Parameters:
    ///   - next: the current ones with the version raised by one.
    ///   - now: the time.
    ///   - effects: what follows is appended.
    /// - Throws: `MembershipError.notAllowed` when `next` does not follow the current settings or changes what never changes.
    package mutating func propose(
        _ next: ClusterSettings, now: MembershipInstant, into effects: inout [MembershipEffect]
    ) throws(MembershipError) {
        guard phase == .member, let settings, settings.allows(next) else {
            throw MembershipError(.notAllowed, in: "cluster settings")
        }
        notice(now)
        adopt(next, now: now, into: &effects)
        schedule()
    }

    /// Removes a dead member for good.
    ///
    /// - Parameters:
    ///   - name: whom.
    ///   - delay: for how long it must have been dead, microseconds; nil on an operator's word. A pause of this process does not count, and after one
    ///     the others have until the next exchange to tell who came back meanwhile.
    ///   - now: the time.
    ///   - effects: what follows is appended.
    /// - Throws: `MembershipError.unknownMember`; `notAllowed` while it is not dead, or not for so long.
    package mutating func forget(
        _ name: MemberName, deadFor delay: Int64? = nil, now: MembershipInstant,
        into effects: inout [MembershipEffect]
    ) throws(MembershipError) {
        notice(now)
        // Also where it is refused: a pause is noticed once.
        defer { schedule() }
        guard let index = indices[name], let entry = entries[index], !entry.record.state.isGone else {
            throw MembershipError(.unknownMember, in: "forget")
        }
        guard phase == .member, entry.liveness == .dead else { throw MembershipError(.notAllowed, in: "forget") }
        if let delay {
            guard now.since(entry.since) >= delay, now.since(stalledAt) >= configuration.syncInterval else {
                throw MembershipError(.notAllowed, in: "forget")
            }
        }
        var record = entry.record
        record.version = max(record.version, entry.claimVersion) + 1
        record.state = .forgotten
        merge(record, now: now, into: &effects)
    }

    /// Leaves for good: the record says so, and `finished` follows when the others have been told.
    package mutating func leave(now: MembershipInstant, into effects: inout [MembershipEffect]) {
        guard phase == .member else { return stopAtOnce(into: &effects) }
        me.state = .left
        me.version += 1
        announce(now: now, into: &effects)
        depart(now: now, into: &effects)
    }

    /// Stops for a while: the others know at once that this member does not answer; `finished` follows when they have been told.
    package mutating func stop(now: MembershipInstant, into effects: inout [MembershipEffect]) {
        guard phase == .member else { return stopAtOnce(into: &effects) }
        spread(.dead(name: me.name, version: me.version, accuser: me.name), now: now)
        depart(now: now, into: &effects)
    }

    private mutating func stopAtOnce(into effects: inout [MembershipEffect]) {
        guard phase != .silent, phase != .departing else { return }
        fallSilent(.finished, into: &effects)
        schedule()
    }

    private mutating func depart(now: MembershipInstant, into effects: inout [MembershipEffect]) {
        notice(now)
        phase = .departing
        departAt = now.advanced(by: configuration.leaveTimeout)
        relays = []
        exchanges = []
        join.at = .never
        gossip(now: now, into: &effects)
        if peers.members.isEmpty { fallSilent(.finished, into: &effects) }
        schedule()
    }

    /// Everybody that this member knows, itself included, in the order of their names.
    ///
    /// - Parameter now: the time, from which each one's `seconds` count.
    /// - Returns: also those that are gone and not yet forgotten about.
    package func members(now: MembershipInstant) -> [MemberView] {
        views(now: now).sorted { $0.record.name < $1.record.name }
    }

    /// Whether a member answers, as far as this one knows; nil for one that is unknown or gone.
    package func liveness(of name: MemberName) -> Liveness? {
        if name == me.name { return .alive }
        guard let index = indices[name], let entry = entries[index], !entry.record.state.isGone else { return nil }
        return entry.liveness
    }

    /// A member's record; nil for one that is unknown.
    package func record(of name: MemberName) -> MemberRecord? {
        if name == me.name { return me }
        return indices[name].flatMap { entries[$0]?.record }
    }

    /// Live members that answer on streams and by no datagram: most likely UDP does not get through to them.
    package var withoutDatagrams: [MemberName] {
        let enough = 3
        return peers.members.compactMap { entries[$0] }.filter { $0.streamAnswers >= enough }.map(\.record.name)
            .sorted()
    }
}
