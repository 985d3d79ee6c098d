/// A request whose answer waits until no skipped member may be read alone without the batch.
struct WaitingStore {
    /// Slots that a member misses, of one number.
    struct Open {
        var node: NodeID
        var number: UInt64
        var slots: Set<Int>
    }

    var requester: RequesterID
    var verdicts: StoreVerdicts
    /// What has not been paid since.
    var open: [Open]
    var since: Int64
    /// When to look again.
    var until: Int64
}

/// What is to be answered for each slot of a request.
struct StoreVerdicts {
    enum Verdict: UInt8 {
        case logged
        case notHolder
        case refused
    }

    var batch: UInt64
    var skipping: [NodeID]
    var slots: [Int]
    /// One a slot.
    var verdicts: [Verdict] = []
}

/// Accepting batches: log them, owe them to those that miss them, and answer once nobody can be read alone without them.
extension SlotKeeper {
    /// Takes a router's batch, or more skipped members for one that is known.
    ///
    /// The samples are with the shell; it logs those of the slots of the `log` of a batch.
    ///
    /// - Parameters:
    ///   - request: a request with slots that do not exist, or not in order, is answered for none of them.
    ///   - requester: to whom the one answer goes.
    ///   - now: of the monotonic clock.
    ///   - effects: at most one `batch` is logged.
    package mutating func store(
        _ request: StoreRequest, from requester: RequesterID, now: Int64, into effects: inout [MovementEffect]
    ) {
        begin(now)
        var verdicts = StoreVerdicts(
            batch: request.batch, skipping: request.skipping.map(\.node).filter { $0 != me }, slots: [])
        if hasValidSlots(request) { verdicts.slots = request.slots }
        let (new, known) = judge(request, &verdicts)
        var logged: [BatchPart] = known
        if !new.isEmpty {
            let number = takeNumber()
            for slot in new { replicas[slot].noteLogged(now) }
            recent.add(new, of: request.batch, number: number, now: now)
            effects.append(.log(.batch(slots: new, number: number)))
            logged.append(BatchPart(number: number, slots: new))
        }
        guard !verdicts.skipping.isEmpty, !logged.isEmpty else {
            answer(verdicts, to: requester, into: &effects)
            return
        }
        for part in logged { owe(part, to: verdicts.skipping, into: &effects) }
        var store = WaitingStore(requester: requester, verdicts: verdicts, open: [], since: now, until: .min)
        for node in verdicts.skipping {
            for part in logged {
                store.open.append(.init(node: node, number: part.number, slots: Set(part.slots)))
            }
        }
        if isReady(&store) {
            answer(verdicts, to: requester, into: &effects)
        } else {
            waiting.append(store)
        }
    }

    private func hasValidSlots(_ request: StoreRequest) -> Bool {
        var last = -1
        for slot in request.slots {
            guard slot > last, slot < replicas.count else { return false }
            last = slot
        }
        return true
    }

    /// Decides about each slot.
    ///
    /// - Returns: the slots to log, and what is known of the others that count as logged.
    private func judge(
        _ request: StoreRequest, _ verdicts: inout StoreVerdicts
    ) -> (new: [Int], known: [BatchPart]) {
        let isKnownBatch = recent.knows(request.batch)
        let oldest = around.time - around.limits.grace
        // Whoever is read without this batch must know that this node may have it.
        let isKnownToSkipped = request.skipping.allSatisfy { (knownBy[$0.node] ?? 0) >= max($0.boot, 1) }
        let isFull = !request.skipping.isEmpty && waiting.count >= around.limits.waitingStoresMax
        var new: [Int] = []
        var known: [UInt64: [Int]] = [:]
        verdicts.verdicts.reserveCapacity(verdicts.slots.count)
        for slot in verdicts.slots {
            let number = isKnownBatch ? recent.number(of: request.batch, slot: slot, after: oldest) : nil
            let role = replicas[slot].role
            if role == .none, number == nil, !request.isStandIn {
                verdicts.verdicts.append(.notHolder)
            } else if around.isIsolated || hasDeparted || isFull || role == .none && !isKnownToSkipped
                || number == nil && request.isRepeated
            {
                verdicts.verdicts.append(.refused)
            } else {
                verdicts.verdicts.append(.logged)
                if let number { known[number, default: []].append(slot) } else { new.append(slot) }
            }
        }
        return (new, known.keys.sorted().map { BatchPart(number: $0, slots: known[$0] ?? []) })
    }

    private mutating func owe(_ part: BatchPart, to nodes: [NodeID], into effects: inout [MovementEffect]) {
        var records: [(slots: [Int], nodes: [NodeID])] = []
        for node in nodes {
            let (new, overflowed) = debts[node, default: Debts(slotCount: replicas.count)].add(
                part.slots, number: part.number, countMax: around.limits.owedBatchesMax, now: around.time)
            if !overflowed.isEmpty { effects.append(.log(.owedAll(slots: overflowed, to: node))) }
            guard !new.isEmpty else { continue }
            if let index = records.firstIndex(where: { $0.slots == new }) {
                records[index].nodes.append(node)
            } else {
                records.append((new, [node]))
            }
        }
        for (slots, nodes) in records {
            effects.append(.log(.owed(slots: slots, number: part.number, to: nodes)))
        }
    }

