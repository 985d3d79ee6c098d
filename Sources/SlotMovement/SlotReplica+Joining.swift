/// How many slots more a node may copy, and register in; the latter is negative while there are too many.
struct JoiningRoom {
    var copies: Int
    var registrations: Int
    /// Whether a slot waits with its registration.
    var isAwaited = false
}

/// Becoming a holder: register with everybody, then copy, then tell everybody, then hold.
extension SlotReplica {
    /// A candidate's way.
    struct Joining {
        enum Phase {
            /// Until every stake known answered, and a majority of members.
            case registering
            /// Copying from a node: a holder that was whole, or one of several when nobody holds the slot.
            case copying(Fetch)
            /// Until every stake has heard that this node is about to hold.
            case announcing(round: UInt32)
        }

        var phase = Phase.registering
        /// The first round of this registration.
        var firstRound: UInt32
        /// When this node first wanted the slot.
        var since: Int64
        /// Nodes still to copy from when nobody holds the slot.
        var sources: [NodeID] = []
        var isUniting = false
        /// When the phase began or last got on.
        var progressAt: Int64
    }

    /// Pages from one node.
    struct Fetch {
        var source: NodeID
        var boot: UInt32
        /// Of the source, as it was heard when the first page was asked for: what it loses after that makes it another.
        var attempt: UInt32
        var cursor = 0
        var askedAt: Int64 = .min
        /// How often this page was asked for.
        var tries = 0

        /// When it is asked for again. Who is slow makes no more pages for being asked more often.
        func isOverdue(_ around: Surroundings) -> Bool {
            around.time >= askedAt + around.limits.askInterval << min(Int64(tries), 3)
        }
    }

    /// Begins where the view wants the slot here, and stops where it no longer does.
    mutating func startOrStop(_ around: Surroundings) {
        if !isWanted { isPostponed = false }
        if isWanted, role == .none, !isPostponed || !isHeldByEnough(around) {
            register(since: around.time, around)
        } else if !isWanted, role == .candidate || role == .announcing {
            role = .none
            joining = nil
            retiredAt = around.time
            isBusy = true
        }
    }

    /// Begins anew where this node missed more than somebody remembers, as that one said in answer to a round.
    mutating func registerAnew(round: UInt32, _ around: Surroundings, into effects: inout [MovementEffect]) {
        guard role != .none, round >= registeredRound else { return }
        if role >= .announcing {
            // Who ceases to hold shall be able to copy: from a holder that is whole, or from as many as make a complete union.
            let isSourceThere = others.all.contains { $0.stake.role >= .announcing && $0.isWhole }
            let silent = around.view.members.count { node in
                node != around.me && around.isLate(others[node]?.answeredRound ?? 0)
            }
            guard isSourceThere || silent <= around.view.missingMax else { return }
        }
        if role == .holder { effects.append(.held(slot: slot, false)) }
        register(since: joining?.since ?? around.time, around)
    }

    /// Samples of the slot are gone from here. As for a start that may have lost some, nobody counts on what is left, which is copied anew; who is copying
    /// from this node knows by its attempt that what it gets now is not what it began with.
    mutating func lose(_ around: Surroundings, into effects: inout [MovementEffect]) {
        isSound = false
        isBusy = true
        guard role != .none else {
            attempt += 1
            return
        }
        if role == .holder { effects.append(.held(slot: slot, false)) }
        register(since: around.time, around)
    }

    /// Whether batches of the slot are logged by as many members as must log them without this one.
    private func isHeldByEnough(_ around: Surroundings) -> Bool {
        let holders = others.all.count { other in
            other.stake.role == .holder && around.view.admits(other.stake) && !around.isSilent(since: other.heardAt)
        }
        return holders >= around.view.copiesWanted
    }

    /// Whether this node is registered in the slot for no other end than to take it over. Where it makes up for a member that is silent, that has nothing to
    /// do with the room.
    func takesRoom(_ around: Surroundings) -> Bool { joining != nil && isHeldByEnough(around) }

    /// Takes the registration back where it can wait: whoever is registered gets all batches of a slot, or is owed them, for as long as it does not hold it.
    ///
    /// As for a node that is not wanted for a while: what it registers as later is another stake, which copies what came meanwhile.
    /// A slot that found nobody to copy from for long lets others try.
    private mutating func postpone(_ room: inout JoiningRoom, isStuck: Bool, _ around: Surroundings) {
        guard room.registrations < 0 || room.isAwaited && isStuck, isHeldByEnough(around) else { return }
        room.registrations += 1
        role = .none
        joining = nil
        retiredAt = around.time
        isPostponed = true
    }

    /// Registers where the node has room now.
    mutating func registerPostponed(_ around: Surroundings) {
        if isPostponed, isWanted, role == .none { register(since: around.time, around) }
    }

