/// Rounds of asking: one message for all slots to each member, twice a second.
extension SlotKeeper {
    /// Asks anew; answers to the last 15 rounds count.
    ///
    /// A holder at rest asks those every round whose lease it needs or who hold too, and the rest, from whom it needs nothing, every eighth.
    mutating func askAll(into effects: inout [MovementEffect]) {
        let before = around
        if !hasDeparted {
            for slot in replicas.indices { replicas[slot].startOrStop(before) }
            registerPostponed()
        }
        around.beginRound()
        around.serial += 1
        let around = around
        var toAll: [SlotRow] = []
        var toSome: [NodeID: [SlotRow]] = [:]
        for slot in replicas.indices where replicas[slot].isAskedAbout {
            let row = replicas[slot].row(around)
            if replicas[slot].tellsAll(row, around) {
                toAll.append(row)
            } else {
                for other in replicas[slot].others.all where !other.isQuiet {
                    toSome[other.stake.node, default: []].append(row)
                }
            }
            if replicas[slot].awaitsCheckpoint, replicas[slot].role == .holder { effects.append(.restore(slot: slot)) }
        }
        for member in around.view.members where member != me {
            var rows = toAll
            if let some = toSome[member] {
                rows += some
                rows.sort { $0.slot < $1.slot }
            }
            if let debts = debts[member] {
                for index in rows.indices where debts.owes(Int(rows[index].slot)) {
                    rows[index].flags.insert(.owesYou)
                }
            }
            let asks = SlotAsks(boot: boot, serial: around.serial, round: around.round, rows: rows)
            effects.append(.send(.asks(asks), to: member))
        }
    }

    /// Who was a member, then none, and is one again with the same start came back before its removal was heard of here: what it counted on then was given
    /// up with it, so it must register anew everywhere. Any later start does that by itself.
    private mutating func oweReturned(_ node: NodeID, boot: UInt32, into effects: inout [MovementEffect]) {
        guard departed.removeValue(forKey: node) == boot else { return }
        let slots = Array(replicas.indices)
        debts[node, default: Debts(slotCount: replicas.count)].oweAll(slots, now: around.time)
        effects.append(.log(.owedAll(slots: slots, to: node)))
    }

    /// Registers the asker in its slots and answers.
    mutating func receiveAsks(_ asks: SlotAsks, from sender: NodeID, into effects: inout [MovementEffect]) {
        guard around.view.admits(NodeStart(node: sender, boot: asks.boot)) else { return }
        if (knownBy[sender] ?? 0) < asks.boot {
            knownBy[sender] = asks.boot
            // A log that is torn between the two has the debt at least.
            oweReturned(sender, boot: asks.boot, into: &effects)
            effects.append(.log(.known(by: sender, boot: asks.boot)))
        }
        around.serial += 1
        let around = around
        var owed = debts.removeValue(forKey: sender)
        var settled: [Int] = []
        var hint = 0
        var answers = SlotAnswers(
            boot: boot, serial: around.serial, askerBoot: asks.boot, round: asks.round, rows: [], peerCounts: [],
            peers: [])
        answers.rows.reserveCapacity(asks.rows.count)
        answers.peerCounts.reserveCapacity(asks.rows.count)
        for asked in asks.rows where Int(asked.slot) < replicas.count {
            let slot = Int(asked.slot)
            let stake = Stake(node: sender, boot: asks.boot, attempt: asked.attempt, role: asked.role)
            var mustRegister = false
            if owed?.owesAll(slot) == true {
                let found = owed?.hear(slot, stake, grace: around.limits.grace, now: around.time)
                if found?.isSettled == true {
                    owed?.settleAll(slot)
                    settled.append(slot)
                }
                mustRegister = found?.mustRegister == true
            }
            var row = replicas[slot].receiveAsk(
                asked, from: sender, boot: asks.boot, serial: asks.serial, owes: owed?.owes(slot) == true,
                hint: &hint, around)
            if mustRegister { row.flags.insert(.registerAnew) }
            answers.rows.append(row)
            let before = answers.peers.count
            replicas[slot].others.addStakesToCover(but: sender, to: &answers.peers)
            answers.peerCounts.append(UInt16(clamping: answers.peers.count - before))
        }
        if let owed, !owed.isEmpty { debts[sender] = owed }
        if !settled.isEmpty { effects.append(.log(.settledAll(slots: settled, with: sender))) }
        guard !answers.rows.isEmpty else { return }
        effects.append(.send(.answers(answers), to: sender))
    }

    /// Takes leases and news; what was asked by an earlier start, or too long ago, counts no more.
    mutating func receiveAnswers(
        _ answers: SlotAnswers, from sender: NodeID, into effects: inout [MovementEffect]
    ) {
        guard answers.askerBoot == boot, around.view.admits(NodeStart(node: sender, boot: answers.boot)),
            answers.peerCounts.count == answers.rows.count
        else { return }
        answeredAt[sender] = around.time
        guard let sentAt = around.sentAt(answers.round) else { return }
        let around = around
        var (end, hint) = (0, 0)
        for (row, peerCount) in zip(answers.rows, answers.peerCounts) {
            let start = end
            end += Int(peerCount)
            guard end <= answers.peers.count else { return }
            guard Int(row.slot) < replicas.count else { continue }
            let slot = Int(row.slot)
            replicas[slot].receiveAnswer(row, from: sender, answers, sentAt: sentAt, hint: &hint, around)
            for peer in answers.peers[start..<end] { replicas[slot].learn(peer, around) }
            if row.flags.contains(.registerAnew) {
                replicas[slot].registerAnew(round: answers.round, around, into: &effects)
            }
        }
    }
}
