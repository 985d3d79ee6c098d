/// Asking and answering: the one exchange that registers candidates and holders, renews leases and tells who is whole.
extension SlotReplica {
    /// Whether the others are asked about the slot.
    var isAskedAbout: Bool {
        // The first slot is asked about in any case: the answers tell that this node is still a member of a majority.
        role != .none || hasSamples || !isSound || slot == 0
    }

    /// Whether all members are asked in this round, not only those of whom a holder needs something.
    mutating func tellsAll(_ row: SlotRow, _ around: Surroundings) -> Bool {
        // What is new is told to all for some rounds, since messages get lost.
        let told = SlotRow(slot: slot, role: row.role, flags: row.flags.subtracting(.isWhole), attempt: row.attempt)
        if told != toldRow || isBusy {
            toldRow = told
            toldRound = around.round
        }
        let isAtRest = role == .holder && slot != 0 && around.round - toldRound >= Surroundings.restRounds
        return !isAtRest || (around.round &+ UInt32(slot)) % Surroundings.restRounds == 0
    }

    /// Registers the asker and answers.
    ///
    /// - Parameters:
    ///   - asked: the row.
    ///   - node: the asker.
    ///   - boot: of its message.
    ///   - serial: of its message.
    ///   - owes: whether this node owes it batches of the slot.
    ///   - hint: where the asker is among the others of a slot, for the next one.
    ///   - around: at this moment.
    /// - Returns: the row of the answer.
    mutating func receiveAsk(
        _ asked: SlotRow, from node: NodeID, boot: UInt32, serial: UInt64, owes: Bool, hint: inout Int,
        _ around: Surroundings
    ) -> SlotRow {
        hint = others.index(of: node, hint: hint)
        let mayGrant = isSound && !owes
        let (isChanged, isGranted) = others.change(at: hint) { other in
            let standing = other.standing
            _ = other.hear(asked, boot: boot, serial: serial, now: around.time)
            // An older start's question, delayed on the way, gets no lease: the registration is not that start's any more.
            let isGranted = mayGrant && other.stake.boot == boot
            if isGranted { other.grantedUntil = max(other.grantedUntil, around.time + around.limits.grantedFor) }
            return (other.standing != standing, isGranted)
        }
        if isChanged { isBusy = true }
        var answer = row(around)
        if owes { answer.flags.insert(.owesYou) }
        if isGranted { answer.flags.insert(.grantsLease) }
        return answer
    }

    /// Takes the answer of a node, about a round of which `sentAt` is known.
    mutating func receiveAnswer(
        _ answer: SlotRow, from node: NodeID, _ answers: SlotAnswers, sentAt: Int64, hint: inout Int,
        _ around: Surroundings
    ) {
        hint = others.index(of: node, hint: hint)
        let lease = answer.flags.contains(.grantsLease)
        let isChanged = others.change(at: hint) { other in
            let standing = other.standing
            let isNews = other.hear(answer, boot: answers.boot, serial: answers.serial, now: around.time)
            if lease { other.leaseUntil = max(other.leaseUntil, sentAt + around.limits.lease) }
            // An answer that was overtaken by later news of its sender proves nothing about the sender as it is now.
            if isNews {
                other.answeredRound = max(other.answeredRound, answers.round)
                if lease { other.leasedRound = max(other.leasedRound, answers.round) }
            }
            return other.standing != standing
        }
        if isChanged { isBusy = true }
    }

    /// Of a stake that somebody else told of, this node must hear itself.
    mutating func learn(_ peer: Stake, _ around: Surroundings) {
        guard peer.node != around.me, !others.clearlyHas(peer) else { return }
        if let known = others.stake(of: peer.node), !peer.isNewer(than: known) { return }
        let view = around.view
        guard view.admits(peer) || peer.boot == 0 && view.members.contains(peer.node) else { return }
        let index = others.index(of: peer.node)
        others.change(at: index) { other in
            let isNewStart = peer.boot > other.stake.boot
            other.stake = peer
            if isNewStart {
                other.serial = 0
                other.answeredRound = 0
            }
            if peer.role >= .announcing, other.standing == .clear { other.standing = .anchor }
        }
    }

    /// A member that left for good may have accepted batches that this replica misses.
    mutating func forgetNonMembers(_ around: Surroundings) {
        for node in others.nodes {
            guard let other = others[node],
                !(around.view.admits(other.stake) || other.stake.boot == 0 && around.view.members.contains(node))
            else { continue }
            switch other.standing {
            case .anchor, .unknown: others[node]?.standing = .lost(since: around.time, round: nil)
            case .clear: forget(other)
            case .lost: break
            }
        }
    }

    private mutating func forget(_ other: OtherNode) {
        forgottenGrantUntil = max(forgottenGrantUntil, other.grantedUntil)
        others[other.stake.node] = nil
    }

    /// Leaves off what lost nodes may have accepted, once enough others have said that they owe this replica nothing.
    mutating func settleLost(_ around: Surroundings, into effects: inout [MovementEffect]) {
        guard role >= .announcing else { return }
        let (view, now) = (around.view, around.time)
        for node in others.nodes {
            guard case .lost(let since, let markedRound) = others[node]?.standing else { continue }
            guard let marked = markedRound else {
                // What the lost node accepted last may still be on its way to others until then.
                if now >= since + around.limits.grace {
                    others[node]?.standing = .lost(since: since, round: around.round)
                }
                continue
            }
            let owing = view.members.filter {
                $0 != around.me && $0 != node && (others[$0]?.leasedRound ?? 0) <= marked
            }
            // Who has answered since that it lost what it had does not come to say it by being waited for.
            let awaited = owing.count { other in
                others[other].map { $0.answeredRound <= marked || $0.isSound } ?? true
            }
            // Who was not asked since could not say it.
            let isOverdue =
                awaited + 1 <= view.missingMax
                || around.isLate(marked) && now >= since + around.limits.recoveryWait
            guard owing.count + 1 <= view.missingMax || isOverdue else { continue }
            if owing.count + 1 > view.missingMax {
                awaitsCheckpoint = true
                effects.append(.log(.restoring(slots: [slot])))
                effects.append(.recoveredWithout(slot: slot, [node] + owing))
                doubt(owing, since: marked)
            }
            guard let other = others[node] else { continue }
            if !view.members.contains(node) {
                forget(other)
            } else {
                others[node]?.standing = other.stake.role >= .announcing ? .anchor : .clear
            }
        }
    }

    /// What members owe this replica, or may owe it that have not answered since a round, may be all that is left of what a lost node acknowledged.
    private mutating func doubt(_ nodes: [NodeID], since marked: UInt32) {
        for node in nodes {
            let index = others.index(of: node)
            others.change(at: index) { other in
                if other.standing == .clear, other.owesMe || other.answeredRound <= marked { other.standing = .unknown }
            }
        }
    }
}
