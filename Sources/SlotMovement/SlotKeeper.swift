/// All slots of one aggregator: the machine that holds, moves and repairs them.
///
/// What arrives are messages, ticks and views; what leaves are effects for the shell (`MovementEffect.swift`), which owns the samples, the log
/// and the sockets. Each slot goes its own way (`SlotReplica.swift`); common to them are the clock, the numbers of batches, and whether this node
/// sees a majority. The protocol and why it is safe: docs/movement.md.
package struct SlotKeeper {
    /// The node's number.
    package let me: NodeID
    /// The start's number: greater than that of every earlier start of this name.
    package let boot: UInt32
    private let limits: MovementLimits
    private let bugs: PlantedBugs
    private var view: MovementView
    private var replicas: [SlotReplica]
    /// Unique among all starts, also after one that lost its last batches.
    private var nextNumber: UInt64
    /// When each member answered last: it counts this start as a member.
    private var answeredAt: [NodeID: Int64] = [:]
    /// At which of their starts members showed that they know this one.
    private var knownBy: [NodeID: UInt32] = [:]
    private let startedAt: Int64

    /// Begins with an empty held set, whatever the node held before.
    ///
    /// - Parameters:
    ///   - me: the node.
    ///   - boot: of this start, from 1.
    ///   - records: all of the node's log, in order.
    ///   - mayHaveLost: whether something that was acknowledged may be missing in `records`: a new disk, or a log that was not synced when the
    ///     machine lost its power.
    ///   - view: of the cluster.
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
        self.me = me
        self.boot = boot
        self.view = view
        self.limits = limits
        self.bugs = bugs
        startedAt = now
        nextNumber = UInt64(boot) << 32
        replicas = view.orders.indices.map {
            SlotReplica(slot: $0, me: me, boot: boot, limits: limits, bugs: bugs, now: now)
        }
        for record in records { replay(record) }
        if mayHaveLost {
            effects.append(.log(.unsound))
            for slot in replicas.indices { replicas[slot].isSound = false }
        }
    }

    private mutating func replay(_ record: MovementRecord) {
        switch record {
        case .batch(let slot, _): replicas[slot].hasSamples = true
        case .owed(let slot, let number, let nodes):
            for node in nodes { replicas[slot].debts[node, default: []].append(number) }
        case .settled(let slot, let numbers, let node):
            let settled = Set(numbers)
            replicas[slot].debts[node]?.removeAll { settled.contains($0) }
            if replicas[slot].debts[node]?.isEmpty == true { replicas[slot].debts[node] = nil }
        case .unsound: for slot in replicas.indices { replicas[slot].isSound = false }
        case .sound(let slot): replicas[slot].isSound = true
        case .known(let node, let boot): knownBy[node] = max(knownBy[node] ?? 0, boot)
        case .restoring(let slot): replicas[slot].awaitsCheckpoint = true
        case .restored(let slot): replicas[slot].awaitsCheckpoint = false
        case .dropped(let slot):
            replicas[slot].hasSamples = false
            replicas[slot].awaitsCheckpoint = false
        }
    }

    // MARK: - What the node says of itself

    /// The slots that this node holds.
    package var heldSlots: [Int] { replicas.indices.filter { replicas[$0].role == .holder } }

    /// The role of this node in a slot.
    package func role(in slot: Int) -> SlotRole { replicas[slot].role }

    /// Whether this node may be read alone for a slot now.
    package func isWhole(_ slot: Int, now: Int64) -> Bool { replicas[slot].isWhole(now) }

    /// Whether nothing that this node may have lost matters to a slot.
    package func isSound(_ slot: Int) -> Bool { replicas[slot].isSound }

    /// Batches of a slot that this node owes to others, by their numbers.
    package func owedNumbers(_ slot: Int) -> Set<UInt64> { Set(replicas[slot].debts.values.joined()) }

    /// Batches of a slot whose samples the shell must keep readable one by one, also when it cuts its log: those owed, and those that a router
    /// may still ask this node to owe.
    package func neededNumbers(_ slot: Int) -> Set<UInt64> {
        owedNumbers(slot).union(replicas[slot].recent.values.map(\.number))
    }

    /// The records that a log needs in the place of all before, beside the samples: what a new segment begins with once blocks hold the
    /// samples of those before it. Owed batches keep a `batch` record of their own.
    package var openRecords: [MovementRecord] {
        var records = knownBy.keys.sorted().map { MovementRecord.known(by: $0, boot: knownBy[$0] ?? 0) }
        if replicas.contains(where: { !$0.isSound }) {
            records.append(.unsound)
            for replica in replicas where replica.isSound { records.append(.sound(slot: replica.slot)) }
        }
        for replica in replicas {
            if replica.awaitsCheckpoint { records.append(.restoring(slot: replica.slot)) }
            var missing: [UInt64: [NodeID]] = [:]
            for node in replica.debts.keys.sorted() {
                for number in replica.debts[node] ?? [] { missing[number, default: []].append(node) }
            }
            for number in missing.keys.sorted() {
                records.append(.owed(slot: replica.slot, number: number, to: missing[number] ?? []))
            }
        }
        return records
    }

    /// Whether nothing is left to move, to pay or to drop here.
    package var isSettled: Bool {
        replicas.allSatisfy { replica in
            let isWanted = view.wanted(replica.slot).contains(me)
            return replica.debts.isEmpty && replica.isSound && replica.role == (isWanted ? .holder : .none)
                && (isWanted || !replica.hasSamples)
        }
    }

    // MARK: - What arrives

    /// Takes over a newer view.
    package mutating func update(_ view: MovementView) { self.view = view }

    /// Does whatever is due; to be called every tenth of a second or so.
    package mutating func tick(now: Int64, into effects: inout [MovementEffect]) {
        let isIsolated = isIsolated(now)
        for slot in replicas.indices {
            replicas[slot].isIsolated = isIsolated
            replicas[slot].tick(view, now: now, into: &effects)
        }
        adoptMemberWidePhase(into: &effects)
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

    /// Whether this node is the one of a slot's holders that writes its checkpoint, as far as it knows.
    package func isOnCheckpointDuty(_ slot: Int) -> Bool {
        let replica = replicas[slot]
        guard replica.role == .holder else { return false }
        let first = view.wanted(slot).first { node in
            // Who has not answered for eight rounds may be gone; should it write after all, it is fenced.
            node == me
                || replica.others[node].map { $0.stake.role == .holder && $0.answeredRound + 8 >= replica.round }
                    ?? false
        }
        return first == me
    }

    /// Whether this node acknowledges nothing, because the others may be going on without it.
    package func isIsolated(_ now: Int64) -> Bool {
        let heard = view.members.count { $0 == me || (answeredAt[$0] ?? startedAt) + limits.isolationWait > now }
        return heard < view.majority
    }

    /// Takes a message; the samples of `page`, `pay` and `store` are with the shell, which logs them when a `log` of a batch asks for it.
    package mutating func receive(
        _ message: MovementMessage, from sender: NodeID, now: Int64, into effects: inout [MovementEffect]
    ) {
        let isIsolated = isIsolated(now)
        for slot in replicas.indices { replicas[slot].isIsolated = isIsolated }
        switch message {
        case .ask(let slot, let information, let round, let owesYou):
            guard view.admits(information.stake) else { break }
            if (knownBy[sender] ?? 0) < information.stake.boot {
                knownBy[sender] = information.stake.boot
                effects.append(.log(.known(by: sender, boot: information.stake.boot)))
            }
            replicas[slot].receiveAsk(information, round: round, owesMe: owesYou, now: now, into: &effects)
        case .answer(let slot, let information, let boot, let round, let owesYou, let peers, let lease):
            guard boot == self.boot, view.admits(information.stake) else { break }
            answeredAt[sender] = now
            replicas[slot].receiveAnswer(
                information, round: round, owesMe: owesYou, peers: peers, lease: lease, view: view, now: now)
        case .copy(let slot, let stake, let cursor):
            let information = replicas[slot].information(now)
            effects.append(.sendPage(slot: slot, information, for: stake, cursor: cursor))
        case .page(let slot, let information, let stake, let cursor, let next):
            let isUsed = replicas[slot].receivePage(
                information, for: stake, cursor: cursor, next: next, number: nextNumber, view: view, now: now,
                into: &effects)
            if isUsed { nextNumber += 1 }
        case .pay(let slot, let numbers):
            replicas[slot].receivePay(numbers, from: sender, number: nextNumber, now: now, into: &effects)
            nextNumber += 1
        case .paid(let slot, let numbers):
            replicas[slot].receivePaid(numbers, by: sender, view: view, now: now, into: &effects)
        case .windowDigests(let slot, let before, let digests):
            guard replicas[slot].role == .holder else { break }
            effects.append(.compareWindows(slot: slot, before: before, digests, with: sender))
        case .seriesDigests(let slot, let window, let digests):
            guard replicas[slot].role == .holder else { break }
            effects.append(.compareSeries(slot: slot, window: window, digests, with: sender))
        case .repair(let slot, let window, let series, let wantsBack):
            guard replicas[slot].role == .holder else { break }
            replicas[slot].receiveRepair(
                window: window, series: series, wantsBack: wantsBack, from: sender, number: takeNumber(), now: now,
                into: &effects)
        case .store(let request):
            let isUsed = replicas[request.slot].receiveStore(
                request, number: nextNumber, from: sender, knownBy: knownBy, view: view, now: now,
                into: &effects)
            if isUsed { nextNumber += 1 }
        case .read(let slot, let query):
            let reply = replicas[slot].readReply(query, view: view, now: now)
            effects.append(.sendSamples(reply, slot: slot, to: sender))
        case .stored, .readReply: break
        }
        adoptMemberWidePhase(into: &effects)
    }

    /// The planted bug of a phase for the whole member: it holds a slot, so it holds all that it shall.
    private mutating func adoptMemberWidePhase(into effects: inout [MovementEffect]) {
        guard bugs.contains(.memberWidePhase), !heldSlots.isEmpty else { return }
        for slot in replicas.indices where view.wanted(slot).contains(me) && replicas[slot].role == .candidate {
            replicas[slot].hold(into: &effects)
        }
    }
}

extension SlotReplica {
    /// What a coordinator is told beside the samples.
    mutating func readReply(_ query: UInt64, view: MovementView, now: Int64) -> MovementMessage {
        let doubtful = otherNodes.filter { others[$0]?.standing != .clear && !view.members.contains($0) }
        // While the checkpoint may have more, no union of members is complete.
        return .readReply(
            slot: slot, query: query, information(now), members: view.members + doubtful,
            missingMax: awaitsCheckpoint ? -1 : view.missingMax)
    }
}
