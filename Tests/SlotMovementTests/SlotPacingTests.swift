import SlotMovement
import Testing

/// What keeps a node that is slow, or takes over much, from being given more than it can take.
@Suite struct SlotPacingTests {
    private static func view(slots: Int, wanted: [UInt32]) -> MovementView {
        let rest = (0..<3 as Range<UInt32>).filter { !wanted.contains($0) }
        return MovementView(
            members: (0..<3).map { NodeID($0) },
            orders: Array(repeating: (wanted + rest).map { NodeID($0) }, count: slots), replicationFactor: 2,
            assuredFactor: 2)
    }

    private static func keeper(
        _ node: UInt32, _ view: MovementView, _ limits: MovementLimits = MovementLimits()
    ) -> SlotKeeper {
        var effects: [MovementEffect] = []
        return SlotKeeper(
            me: NodeID(node), boot: 1, records: [], mayHaveLost: false, view: view, limits: limits, now: 0,
            into: &effects)
    }

    /// Ticks of a tenth of a second; messages among `talking` arrive at once, the others are lost.
    ///
    /// - Returns: at which ticks the first of them sent what it owes.
    private static func run(
        _ keepers: inout [SlotKeeper], ticks: Range<Int64>, talking: Set<Int>, pages: Bool = true
    ) -> [Int64] {
        var sent: [Int64] = []
        var queue: [(from: Int, to: Int, message: MovementMessage)] = []
        func take(_ effects: [MovementEffect], of node: Int, at tick: Int64) {
            for effect in effects {
                switch effect {
                case .send(let message, let to): queue.append((node, Int(to.number), message))
                case .sendPage(let slot, let source, let isWhole, let stake, let cursor) where pages:
                    let page = MovementMessage.page(
                        slot: slot, from: source, isWhole: isWhole, for: stake, cursor: cursor, next: nil)
                    queue.append((node, Int(stake.node.number), page))
                case .sendOwed(let parts, let to):
                    if node == 0 { sent.append(tick) }
                    queue.append((node, Int(to.number), .pay(parts)))
                default: break
                }
            }
        }
        for tick in ticks {
            for node in keepers.indices where talking.contains(node) {
                var effects: [MovementEffect] = []
                keepers[node].tick(now: tick * 100_000, into: &effects)
                take(effects, of: node, at: tick)
            }
            while !queue.isEmpty {
                let (from, to, message) = queue.removeFirst()
                guard talking.contains(from), talking.contains(to) else { continue }
                var effects: [MovementEffect] = []
                keepers[to].receive(message, from: NodeID(UInt32(from)), now: tick * 100_000, into: &effects)
                take(effects, of: to, at: tick)
            }
        }
        return sent
    }

    private static let slots = 40

    /// Few slots are copied at a time, and registered in.
    private static let narrow = {
        var limits = MovementLimits()
        limits.copiedSlotsMax = 3
        limits.registeredSlotsMax = 8
        return limits
    }()

    /// Three members after eight seconds: the first two hold all slots.
    private static func holders() -> [SlotKeeper] {
        var keepers = (0..<3).map { keeper($0, view(slots: slots, wanted: [0, 1]), narrow) }
        _ = run(&keepers, ticks: 0..<80, talking: [0, 1, 2])
        return keepers
    }

    private static func registered(_ keeper: SlotKeeper) -> Int {
        (0..<slots).count { keeper.role(in: $0) == .candidate }
    }

    @Test("what a member does not answer is sent again after twice the time, up to the longest")
    func payments() throws {
        let view = Self.view(slots: 1, wanted: [0, 1])
        var keepers = (0..<3).map { Self.keeper($0, view) }
        _ = Self.run(&keepers, ticks: 0..<50, talking: [0, 1, 2])
        #expect(keepers[0].heldSlots == [0])
        var effects: [MovementEffect] = []
        keepers[0].store(
            StoreRequest(slots: [0], batch: 7, skipping: [NodeStart(node: NodeID(1), boot: 1)], isStandIn: false),
            from: RequesterID(1), now: 5_000_000, into: &effects)
        let sent = Self.run(&keepers, ticks: 50..<450, talking: [0, 2])
        let pauses = zip(sent.dropFirst(), sent).map { $0 - $1 }
        #expect(pauses.first.map { $0 <= 15 } == true)
        #expect(zip(pauses.dropFirst(), pauses).allSatisfy { $0 >= $1 || $0 >= 80 })
        #expect(try #require(pauses.max()) >= 80 && sent.count < 12)
        // An answer of the member ends it.
        _ = Self.run(&keepers, ticks: 450..<560, talking: [0, 1, 2])
        #expect(keepers[0].owedBatches.isEmpty)
    }

    @Test("a node registers in few slots at a time that enough others hold, and comes to hold all of them in turn")
    func registrations() {
        var keepers = Self.holders()
        #expect(keepers[0].heldSlots.count == Self.slots && keepers[1].heldSlots.count == Self.slots)
        for node in keepers.indices { keepers[node].update(Self.view(slots: Self.slots, wanted: [1, 2])) }
        // No page comes: what cannot be copied now is not registered in.
        _ = Self.run(&keepers, ticks: 80..<120, talking: [0, 1, 2], pages: false)
        #expect(Self.registered(keepers[2]) == 8)
        #expect(keepers[0].heldSlots.count == Self.slots)
        _ = Self.run(&keepers, ticks: 120..<800, talking: [0, 1, 2])
        #expect(keepers[2].heldSlots.count == Self.slots && keepers[0].heldSlots.isEmpty)
    }

    @Test("a slot that too few others hold is registered in at once")
    func registrationsOfFew() {
        var keepers = Self.holders()
        keepers[1] = {
            var effects: [MovementEffect] = []
            return SlotKeeper(
                me: NodeID(1), boot: 2, records: [], mayHaveLost: true,
                view: Self.view(slots: Self.slots, wanted: [0, 1]),
                limits: Self.narrow, now: 8_000_000, into: &effects)
        }()
        _ = Self.run(&keepers, ticks: 80..<110, talking: [0, 1, 2], pages: false)
        #expect(Self.registered(keepers[1]) == Self.slots)
    }

    @Test("where one of the holders falls silent a registration is not postponed any longer")
    func registrationsBesideSilence() {
        var keepers = Self.holders()
        for node in keepers.indices { keepers[node].update(Self.view(slots: Self.slots, wanted: [1, 2])) }
        _ = Self.run(&keepers, ticks: 80..<120, talking: [0, 1, 2], pages: false)
        #expect(Self.registered(keepers[2]) == 8)
        // Batches are logged by the two that are left.
        _ = Self.run(&keepers, ticks: 120..<190, talking: [0, 2], pages: false)
        #expect(Self.registered(keepers[2]) == Self.slots)
        _ = Self.run(&keepers, ticks: 190..<900, talking: [0, 1, 2])
        #expect(keepers[2].heldSlots.count == Self.slots && keepers[0].heldSlots.isEmpty)
    }
}
