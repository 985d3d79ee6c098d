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
            case announcing(round: UInt64)
        }

        var phase = Phase.registering
        /// The first round of this registration.
        var firstRound: UInt64
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
        var cursor = 0
        var askedAt: Int64 = .min
    }

    /// Begins where the view wants the slot here, and stops where it no longer does.
    mutating func startOrStop(_ view: MovementView, now: Int64) {
        let isWanted = view.wanted(slot).contains(me)
        if isWanted, role == .none {
            role = .candidate
            register(since: now, now: now)
        } else if !isWanted, role == .candidate || role == .announcing {
            role = .none
            joining = nil
            retiredAt = now
        }
    }

    private mutating func register(since: Int64, now: Int64) {
        role = .candidate
        attempt += 1
        registeredRound = round + 1
        joining = Joining(firstRound: registeredRound, since: since, progressAt: now)
        for node in otherNodes { others[node]?.standing = .clear }
        for node in otherNodes where others[node]?.stake.role ?? .none >= .announcing {
            others[node]?.standing = .anchor
        }
    }

    mutating func advanceJoining(_ view: MovementView, now: Int64, into effects: inout [MovementEffect]) {
        guard let current = joining else { return }
        switch current.phase {
        case .registering: chooseSource(view, now: now, into: &effects)
        case .copying(let fetch):
            let isSourceSame = others[fetch.source]?.stake.boot == fetch.boot && view.members.contains(fetch.source)
            if !isSourceSame || now >= current.progressAt + limits.askInterval * 10 {
                register(since: current.since, now: now)
            } else if now >= fetch.askedAt + limits.askInterval {
                let asked = request(fetch, now: now, into: &effects)
                joining?.phase = .copying(asked)
            }
        case .announcing(let round):
            let unheard = others.values.contains {
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
            effects.append(.log(.sound(slot: slot)))
        }
        effects.append(.held(slot: slot, true))
    }

    private func hasAnswered(_ node: NodeID, since firstRound: UInt64) -> Bool {
        (others[node]?.answeredRound ?? 0) >= firstRound
    }

    private mutating func chooseSource(_ view: MovementView, now: Int64, into effects: inout [MovementEffect]) {
        guard let current = joining else { return }
        let first = current.firstRound
        let answered = view.members.filter { $0 != me && hasAnswered($0, since: first) }
        let isEverybody = answered.count == view.members.count - 1
        let isRegistered =
            answered.count + 1 >= view.majority && (isEverybody || round >= first + 3)
            && others.values.allSatisfy {
                !($0.mustBeCovered || $0.standing == .anchor) || $0.answeredRound >= first
            }
        guard isRegistered || bugs.contains(.copyBeforeSubscribe) else { return }
        let holders = answered.filter { others[$0]?.stake.role ?? .none >= .announcing }
        if !holders.isEmpty {
            // A source that was whole when it answered most likely still is; the first page says.
            guard let source = holders.first(where: { others[$0]?.isWhole == true }) else { return }
            begin(from: source, now: now, into: &effects)
            return
        }
        guard isRegistered else { return }
        let missing = view.members.filter { node in
            node == me ? !isSound : !(hasAnswered(node, since: first) && others[node]?.isSound == true)
        }
        let isOverdue = now >= current.since + limits.recoveryWait
        guard isOverdue || missing.count <= view.missingMax else { return }
        // What a node accepted that has lost it since may still be on its way to others.
        guard missing.isEmpty || now >= current.since + limits.grace else { return }
        if missing.count > view.missingMax {
            awaitsCheckpoint = true
            effects.append(.log(.restoring(slot: slot)))
            effects.append(.recoveredWithout(slot: slot, missing))
        }
        joining?.isUniting = true
        joining?.sources = answered.filter { others[$0]?.hasSamples == true }
        nextSource(view, now: now, into: &effects)
    }

    private mutating func begin(from source: NodeID, now: Int64, into effects: inout [MovementEffect]) {
        let fetch = Fetch(source: source, boot: others[source]?.stake.boot ?? 0)
        joining?.progressAt = now
        let asked = request(fetch, now: now, into: &effects)
        joining?.phase = .copying(asked)
    }

    private func request(_ fetch: Fetch, now: Int64, into effects: inout [MovementEffect]) -> Fetch {
        effects.append(.send(.copy(slot: slot, for: stake, cursor: fetch.cursor), to: fetch.source))
        var asked = fetch
        asked.askedAt = now
        return asked
    }

    private mutating func nextSource(_ view: MovementView, now: Int64, into effects: inout [MovementEffect]) {
        if let source = joining?.sources.popLast() {
            begin(from: source, now: now, into: &effects)
        } else {
            announce(view, now: now, into: &effects)
        }
    }

    private mutating func announce(_ view: MovementView, now: Int64, into effects: inout [MovementEffect]) {
        guard let current = joining else { return }
        for node in view.members where node != me {
            if current.isUniting, !hasAnswered(node, since: current.firstRound) {
                var other = others[node] ?? OtherNode(stake: Stake(node: node, boot: 0, attempt: 0, role: .none))
                other.standing = .unknown
                others[node] = other
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
        joining?.phase = .announcing(round: round + 1)
        joining?.progressAt = now
    }

    /// Takes a page over; its samples come beside the message.
    mutating func receivePage(
        _ source: SlotInformation, for asked: Stake, cursor: Int, next: Int?, number: UInt64, view: MovementView,
        now: Int64, into effects: inout [MovementEffect]
    ) -> Bool {
        guard asked.boot == boot, asked.attempt == attempt else { return false }
        if let fetch = fetching, fetch.matches(source, cursor) {
            logSamples(number, now: now, into: &effects)
            if let next {
                fetching = Fetch(source: fetch.source, boot: fetch.boot, cursor: next)
            } else {
                fetching = nil
                let isAnchor = source.stake.role >= .announcing || others[fetch.source]?.owesMe == true
                others[fetch.source]?.standing = isAnchor ? .anchor : .clear
            }
            advanceFetch(view, now: now, into: &effects)
            return true
        }
        guard let current = joining, case .copying(let fetch) = current.phase, fetch.matches(source, cursor) else {
            return false
        }
        // Only a source that is whole now, after everybody registered this node, has all that nobody owes to it.
        if cursor == 0, !current.isUniting, !source.isWhole {
            joining?.phase = .registering
            return false
        }
        logSamples(number, now: now, into: &effects)
        joining?.progressAt = now
        if let next {
            let rest = Fetch(source: fetch.source, boot: fetch.boot, cursor: next)
            let asked = request(rest, now: now, into: &effects)
            joining?.phase = .copying(asked)
        } else {
            nextSource(view, now: now, into: &effects)
        }
        return true
    }

    private mutating func logSamples(_ number: UInt64, now: Int64, into effects: inout [MovementEffect]) {
        hasSamples = true
        lastLoggedAt = now
        effects.append(.log(.batch(slot: slot, number: number)))
    }

    /// Copies from nodes that come back after the slot was taken over without them.
    mutating func advanceFetch(_ view: MovementView, now: Int64, into effects: inout [MovementEffect]) {
        guard role >= .announcing else {
            fetching = nil
            return
        }
        if let fetch = fetching {
            let isSourceSame =
                others[fetch.source]?.stake.boot == fetch.boot && others[fetch.source]?.standing == .unknown
            if !isSourceSame {
                fetching = nil
            } else if now >= fetch.askedAt + limits.askInterval {
                fetching = request(fetch, now: now, into: &effects)
            }
            return
        }
        for node in otherNodes {
            guard let other = others[node], other.standing == .unknown, other.answeredRound >= registeredRound
            else { continue }
            if !other.isSound {
                others[node]?.standing = .lost(since: now, round: nil)
            } else {
                fetching = request(Fetch(source: node, boot: other.stake.boot), now: now, into: &effects)
                return
            }
        }
    }
}

extension SlotReplica.Fetch {
    fileprivate func matches(_ information: SlotInformation, _ cursor: Int) -> Bool {
        information.stake.node == source && information.stake.boot == boot && cursor == self.cursor
    }
}
