import SeededRandom
import SimulationKit
import Testing

@Suite struct SimulationTests {
    /// Every node pings a random other one each 100 ms and answers pings: the trace of what happened, at most `limit` lines.
    private func gossip(nodeCount: Int, seed: UInt64, seconds: Int64, limit: Int = .max) -> [String] {
        let quality = LinkQuality(lossPerMillion: 20_000, duplicatePerMillion: 10_000, slowPerMillion: 5_000)
        var simulation = Simulation<Int, Bool>(nodeCount: nodeCount, quality: quality, seed: seed)
        var random = SplitMix64(seed: seed &+ 1)
        for node in 0..<nodeCount {
            simulation.start(node)
            simulation.setTimer(true, node: node, after: Int64(random.number(in: 0...100_000)))
        }
        var trace: [String] = []
        while let occurrence = simulation.next(until: seconds * 1_000_000), trace.count < limit {
            trace.append("\(simulation.time) \(occurrence)")
            switch occurrence {
            case .message(let sender, let receiver, let value):
                if value >= 0 { simulation.send(-1, from: receiver, to: sender) }
            case .timer(let node, _):
                simulation.send(node, from: node, to: random.number(in: 0...nodeCount - 1))
                simulation.setTimer(true, node: node, after: 100_000)
            case .scheduled: Issue.record("nothing was scheduled")
            }
        }
        return trace
    }

    @Test("a seed replays a run to the last event; another seed gives another run")
    func replay() {
        let first = gossip(nodeCount: 8, seed: 7, seconds: 5)
        #expect(first.count > 500)
        #expect(first == gossip(nodeCount: 8, seed: 7, seconds: 5))
        #expect(first != gossip(nodeCount: 8, seed: 8, seconds: 5))
    }

    @Test("a thousand gossiping members")
    func thousand() {
        #expect(gossip(nodeCount: 1_000, seed: 1, seconds: 3).count > 50_000)
    }

    @Test("time goes on to the limit when nothing happens")
    func idle() {
        var simulation = Simulation<Int, Int>(nodeCount: 1, seed: 1)
        let idle = simulation.next(until: 5) == nil
        #expect(idle)
        #expect(simulation.time == 5)
    }

    @Test("a cut takes one direction, and mending gives it back")
    func cut() {
        var simulation = Simulation<Int, Int>(nodeCount: 2, seed: 1)
        simulation.start(0)
        simulation.start(1)
        simulation.network.cut(from: [0], to: [1])
        simulation.send(1, from: 0, to: 1)
        simulation.send(2, from: 1, to: 0)
        expect(received(&simulation), [2])
        simulation.network.mend()
        simulation.send(3, from: 0, to: 1)
        expect(received(&simulation), [3])
        #expect(simulation.network.counters.cut == 1)
    }

    @Test("a link loses and doubles as often as it says, and reorders")
    func quality() {
        let quality = LinkQuality(lossPerMillion: 100_000, duplicatePerMillion: 50_000, delay: 100...10_000)
        var simulation = Simulation<Int, Int>(nodeCount: 2, seed: 3)
        simulation.network.setQuality(quality, from: 0, to: 1)
        simulation.start(0)
        simulation.start(1)
        for message in 0..<10_000 { simulation.send(message, from: 0, to: 1, bytes: 10) }
        let messages = received(&simulation)
        let counters = simulation.network.counters
        #expect(counters.sent == 10_000 && counters.sentBytes == 100_000)
        #expect((850...1_150).contains(counters.lost))
        #expect((350...550).contains(counters.duplicated))
        #expect(messages.count == 10_000 - counters.lost + counters.duplicated)
        #expect(messages != messages.sorted())
        simulation.network.setQuality(nil, from: 0, to: 1)
        simulation.send(1, from: 0, to: 1)
        expect(received(&simulation), [1])
    }

    @Test("a crash voids timers and messages; the next start has neither")
    func crash() {
        var simulation = Simulation<Int, Int>(nodeCount: 2, seed: 1)
        simulation.start(0)
        simulation.start(1)
        simulation.setTimer(1, node: 1, after: 1_000_000)
        simulation.send(5, from: 0, to: 1)
        simulation.crash(1)
        #expect(!simulation.isRunning(1))
        expect(received(&simulation, until: 500_000), [])
        #expect(simulation.network.counters.unheard == 1)
        simulation.start(1)
        simulation.setTimer(2, node: 1, after: 600_000)
        expect(timers(&simulation, until: 2_000_000), [2])
        simulation.crash(0)
        simulation.send(6, from: 0, to: 1)
        expect(received(&simulation), [])
    }

    @Test("a stalled node finds its messages first, then its timers")
    func stall() {
        var simulation = Simulation<Int, Int>(nodeCount: 2, seed: 1)
        simulation.start(0)
        simulation.start(1)
        simulation.setTimer(1, node: 1, after: 10)
        simulation.stall(1, for: 1_000_000)
        #expect(simulation.isStalled(1))
        simulation.send(5, from: 0, to: 1)
        simulation.setTimer(9, node: 0, after: 900_000)
        simulation.schedule(77, at: 950_000)
        var seen: [String] = []
        while let occurrence = simulation.next(until: 2_000_000) { seen.append("\(simulation.time): \(occurrence)") }
        #expect(
            seen == [
                "900000: timer(node: 0, 9)", "950000: scheduled(77)", "1000000: message(from: 0, to: 1, 5)",
                "1000000: timer(node: 1, 1)",
            ])
    }

    @Test("a fast clock's timer is early for others and never for itself", arguments: [-200_000, -50, 0, 50, 100_000])
    func clocks(driftPerMillion: Int) {
        var simulation = Simulation<Int, Int>(nodeCount: 1, seed: 1)
        simulation.start(0)
        let idle = simulation.next(until: 12_345) == nil
        #expect(idle)
        simulation.setClock(0, driftPerMillion: driftPerMillion, wallOffset: -3_000_000)
        let set = simulation.monotonic(0)
        #expect(set == 12_345)
        simulation.setTimer(1, node: 0, after: 2_000_000)
        expect(timers(&simulation, until: 10_000_000), [1])
        #expect(simulation.monotonic(0) >= set)
        #expect(simulation.wall(0) == simulation.monotonic(0) - 3_000_000)
    }

    @Test("a timer comes when its node's own clock says so")
    func timerByOwnClock() {
        var simulation = Simulation<Int, Int>(nodeCount: 1, seed: 1)
        simulation.start(0)
        simulation.setClock(0, driftPerMillion: 100_000, wallOffset: 0)
        simulation.setTimer(1, node: 0, after: 1_100_000)
        guard case .timer = simulation.next(until: 10_000_000) else {
            Issue.record("no timer")
            return
        }
        #expect((1_000_000...1_000_002).contains(simulation.time))
        #expect((1_100_000...1_100_003).contains(simulation.monotonic(0)))
    }

    private func received(_ simulation: inout Simulation<Int, Int>, until limit: Int64? = nil) -> [Int] {
        var messages: [Int] = []
        while let occurrence = simulation.next(until: limit ?? simulation.time + 1_000_000) {
            if case .message(_, _, let message) = occurrence { messages.append(message) }
        }
        return messages
    }

    private func timers(_ simulation: inout Simulation<Int, Int>, until limit: Int64) -> [Int] {
        var timers: [Int] = []
        while let occurrence = simulation.next(until: limit) {
            if case .timer(_, let timer) = occurrence { timers.append(timer) }
        }
        return timers
    }
}
