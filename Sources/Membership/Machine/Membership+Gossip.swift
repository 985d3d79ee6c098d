// Spreading news: in the room that pings and their answers leave, and in datagrams of their own while there is any (SWIM, section 4.1).

extension Membership {
    /// Sends a datagram with as much news as fits.
    ///
    /// - Parameters:
    ///   - message: what it is for.
    ///   - address: of the receiver.
    ///   - first: a claim that the receiver must hear in any case.
    ///   - effects: the datagram is appended.
    mutating func send(
        _ message: GossipMessage, to address: NodeAddress, first: Claim?, into effects: inout [MembershipEffect]
    ) {
        var contents = GossipDatagram.head(sender: me.name, message: message)
        if let first { contents.append(contentsOf: first.encoded) }
        news.take(
            into: &contents, bytesMax: GossipDatagram.contentBytesMax,
            transmissionsMax: configuration.transmissionsMax(members: liveCount))
        put(contents, to: address, into: &effects)
    }

    private mutating func put(
        _ contents: [UInt8], to address: NodeAddress, into effects: inout [MembershipEffect]
    ) {
        statistics.datagramsSent += 1
        statistics.bytesSent += UInt64(contents.count)
        effects.append(.send(to: address, contents: contents))
    }

    /// Adds a piece of news, which leaves soon.
    mutating func spread(_ claim: Claim, now: MembershipInstant) {
        news.add(claim)
        guard phase != .joining else { return }
        let fresh =
            configuration.gossipFreshDelay > 0
            ? max(now, gossipedAt).advanced(by: configuration.gossipFreshDelay)
            : now.advanced(by: random.duration(below: configuration.gossipInterval))
        if configuration.gossipFreshDelay > 0 || gossipAt == .never { gossipAt = min(gossipAt, fresh) }
    }

    /// Sends news to some members, and goes on so while there is any.
    mutating func gossip(now: MembershipInstant, into effects: inout [MembershipEffect]) {
        gossipedAt = now
        let transmissionsMax = configuration.transmissionsMax(members: liveCount)
        for target in peers.sample(configuration.gossipFanout, random: &random, where: { _ in true }) {
            guard let entry = entries[target] else { continue }
            var contents = GossipDatagram.head(sender: me.name, message: .gossip)
            let empty = contents.count
            if entry.liveness == .suspect, let claim = entry.accusation(by: me.name) {
                contents.append(contentsOf: claim.encoded)
            }
            news.take(into: &contents, bytesMax: GossipDatagram.contentBytesMax, transmissionsMax: transmissionsMax)
            if contents.count > empty { put(contents, to: entry.record.address, into: &effects) }
        }
        if news.isEmpty || peers.members.isEmpty {
            gossipAt = .never
        } else {
            // A member that goes does not stay for the sake of a slower pace.
            gossipAt = now.advanced(
                by: phase == .departing ? configuration.gossipInterval / 8 : configuration.gossipInterval)
        }
    }

    /// Sees that the dead are pinged, while there are any.
    mutating func armReconnect(now: MembershipInstant) {
        guard reconnectAt == .never, !dead.isEmpty else { return }
        reconnectAt = now.advanced(by: configuration.reconnectInterval)
    }

    /// Pings a dead member now and then, in case a partition has healed: it hears that it is dead, and contradicts.
    ///
    /// All members together ping each dead one about twice in an interval, however many they are.
    mutating func reconnect(now: MembershipInstant, into effects: inout [MembershipEffect]) {
        reconnectAt = .never
        armReconnect(now: now)
        guard !dead.isEmpty, random.number(below: liveCount) < 2 * dead.count,
            let entry = entries[dead[random.number(below: dead.count)]]
        else { return }
        ping(entry, sequence: nextSequence(), into: &effects)
    }
}
