/// All slots of one aggregator: the machine that holds, moves and repairs them.
///
/// What arrives are messages, requests, ticks and views; what leaves are effects for the shell (`MovementEffect.swift`), which owns the samples, the
/// log and the sockets. Each slot goes its own way (`SlotReplica.swift`); common to them are the rounds of asking (`SlotKeeper+Asking.swift`), batches
/// and debts (`+Storing`, `+Paying`), what is logged of them (`+Records`), and whether this node sees a majority. Work is done where something is due:
/// a tick looks at busy slots only, and one message has rows of many. The protocol and why it is safe: docs/movement.md.
package struct SlotKeeper {
    /// The node's number.
    package let me: NodeID
    /// The start's number: greater than that of every earlier start of this name.
    package let boot: UInt32
    var around: Surroundings
    var replicas: ContiguousArray<SlotReplica>
    /// Unique among all starts, also after one that lost its last batches.
    var nextNumber: UInt64
    /// When each member answered last: it counts this start as a member.
    var answeredAt: [NodeID: Int64] = [:]
    /// At which of their starts members showed that they know this one.
    var knownBy: [NodeID: UInt32] = [:]
    /// The same of those that are no members by now.
    var departed: [NodeID: UInt32] = [:]
    var debts: [NodeID: Debts] = [:]
    var recent = RecentBatches()
    var waiting: [WaitingStore] = []
    /// Whether this node has given everything away and takes nothing any more.
    package internal(set) var hasDeparted = false
    /// No grant of an earlier start lasts longer.
    let grantFloor: Int64
    private var nextAsk: Int64
    /// Where to look first for a slot in which registering was postponed.
    private var nextPostponed = 0
    /// Slots that were looked at for repair, counted over all rounds.
    private var repairedCount: Int64 = 0

    /// Begins with an empty held set, whatever the node held before.
    ///
    /// - Parameters:
    ///   - me: the node.
    ///   - boot: of this start, from 1.
    ///   - records: all of the node's log, in order.
    ///   - mayHaveLost: whether something that was acknowledged may be missing in `records`: a new disk, or a log that was not synced when the
    ///     machine lost its power.
    ///   - view: of the cluster; at most 65,536 slots.
    ///   - limits: the same on all nodes.
    ///   - bugs: empty outside of tests of the simulation.
    ///   - now: of the monotonic clock.
    ///   - effects: what to do first.
    package init(
        me: NodeID, boot: UInt32, records: [MovementRecord], mayHaveLost: Bool, view: MovementView,
        limits: MovementLimits = MovementLimits(), bugs: PlantedBugs = [], now: Int64,
        into effects: inout [MovementEffect]
    ) {
        precondition(boot > 0, "boot numbers begin at 1")
        precondition(view.slotCount <= 65_536, "\(view.slotCount) slots do not fit into two bytes")
        self.me = me
        self.boot = boot
        around = Surroundings(me: me, boot: boot, limits: limits, bugs: bugs, view: view, now: now)
        nextNumber = UInt64(boot) << 32
        nextAsk = now
        grantFloor = now + limits.grantedFor
        replicas = ContiguousArray(view.slots.map { SlotReplica(slot: $0, now: now) })
        for record in records { replay(record) }
        adoptView(into: &effects)
        if mayHaveLost {
            effects.append(.log(.unsound))
            for slot in replicas.indices { replicas[slot].isSound = false }
        }
    }

    // MARK: - What the node says of itself

    /// The slots that this node holds.
    package var heldSlots: [Int] { replicas.indices.filter { replicas[$0].role == .holder } }

    /// Wanted slots of which the checkpoint may have samples that are not here, and that nobody else was copied from.
    package var slotsAwaitingCheckpoint: [Int] {
        replicas.indices.filter { replicas[$0].isWanted && replicas[$0].awaitsCheckpoint }
    }

    /// The role of this node in a slot.
    package func role(in slot: Int) -> SlotRole { replicas[slot].role }

    /// Whether this node may be read alone for a slot now.
    package func isWhole(_ slot: Int, now: Int64) -> Bool { replicas[slot].isWhole(surroundings(now)) }

    /// Of slots, those for which this node may be read alone now.
    ///
    /// - Parameters:
    ///   - slots: all of them slots of the view.
    ///   - now: of the monotonic clock.
    /// - Returns: in the same order.
    package func wholeSlots(of slots: some Sequence<Int>, now: Int64) -> [Int] {
        let around = surroundings(now)
        return slots.filter { replicas[$0].isWhole(around) }
    }

    /// Whether nothing that this node may have lost matters to a slot.
    package func isSound(_ slot: Int) -> Bool { replicas[slot].isSound }

    /// Whether nothing is left to move, to pay or to drop here.
    package var isSettled: Bool {
        debts.isEmpty
            && replicas.allSatisfy { replica in
                replica.isSound && replica.role == (replica.isWanted ? .holder : .none)
                    && (replica.isWanted || !replica.hasSamples)
            }
    }

    /// Takes nothing any more, if this node has nothing to hold, to move, to pay, to drop or to answer: what is so when it leaves its cluster must not
    /// change before it is gone.
    ///
    /// - Returns: whether that is so now.
    package mutating func depart() -> Bool {
        hasDeparted = hasDeparted || waiting.isEmpty && isSettled && !replicas.contains { $0.isWanted }
        return hasDeparted
    }

    /// Whether this node is the one of a slot's holders that writes its checkpoint, as far as it knows.
    package func isOnCheckpointDuty(_ slot: Int) -> Bool { checkpointWriter(slot) == me }

    /// Who writes a slot's checkpoint, as far as this node knows: its first wanted owner that holds it and answers; nil while there is none.
    package func checkpointWriter(_ slot: Int) -> NodeID? {
        let replica = replicas[slot]
        return around.view.wanted(slot).first { node in
            // Who has not answered for eight rounds may be gone; should it write after all, it is fenced.
            node == me
                ? replica.role == .holder
                : replica.others[node].map { $0.stake.role == .holder && $0.answeredRound + 8 >= around.round } ?? false
        }
    }

    /// Whether this node acknowledges nothing, because the others may be going on without it.
    package func isIsolated(_ now: Int64) -> Bool {
        let heard = around.view.members.count { node in
            node == me || (answeredAt[node] ?? around.startedAt) + around.limits.isolationWait > now
        }
        return heard < around.view.majority
    }

    /// What a coordinator is told beside the samples of slots.
    ///
    /// - Parameters:
    ///   - slots: ascending, distinct; slots that do not exist are left out.
    ///   - now: of the monotonic clock, and the moment of which the samples are.
    /// - Returns: slots of which the same is to be said are one group.
    package func readReply(_ slots: [Int], now: Int64) -> ReadReply {
        let around = surroundings(now)
        var groups: [ReadReply.Group] = []
        // A query asks about thousands of slots, and nearly all are like one of a few: those are told apart by a number.
        var groupOfKind = [Int](repeating: -1, count: SlotReplica.readKinds)
        for slot in slots where replicas.indices.contains(slot) {
            let kind = replicas[slot].readKind(around)
            if let kind, groupOfKind[kind] >= 0 {
                groups[groupOfKind[kind]].slots.append(slot)
                continue
            }
            let group = replicas[slot].readGroup(around)
            let index = groups.firstIndex { $0.isLike(group) }
            if let index { groups[index].slots.append(slot) } else { groups.append(group) }
            if let kind { groupOfKind[kind] = index ?? groups.count - 1 }
        }
        return ReadReply(node: me, boot: boot, groups: groups)
    }

    func surroundings(_ now: Int64) -> Surroundings {
        var around = around
        around.time = now
        around.isIsolated = isIsolated(now)
        return around
    }

    // MARK: - What arrives

    /// Takes over a newer view.
    ///
    /// - Parameters:
    ///   - view: of as many slots as the one before.
    ///   - effects: what to log of it.
    package mutating func update(_ view: MovementView, into effects: inout [MovementEffect]) {
        precondition(view.slotCount == replicas.count, "the number of slots never changes")
        around.view = view
        answeredAt = answeredAt.filter { view.members.contains($0.key) }
        adoptView(into: &effects)
    }

    private mutating func adoptView(into effects: inout [MovementEffect]) {
        let around = around
        for node in knownBy.keys.sorted() where !around.view.members.contains(node) {
            departed[node] = knownBy.removeValue(forKey: node)
            effects.append(.log(.known(by: node, boot: 0)))
        }
        for slot in replicas.indices {
            replicas[slot].isWanted = around.view.wanted(slot).contains(me)
            replicas[slot].isBusy = true
            replicas[slot].toldRow = nil
            replicas[slot].forgetNonMembers(around)
        }
    }

    /// Does whatever is due; to be called every tenth of a second or so.
    package mutating func tick(now: Int64, into effects: inout [MovementEffect]) {
        begin(now)
        if now >= nextAsk {
            nextAsk = now + around.limits.askInterval
            recent.trim(around.limits, now: now)
            askAll(into: &effects)
            payDebts(into: &effects)
        }
        advanceBusy(into: &effects)
        advanceRepair(into: &effects)
        answerWaiting(into: &effects)
        adoptMemberWidePhase(into: &effects)
    }

    /// Sets the time of what arrives.
    mutating func begin(_ now: Int64) {
        around.time = now
        around.isIsolated = isIsolated(now)
    }

    private mutating func advanceBusy(into effects: inout [MovementEffect]) {
        let around = around
        var room = joiningRoom
        var open: [Bool]?
        for slot in replicas.indices where replicas[slot].isBusy {
            var hasOpenBatches = false
            if !replicas[slot].isWanted {
                // For all slots together: there may be many that leave, and many batches.
                let slots = open ?? slotsWithOpenBatches
                open = slots
                hasOpenBatches = slots[slot]
            }
            replicas[slot].tick(around, hasOpenBatches: hasOpenBatches, room: &room, into: &effects)
        }
    }

    private var joiningRoom: JoiningRoom {
        var room = JoiningRoom(
            copies: around.limits.copiedSlotsMax, registrations: around.limits.registeredSlotsMax)
        for slot in replicas.indices {
            if replicas[slot].isPostponed { room.isAwaited = true }
            if replicas[slot].takesRoom(around) { room.registrations -= 1 }
            if replicas[slot].isCopying { room.copies -= 1 }
        }
        return room
    }

    /// Registers in slots where that was postponed, in turn: one in which nothing gets on is not always the first.
    mutating func registerPostponed() {
        let around = around
        let first = nextPostponed
        var registrations = joiningRoom.registrations
        for offset in replicas.indices where registrations > 0 {
            let slot = (first + offset) % replicas.count
            guard replicas[slot].isPostponed else { continue }
            replicas[slot].registerPostponed(around)
            registrations -= 1
            nextPostponed = slot + 1
        }
    }

    /// Compares each held slot with one of the other holders once in `repairInterval`: what was logged on some and never acknowledged, or
    /// rotted, becomes equal again.
    private mutating func advanceRepair(into effects: inout [MovementEffect]) {
        let count = Int64(replicas.count)
        let due = (around.time - around.startedAt) / max(around.limits.repairInterval / count, 1)
        repairedCount = max(repairedCount, due - count)
        while repairedCount < due {
            replicas[Int(repairedCount % count)].compare(into: &effects)
            repairedCount += 1
        }
    }

    /// Samples that were logged here cannot be read any more: what the others have of their slots is copied.
    ///
    /// - Parameters:
    ///   - slots: all of them slots of the view.
    ///   - now: of the monotonic clock; nothing is answered or sent from then on that has the slots as they were before.
    ///   - effects: what to do; the first is to log it.
    package mutating func lose(_ slots: [Int], now: Int64, into effects: inout [MovementEffect]) {
        begin(now)
        let (around, lost) = (around, Set(slots))
        effects.append(.log(.unsound))
        let sound = replicas.indices.filter { replicas[$0].isSound && !lost.contains($0) }
        if !sound.isEmpty { effects.append(.log(.sound(slots: sound))) }
        for slot in slots { replicas[slot].lose(around, into: &effects) }
    }

    /// All that the checkpoint has of a slot is logged here.
    package mutating func restored(_ slot: Int, into effects: inout [MovementEffect]) {
        guard replicas[slot].awaitsCheckpoint else { return }
        replicas[slot].awaitsCheckpoint = false
        replicas[slot].hasSamples = true
        effects.append(.log(.restored(slot: slot)))
    }

    /// A number for samples that the shell adds to a slot by itself, from a checkpoint or a repair.
    package mutating func takeNumber() -> UInt64 {
        nextNumber += 1
        return nextNumber - 1
    }

    /// A coordinator asks for all samples of slots.
    ///
    /// - Parameters:
    ///   - slots: as for `readReply`.
    ///   - requester: to whom the answer goes.
    ///   - now: as for `readReply`.
    ///   - effects: one answer.
    package mutating func read(
        _ slots: [Int], from requester: RequesterID, now: Int64, into effects: inout [MovementEffect]
    ) {
        effects.append(.answerRead(readReply(slots, now: now), to: requester))
    }

    /// Takes a message of a member; the samples of `page`, `pay` and `repair` are with the shell, which logs them when a `log` of a batch asks
    /// for it. What names a slot that does not exist is left aside.
    package mutating func receive(
        _ message: MovementMessage, from sender: NodeID, now: Int64, into effects: inout [MovementEffect]
    ) {
        begin(now)
        switch message {
        case .asks(let asks): receiveAsks(asks, from: sender, into: &effects)
        case .answers(let answers): receiveAnswers(answers, from: sender, into: &effects)
        case .copy(let slot, let stake, let cursor):
            guard replicas.indices.contains(slot) else { break }
            let (mine, isWhole) = (replicas[slot].stake(around), replicas[slot].isWhole(around))
            effects.append(.sendPage(slot: slot, from: mine, isWhole: isWhole, for: stake, cursor: cursor))
        case .page(let slot, let source, let isWhole, let stake, let cursor, let next):
            guard replicas.indices.contains(slot), source.node == sender else { break }
            let isUsed = replicas[slot].receivePage(
                from: source, isWhole: isWhole, for: stake, cursor: cursor, next: next, number: nextNumber, around,
                into: &effects)
            if isUsed { nextNumber += 1 }
        case .pay(let parts): receivePay(parts, from: sender, into: &effects)
        case .paid(let parts): receivePaid(parts, by: sender, into: &effects)
        case .windowDigests(let slot, let before, let digests):
            guard holds(slot) else { break }
            effects.append(.compareWindows(slot: slot, before: before, digests, with: sender))
        case .seriesDigests(let slot, let window, let digests):
            guard holds(slot) else { break }
            effects.append(.compareSeries(slot: slot, window: window, digests, with: sender))
        case .repair(let slot, let window, let series, let wantsBack):
            guard holds(slot) else { break }
            replicas[slot].noteLogged(now)
            effects.append(.log(.batch(slots: [slot], number: takeNumber())))
            guard wantsBack else { break }
            effects.append(.sendRepair(slot: slot, window: window, series: series, to: sender))
        }
        adoptMemberWidePhase(into: &effects)
    }

    private func holds(_ slot: Int) -> Bool { replicas.indices.contains(slot) && replicas[slot].role == .holder }

    /// The planted bug of a phase for the whole member: it holds a slot, so it holds all that it shall.
    private mutating func adoptMemberWidePhase(into effects: inout [MovementEffect]) {
        guard around.bugs.contains(.memberWidePhase), !heldSlots.isEmpty else { return }
        for slot in replicas.indices where replicas[slot].isWanted && replicas[slot].role == .candidate {
            replicas[slot].hold(into: &effects)
        }
    }
}

