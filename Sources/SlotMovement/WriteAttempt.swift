/// A request that a router sends to a member.
package struct AddressedStore: Equatable, Sendable {
    package var node: NodeID
    package var request: StoreRequest

    package init(node: NodeID, request: StoreRequest) {
        self.node = node
        self.request = request
    }
}

/// One batch of many slots at a router: who logs it, who stands in, who is owed it, and when it is acknowledged.
///
/// Acknowledged means, of every slot: logged on as many members as any of them wants, one of them a holder, and every stake that any of them knows
/// has it or is owed it by all that logged it. Nothing here depends on the router's view being right: the answers name who is missing.
///
/// Slots in the same condition are one `SlotGroup`, which is split where answers differ; requests that say the same go out as one.
package struct WriteAttempt: Sendable {
    /// What becomes of the batch.
    package enum State: Equatable, Sendable {
        case underWay
        case acknowledged
        /// Not known to be stored: the sender tries again.
        case failed
    }

    /// The slots of the batch, ascending, and its number.
    package let slots: [Int]
    package let batch: UInt64
    /// What became of it.
    package private(set) var state = State.underWay
    private let limits: MovementLimits
    private let startedAt: Int64
    private let view: MovementView
    private var groups: [SlotGroup] = []
    /// Of each slot its group, by position in `slots`.
    private var groupOf: [Int32]
    /// Slots that are not acknowledged yet.
    private var openCount: Int

    /// - Parameters:
    ///   - slots: of the samples of the batch; ascending, distinct.
    ///   - batch: a number that no other batch has.
    ///   - view: the router's.
    ///   - limits: the same on all nodes.
    ///   - now: of the router's monotonic clock.
    package init(slots: [Int], batch: UInt64, view: MovementView, limits: MovementLimits, now: Int64) {
        self.slots = slots
        self.batch = batch
        self.limits = limits
        startedAt = now
        self.view = view
        openCount = slots.count
        groupOf = Array(repeating: 0, count: slots.count)
        var found: [ArraySlice<NodeID>: Int] = [:]
        var last: (wanted: ArraySlice<NodeID>, index: Int)?
        for (position, slot) in slots.enumerated() {
            let wanted = view.wanted(slot)
            var index = groups.count
            // In a cluster of one all slots are alike: nothing is hashed.
            if let last, last.wanted == wanted {
                index = last.index
            } else if let known = found[wanted] {
                index = known
            } else {
                found[wanted] = index
                groups.append(SlotGroup(wanted: Array(wanted), copiesWanted: view.copiesWanted))
            }
            last = (wanted, index)
            groups[index].positions.append(position)
            groupOf[position] = Int32(index)
        }
        if slots.isEmpty { state = .acknowledged }
    }

    /// Begins, and goes on where an answer is overdue.
    ///
    /// - Parameters:
    ///   - now: of the monotonic clock.
    ///   - isSuspect: members that most likely do not answer: nobody waits for them.
    ///   - requests: the requests to send are added.
    package mutating func advance(
        now: Int64, isSuspect: (NodeID) -> Bool, into requests: inout [AddressedStore]
    ) {
        advance(Array(groups.indices), now: now, isSuspect: isSuspect, into: &requests)
    }

    /// Takes an answer, to any request of this batch or to a part of one.
    package mutating func receive(
        _ reply: StoreReply, now: Int64, isSuspect: (NodeID) -> Bool, into requests: inout [AddressedStore]
    ) {
        guard state == .underWay, reply.batch == batch else { return }
        var touched: [Int] = []
        // Slots out of order, or twice, are of no answer that a member gives.
        for answer in reply.groups where zip(answer.slots, answer.slots.dropFirst()).allSatisfy({ $0 < $1 }) {
            for index in split(by: answer.slots) where !groups[index].isAcknowledged {
                groups[index].receive(answer, from: NodeStart(node: reply.node, boot: reply.boot))
                touched.append(index)
            }
        }
        advance(touched, now: now, isSuspect: isSuspect, into: &requests)
    }

    private mutating func advance(
        _ indices: [Int], now: Int64, isSuspect: (NodeID) -> Bool, into requests: inout [AddressedStore]
    ) {
        guard state == .underWay else { return }
        if now >= startedAt + limits.writeDeadline {
            state = .failed
            return
        }
        var asked = AskedSlots()
        for index in indices where !groups[index].isAcknowledged {
            groups[index].giveUpOverdue(limits, now: now, isSuspect: isSuspect)
            groups[index].askWanted(now: now, into: &asked)
            groups[index].coverStakes(now: now, into: &asked)
            // Slots that were together so far may have different members next in their order.
            let all = standInGroups(index)
            for part in all {
                let standIns = nextInOrder(groups[part], groups[part].positions[0])
                groups[part].askStandIns(standIns, now: now, into: &asked)
                groups[part].tellLoggers(now: now, into: &asked)
                if groups[part].judge() { openCount -= groups[part].positions.count }
            }
        }
        if openCount == 0 { state = .acknowledged }
        asked.addRequests(batch: batch, slots: slots, to: &requests)
    }

    // MARK: - Splitting

    /// Splits groups, so that some consist of these slots and no others.
    ///
    /// - Returns: those.
    private mutating func split(by chosen: [Int]) -> [Int] {
        var positions = chosen.compactMap(position)
        positions.sort { (groupOf[$0], $0) < (groupOf[$1], $1) }
        var parts: [Int] = []
        var start = 0
        while start < positions.count {
            let index = Int(groupOf[positions[start]])
            let end = positions[start...].firstIndex { Int(groupOf[$0]) != index } ?? positions.count
            let isAll = end - start == groups[index].positions.count
            parts.append(isAll ? index : split(index, off: Array(positions[start..<end])))
            start = end
        }
        return parts
    }

    private func position(of slot: Int) -> Int? {
        var (low, high) = (0, slots.count)
        while low < high {
            let middle = (low &+ high) / 2
            if slots[middle] < slot { low = middle &+ 1 } else { high = middle }
        }
        return low < slots.count && slots[low] == slot ? low : nil
    }

    /// Makes a group of its own of some positions of one.
    private mutating func split(_ index: Int, off positions: [Int]) -> Int {
        var part = groups[index]
        part.positions = positions
        for position in positions { groupOf[position] = Int32(groups.count) }
        groups[index].positions.removeAll { groupOf[$0] != Int32(index) }
        groups.append(part)
        return groups.count - 1
    }

    /// Who is to stand in for a group at a position: as many as it needs, if there are so many.
    private func nextInOrder(_ group: SlotGroup, _ position: Int) -> [NodeID] {
        let missing = group.standInsNeeded
        guard missing > 0 else { return [] }
        // No more of the order than were tried can be passed over.
        let order = view.order(of: slots[position], first: group.triedCount + missing)
        return Array(order.lazy.filter(group.isUntried).prefix(missing))
    }

    /// Splits a group that needs stand-ins by who is next in the slots' orders.
    private mutating func standInGroups(_ index: Int) -> [Int] {
        let missing = groups[index].standInsNeeded
        guard missing > 0 else { return [index] }
        var parts: [[NodeID]: [Int]] = [:]
        for position in groups[index].positions {
            parts[nextInOrder(groups[index], position), default: []].append(position)
        }
        guard parts.count > 1 else { return [index] }
        let ordered = parts.values.sorted { $0[0] < $1[0] }
        return [index] + ordered.dropFirst().map { split(index, off: $0) }
    }
}