    private mutating func register(since: Int64, _ around: Surroundings) {
        isPostponed = false
        role = .candidate
        attempt += 1
        isBusy = true
        registeredRound = around.round + 1
        joining = Joining(firstRound: registeredRound, since: since, progressAt: around.time)
        for index in others.all.indices {
            others.change(at: index) { $0.standing = $0.stake.role >= .announcing ? .anchor : .clear }
        }
        // Who left for good has left for this registration too.
        forgetNonMembers(around)
    }

    mutating func advanceJoining(
        _ around: Surroundings, _ room: inout JoiningRoom, into effects: inout [MovementEffect]
    ) {
        let now = around.time
        guard let current = joining else { return }
        switch current.phase {
        case .registering:
            let mayCopy = room.copies > 0
            if mayCopy { chooseSource(around, into: &effects) }
            if isCopying {
                room.copies -= 1
            } else if role == .candidate {
                postpone(&room, isStuck: mayCopy && around.round >= registeredRound + 20, around)
            }
        case .copying(let fetch):
            let isSourceSame =
                others[fetch.source]?.stake.boot == fetch.boot && around.view.members.contains(fetch.source)
            if !isSourceSame || now >= current.progressAt + around.limits.askInterval * 40 {
                register(since: current.since, around)
            } else if fetch.isOverdue(around) {
                let asked = request(fetch, around, into: &effects)
                joining?.phase = .copying(asked)
            }
        case .announcing(let round):
            let unheard = others.all.contains {
                $0.mustBeCovered && $0.standing != .unknown && $0.answeredRound < round
            }
            guard !unheard else { return }
            hold(into: &effects)
        }
    }

    mutating func hold(into effects: inout [MovementEffect]) {
        role = .holder
        joining = nil
        if !isSound {
            isSound = true
            effects.append(.log(.sound(slots: [slot])))
        }
        effects.append(.held(slot: slot, true))
    }

    private func hasAnswered(_ node: NodeID, since firstRound: UInt32) -> Bool {
        (others[node]?.answeredRound ?? 0) >= firstRound
    }

    /// Whether pages are being asked for.
    var isCopying: Bool {
        if case .copying = joining?.phase { true } else { false }
    }

    private mutating func chooseSource(_ around: Surroundings, into effects: inout [MovementEffect]) {
        guard let current = joining else { return }
        let (view, now, me) = (around.view, around.time, around.me)
        let first = current.firstRound
        let answered = view.members.filter { $0 != me && hasAnswered($0, since: first) }
        let isEverybody = answered.count == view.members.count - 1
        let isRegistered =
            answered.count + 1 >= view.majority && (isEverybody || around.round >= first + 3)
            && others.all.allSatisfy {
                !($0.mustBeCovered || $0.standing == .anchor) || $0.answeredRound >= first
            }
        guard isRegistered || around.bugs.contains(.copyBeforeSubscribe) else { return }
        let holders = answered.filter { others[$0]?.stake.role ?? .none >= .announcing }
        if !holders.isEmpty {
            // A source that was whole when it answered most likely still is; the first page says.
            guard let source = holders.first(where: { others[$0]?.isWhole == true }) else { return }
            begin(from: source, around, into: &effects)
            return
        }
        guard isRegistered else { return }
        let missing = view.members.filter { node in
            node == me ? !isSound : !(hasAnswered(node, since: first) && others[node]?.isSound == true)
        }
        // Who has answered and lost what it had does not get it back by waiting.
        let isAwaited = missing.contains { $0 != me && !hasAnswered($0, since: first) }
        let isOverdue = !isAwaited || now >= current.since + around.limits.recoveryWait
        guard isOverdue || missing.count <= view.missingMax else { return }
        // What a node accepted that has lost it since may still be on its way to others.
        guard missing.isEmpty || now >= current.since + around.limits.grace else { return }
        // What a member lacks of the checkpoint nobody else may have.
        let lacksCheckpoint = answered.contains { others[$0]?.awaitsCheckpoint == true }
        if missing.count > view.missingMax || lacksCheckpoint && !awaitsCheckpoint {
            awaitsCheckpoint = true
            effects.append(.log(.restoring(slots: [slot])))
        }
        if missing.count > view.missingMax { effects.append(.recoveredWithout(slot: slot, missing)) }
        joining?.isUniting = true
        joining?.sources = answered.filter { others[$0]?.hasSamples == true }
        nextSource(around, into: &effects)
    }

    private mutating func begin(
        from source: NodeID, _ around: Surroundings, into effects: inout [MovementEffect]
    ) {
        let stake = others[source]?.stake
        let fetch = Fetch(source: source, boot: stake?.boot ?? 0, attempt: stake?.attempt ?? 0)
        joining?.progressAt = around.time
        let asked = request(fetch, around, into: &effects)
        joining?.phase = .copying(asked)
    }

    private func request(
        _ fetch: Fetch, _ around: Surroundings, into effects: inout [MovementEffect]
    ) -> Fetch {
        effects.append(.send(.copy(slot: slot, for: stake(around), cursor: fetch.cursor), to: fetch.source))
        var asked = fetch
        asked.askedAt = around.time
        asked.tries += 1
        return asked
    }

