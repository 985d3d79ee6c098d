import Placement
import SlotMovement

/// One machine, and members that answer it as holders at rest do.
struct KeeperBench {
    var keeper: SlotKeeper
    var meter = Meter()
    private let view: MovementView
    private let me: NodeID
    private var now: Int64 = 0
    private var serial: UInt64 = 0
    private var batch: UInt64 = 0
    private var round: UInt32 = 0
    /// Of each member the rows of what it holds.
    private let rows: [NodeID: [SlotRow]]

    init(memberCount: Int) {
        let names = (0..<memberCount).map { RingMember(name: "node-\($0)") }
        guard let ring = try? Ring(members: names, replicationFactor: 2, slotBits: 14) else {
            preconditionFailure("no ring of \(memberCount)")
        }
        let numbers = (0..<memberCount).map { NodeID(UInt32($0)) }
        view = MovementView(ring: ring, members: numbers, numbers: numbers, assuredFactor: 2)
        me = numbers[0]
        var rows: [NodeID: [SlotRow]] = [:]
        for slot in view.slots {
            for owner in view.wanted(slot) { rows[owner, default: []].append(Self.holderRow(slot)) }
        }
        self.rows = rows
        var effects: [MovementEffect] = []
        keeper = SlotKeeper(
            me: me, boot: 1, records: [], mayHaveLost: false, view: view, now: 0, into: &effects)
    }

    private static func holderRow(_ slot: Int) -> SlotRow {
        SlotRow(slot: slot, role: .holder, flags: [.isSound, .hasSamples, .isWhole], attempt: 1)
    }

    /// Lets time pass: ticks, and twice a second asks of all members.
    mutating func run(seconds: Int) {
        for step in 0..<seconds * 10 {
            now += 100_000
            var effects: [MovementEffect] = []
            let start = Meter.now()
            keeper.tick(now: now, into: &effects)
            meter.ticks += Meter.now() - start
            perform(effects)
            if step % 5 == 2 { askAll() }
        }
    }

    /// As holders at rest do: those that hold too each time, the others now and then.
    private mutating func askAll() {
        round += 1
        for member in view.members where member != me {
            serial += 1
            let asked = (rows[member] ?? []).filter { row in
                (Int(round) + Int(row.slot)) % 8 == 0 || row.slot == 0 || view.wanted(Int(row.slot)).contains(me)
            }
            let asks = SlotAsks(boot: 1, serial: serial, round: round, rows: asked)
            let message = MovementMessage.asks(asks)
            var effects: [MovementEffect] = []
            let start = Meter.now()
            keeper.receive(message, from: member, now: now, into: &effects)
            meter.asks += Meter.now() - start
            meter.rows += 2 * asks.rows.count
        }
    }

    private mutating func perform(_ effects: [MovementEffect]) {
        for effect in effects {
            switch effect {
            case .send(.asks(let asks), let member): answer(asks, of: member)
            case .send(.copy(let slot, let stake, let cursor), let member):
                let source = Stake(node: member, boot: 1, attempt: 1, role: .holder)
                let page = MovementMessage.page(
                    slot: slot, from: source, isWhole: true, for: stake, cursor: cursor, next: nil)
                var more: [MovementEffect] = []
                keeper.receive(page, from: member, now: now, into: &more)
                perform(more)
            default: break
            }
        }
    }

    private mutating func answer(_ asks: SlotAsks, of member: NodeID) {
        serial += 1
        var answers = SlotAnswers(
            boot: 1, serial: serial, askerBoot: asks.boot, round: asks.round, rows: [], peerCounts: [], peers: [])
        for row in asks.rows {
            let slot = Int(row.slot)
            let isOwner = view.wanted(slot).contains(member)
            var answer = Self.holderRow(slot)
            if !isOwner { answer = SlotRow(slot: slot, role: .none, flags: [.isSound], attempt: 0) }
            answer.flags.insert(.grantsLease)
            answers.rows.append(answer)
            let peers = view.wanted(slot).filter { $0 != me && $0 != member }
            answers.peerCounts.append(UInt16(peers.count))
            answers.peers += peers.map { Stake(node: $0, boot: 1, attempt: 1, role: .holder) }
        }
        var effects: [MovementEffect] = []
        let start = Meter.now()
        keeper.receive(.answers(answers), from: member, now: now, into: &effects)
        meter.answers += Meter.now() - start
        meter.rows += 2 * answers.rows.count
    }

    /// Stores batches of these slots, a hundred a second.
    ///
    /// - Returns: nanoseconds for all.
    mutating func store(_ slots: [Int], count: Int, isStandIn: Bool) -> Int {
        var nanoseconds = 0
        for step in 0..<count {
            if step % 100 == 0 { run(seconds: 1) }
            batch += 1
            let request = StoreRequest(slots: slots, batch: batch, skipping: [], isStandIn: isStandIn)
            var effects: [MovementEffect] = []
            let start = Meter.now()
            keeper.store(request, from: RequesterID(batch), now: now, into: &effects)
            nanoseconds += Meter.now() - start
            precondition(effects.count == (slots.isEmpty ? 1 : 2), "not logged: \(effects.count) effects")
        }
        return nanoseconds
    }

    /// A router's part: all requests of a push and the answers to them.
    ///
    /// - Returns: nanoseconds for all.
    func attempt(_ slots: [Int], count: Int) -> Int {
        var nanoseconds = 0
        for step in 0..<count {
            var requests: [AddressedStore] = []
            var start = Meter.now()
            var attempt = WriteAttempt(
                slots: slots, batch: UInt64(step), view: view, limits: MovementLimits(), now: 0)
            attempt.advance(now: 0, isSuspect: { _ in false }, into: &requests)
            nanoseconds += Meter.now() - start
            let replies = requests.map(reply)
            start = Meter.now()
            for reply in replies {
                attempt.receive(reply, now: 1_000, isSuspect: { _ in false }, into: &requests)
            }
            nanoseconds += Meter.now() - start
            precondition(attempt.state == .acknowledged, "\(attempt.state)")
        }
        return nanoseconds
    }

    private func reply(_ addressed: AddressedStore) -> StoreReply {
        var groups: [StoreReply.Group] = []
        var found: [NodeID: Int] = [:]
        for slot in addressed.request.slots {
            let other = view.wanted(slot).first { $0 != addressed.node } ?? addressed.node
            if let index = found[other] {
                groups[index].slots.append(slot)
            } else {
                found[other] = groups.count
                groups.append(
                    StoreReply.Group(
                        slots: [slot], attempt: 1, role: .holder, outcome: .logged(skipping: []),
                        peers: [Stake(node: other, boot: 1, attempt: 1, role: .holder)], copiesWanted: 2))
            }
        }
        return StoreReply(batch: addressed.request.batch, node: addressed.node, boot: 1, groups: groups)
    }
}
