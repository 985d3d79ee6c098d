import SeededRandom
import SlotMovement

/// A whole cluster on one thread: aggregators with their `SlotKeeper`s and stores, routers that push, coordinators that ask, faults from a seed,
/// and a checker that knows what was acknowledged.
///
/// `run` is the way in. The roles lie in files of their own (`+Aggregator`, `+Router`, `+Coordinator`), faults in `+Faults`, the checker in
/// `SampleLedger.swift`. A run ends at the first violation; when there is none, faults stop and the cluster must become whole again.
package struct ClusterSimulation {
    /// A message with the samples beside it.
    struct Packet {
        enum Content {
            case movement(MovementMessage)
            case store(StoreRequest, RequesterID)
            case stored(StoreReply)
            case read(slots: [Int], RequesterID)
            case readReply(ReadReply, RequesterID)
            case checkpoint(CheckpointMessage)
        }

        var content: Content
        var samples: [SimulatedSample]
    }

    enum Timer {
        case tick
        case sync
        case seal
        case push
        case ask
    }

    /// Moments of the run, by the numbers that the kernel gives back.
    enum Moment {
        static let fault = 1
        static let quiet = 2
        static let check = 3
        /// From here on: node number times this, plus the version of a view that it learns of.
        static let views = 1_000_000
    }

    struct Aggregator {
        var keeper: SlotKeeper?
        var store: SimulatedStore
        var duty: CheckpointDuty
        /// What the checkpoint had of each slot when this node took it over.
        var bases: [SampleSet]
        var boot: UInt32 = 0
        /// Whether the last end of the process may have cost acknowledged records. A name that the cluster never had lost nothing.
        var mayHaveLost = false
        var downSince: Int64?
    }

    struct Router {
        var writes: [UInt64: (attempt: WriteAttempt, samples: [SimulatedSample])] = [:]
    }

    struct Coordinator {
        var reads: [UInt64: Read] = [:]
    }

    struct Read {
        var attempt: ReadAttempt
        var samples = SampleSet()
        /// Acknowledgements before the read began.
        var after: Int
    }

    let plan: ClusterPlan
    var kernel: Simulation<Packet, Timer>
    var random: SplitMix64
    var oracle: ClusterOracle
    var aggregators: [Aggregator]
    var routers: [Router]
    var coordinators: [Coordinator]
    /// Of each node, the version of the view that it has.
    var versions: [Int]
    var ledger: SampleLedger
    var checkpoint: SimulatedCheckpoint
    var report = ClusterReport()
    var nextNumber: UInt64 = 1
    var isQuiet = false
    /// Faults since the cluster was last whole that may each have cost one copy of something.
    var lossyFaults = 0
    /// Whom clients believe not to answer.
    var suspects: Set<NodeID> = []
    /// Processes to start again, and members to be replaced unless they are back by then.
    var restarts: [(node: Int, time: Int64)] = []
    var absences: [(node: Int, time: Int64)] = []
    /// Members that have given everything away, and when they are gone.
    var leaving: [(node: Int, time: Int64)] = []
    var databaseBack: Int64 = 0

    /// Sets the cluster up; nothing has happened yet.
    package init(_ plan: ClusterPlan) {
        self.plan = plan
        let aggregatorCount = plan.aggregators + plan.joiners
        let nodeCount = aggregatorCount + plan.routers + plan.coordinators + 1
        kernel = Simulation(nodeCount: nodeCount, seed: plan.seed)
        random = SplitMix64(seed: plan.seed &* 0x9E37_79B9 &+ 1)
        oracle = ClusterOracle(
            nodeCount: aggregatorCount, members: plan.aggregators, replicationFactor: plan.replicationFactor,
            slots: plan.slots)
        let store = SimulatedStore(slotCount: plan.slots, lastWins: plan.bugs.contains(.lastWriteWins))
        let aggregator = Aggregator(
            store: store, duty: CheckpointDuty(slotCount: plan.slots),
            bases: Array(repeating: SampleSet(), count: plan.slots))
        aggregators = Array(repeating: aggregator, count: aggregatorCount)
        checkpoint = SimulatedCheckpoint(slotCount: plan.slots, isFencing: !plan.bugs.contains(.noFencing))
        routers = Array(repeating: Router(), count: plan.routers)
        coordinators = Array(repeating: Coordinator(), count: plan.coordinators)
        versions = Array(repeating: 0, count: nodeCount)
        ledger = SampleLedger(slotCount: plan.slots)
        report.seed = plan.seed
    }

    var aggregatorCount: Int { aggregators.count }
    var firstCoordinator: Int { aggregators.count + routers.count }

    /// Runs to the end or to the first violation.
    package mutating func run() -> ClusterReport {
        for node in 0..<plan.aggregators { startAggregator(node) }
        for node in aggregatorCount..<database { startClient(node) }
        kernel.start(database)
        let faultsEnd = plan.faultSeconds * 1_000_000
        kernel.schedule(Moment.fault, at: 5_000_000)
        kernel.schedule(Moment.quiet, at: faultsEnd)
        kernel.schedule(Moment.check, at: 1_000_000)
        let end = faultsEnd + plan.healSeconds * 1_000_000
        while report.failure == nil, report.healed == 0, let occurrence = kernel.next(until: end) { handle(occurrence) }
        if report.failure == nil, report.healed == 0 { fail("not whole again: \(illness ?? "nothing to be seen")") }
        report.simulated = kernel.time
        report.occurrences = kernel.occurrenceCount
        report.samplesAcknowledged = ledger.sampleCount
        return report
    }

    private mutating func handle(_ occurrence: Simulation<Packet, Timer>.Occurrence) {
        switch occurrence {
        case .message(let sender, let node, let packet): deliver(packet, from: sender, to: node)
        case .timer(let node, let timer):
            switch timer {
            case .tick: tick(node)
            case .sync:
                aggregators[node].store.sync()
                kernel.setTimer(.sync, node: node, after: 200_000)
            case .seal: seal(node)
            case .push: push(node)
            case .ask: ask(node)
            }
        case .scheduled(Moment.fault): injectFault()
        case .scheduled(Moment.quiet): endFaults()
        case .scheduled(Moment.check): checkHealth()
        case .scheduled(let number): learnView(number / Moment.views - 1, version: number % Moment.views)
        }
    }

    private mutating func deliver(_ packet: Packet, from sender: Int, to node: Int) {
        switch packet.content {
        case .checkpoint(let message):
            if node == database {
                receiveAtDatabase(message, packet.samples, from: sender)
            } else {
                receiveFromDatabase(message, packet.samples, at: node)
            }
        case .movement(let message): receiveAtAggregator(node, message, packet.samples, from: sender)
        case .store(let request, let requester): store(request, packet.samples, from: requester, at: node)
        case .stored(let reply): receiveAtRouter(node, reply)
        case .read(let slots, let requester): read(slots, from: requester, at: node)
        case .readReply(let reply, let requester): receiveAtCoordinator(node, reply, packet.samples, requester)
        }
    }

    private mutating func tick(_ node: Int) {
        if node < aggregatorCount {
            tickAggregator(node)
        } else if node < firstCoordinator {
            tickRouter(node)
        } else {
            tickCoordinator(node)
        }
        kernel.setTimer(.tick, node: node, after: 100_000)
    }

    private mutating func startClient(_ node: Int) {
        kernel.start(node)
        kernel.setTimer(.tick, node: node, after: Int64(random.number(in: 1...100_000)))
        let timer: Timer = node < firstCoordinator ? .push : .ask
        kernel.setTimer(timer, node: node, after: Int64(random.number(in: 2_000_000...2_200_000)))
    }

    // MARK: - Views

    var views: [MovementView] { oracle.views }

    func view(of node: Int) -> MovementView { oracle.views[versions[node]] }

    /// Lets every node learn of the newest view, each after a delay of its own.
    mutating func spreadView() {
        for node in 0..<kernel.nodeCount {
            let delay =
                random.chance(perMillion: 200_000) ? random.number(in: 1...5_000_000) : random.number(in: 1...500_000)
            kernel.schedule((node + 1) * Moment.views + oracle.version, at: kernel.time + Int64(delay))
        }
    }

    private mutating func learnView(_ node: Int, version: Int) {
        guard version > versions[node] else { return }
        // Who is down learns once it is up again, and believes until then what it knew.
        if node < aggregatorCount, !kernel.isRunning(node) { return }
        versions[node] = version
        guard node < aggregatorCount, var keeper = aggregators[node].keeper else { return }
        let view = views[version]
        aggregators[node].keeper = nil
        var effects: [MovementEffect] = []
        keeper.update(view, into: &effects)
        aggregators[node].keeper = keeper
        perform(effects, at: node, beside: [])
        // Whoever learns that its start was removed ends it.
        let least = view.leastBoots[NodeID(UInt32(node))] ?? 0
        if !view.members.contains(NodeID(UInt32(node))) || aggregators[node].boot < least { stopRemoved(node) }
    }

    /// Whether a node is believed not to answer: three seconds after it crashed.
    func isLongDown(_ node: Int) -> Bool {
        guard let since = aggregators[node].downSince else { return false }
        return kernel.time > since + 3_000_000
    }

    // MARK: - What is wrong

    mutating func fail(_ what: String) {
        guard report.failure == nil else { return }
        report.failure = "at \(Self.seconds(kernel.time)) s: \(what)"
        note("FAILURE \(what)")
    }

    /// Adds to the trace; text that is made often is made only where `plan.traces`.
    mutating func note(_ what: String) {
        if plan.traces { report.trace.append("\(Self.seconds(kernel.time)) \(what)") }
    }

    static func seconds(_ time: Int64) -> String {
        let millis = String(time / 1_000 % 1_000)
        return "\(time / 1_000_000).\(String(repeating: "0", count: 3 - millis.count))\(millis)"
    }
}
