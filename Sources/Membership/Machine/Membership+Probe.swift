// Finding out whether the others answer: SWIM's probe, direct, then through others (section 3.1), with Lifeguard's nacks and stretched periods.

/// The probe under way.
struct Probe: Sendable {
    let target: Int
    let name: MemberName
    let sequence: UInt32
    /// When others are asked too; `never` once they were.
    var indirectAt: MembershipInstant
    /// When the target is suspected.
    var endsAt: MembershipInstant
    /// Members that were asked, and how many of them said that they had no answer either.
    var proxies = 0
    var nacks = 0

    var nextAt: MembershipInstant { min(indirectAt, endsAt) }

    mutating func postpone(by delay: Int64) {
        indirectAt.postpone(by: delay)
        endsAt.postpone(by: delay)
    }
}

/// A ping on behalf of another member.
struct Relay: Sendable {
    /// Of the ping that this member sent.
    let sequence: UInt32
    /// Who asked, and with which number.
    let origin: NodeAddress
    let originSequence: UInt32
    /// When the origin is told that there is no answer yet; `never` once it was.
    var nackAt: MembershipInstant
}

extension Membership {
    /// Goes on with the probe, or begins the next.
    mutating func advanceProbe(now: MembershipInstant, into effects: inout [MembershipEffect]) {
        if let current = probe, now >= current.endsAt { failProbe(current, now: now, into: &effects) }
        if let current = probe, now >= current.indirectAt { askOthers(current, now: now, into: &effects) }
        if now >= probeAt { beginProbe(now: now, into: &effects) }
    }

    private mutating func beginProbe(now: MembershipInstant, into effects: inout [MembershipEffect]) {
        let interval = health.stretch(configuration.probeInterval)
        probeAt = now.advanced(by: interval)
        guard let target = peers.next(random: &random), let entry = entries[target] else { return }
        statistics.probes += 1
        let timeout =
            configuration.healthStretchesTimeout
            ? health.stretch(configuration.probeTimeout) : configuration.probeTimeout
        let started = Probe(
            target: target, name: entry.record.name, sequence: nextSequence(),
            indirectAt: now.advanced(by: timeout), endsAt: now.advanced(by: interval))
        probe = started
        ping(entry, sequence: started.sequence, into: &effects)
    }

    /// Sends a ping; if the target is accused it hears so first, to contradict at once (Lifeguard's buddy system).
    mutating func ping(_ entry: MemberEntry, sequence: UInt32, into effects: inout [MembershipEffect]) {
        send(
            .ping(sequence: sequence, target: entry.record.name, digest: viewDigest), to: entry.record.address,
            first: entry.accusation(by: me.name), into: &effects)
    }

    private mutating func askOthers(_ current: Probe, now: MembershipInstant, into effects: inout [MembershipEffect]) {
        probe?.indirectAt = .never
        guard let target = entries[current.target] else { return }
        let proxies = peers.sample(configuration.indirectProbes, random: &random) {
            $0 != current.target && entries[$0]?.liveness == .alive
        }
        probe?.proxies = proxies.count
        for proxy in proxies {
            guard let entry = entries[proxy] else { continue }
            send(
                .pingRequest(
                    sequence: current.sequence, target: target.record.name, address: target.record.address),
                to: entry.record.address, first: nil, into: &effects)
        }
        if configuration.streamProbe {
            exchange(
                .ping(target: target.record.name), .ping(sequence: current.sequence), to: target.record.address,
                now: now, into: &effects)
        }
    }

    /// No answer at all: this member's own health is doubtful unless the proxies said that they could reach it but not the target.
    private mutating func failProbe(_ failed: Probe, now: MembershipInstant, into effects: inout [MembershipEffect]) {
        probe = nil
        statistics.probesFailed += 1
        health.worsen(by: failed.proxies > 0 ? max(0, failed.proxies - failed.nacks) : 1)
        guard let entry = entries[failed.target], entry.isLive, entry.record.name == failed.name else { return }
        suspect(
            failed.name, version: entry.claimVersion, accuser: me.name, now: now, into: &effects)
    }

    /// The probe was answered.
    mutating func succeedProbe(sequence: UInt32, onStream: Bool) {
        guard let current = probe, current.sequence == sequence else { return }
        probe = nil
        let answers = entries[current.target]?.streamAnswers ?? 0
        entries[current.target]?.streamAnswers = onStream ? answers + 1 : 0
        health.worsen(by: -1)
    }

    /// Acts on what a datagram says besides its claims.
    mutating func handle(
        _ datagram: GossipDatagram, from address: NodeAddress, now: MembershipInstant,
        into effects: inout [MembershipEffect]
    ) {
        switch datagram.message {
        case .ping(let sequence, let target, let digest):
            guard target == me.name else {
                statistics.misdirected += 1
                return
            }
            send(
                .acknowledge(sequence: sequence, digest: viewDigest), to: address,
                first: accusation(of: datagram.sender), into: &effects)
            compare(digest, of: datagram.sender, now: now, into: &effects)
        case .acknowledge(let sequence, let digest):
            succeedProbe(sequence: sequence, onStream: false)
            if let index = relays.firstIndex(where: { $0.sequence == sequence }) {
                let relay = relays.remove(at: index)
                send(
                    .acknowledge(sequence: relay.originSequence, digest: viewDigest), to: relay.origin, first: nil,
                    into: &effects)
            }
            compare(digest, of: datagram.sender, now: now, into: &effects)
        case .pingRequest(let sequence, let target, let targetAddress):
            let origin = (address: address, sequence: sequence)
            beginRelay(for: origin, to: target, at: targetAddress, now: now, into: &effects)
        case .notAcknowledged(let sequence):
            if probe?.sequence == sequence { probe?.nacks += 1 }
        case .gossip: break
        }
    }

    private mutating func beginRelay(
        for origin: (address: NodeAddress, sequence: UInt32), to target: MemberName, at address: NodeAddress,
        now: MembershipInstant, into effects: inout [MembershipEffect]
    ) {
        guard relays.count < configuration.relaysMax else {
            statistics.relaysRefused += 1
            return
        }
        let own = nextSequence()
        // A little sooner than the origin would give up, so that the nack is heard in time (Lifeguard, section 4.1).
        relays.append(
            Relay(
                sequence: own, origin: origin.address, originSequence: origin.sequence,
                nackAt: now.advanced(by: configuration.probeTimeout * 4 / 5)))
        send(
            .ping(sequence: own, target: target, digest: viewDigest), to: address, first: accusation(of: target),
            into: &effects)
    }

    /// Tells the origins of relays without an answer so, and forgets relays that nobody waits for.
    mutating func advanceRelays(now: MembershipInstant, into effects: inout [MembershipEffect]) {
        guard !relays.isEmpty else { return }
        for relay in relays where now >= relay.nackAt {
            send(.notAcknowledged(sequence: relay.originSequence), to: relay.origin, first: nil, into: &effects)
        }
        relays.removeAll { now >= $0.nackAt }
    }

    /// What a member must hear about itself; nil when it is unknown or well.
    private func accusation(of name: MemberName) -> Claim? {
        guard let index = indices[name], let entry = entries[index] else { return nil }
        return entry.record.state.isGone ? .record(entry.record) : entry.accusation(by: me.name)
    }

    /// The number of the next ping.
    mutating func nextSequence() -> UInt32 {
        sequence &+= 1
        return sequence
    }
}
