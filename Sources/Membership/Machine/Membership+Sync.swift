import ByteCoding

// Exchanges on streams: everything one member knows against everything another knows, when their digests differ.

/// An exchange under way.
struct Exchange: Sendable {
    /// What it is for.
    enum Purpose: Equatable, Sendable {
        case join(NodeAddress)
        case compare(NodeAddress)
        case delta
        case ping(sequence: UInt32)
    }

    let id: SyncID
    let purpose: Purpose
    var deadline: MembershipInstant
}

extension Membership {
    /// `age_seconds_max`: whatever another member says, nobody has been in a state for longer.
    private static let ageSecondsMax: UInt64 = 365 * 86_400

    /// Begins an exchange.
    mutating func exchange(
        _ message: SyncMessage, _ purpose: Exchange.Purpose, to address: NodeAddress, now: MembershipInstant,
        into effects: inout [MembershipEffect]
    ) {
        lastExchange += 1
        let id = SyncID(number: lastExchange)
        exchanges.append(
            Exchange(id: id, purpose: purpose, deadline: now.advanced(by: configuration.syncTimeout)))
        let contents = message.encoded
        statistics.exchanges += 1
        statistics.exchangeBytesSent += UInt64(contents.count)
        effects.append(.exchange(id, to: address, contents: contents))
    }

    /// The periodic exchange: whatever gossip has lost is found here.
    mutating func syncWithAnyone(now: MembershipInstant, into effects: inout [MembershipEffect]) {
        let pause = configuration.syncInterval
        syncAt = now.advanced(by: pause * 3 / 4 + random.duration(below: pause / 2))
        let target = peers.sample(1, random: &random) { entries[$0]?.liveness == .alive }.first
        if let target, let entry = entries[target] {
            compareAll(with: entry.record.address, now: now, into: &effects)
        }
        // Beyond a partition members may have come back at new addresses: the seeds' names lead there.
        if !dead.isEmpty, !join.seeds.isEmpty {
            compareAll(with: join.seeds[random.number(below: join.seeds.count)], now: now, into: &effects)
            effects.append(.resolveSeeds)
        }
    }

    private mutating func compareAll(
        with address: NodeAddress, now: MembershipInstant, into effects: inout [MembershipEffect]
    ) {
        guard address != me.address else { return }
        exchange(
            .compare(sender: me.name, digest: viewDigest), .compare(address), to: address, now: now, into: &effects)
    }

    /// Compares another member's digest with the own one; a lasting difference causes an exchange.
    mutating func compare(
        _ digest: UInt64, of sender: MemberName, now: MembershipInstant, into effects: inout [MembershipEffect]
    ) {
        guard configuration.syncPatience > 0, phase == .member else { return }
        if digest == viewDigest {
            mismatchSince = nil
            return
        }
        guard let since = mismatchSince else {
            mismatchSince = now
            return
        }
        if now.since(since) >= configuration.syncPatience { repair(with: sender, now: now, into: &effects) }
    }

    /// Begins an exchange with a member that is known to see things differently.
    mutating func repair(with name: MemberName, now: MembershipInstant, into effects: inout [MembershipEffect]) {
        guard configuration.syncPatience > 0, phase == .member, now >= repairAt, let index = indices[name],
            let entry = entries[index]
        else { return }
        // An exchange that did not help is not repeated at once.
        repairPause = min(max(repairPause * 2, configuration.syncPatience), configuration.syncInterval)
        repairAt = now.advanced(by: repairPause)
        statistics.repairs += 1
        compareAll(with: entry.record.address, now: now, into: &effects)
    }

    /// Answers another member's exchange.
    ///
    /// - Parameters:
    ///   - contents: of the request.
    ///   - now: the time.
    ///   - effects: what follows is appended.
    /// - Returns: the contents of the answer; nil when there is none to give and the stream ends with an error.
    package mutating func answer(
        _ contents: [UInt8], now: MembershipInstant, into effects: inout [MembershipEffect]
    ) -> [UInt8]? {
        guard phase == .member || phase == .joining else { return nil }
        notice(now)
        defer { schedule() }
        statistics.exchangeBytesReceived += UInt64(contents.count)
        guard let message = try? SyncMessage(decoding: contents.rawSpan) else {
            statistics.malformed += 1
            return nil
        }
        guard let reply = reply(to: message, now: now, into: &effects) else {
            statistics.misdirected += 1
            return nil
        }
        let encoded = reply.encoded
        statistics.exchangeBytesSent += UInt64(encoded.count)
        return encoded
    }

    private mutating func reply(
        to message: SyncMessage, now: MembershipInstant, into effects: inout [MembershipEffect]
    ) -> SyncMessage? {
        switch message {
        case .join(let cluster, let record): return admit(record, of: cluster, now: now)
        case .compare(_, let digest):
            guard let settings else { return nil }
            return digest == viewDigest ? .same : .view(settings: settings, members: views(now: now))
        case .delta(let sender, let newer, let members):
            if let newer { adopt(newer, now: now, into: &effects) }
            merge(members, from: sender, now: now, into: &effects)
            return .same
        case .ping(let target): return target == me.name ? .same : nil
        case .same, .view, .refused: return nil
        }
    }

    /// Everything that this member knows, itself first.
    func views(now: MembershipInstant) -> [MemberView] {
        [MemberView(record: me, liveness: .alive, claimVersion: me.version, seconds: 0)] + otherViews(now: now)
    }

    private func otherViews(now: MembershipInstant) -> [MemberView] {
        entries.compactMap { entry in
            entry.map {
                MemberView(
                    record: $0.record, liveness: $0.liveness, claimVersion: $0.claimVersion,
                    seconds: UInt64(max(0, now.since($0.since) / .seconds(1))))
            }
        }
    }

