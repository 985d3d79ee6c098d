import Dispatch
import EngineStorage
import Foundation
import MetricModel
import SeededRandom
import SeriesEngine
import SlotMovement
import Synchronization
import Testing

/// Names as numbers: node 3 is "n3".
struct NumberedNames: MemberNames {
    func number(of name: String) -> NodeID { NodeID(UInt32(name.dropFirst()) ?? 0) }
    func name(of node: NodeID) -> String { "n\(node.number)" }
}

/// A network in this process that loses, doubles and delays messages, as its seed has it.
final class LossyNetwork: Sendable {
    private struct State {
        var hosts: [NodeID: EngineHost] = [:]
        var random: SplitMix64
        var lossPercent = 5
        var notices: [MovementNotice] = []
    }

    private let state: Mutex<State>
    private let queue = DispatchQueue(label: "lossy")

    init(seed: UInt64) {
        state = Mutex(State(random: SplitMix64(seed: seed)))
    }

    /// Who gets what is sent to a node; nil cuts it off.
    func connect(_ node: NodeID, _ host: EngineHost?) { state.withLock { $0.hosts[node] = host } }

    /// From here on nothing is lost or doubled.
    func heal() { state.withLock { $0.lossPercent = 0 } }

    func host(_ node: NodeID) -> EngineHost? { state.withLock { $0.hosts[node] } }

    var notices: [MovementNotice] { state.withLock { $0.notices } }

    func note(_ notice: MovementNotice) { state.withLock { $0.notices.append(notice) } }

    /// Delivers messages of a host, as long as it is the one that stands for its node.
    func send(_ parcels: [MovementParcel], from sender: NodeID, to node: NodeID) {
        let delays = state.withLock { state -> [Int] in
            let lot = Int.random(in: 0..<100, using: &state.random)
            let copies = lot < state.lossPercent ? 0 : lot < 2 * state.lossPercent ? 2 : 1
            return (0..<copies).map { _ in Int.random(in: 0...15, using: &state.random) }
        }
        for delay in delays {
            queue.asyncAfter(deadline: .now() + .milliseconds(delay)) {
                self.host(node)?.receive(parcels, from: sender)
            }
        }
    }
}

/// One host's way out; ends with the host.
final class LossyOutlet: MovementOutlet {
    private let network: LossyNetwork
    private let me: NodeID
    private let isCut = Atomic(false)

    init(_ network: LossyNetwork, _ me: NodeID) {
        self.network = network
        self.me = me
    }

    /// The process is dead: nothing of it leaves any more.
    func cut() { isCut.store(true, ordering: .relaxed) }

    func send(_ parcels: [MovementParcel], to node: NodeID) {
        if !isCut.load(ordering: .relaxed) { network.send(parcels, from: me, to: node) }
    }

    func note(_ notice: MovementNotice) {
        if !isCut.load(ordering: .relaxed) { network.note(notice) }
    }
}

/// A few engines of one cluster of 8 slots, and a router.
final class SmallCluster {
    static let slotBits = 3
    static let slots = 1 << slotBits

    let network: LossyNetwork
    var folders: [TemporaryFolder] = []
    private(set) var boots: [UInt32] = []
    private var outlets: [LossyOutlet?] = []
    /// Hosts that are dead for the cluster; closed at the end.
    private var ghosts: [EngineHost] = []
    private(set) var view: MovementView
    private var nextBatch: UInt64 = 1
    var told = Acknowledged()

    /// - Parameters:
    ///   - count: nodes with a folder.
    ///   - wanted: nodes in the ring, the first ones.
    ///   - seed: of the network.
    init(count: Int, wanted: Int, seed: UInt64) {
        network = LossyNetwork(seed: seed)
        view = Self.view(members: 0..<wanted, ring: Array(0..<wanted))
        for _ in 0..<count {
            folders.append(TemporaryFolder())
            boots.append(0)
            outlets.append(nil)
        }
    }

    static func view(members: Range<Int>, ring: [Int]) -> MovementView {
        let orders = (0..<slots).map { slot in
            ring.indices.map { NodeID(UInt32(ring[($0 + slot) % ring.count])) }
        }
        return MovementView(
            members: members.map { NodeID(UInt32($0)) }, orders: orders, replicationFactor: 2, assuredFactor: 2)
    }

    static var limits: MovementLimits {
        var limits = MovementLimits()
        limits.lease = 600_000
        limits.askInterval = 100_000
        limits.writeTimeout = 200_000
        limits.grace = 1_000_000
        limits.writeDeadline = 5_000_000
        limits.repairInterval = 400_000
        limits.recoveryWait = 30_000_000
        return limits
    }