    // MARK: - Answering

    /// Answers those whose skipped members have the batch by now, or can no longer be read alone.
    mutating func answerWaiting(into effects: inout [MovementEffect]) {
        guard !waiting.isEmpty else { return }
        let all = waiting
        waiting.removeAll(keepingCapacity: true)
        for var store in all {
            if isReady(&store) {
                answer(store.verdicts, to: store.requester, into: &effects)
            } else if store.since + around.limits.writeDeadline > around.time {
                waiting.append(store)
            }
        }
    }

    /// Whether a store can be answered; if not, when to look again.
    private func isReady(_ store: inout WaitingStore) -> Bool {
        guard store.open.contains(where: { !$0.slots.isEmpty }) else { return true }
        guard around.time >= store.until else { return false }
        var until = grantFloor
        for open in store.open {
            for slot in open.slots { until = max(until, replicas[slot].grantEnd(open.node)) }
        }
        store.until = until
        return until <= around.time
    }

    /// By slot whether the node owes batches of it, or has not answered for one yet.
    var slotsWithOpenBatches: [Bool] {
        var slots = Array(repeating: false, count: replicas.count)
        for owed in debts.values { for slot in owed.slots { slots[slot] = true } }
        for store in waiting { for open in store.open { for slot in open.slots { slots[slot] = true } } }
        return slots
    }

    private func answer(
        _ verdicts: StoreVerdicts, to requester: RequesterID, into effects: inout [MovementEffect]
    ) {
        var groups = StoreReplyGroups(skipping: verdicts.skipping, copiesWanted: around.view.copiesWanted)
        for (slot, verdict) in zip(verdicts.slots, verdicts.verdicts) {
            groups.add(replicas[slot], verdict, around)
        }
        let reply = StoreReply(batch: verdicts.batch, node: me, boot: boot, groups: groups.groups)
        effects.append(.answerStore(reply, to: requester))
    }
}

/// Puts slots with the same answer together.
private struct StoreReplyGroups {
    private(set) var groups: [StoreReply.Group] = []
    private var found: [UInt64: Int] = [:]
    private var peers: [Stake] = []
    private var last = 0
    private var lastButOne = 0
    private let logged: StoreReply.Outcome
    private let copiesWanted: Int

    init(skipping: [NodeID], copiesWanted: Int) {
        logged = .logged(skipping: skipping)
        self.copiesWanted = copiesWanted
    }

    /// Slots come in ascending order.
    mutating func add(_ replica: SlotReplica, _ verdict: StoreVerdicts.Verdict, _ around: Surroundings) {
        peers.removeAll(keepingCapacity: true)
        replica.others.addStakesToCover(but: around.me, to: &peers)
        let wanted = around.view.wanted(replica.slot)
        // Most slots have the answer of one of the two before.
        if last < groups.count, isGroup(last, of: replica, verdict, wanted) {
            groups[last].slots.append(replica.slot)
            return
        }
        if lastButOne < groups.count, isGroup(lastButOne, of: replica, verdict, wanted) {
            groups[lastButOne].slots.append(replica.slot)
            swap(&last, &lastButOne)
            return
        }
        lastButOne = last
        var hash = Self.mix(UInt64(verdict.rawValue), UInt64(replica.attempt) << 8 | UInt64(replica.role.rawValue))
        for peer in peers {
            hash = Self.mix(hash, UInt64(peer.node.number) << 32 | UInt64(peer.boot))
            hash = Self.mix(hash, UInt64(peer.attempt) << 8 | UInt64(peer.role.rawValue))
        }
        if verdict == .notHolder { for node in wanted { hash = Self.mix(hash, UInt64(node.number)) } }
        if let index = found[hash], isGroup(index, of: replica, verdict, wanted) {
            groups[index].slots.append(replica.slot)
            last = index
            return
        }
        last = groups.count
        let outcome: StoreReply.Outcome =
            switch verdict {
            case .logged: logged
            case .notHolder: .notHolder(wanted: Array(wanted))
            case .refused: .refused
            }
        // Of two conditions with one hash the later has its groups apart; nothing depends on how few there are.
        found[hash] = groups.count
        groups.append(
            StoreReply.Group(
                slots: [replica.slot], attempt: replica.attempt, role: replica.role, outcome: outcome, peers: peers,
                copiesWanted: copiesWanted))
    }

    private func isGroup(
        _ index: Int, of replica: SlotReplica, _ verdict: StoreVerdicts.Verdict, _ wanted: ArraySlice<NodeID>
    ) -> Bool {
        let group = groups[index]
        guard group.attempt == replica.attempt, group.role == replica.role, group.peers == peers else { return false }
        return switch (group.outcome, verdict) {
        case (.logged, .logged), (.refused, .refused): true
        case (.notHolder(let nodes), .notHolder): nodes.elementsEqual(wanted)
        case (.logged, _), (.notHolder, _), (.refused, _): false
        }
    }

    /// A step of a hash that only groups; equality is checked.
    private static func mix(_ hash: UInt64, _ value: UInt64) -> UInt64 {
        let product = (hash ^ value) &* 0x9E37_79B9_7F4A_7C15
        return product ^ (product >> 29)
    }
}
