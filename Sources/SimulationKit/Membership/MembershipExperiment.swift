package import Membership
import SeededRandom

/// Numbers of one kind, for their median and tail.
package struct Measurements: Sendable {
    /// In the order of their taking.
    package private(set) var values: [Double] = []

    package init() {}

    /// Adds one.
    package mutating func add(_ value: Double) { values.append(value) }

    /// The least value that `share` of all do not exceed; nil of none.
    package func quantile(_ share: Double) -> Double? {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        return sorted[min(sorted.count - 1, max(0, Int((Double(sorted.count) * share).rounded(.up)) - 1))]
    }
}

/// What a cluster of memberships does under one fault, measured; each run is its seed's alone.
package struct MembershipExperiment {
    /// How the cluster is made.
    package struct Setting: Sendable {
        /// Members.
        package var count: Int
        /// Of all members.
        package var configuration: MembershipConfiguration
        /// Of all links.
        package var quality: LinkQuality
        /// Decides everything.
        package var seed: UInt64

        package init(count: Int, configuration: MembershipConfiguration, quality: LinkQuality, seed: UInt64) {
            self.count = count
            self.configuration = configuration
            self.quality = quality
            self.seed = seed
        }
    }

    /// The cluster.
    package var cluster: MembershipCluster
    private var random: SplitMix64
    private let setting: Setting

    /// A cluster whose `count` members have found each other, and `spare` nodes that do not run.
    package init(_ setting: Setting, spare: Int = 0) {
        self.setting = setting
        random = SplitMix64(seed: setting.seed ^ 0xC0FF_EE00)
        cluster = MembershipCluster(
            count: setting.count + spare, configuration: setting.configuration, quality: setting.quality,
            seed: setting.seed)
        cluster.start(0, seeds: [])
        for node in 1..<setting.count {
            cluster.start(node, seeds: [0, random.number(in: 0...node - 1)])
            cluster.run(for: .milliseconds(20))
        }
        let settled = cluster.run(until: Self.agree, step: .milliseconds(100), limit: .seconds(300))
        precondition(settled != nil, "\(setting.count) members did not find each other, seed \(setting.seed)")
        cluster.run(for: .seconds(10))
        cluster.removeObservations()
    }

    /// Whether all running members have the same view, and all of them in it.
    package static func agree(_ cluster: borrowing MembershipCluster) -> Bool {
        let running = cluster.running
        guard let first = running.first else { return true }
        let digest = cluster.members[first].viewDigest
        return running.allSatisfy {
            cluster.members[$0].viewDigest == digest && cluster.members[$0].liveCount == running.count
        }
    }

    // MARK: - Crashes

    /// What crashes were found to cost.
    package struct Crashes: Sendable {
        /// Seconds until the last member suspected the crashed one, and until the last one held it for dead.
        package var suspected = Measurements()
        package var dead = Measurements()
        /// Crashes after which that took longer than a minute.
        package var late = 0
        /// Other members that were suspected, or called dead.
        package var othersSuspected = 0
        package var othersDead = 0
    }

    /// Crashes one member after the other, at random moments, and restarts each.
    package mutating func crashes(_ times: Int) -> Crashes {
        var result = Crashes()
        for _ in 0..<times {
            cluster.run(for: Int64(random.number(in: 0...1_000_000)))
            guard let victim = random.element(of: cluster.running) else { break }
            cluster.removeObservations()
            let name = MembershipCluster.name(victim)
            cluster.crash(victim)
            let start = cluster.time
            let observers = cluster.running
            var known = Set<Int>()
            var dead = Set<Int>()
            var suspectedAll: Int64?
            var deadAll: Int64?
            var others: (suspected: Set<Int>, dead: Set<Int>) = ([], [])
            while deadAll == nil, cluster.time - start < .seconds(60) {
                cluster.run(for: .milliseconds(500))
                for event in cluster.takeObservations() {
                    switch event.notice {
                    case .suspected(name): known.insert(event.node)
                    case .died(name):
                        known.insert(event.node)
                        dead.insert(event.node)
                    case .suspected(let other): others.suspected.insert(MembershipCluster.node(other))
                    case .died(let other): others.dead.insert(MembershipCluster.node(other))
                    default: break
                    }
                    if suspectedAll == nil, known.count == observers.count { suspectedAll = event.time }
                    if deadAll == nil, dead.count == observers.count { deadAll = event.time }
                }
            }
            if let suspectedAll { result.suspected.add(Double(suspectedAll - start) / 1e6) }
            if let deadAll { result.dead.add(Double(deadAll - start) / 1e6) } else { result.late += 1 }
            result.othersSuspected += others.suspected.count
            result.othersDead += others.dead.count
            let seed = observers.first { $0 != victim } ?? 0
            cluster.start(victim, seeds: [seed])
            _ = cluster.run(until: Self.agree, step: .milliseconds(100), limit: .seconds(120))
        }
        return result
    }

    // MARK: - Stalls

    /// What a member's pauses were found to cause.
    package struct Stalls: Sendable {
        /// Pauses.
        package var stalls = 0
        /// Pauses after which the member was called dead by anybody.
        package var deaths = 0
        /// Members, other than the pausing one, that were called dead.
        package var othersDead = 0
        /// Suspicions, member by member, of the pausing one and of others.
        package var suspicions = 0
        package var othersSuspected = 0
    }

    /// Lets the last member pause once a minute.
    ///
    /// - Parameters:
    ///   - minutes: how often.
    ///   - duration: of each pause, microseconds.
    /// - Returns: what came of it.
    package mutating func stalls(minutes: Int, duration: Int64) -> Stalls {
        var result = Stalls()
        let victim = setting.count - 1
        let name = MembershipCluster.name(victim)
        for _ in 0..<minutes {
            let offset = Int64(random.number(in: 0...20_000_000))
            cluster.run(for: offset)
            cluster.stall(victim, for: duration)
            cluster.run(for: .seconds(60) - offset)
            result.stalls += 1
            var died = false
            for event in cluster.takeObservations() {
                switch event.notice {
                case .died(name): died = true
                case .died: result.othersDead += 1
                case .suspected(name): result.suspicions += 1
                case .suspected: result.othersSuspected += 1
                default: break
                }
            }
            if died { result.deaths += 1 }
        }
        return result
    }

    // MARK: - Calm

    /// What a calm cluster costs, for each member and second.
    package struct Cost: Sendable {
        /// Datagrams and their bytes with envelopes, sent.
        package var datagrams = 0.0
        package var bytes = 0.0
        /// Bytes of exchanges, both ways.
        package var exchangeBytes = 0.0
        /// Members suspected, and called dead, though nothing was wrong; in all.
        package var suspicions = 0
        package var deaths = 0
    }

    /// Does nothing for a while.
    package mutating func calm(seconds: Int) -> Cost {
        let before = totals
        cluster.run(for: .seconds(Int64(seconds)))
        let after = totals
        var cost = Cost()
        let share = Double(setting.count * seconds)
        cost.datagrams = Double(after.datagramsSent - before.datagramsSent) / share
        cost.bytes =
            Double(after.bytesSent - before.bytesSent) / share + cost.datagrams * Double(Envelope.overhead)
        cost.exchangeBytes = Double(after.exchangeBytesSent - before.exchangeBytesSent) / share
        for event in cluster.takeObservations() {
            switch event.notice {
            case .suspected: cost.suspicions += 1
            case .died: cost.deaths += 1
            default: break
            }
        }
        return cost
    }

    private var totals: MembershipStatistics {
        var sum = MembershipStatistics()
        for node in cluster.running {
            let statistics = cluster.members[node].statistics
            sum.datagramsSent += statistics.datagramsSent
            sum.bytesSent += statistics.bytesSent
            sum.exchangeBytesSent += statistics.exchangeBytesSent
        }
        return sum
    }

    // MARK: - Joining, leaving, partitions

    /// Lets a spare node join through a random member, and leave again.
    ///
    /// - Parameter times: how often.
    /// - Returns: seconds until all know it, and until all know that it has left.
    package mutating func joinsAndLeaves(_ times: Int) -> (joined: Measurements, left: Measurements) {
        var joined = Measurements()
        var left = Measurements()
        let node = setting.count
        for _ in 0..<times {
            cluster.run(for: Int64(random.number(in: 0...1_000_000)))
            cluster.start(node, seeds: [random.number(in: 0...node - 1)])
            let name = MembershipCluster.name(node)
            let arrival = cluster.run(
                until: { cluster in
                    cluster.running.allSatisfy { cluster.members[$0].liveness(of: name) != nil }
                        && cluster.members[node].liveCount == node + 1
                }, limit: .seconds(120))
            if let arrival { joined.add(Double(arrival) / 1e6) }
            cluster.run(for: .seconds(2))
            cluster.leave(node)
            let departure = cluster.run(
                until: { cluster in
                    cluster.running.allSatisfy { $0 == node || cluster.members[$0].liveness(of: name) == nil }
                }, limit: .seconds(120))
            if let departure { left.add(Double(departure) / 1e6) }
            cluster.run(for: .seconds(5))
            if cluster.isRunning(node) { cluster.crash(node) }
        }
        return (joined, left)
    }

    /// Cuts the cluster in two for a while.
    ///
    /// - Parameters:
    ///   - share: of the members on the smaller side, at least one.
    ///   - duration: microseconds.
    /// - Returns: seconds from the mending until all views agree again; nil when they did not within five minutes.
    package mutating func partition(share: Double, for duration: Int64) -> Double? {
        let shuffled = random.shuffled(cluster.running)
        let size = max(1, Int(Double(shuffled.count) * share))
        cluster.partition(Array(shuffled[..<size]), Array(shuffled[size...]))
        cluster.run(for: duration)
        cluster.mend()
        let healed = cluster.run(until: Self.agree, step: .milliseconds(50), limit: .seconds(300))
        cluster.run(for: .seconds(5))
        cluster.removeObservations()
        return healed.map { Double($0) / 1e6 }
    }
}
