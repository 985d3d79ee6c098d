import ByteCoding
import MetricModel
import SeededRandom
import SlotMovement
import Testing
import WireProtocol

@Suite("Messages about slots")
struct SlotMessageTests {
    private static func again(_ items: [MovementPacket.Item]) throws -> [MovementPacket.Item] {
        let bytes = [UInt8].encoding(MovementPacket(items, from: "node-a", name: Samples.name).encode)
        return try MovementPacket(decoding: bytes.rawSpan).items { name in
            NodeID(UInt32(Samples.nodes.firstIndex(of: name) ?? -1))
        }
    }

    @Test("nodes travel by name: the receiver numbers them as it knows them")
    func names() throws {
        #expect(try Self.again(Samples.movement) == Samples.movement)
        #expect(Samples.packet.names == ["node-b", "node-a", "node-c"])
        let elsewhere = ["node-a": 70, "node-b": 71, "node-c": 72] as [String: UInt32]
        let request = Samples.storeCall.request { NodeID(elsewhere[$0] ?? 0) }
        #expect(request.skipping == [NodeStart(node: NodeID(71), boot: 300)])
        let reply = Samples.storeAnswer.reply { NodeID(elsewhere[$0] ?? 0) }
        #expect(reply.node == NodeID(72))
        #expect(reply.groups[0].peers.map(\.node) == [NodeID(71)])
        #expect(reply.groups[0].outcome == .logged(skipping: [NodeID(71)]))
        #expect(reply.groups[1].outcome == .notHolder(wanted: [NodeID(70), NodeID(71)]))
    }

    @Test("any set of slots comes back as it was", arguments: [1, 2, 3, 4, 5] as [UInt64])
    func slots(_ seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for density in [1, 2, 10, 60, 90, 99, 100] {
            for limit in [1, 9, 64, 500, 16_384, 65_536] {
                var slots: [Int] = []
                var isIn = false
                for slot in 0..<limit {
                    // Runs as well as scattered slots.
                    if seed > 3 || random.next() % 20 == 0 { isIn = random.next() % 100 < density }
                    if isIn { slots.append(slot) }
                }
                let items = [MovementPacket.Item(.paid([BatchPart(number: 1, slots: slots)]))]
                #expect(try Self.again(items) == items)
            }
        }
    }

    @Test("16,384 slots in equal condition take few bytes, in a handful of conditions few KB")
    func compact() {
        func size(_ message: MovementMessage) -> Int {
            [UInt8].encoding(MovementPacket([.init(message)], from: "node-a", name: Samples.name).encode).count
        }
        let equal = (0..<16_384).map { SlotRow(slot: $0, role: .holder, flags: [.isSound, .isWhole], attempt: 3) }
        #expect(size(.asks(SlotAsks(boot: 1, serial: 1, round: 1, rows: equal))) < 40)
        var random = SplitMix64(seed: 9)
        var peerCounts: [UInt16] = []
        var peers: [Stake] = []
        let mixed = equal.map { row in
            var row = row
            if random.next() % 3 == 0 { row.role = .none }
            if random.next() % 2 == 0 {
                peers.append(Stake(node: NodeID(UInt32(random.next() % 2)), boot: 4, attempt: 1, role: .holder))
                peerCounts.append(1)
            } else {
                peerCounts.append(0)
            }
            return row
        }
        let answers = SlotAnswers(
            boot: 1, serial: 1, askerBoot: 1, round: 1, rows: mixed, peerCounts: peerCounts, peers: peers)
        // Six conditions, a map of 2 KiB each.
        #expect(size(.answers(answers)) < 6 * 2_200)
    }

    @Test("rows of any conditions come back as they were", arguments: 0..<20 as Range<UInt64>)
    func rows(_ seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var rows: [SlotRow] = []
        var peerCounts: [UInt16] = []
        var peers: [Stake] = []
        for slot in 0..<1_000 where random.next() % 2 == 0 {
            rows.append(
                SlotRow(
                    slot: slot, role: random.next() % 2 == 0 ? .holder : .candidate,
                    flags: SlotFlags(rawValue: UInt8(random.next() % 4)), attempt: UInt32(random.next() % 2)))
            let count = random.next() % 3
            peerCounts.append(UInt16(count))
            for _ in 0..<count {
                peers.append(
                    Stake(
                        node: NodeID(UInt32(random.next() % 3)), boot: 1, attempt: UInt32(random.next() % 2),
                        role: .holder))
            }
        }
        let items = [
            MovementPacket.Item(.asks(SlotAsks(boot: 1, serial: 2, round: 3, rows: rows))),
            MovementPacket.Item(
                .answers(
                    SlotAnswers(
                        boot: 1, serial: 2, askerBoot: 3, round: 4, rows: rows, peerCounts: peerCounts, peers: peers))),
        ]
        #expect(try Self.again(items) == items)
    }