    private mutating func nextSource(_ around: Surroundings, into effects: inout [MovementEffect]) {
        if let source = joining?.sources.popLast() {
            begin(from: source, around, into: &effects)
        } else {
            announce(around, into: &effects)
        }
    }

    private mutating func announce(_ around: Surroundings, into effects: inout [MovementEffect]) {
        guard let current = joining else { return }
        for node in around.view.members where node != around.me {
            if current.isUniting, !hasAnswered(node, since: current.firstRound) {
                let index = others.index(of: node)
                others.change(at: index) { $0.standing = .unknown }
            } else if case .lost = others[node]?.standing {
                // The source was whole in spite of it, or all that may have its batches were united.
                let isAnchor = others[node]?.stake.role ?? .none >= .announcing
                others[node]?.standing = isAnchor ? .anchor : .clear
            }
        }
        if awaitsCheckpoint, !current.isUniting {
            awaitsCheckpoint = false
            effects.append(.log(.restored(slot: slot)))
        }
        role = .announcing
        joining?.phase = .announcing(round: around.round + 1)
        joining?.progressAt = around.time
    }

    /// Takes a page over; its samples come beside the message.
    ///
    /// - Returns: whether the page was awaited, so that its samples are logged as `number`.
    mutating func receivePage(
        from source: Stake, isWhole: Bool, for asked: Stake, cursor: Int, next: Int?, number: UInt64,
        _ around: Surroundings, into effects: inout [MovementEffect]
    ) -> Bool {
        guard asked.boot == around.boot, asked.attempt == attempt else { return false }
        if let fetch = fetching, fetch.matches(source, cursor) {
            guard fetch.isOf(source, around) else {
                fetching = nil
                return false
            }
            logSamples(number, around.time, into: &effects)
            if let next {
                fetching = Fetch(source: fetch.source, boot: fetch.boot, attempt: fetch.attempt, cursor: next)
            } else {
                fetching = nil
                let standing = standing(copiedFrom: source, around.time)
                others[fetch.source]?.standing = standing
            }
            advanceFetch(around, into: &effects)
            return true
        }
        guard let current = joining, case .copying(let fetch) = current.phase, fetch.matches(source, cursor) else {
            return false
        }
        // Only a source that is whole now, after everybody registered this node, has all that nobody owes to it; and what was copied of one that has
        // lost samples since, or is copied after that, is not all that it was chosen for.
        let isShort = cursor == 0 && !current.isUniting && !isWhole
        if isShort || !fetch.isOf(source, around) {
            joining?.phase = .registering
            joining?.isUniting = false
            return false
        }
        logSamples(number, around.time, into: &effects)
        joining?.progressAt = around.time
        if let next {
            let rest = Fetch(source: fetch.source, boot: fetch.boot, attempt: fetch.attempt, cursor: next)
            let asked = request(rest, around, into: &effects)
            joining?.phase = .copying(asked)
        } else {
            nextSource(around, into: &effects)
        }
        return true
    }

    private mutating func logSamples(_ number: UInt64, _ now: Int64, into effects: inout [MovementEffect]) {
        noteLogged(now)
        effects.append(.log(.batch(slots: [slot], number: number)))
    }

    /// Copies from nodes that come back after the slot was taken over without them.
    mutating func advanceFetch(_ around: Surroundings, into effects: inout [MovementEffect]) {
        guard role >= .announcing else {
            fetching = nil
            return
        }
        if let fetch = fetching {
            let source = others[fetch.source]
            let isSourceThere = source.map { $0.standing == .unknown && !around.isLate($0.answeredRound) } ?? false
            if !isSourceThere || source?.stake.boot != fetch.boot {
                fetching = nil
            } else if fetch.isOverdue(around) {
                fetching = request(fetch, around, into: &effects)
            }
            return
        }
        for other in others.all {
            guard other.standing == .unknown, other.answeredRound >= registeredRound,
                !around.isLate(other.answeredRound)
            else { continue }
            let fetch = Fetch(
                source: other.stake.node, boot: other.stake.boot, attempt: other.stake.attempt)
            fetching = request(fetch, around, into: &effects)
            return
        }
    }

    /// What a node is that was unknown until now, when all that it has was copied.
    private func standing(copiedFrom source: Stake, _ now: Int64) -> OtherNode.Standing {
        guard let other = others[source.node], other.isSound else { return .lost(since: now, round: nil) }
        return source.role >= .announcing || other.owesMe ? .anchor : .clear
    }
}

extension SlotReplica.Fetch {
    fileprivate func matches(_ stake: Stake, _ cursor: Int) -> Bool {
        stake.node == source && stake.boot == boot && cursor == self.cursor
    }

    /// Whether the source has all that it had when this began.
    fileprivate func isOf(_ stake: Stake, _ around: Surroundings) -> Bool {
        stake.attempt == attempt || around.bugs.contains(.copyAcrossLoss)
    }
}
