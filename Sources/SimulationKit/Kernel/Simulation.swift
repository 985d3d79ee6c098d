import SeededRandom

/// Many nodes on one thread: a virtual clock, one event queue, a network, and for each node a clock of its own, crashes, restarts and stalls.
///
/// What arrives are sends, timers and faults; `next` gives what happens, one occurrence after the other, and the caller hands it to its machines.
/// Two runs with equal calls and one seed are equal. Times are microseconds since the simulation's start. A message is any value and is never
/// encoded; drivers that run millions of events belong into this module, where the compiler specialises the loop for their message.
package struct Simulation<Message, Timer> {
    /// What happens to whom.
    package enum Occurrence {
        /// A message arrives at a running node.
        case message(from: Int, to: Int, Message)
        /// A timer that a running node set since its start.
        case timer(node: Int, Timer)
        /// The moment that the caller asked for by `schedule`, with its number.
        case scheduled(Int)
    }

    private struct Node {
        var isRunning = false
        /// Counts starts: a timer of an earlier one is void.
        var boot: UInt32 = 0
        var stalledUntil: Int64 = 0
        var clock = SimulatedClock()
    }

    private enum Pending {
        case message(from: Int32, to: Int32, Message)
        case timer(node: Int32, boot: UInt32, Timer)
        case scheduled(Int)
    }

    /// A node that wakes reads its messages before it acts on timers: timers of one moment rank behind messages of it.
    private static var timerRank: UInt64 { 1 << 62 }

    /// Virtual time, microseconds.
    package private(set) var time: Int64 = 0
    /// Cut links and their qualities.
    package var network: SimulatedNetwork
    /// Occurrences that `next` has given.
    package private(set) var occurrenceCount = 0

    private var queue = EventQueue<Pending>()
    private var nodes: [Node]
    private var random: SplitMix64
    private var sequence: UInt64 = 0

    /// - Parameters:
    ///   - nodeCount: nodes are 0 ..< `nodeCount`; none runs before `start`.
    ///   - quality: of all links.
    ///   - seed: decides the network.
    package init(nodeCount: Int, quality: LinkQuality = .calm, seed: UInt64) {
        nodes = [Node](repeating: Node(), count: nodeCount)
        network = SimulatedNetwork(nodeCount: nodeCount, quality: quality)
        random = SplitMix64(seed: seed)
    }

    /// How many nodes there are, running or not.
    package var nodeCount: Int { nodes.count }

    /// The next occurrence, at which `time` then is.
    ///
    /// - Parameter limit: nothing after this time happens yet.
    /// - Returns: nil when nothing is left until `limit`; `time` is then `limit`.
    package mutating func next(until limit: Int64) -> Occurrence? {
        while let due = queue.nextTime, due <= limit, let (key, pending) = queue.pop() {
            time = due
            switch pending {
            case .scheduled(let number):
                occurrenceCount += 1
                return .scheduled(number)
            case .message(let sender, let receiver, let message):
                let node = nodes[Int(receiver)]
                if !node.isRunning {
                    network.counters.unheard += 1
                } else if node.stalledUntil > due {
                    queue.push(pending, key: .init(time: node.stalledUntil, rank: key.rank))
                } else {
                    network.counters.delivered += 1
                    occurrenceCount += 1
                    return .message(from: Int(sender), to: Int(receiver), message)
                }
            case .timer(let index, let boot, let timer):
                let node = nodes[Int(index)]
                if !node.isRunning || node.boot != boot { continue }
                if node.stalledUntil > due {
                    queue.push(pending, key: .init(time: node.stalledUntil, rank: key.rank))
                } else {
                    occurrenceCount += 1
                    return .timer(node: Int(index), timer)
                }
            }
        }
        time = max(time, limit)
        return nil
    }

    // MARK: - What nodes do

    /// Sends a message; it arrives as the link has it, to whatever start of the receiver then runs.
    ///
    /// - Parameters:
    ///   - message: any value.
    ///   - sender: a node; nothing is sent by one that does not run.
    ///   - receiver: a node.
    ///   - bytes: what the message would be on the wire, for the counters.
    package mutating func send(_ message: Message, from sender: Int, to receiver: Int, bytes: Int = 0) {
        guard nodes[sender].isRunning else { return }
        let fate = network.fate(from: sender, to: receiver, random: &random)
        network.counters.sentBytes += bytes
        if let first = fate.first {
            push(.message(from: Int32(sender), to: Int32(receiver), message), at: time + first)
        }
        if let second = fate.second {
            push(.message(from: Int32(sender), to: Int32(receiver), message), at: time + second)
        }
    }

    /// Wakes a node later by its own clock. A timer cannot be taken back: a node that no longer wants it ignores it.
    ///
    /// - Parameters:
    ///   - timer: what the node is told.
    ///   - node: it must run.
    ///   - delay: microseconds of the node's monotonic clock, 0 or more.
    package mutating func setTimer(_ timer: Timer, node: Int, after delay: Int64) {
        let boot = nodes[node].boot
        let due = time + nodes[node].clock.duration(ofLocal: delay)
        push(.timer(node: Int32(node), boot: boot, timer), at: due, rank: Self.timerRank)
    }

    /// Makes `next` give `number` at a time; for the caller's own plans: load, faults, checks.
    package mutating func schedule(_ number: Int, at time: Int64) {
        push(.scheduled(number), at: time)
    }

    private mutating func push(_ pending: consuming Pending, at due: Int64, rank: UInt64 = 0) {
        precondition(due >= time, "an event at \(due), before \(time)")
        sequence += 1
        queue.push(pending, key: .init(time: due, rank: rank | sequence))
    }

    // MARK: - What befalls nodes

    /// Starts a node that does not run; its monotonic clock goes on, as a machine's does whose process restarts.
    package mutating func start(_ node: Int) {
        precondition(!nodes[node].isRunning, "node \(node) runs")
        nodes[node].isRunning = true
        nodes[node].boot += 1
        nodes[node].stalledUntil = 0
    }

    /// Ends a node at once: its timers are void, messages to it are lost until it is started. What it sent is on its way.
    package mutating func crash(_ node: Int) {
        nodes[node].isRunning = false
    }

    /// Whether a node was started and did not crash; a stalled one runs.
    package func isRunning(_ node: Int) -> Bool { nodes[node].isRunning }

    /// Whether a node is stopped for a while.
    package func isStalled(_ node: Int) -> Bool { nodes[node].isRunning && nodes[node].stalledUntil > time }

    /// Stops a running node for a while, as SIGSTOP or a long pause does: on waking it finds its messages, then its timers.
    package mutating func stall(_ node: Int, for duration: Int64) {
        nodes[node].stalledUntil = max(nodes[node].stalledUntil, time + duration)
    }

    /// Sets how a node's clocks run from now on; its monotonic clock does not jump.
    package mutating func setClock(_ node: Int, driftPerMillion: Int, wallOffset: Int64) {
        nodes[node].clock.change(driftPerMillion: driftPerMillion, wallOffset: wallOffset, now: time)
    }

    /// A node's monotonic clock, microseconds; no two nodes' clocks are comparable.
    package func monotonic(_ node: Int) -> Int64 { nodes[node].clock.monotonic(time) }

    /// A node's wall clock, microseconds since a common, arbitrary moment.
    package func wall(_ node: Int) -> Int64 { nodes[node].clock.wall(time) }
}
