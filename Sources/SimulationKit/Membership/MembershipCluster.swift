package import Membership
import SeededRandom

/// A cluster of nothing but memberships, on the virtual clock and network: what the experiments in `MembershipExperiment.swift` watch.
///
/// Datagrams suffer what the network's quality says; exchanges travel as on a stream, delayed and cut alike but not lost. Nodes are named
/// `m0` and so on and live at port 1 + their number. What members notice goes to `observed`.
package struct MembershipCluster {
    /// What travels.
    private enum Packet {
        case datagram([UInt8])
        case request(SyncID, [UInt8])
        case answer(SyncID, [UInt8])
        case refusal(SyncID)
    }

    /// A notice of one member.
    package struct Observation {
        package var time: Int64
        package var node: Int
        package var notice: MembershipNotice
    }

    /// The kernel: faults are given to it.
    private var simulation: Simulation<Packet, Int64>
    /// The production state machines; a node that does not run keeps its last state.
    package private(set) var members: [Membership]
    /// What members noticed since the last `removeObservations`.
    package private(set) var observed: [Observation] = []

    private let configuration: MembershipConfiguration
    private var random: SplitMix64
    /// When each node's timer is set to; a timer that says another time is void.
    private var armed: [Int64]
    private var boots: [UInt64]
    private var snapshots: [MembershipSnapshot?]

    /// - Parameters:
    ///   - count: nodes; none runs before `start`.
    ///   - configuration: of all members.
    ///   - quality: of all links.
    ///   - seed: decides everything.
    package init(count: Int, configuration: MembershipConfiguration, quality: LinkQuality, seed: UInt64) {
        self.configuration = configuration
        random = SplitMix64(seed: seed)
        simulation = Simulation(nodeCount: count, quality: quality, seed: random.next())
        armed = [Int64](repeating: .max, count: count)
        boots = [UInt64](repeating: 0, count: count)
        snapshots = [MembershipSnapshot?](repeating: nil, count: count)
        members = (0..<count).map { node in
            Membership(
                record: Self.record(node, boot: 1), settings: nil, configuration: configuration,
                seed: UInt64(node))
        }
    }

    /// Virtual time, microseconds.
    package var time: Int64 { simulation.time }
    /// How many nodes there are, running or not.
    package var count: Int { members.count }
    /// Occurrences so far.
    package var occurrenceCount: Int { simulation.occurrenceCount }
    /// Whether a node was started and did not crash.
    package func isRunning(_ node: Int) -> Bool { simulation.isRunning(node) }
    /// The running nodes, ascending.
    package var running: [Int] { members.indices.filter { simulation.isRunning($0) } }

    /// A node's name.
    package static func name(_ node: Int) -> MemberName {
        guard let name = try? MemberName("m\(node)") else { preconditionFailure("m\(node) is a name") }
        return name
    }

    /// The node of a name.
    package static func node(_ name: MemberName) -> Int { Int(name.text.dropFirst()) ?? -1 }

    private static func address(_ node: Int) -> NodeAddress { NodeAddress(v4: 0x0A00_0001, port: UInt16(node + 1)) }

    private static func record(_ node: Int, boot: UInt64) -> MemberRecord {
        var record = MemberRecord(
            name: name(node), instance: MemberInstance(high: 1, low: UInt64(node), boot: boot),
            roles: .aggregator, address: address(node))
        record.state = .active
        record.zone = "zone-\(node % 3)"
        return record
    }

    private static var settings: ClusterSettings {
        ClusterSettings(
            id: ClusterID(high: 1, low: 2), name: "simulation", placementLabels: ["server_id", "instance"],
            lateWindowMilliseconds: 600_000)
    }

    // MARK: - What befalls nodes

    /// Starts a node: the first time with an empty disk, later with what it kept when it was last running.
    ///
    /// - Parameters:
    ///   - node: it must not run.
    ///   - seeds: nodes that it asks; with none it founds the cluster.
    package mutating func start(_ node: Int, seeds: [Int]) {
        simulation.start(node)
        boots[node] += 1
        armed[node] = .max
        var record = Self.record(node, boot: boots[node])
        let kept = snapshots[node]
        if let kept { record.version = kept.me.version + 1 }
        members[node] = Membership(
            record: record, settings: kept?.settings, configuration: configuration, seed: random.next())
        var effects: [MembershipEffect] = []
        let founding = seeds.isEmpty ? Founding(settings: Self.settings, membersMin: 1) : nil
        members[node].start(
            seeds: seeds.map { Self.address($0) }, cluster: Self.settings.name, founding: founding,
            known: kept?.members.map(\.record) ?? [], now: clock(node), into: &effects)
        perform(&effects, of: node)
    }

    /// Ends a node without a word; it keeps on disk what it knew.
    package mutating func crash(_ node: Int) {
        snapshots[node] = members[node].snapshot(now: clock(node))
        simulation.crash(node)
    }

    /// Lets a node leave for good.
    package mutating func leave(_ node: Int) {
        var effects: [MembershipEffect] = []
        members[node].leave(now: clock(node), into: &effects)
        perform(&effects, of: node)
    }

    /// Lets a node stop with a word to the others.
    package mutating func stop(_ node: Int) {
        snapshots[node] = members[node].snapshot(now: clock(node))
        var effects: [MembershipEffect] = []
        members[node].stop(now: clock(node), into: &effects)
        perform(&effects, of: node)
    }

    /// Stops a node for a while, as SIGSTOP does.
    package mutating func stall(_ node: Int, for duration: Int64) { simulation.stall(node, for: duration) }

    /// Cuts the links between two groups, both ways.
    package mutating func partition(_ left: [Int], _ right: [Int]) {
        simulation.network.cut(from: left, to: right)
        simulation.network.cut(from: right, to: left)
    }

    /// Cuts the links from one group to another; the ways back stay.
    package mutating func cut(from left: [Int], to right: [Int]) { simulation.network.cut(from: left, to: right) }

    /// Mends all links.
    package mutating func mend() { simulation.network.mend() }

    /// Forgets what members noticed so far.
    package mutating func removeObservations() { observed.removeAll(keepingCapacity: true) }

    /// What members noticed, and nothing is observed any more.
    package mutating func takeObservations() -> [Observation] {
        let taken = observed
        observed.removeAll(keepingCapacity: true)
        return taken
    }

    // MARK: - Running

    /// Runs for a while.
    ///
    /// - Parameter duration: microseconds.
    package mutating func run(for duration: Int64) {
        let limit = time + duration
        var effects: [MembershipEffect] = []
        while let occurrence = simulation.next(until: limit) {
            switch occurrence {
            case .message(let sender, let node, let packet):
                deliver(packet, from: sender, to: node, &effects)
                perform(&effects, of: node)
            case .timer(let node, let due):
                guard armed[node] == due else { continue }
                armed[node] = .max
                let time = clock(node)
                if members[node].wakeAt <= time { members[node].tick(now: time, into: &effects) }
                perform(&effects, of: node)
            case .scheduled: preconditionFailure("nothing was scheduled")
            }
        }
    }

    /// Runs until `done` holds, looked at every `step`.
    ///
    /// - Returns: the time that passed; nil when `done` did not hold within `limit`.
    package mutating func run(
        until done: (borrowing MembershipCluster) -> Bool, step: Int64 = .milliseconds(10), limit: Int64
    ) -> Int64? {
        let start = time
        while !done(self) {
            if time - start >= limit { return nil }
            run(for: step)
        }
        return time - start
    }

    private func clock(_ node: Int) -> MembershipInstant {
        MembershipInstant(microseconds: simulation.monotonic(node))
    }

    private mutating func deliver(_ packet: Packet, from sender: Int, to node: Int, _ effects: inout [MembershipEffect])
    {
        let time = clock(node)
        switch packet {
        case .datagram(let contents):
            members[node].receive(contents, from: Self.address(sender), now: time, into: &effects)
        case .request(let id, let contents):
            let answer = members[node].answer(contents, now: time, into: &effects)
            sendReliably(answer.map { .answer(id, $0) } ?? .refusal(id), from: node, to: sender)
        case .answer(let id, let contents): members[node].answered(id, contents, now: time, into: &effects)
        case .refusal(let id): members[node].failed(id, now: time, into: &effects)
        }
    }

    private mutating func perform(_ effects: inout [MembershipEffect], of node: Int) {
        for effect in effects {
            switch effect {
            case .send(let address, let contents):
                simulation.send(
                    .datagram(contents), from: node, to: Int(address.port) - 1,
                    bytes: contents.count + Envelope.overhead)
            case .exchange(let id, let address, let contents):
                sendReliably(.request(id, contents), from: node, to: Int(address.port) - 1)
            case .resolveSeeds: break
            case .notify(let notice):
                observed.append(Observation(time: time, node: node, notice: notice))
                if notice == .finished { simulation.crash(node) }
            }
        }
        effects.removeAll(keepingCapacity: true)
        arm(node)
    }

    private mutating func arm(_ node: Int) {
        let wakeAt = members[node].wakeAt
        guard simulation.isRunning(node), wakeAt < .never, wakeAt.microseconds < armed[node] else { return }
        armed[node] = wakeAt.microseconds
        simulation.setTimer(
            wakeAt.microseconds, node: node, after: max(0, wakeAt.microseconds - simulation.monotonic(node)))
    }

    /// Streams resend what is lost; they are cut and delayed as datagrams are.
    private mutating func sendReliably(_ packet: Packet, from sender: Int, to receiver: Int) {
        let loss = simulation.network.quality.lossPerMillion
        simulation.network.quality.lossPerMillion = 0
        simulation.send(packet, from: sender, to: receiver)
        simulation.network.quality.lossPerMillion = loss
    }
}