/// What is to be asked of whom, gathered over all groups of a batch.
struct AskedSlots {
    private struct Request {
        var node: NodeID
        var skipping: [NodeStart]
        var isStandIn: Bool
        var isRepeated: Bool
        var positions: [Int]
    }

    private var requests: [Request] = []
    private var found: [NodeID: [Int]] = [:]

    mutating func add(
        _ positions: [Int], to node: NodeID, skipping: [NodeStart], isStandIn: Bool, isRepeated: Bool
    ) {
        let index = found[node]?.first { index in
            requests[index].skipping == skipping && requests[index].isStandIn == isStandIn
                && requests[index].isRepeated == isRepeated
        }
        if let index {
            requests[index].positions.append(contentsOf: positions)
        } else {
            found[node, default: []].append(requests.count)
            requests.append(
                Request(
                    node: node, skipping: skipping, isStandIn: isStandIn, isRepeated: isRepeated, positions: positions))
        }
    }

    /// By node, and of one node in the order in which they were asked for.
    func addRequests(batch: UInt64, slots: [Int], to all: inout [AddressedStore]) {
        for node in found.keys.sorted() {
            for index in found[node] ?? [] {
                let request = requests[index]
                all.append(
                    AddressedStore(
                        node: node,
                        request: StoreRequest(
                            slots: request.positions.sorted().map { slots[$0] }, batch: batch,
                            skipping: request.skipping, isStandIn: request.isStandIn, isRepeated: request.isRepeated)))
            }
        }
    }
}