    @Test("what does not fit in one packet is several, in order, and nothing is lost")
    func packets() throws {
        let page = { (slot: Int) in
            MovementPacket.Item(
                .page(
                    slot: slot, from: Stake(node: NodeID(0), boot: 1, attempt: 1, role: .holder), isWhole: true,
                    for: Stake(node: NodeID(1), boot: 1, attempt: 1, role: .candidate), cursor: 0, next: nil),
                samples: [UInt8](repeating: 7, count: 1 << 20))
        }
        let items = (0..<10).map(page)
        let packets = MovementPacket.packets(of: items, from: "node-a", name: Samples.name)
        #expect(packets.count > 2)
        for packet in packets { #expect([UInt8].encoding(packet.encode).count <= WireLimits.requestPayloadBytesMax) }
        #expect(packets.flatMap { $0.items { $0 == "node-a" ? NodeID(0) : NodeID(1) } } == items)

        let peers = (0..<30).map { _ in Stake(node: NodeID(2), boot: 1, attempt: 1, role: .holder) }
        let rows = (0..<16_384).map { SlotRow(slot: $0, role: .holder, flags: [], attempt: 0) }
        let answers = SlotAnswers(
            boot: 1, serial: 2, askerBoot: 3, round: 4, rows: rows,
            peerCounts: Array(repeating: 30, count: rows.count), peers: rows.flatMap { _ in peers })
        let cut = MovementPacket.packets(of: [.init(.answers(answers))], from: "node-a", name: Samples.name)
        #expect(cut.count > 1)
        var found: [SlotRow] = []
        for item in cut.flatMap({ $0.items { _ in NodeID(2) } }) {
            guard case .answers(let part) = item.message else { continue }
            #expect(part.peers.count == 30 * part.rows.count && part.serial == 2)
            found += part.rows
        }
        #expect(found == rows)
    }

    @Test("few bytes that stand for very many slots are refused")
    func expansion() {
        var bytes: [UInt8] = [0, 0, 5]
        bytes.append(varint: 1_000)
        // Each part: number 1; one run of all 65,536 slots.
        for _ in 0..<1_000 { bytes += [1, 1, 1, 0, 0xFF, 0xFF, 3] }
        bytes += [0]
        #expect(throws: WireError.self) { try MovementPacket(decoding: bytes.rawSpan) }
    }

    @Test("a slot in two conditions, a node without a name, an unknown role are refused")
    func hostile() {
        let row: [UInt8] = [3, 1, 0, 0, 1, 7]
        // Of a sender without a name, without names.
        let asks: [UInt8] = [0, 0, 1, 1, 1, 1]
        #expect(throws: Never.self) { try MovementPacket(decoding: (asks + [1] + row + [0]).rawSpan) }
        #expect(throws: WireError.self) { try MovementPacket(decoding: (asks + [2] + row + row + [0]).rawSpan) }
        #expect(throws: WireError.self) {
            try MovementPacket(decoding: (asks + [1, 4] + row.dropFirst() + [0]).rawSpan)
        }
        #expect(throws: WireError.self) {
            try MovementPacket(decoding: ([0, 0, 3, 5, 0, 1, 1, 1, 0, 0] as [UInt8]).rawSpan)
        }
    }

    @Test("a peer without the feature is sent neither stores nor movement")
    func feature() {
        var pair = ConnectionPair()
        pair.shakeHands()
        let now = pair.now
        #expect(throws: TypedError.self) {
            try pair.client.openStore(Samples.storeCall, deadlineMilliseconds: 0, now: now)
        }
        #expect(throws: TypedError.self) {
            try pair.client.openMovement(Samples.packet, deadlineMilliseconds: 0, now: now)
        }
        #expect(pair.client.output.isEmpty)
    }

    @Test("a store and a movement are answered by their own ends and no others")
    func ends() {
        let offer = ConnectionOffer(
            identity: NodeIdentity(cluster: "test", node: Samples.packet.sender), optionalFeatures: .known)
        var pair = ConnectionPair(client: offer, server: offer)
        pair.shakeHands()
        let store = pair.openStore(Samples.storeCall)
        let movement = pair.openMovement(Samples.packet)
        pair.toServer()
        #expect(
            pair.takeServerEffects() == [
                .store(stream: store, call: Samples.storeCall), .movement(stream: movement, packet: Samples.packet),
            ])
        pair.server.finish(store, with: .stored(Samples.storeAnswer), into: &pair.serverEffects)
        pair.server.finish(movement, with: .ended(Samples.end), into: &pair.serverEffects)
        pair.toClient()
        let effects = pair.takeClientEffects()
        #expect(effects.count == 2 && effects[0] == .finished(stream: store, completion: .stored(Samples.storeAnswer)))
        guard case .finished(movement, .failed(let error)) = effects.last else {
            Issue.record("no end of the movement: \(effects)")
            return
        }
        #expect(error.code == .internal)
    }

    @Test("messages of another node than the one that shook hands are refused")
    func sender() {
        let offer = ConnectionOffer(identity: ConnectionPair.identity, optionalFeatures: .known)
        var pair = ConnectionPair(client: offer, server: offer)
        pair.shakeHands()
        let movement = pair.openMovement(Samples.packet)
        pair.toServer()
        #expect(pair.takeServerEffects().isEmpty)
        pair.toClient()
        guard case .finished(movement, .failed(let error)) = pair.takeClientEffects().last else {
            Issue.record("the packet was taken")
            return
        }
        #expect(error.code == .badRequest)
    }
}