    func start(
        _ node: Int, durability: Durability = .interval, _ adjust: (inout MovementSetup) -> Void = { _ in }
    ) async throws {
        boots[node] += 1
        let id = NodeID(UInt32(node))
        let outlet = LossyOutlet(network, id)
        outlets[node] = outlet
        var setup = MovementSetup(me: id, boot: boots[node], view: view, names: NumberedNames(), outlet: outlet)
        setup.limits = Self.limits
        setup.pageBytesMax = 400
        setup.restMilliseconds = 0
        adjust(&setup)
        var configuration = EngineHostConfiguration(engine: EngineConfiguration(generation: 0))
        configuration.engine.slotBits = Self.slotBits
        configuration.durability = durability
        let host = try await EngineHost.open(
            directory: DataDirectory(path: folders[node].path), configuration: configuration, movement: setup,
            logger: quiet)
        network.connect(id, host)
    }

    /// The process dies: what it wrote is all that the next start finds.
    func kill(_ node: Int) async throws {
        let id = NodeID(UInt32(node))
        let host = try #require(network.host(id))
        network.connect(id, nil)
        outlets[node]?.cut()
        ghosts.append(host)
        folders[node] = try folders[node].copy()
    }

    func stopAll() async throws {
        for node in boots.indices {
            if let host = network.host(NodeID(UInt32(node))) { ghosts.append(host) }
        }
        for host in ghosts { try await host.close() }
    }

    func update(_ view: MovementView) async throws {
        self.view = view
        for node in boots.indices { try await network.host(NodeID(UInt32(node)))?.update(view) }
    }

    func host(_ node: Int) throws -> EngineHost { try #require(network.host(NodeID(UInt32(node)))) }

    /// Pushes a batch as a router does.
    ///
    /// - Returns: whether it was acknowledged.
    func push(_ samples: [(SeriesDefinition, Int64, Double)]) async throws -> Bool {
        let slots = Set(samples.map { Int($0.0.placement.slot(bits: Self.slotBits)) }).sorted()
        var attempt = WriteAttempt(
            slots: slots, batch: nextBatch, view: view, limits: Self.limits, now: MonotonicClock.now() * 1000)
        nextBatch += 1
        let replies = AsyncStream<StoreReply?>.makeStream()
        let input = batch(samples)
        let timer = Task {
            while !Task.isCancelled {
                try await Task.sleep(for: .milliseconds(50))
                replies.continuation.yield(nil)
            }
        }
        defer { timer.cancel() }
        var requests: [AddressedStore] = []
        attempt.advance(now: MonotonicClock.now() * 1000, isSuspect: { _ in false }, into: &requests)
        var answers = replies.stream.makeAsyncIterator()
        while true {
            for request in requests {
                network.host(request.node)?.store(input, request.request) { result in
                    if case .success(let outcome) = result { replies.continuation.yield(outcome.reply) }
                }
            }
            requests = []
            if attempt.state != .underWay { break }
            let now = MonotonicClock.now() * 1000
            if let reply = await answers.next() ?? nil {
                attempt.receive(reply, now: now, isSuspect: { _ in false }, into: &requests)
            } else {
                attempt.advance(now: now, isSuspect: { _ in false }, into: &requests)
            }
        }
        guard attempt.state == .acknowledged else { return false }
        told.take(samples)
        return true
    }

    /// Waits until a condition holds; a bound, not a measure.
    func wait(_ what: String, until isDone: () async throws -> Bool) async throws {
        for _ in 0..<1200 {
            if try await isDone() { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        var states: [MovementStatus?] = []
        for node in boots.indices { states.append(try await network.host(NodeID(UInt32(node)))?.movementStatus()) }
        Issue.record("\(what) did not come: \(states)")
    }

    /// Waits until every node that runs has nothing left to move, to pay or to drop, and every slot is whole where it is wanted.
    func settle() async throws {
        try await wait("rest") {
            for node in boots.indices {
                let id = NodeID(UInt32(node))
                guard let status = try await network.host(id)?.movementStatus() else { continue }
                let wanted = (0..<Self.slots).count { view.wanted($0).contains(id) }
                guard status.isSettled, status.holds == wanted, status.whole == wanted else { return false }
            }
            return true
        }
    }

    /// Checks that each wanted owner has exactly what was acknowledged, or more that was not, and that all owners have the same.
    func check() async throws {
        for slot in 0..<Self.slots {
            var digests: [[Int64: WindowDigest]] = []
            for node in view.wanted(slot) {
                let host = try #require(network.host(node))
                digests.append(try await host.windowDigests(slot: slot, before: .max))
            }
            #expect(digests.allSatisfy { $0 == digests[0] }, "slot \(slot)")
        }
        for node in boots.indices {
            let id = NodeID(UInt32(node))
            guard let host = network.host(id) else { continue }
            let found = try await host.everything()
            for (labels, columns) in told.columns {
                let definition = try definition(labels["__name__"] ?? "", labels["instance"] ?? "")
                let slot = Int(definition.placement.slot(bits: Self.slotBits))
                if view.wanted(slot).contains(id) {
                    let times = Set(found[labels]?.timestamps ?? [])
                    #expect(times.isSuperset(of: columns.timestamps), "n\(node) lacks samples of slot \(slot)")
                } else {
                    #expect(found[labels] == nil, "n\(node) keeps slot \(slot)")
                }
            }
        }
    }
}