    /// Takes everything that another member knows.
    ///
    /// What it calls suspected or dead and is alive here becomes suspected: the member gets the chance to contradict, as after a partition all will.
    mutating func merge(
        _ members: [MemberView], from sender: MemberName, now: MembershipInstant,
        into effects: inout [MembershipEffect]
    ) {
        let before = viewDigest
        for view in members {
            let name = view.record.name
            if name == me.name {
                hearOfSelf(view.record, liveness: view.liveness, now: now, into: &effects)
                if view.liveness != .alive { refute(view.claimVersion, into: &effects, now: now) }
                if phase == .silent { return }
                continue
            }
            let age = Int64(clamping: min(view.seconds, Self.ageSecondsMax)) * 1_000_000
            if indices[name] == nil {
                if view.record.state.isGone, age > configuration.tombstoneRetention {
                    continue
                }
                meet(view, since: now.advanced(by: -age), now: now, into: &effects)
                continue
            }
            merge(view.record, now: now, into: &effects)
            if view.liveness != .alive {
                suspect(name, version: view.claimVersion, accuser: sender, now: now, into: &effects)
            }
        }
        if viewDigest != before { repairPause = 0 }
    }

    /// Adds a member that was not known, as another sees it.
    private mutating func meet(
        _ view: MemberView, since: MembershipInstant, now: MembershipInstant, into effects: inout [MembershipEffect]
    ) {
        let isDead = view.liveness == .dead && !view.record.state.isGone
        if isDead, !view.record.roles.contains(.aggregator) { return }
        guard let index = insert(view.record, now: now, into: &effects) else { return }
        if view.record.state.isGone { change(index) { $0.since = since } }
        if isDead {
            change(index) {
                $0.liveness = .dead
                $0.claimVersion = max(view.claimVersion, view.record.version)
                $0.since = since
            }
            effects.append(.notify(.died(view.record.name)))
            armReconnect(now: now)
        } else if view.liveness == .suspect {
            suspect(view.record.name, version: view.claimVersion, accuser: me.name, now: now, into: &effects)
        }
    }

    /// Takes the answer to an exchange of this member's.
    ///
    /// - Parameters:
    ///   - id: as the effect had it; one that is over is passed over.
    ///   - contents: of the answer.
    ///   - now: the time.
    ///   - effects: what follows is appended.
    package mutating func answered(
        _ id: SyncID, _ contents: [UInt8], now: MembershipInstant, into effects: inout [MembershipEffect]
    ) {
        guard phase == .member || phase == .joining else { return }
        notice(now)
        defer { schedule() }
        guard let index = exchanges.firstIndex(where: { $0.id == id }) else { return }
        let exchange = exchanges.remove(at: index)
        statistics.exchangeBytesReceived += UInt64(contents.count)
        guard let message = try? SyncMessage(decoding: contents.rawSpan) else {
            statistics.malformed += 1
            return fail(exchange, now: now, into: &effects)
        }
        switch (exchange.purpose, message) {
        case (.join(let seed), _): finishJoin(message, from: seed, now: now, into: &effects)
        case (.compare(let address), .view(let newer, let members)):
            guard newer.id == settings?.id, let peer = members.first?.record.name else { return }
            adopt(newer, now: now, into: &effects)
            merge(members, from: peer, now: now, into: &effects)
            sendDelta(against: members, newer, to: address, now: now, into: &effects)
        case (.ping(let sequence), .same): succeedProbe(sequence: sequence, onStream: true)
        case (.compare, _), (.delta, _), (.ping, _): break
        }
    }

    /// Says that an exchange of this member's came to nothing.
    ///
    /// - Parameters:
    ///   - id: as the effect had it.
    ///   - now: the time.
    ///   - effects: what follows is appended.
    package mutating func failed(_ id: SyncID, now: MembershipInstant, into effects: inout [MembershipEffect]) {
        guard let index = exchanges.firstIndex(where: { $0.id == id }), phase == .member || phase == .joining else {
            return
        }
        notice(now)
        fail(exchanges.remove(at: index), now: now, into: &effects)
        schedule()
    }

    private mutating func fail(
        _ exchange: Exchange, now: MembershipInstant, into effects: inout [MembershipEffect]
    ) {
        statistics.exchangesFailed += 1
        if case .join(let seed) = exchange.purpose { failJoin(of: seed, now: now, into: &effects) }
    }

    /// Gives up exchanges that take too long.
    mutating func expireExchanges(now: MembershipInstant, into effects: inout [MembershipEffect]) {
        guard exchanges.contains(where: { now >= $0.deadline }) else { return }
        let over = exchanges.filter { now >= $0.deadline }
        exchanges.removeAll { now >= $0.deadline }
        for exchange in over { fail(exchange, now: now, into: &effects) }
    }

    /// Tells a member what it did not know or knew worse, by the view that it gave.
    private mutating func sendDelta(
        against members: [MemberView], _ theirs: ClusterSettings, to address: NodeAddress, now: MembershipInstant,
        into effects: inout [MembershipEffect]
    ) {
        guard let settings else { return }
        let known = Dictionary(members.map { ($0.record.name, $0) }, uniquingKeysWith: { first, _ in first })
        let better = views(now: now).filter { view in
            guard let other = known[view.record.name] else { return !view.record.state.isGone }
            if view.record.replaces(other.record) { return true }
            return view.record == other.record && view.liveness > other.liveness
                && view.claimVersion >= other.claimVersion
        }
        let newer = settings.replaces(theirs) ? settings : nil
        guard newer != nil || !better.isEmpty else { return }
        exchange(
            .delta(sender: me.name, settings: newer, members: better), .delta, to: address, now: now, into: &effects)
    }
}