extension SlotReplica {
    /// How many kinds of slots there are.
    fileprivate static var readKinds: Int { (Int(SlotRole.holder.rawValue) + 1) << 3 }

    /// A number that slots have in common only where a coordinator is told the same of them; nil where somebody who is no member may have samples.
    fileprivate func readKind(_ around: Surroundings) -> Int? {
        for other in others.all {
            if case .clear = other.standing { continue }
            if !around.view.members.contains(other.stake.node) { return nil }
        }
        let flags = (isSound ? 1 : 0) | (isWhole(around) ? 2 : 0) | (awaitsCheckpoint ? 4 : 0)
        return Int(role.rawValue) << 3 | flags
    }

    /// What a coordinator is told of this slot alone.
    fileprivate func readGroup(_ around: Surroundings) -> ReadReply.Group {
        let doubtful = others.all.filter { other in
            other.standing != .clear && !around.view.members.contains(other.stake.node)
        }
        return ReadReply.Group(
            slots: [slot], role: role, isSound: isSound, isWhole: isWhole(around),
            members: around.view.members + doubtful.map(\.stake.node),
            // While the checkpoint may have more, no union of members is complete.
            missingMax: awaitsCheckpoint ? -1 : around.view.missingMax)
    }

    /// Begins to compare with the next of the other holders.
    fileprivate mutating func compare(into effects: inout [MovementEffect]) {
        guard role == .holder else { return }
        let holders = others.all.filter { $0.stake.role == .holder }.map(\.stake.node)
        let next = holders.first { node in lastRepaired.map { node > $0 } ?? true } ?? holders.first
        guard let next else { return }
        lastRepaired = next
        effects.append(.sendWindowDigests(slot: slot, to: next))
    }
}

extension ReadReply.Group {
    fileprivate func isLike(_ other: Self) -> Bool {
        role == other.role && isSound == other.isSound && isWhole == other.isWhole && members == other.members
            && missingMax == other.missingMax
    }
}
