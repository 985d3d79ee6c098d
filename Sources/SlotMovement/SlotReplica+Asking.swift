/// Asking and answering: the one exchange that registers candidates and holders, renews leases and tells who is whole.
extension SlotReplica {
    /// Asks every member anew; answers to the last 16 rounds count.
    mutating func sendAsks(_ view: MovementView, now: Int64, into effects: inout [MovementEffect]) {
        // The first slot is asked about in any case: the answers tell that this node is still a member of a majority.
        guard role != .none || hasSamples || !isSound || slot == 0 else { return }
        round += 1
        roundsSentAt[Int(round % 16)] = now
        let information = information(now)
        for member in view.members where member != me {
            let owesYou = debts[member] != nil
            effects.append(.send(.ask(slot: slot, information, round: round, owesYou: owesYou), to: member))
        }
    }

    /// Registers the asker and answers.
    mutating func receiveAsk(
        _ asked: SlotInformation, round: UInt64, owesMe: Bool, now: Int64, into effects: inout [MovementEffect]
    ) {
        let asker = asked.stake.node
        hear(asked, owesMe: owesMe, now: now)
        // An older start's question, delayed on the way, gets no lease: the registration is not that start's any more.
        let isCurrent = others[asker]?.stake.boot == asked.stake.boot
        let lease = isSound && isCurrent && debts[asker] == nil
        if lease { granted[asker] = max(granted[asker] ?? .min, now + limits.grantedFor) }
        effects.append(
            .send(
                .answer(
                    slot: slot, information(now), boot: asked.stake.boot, round: round, owesYou: debts[asker] != nil,
                    peers: stakesToCover,
                    lease: lease),
                to: asker))
    }

    mutating func receiveAnswer(
        _ answer: SlotInformation, round answered: UInt64, owesMe: Bool, peers: [Stake], lease: Bool,
        view: MovementView,
        now: Int64
    ) {
        let node = answer.stake.node
        guard answered <= round, answered + 15 > round else { return }
        let isNews = hear(answer, owesMe: owesMe, now: now)
        guard var other = others[node] else { return }
        if lease {
            other.leaseUntil = max(other.leaseUntil, roundsSentAt[Int(answered % 16)] + limits.lease)
        }
        // An answer that was overtaken by later news of its sender proves nothing about the sender as it is now.
        if isNews {
            other.answeredRound = max(other.answeredRound, answered)
            if lease { other.leasedRound = max(other.leasedRound, answered) }
        }
        others[node] = other
        for peer in peers { learn(peer, view) }
    }

    /// Of a stake that somebody else told of, this node must hear itself.
    private mutating func learn(_ peer: Stake, _ view: MovementView) {
        guard peer.node != me, view.admits(peer) || peer.boot == 0 && view.members.contains(peer.node) else { return }
        guard let known = others[peer.node] else {
            others[peer.node] = OtherNode(stake: peer)
            if peer.role >= .announcing { others[peer.node]?.standing = .anchor }
            return
        }
        guard peer.isNewer(than: known.stake) else { return }
        others[peer.node]?.stake = peer
        if peer.boot > known.stake.boot {
            others[peer.node]?.serial = 0
            others[peer.node]?.answeredRound = 0
        }
        if peer.role >= .announcing, known.standing == .clear { others[peer.node]?.standing = .anchor }
    }

    @discardableResult
    private mutating func hear(_ information: SlotInformation, owesMe: Bool, now: Int64) -> Bool {
        let node = information.stake.node
        var other = others[node] ?? OtherNode(stake: Stake(node: node, boot: 0, attempt: 0, role: .none))
        let isNews = other.hear(information, owesMe: owesMe, now: now)
        others[node] = other
        return isNews
    }

    /// A member that left for good may have accepted batches that this replica misses.
    mutating func forgetNonMembers(_ view: MovementView, now: Int64) {
        for node in otherNodes {
            guard let stake = others[node]?.stake,
                !(view.admits(stake) || stake.boot == 0 && view.members.contains(node))
            else { continue }
            switch others[node]?.standing {
            case .anchor, .unknown: others[node]?.standing = .lost(since: now, round: nil)
            case .clear: others[node] = nil
            case .lost, nil: break
            }
        }
    }

    /// Leaves off what lost nodes may have accepted, once enough others have said that they owe this replica nothing.
    mutating func settleLost(_ view: MovementView, now: Int64, into effects: inout [MovementEffect]) {
        guard role >= .announcing else { return }
        for node in otherNodes {
            guard case .lost(let since, let markedRound) = others[node]?.standing else { continue }
            guard let marked = markedRound else {
                // What the lost node accepted last may still be on its way to others until then.
                if now >= since + limits.grace { others[node]?.standing = .lost(since: since, round: round) }
                continue
            }
            let owing = view.members.filter { $0 != me && $0 != node && (others[$0]?.leasedRound ?? 0) <= marked }
            let isOverdue = now >= since + limits.recoveryWait
            guard owing.count + 1 <= view.missingMax || isOverdue else { continue }
            if owing.count + 1 > view.missingMax {
                awaitsCheckpoint = true
                effects.append(.log(.restoring(slot: slot)))
                effects.append(.recoveredWithout(slot: slot, [node] + owing))
            }
            if !view.members.contains(node) {
                others[node] = nil
            } else if let other = others[node] {
                others[node]?.standing = other.stake.role >= .announcing ? .anchor : .clear
            }
        }
    }
}
