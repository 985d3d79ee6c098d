import SeededRandom

/// What a directed link does to a message. Times are microseconds, shares are of a million.
package struct LinkQuality: Equatable, Sendable {
    /// How many messages vanish.
    package var lossPerMillion: Int
    /// How many arrive twice, the second with a delay of its own.
    package var duplicatePerMillion: Int
    /// The delay of an ordinary message, each value as likely. Unequal delays reorder messages that are close to each other.
    package var delay: ClosedRange<Int>
    /// How many are slow, and so overtaken by many others.
    package var slowPerMillion: Int
    /// The delay of a slow message.
    package var slowDelay: ClosedRange<Int>

    package init(
        lossPerMillion: Int = 0, duplicatePerMillion: Int = 0, delay: ClosedRange<Int> = 100...500,
        slowPerMillion: Int = 0,
        slowDelay: ClosedRange<Int> = 5_000...50_000
    ) {
        self.lossPerMillion = lossPerMillion
        self.duplicatePerMillion = duplicatePerMillion
        self.delay = delay
        self.slowPerMillion = slowPerMillion
        self.slowDelay = slowDelay
    }

    /// One data centre: 0.1 to 0.5 ms, nothing lost.
    package static let calm = LinkQuality()
}

/// Which messages arrive, and when: each directed link may be cut, and has the common quality or one of its own.
package struct SimulatedNetwork: Sendable {
    /// What became of messages.
    package struct Counters: Equatable, Sendable {
        /// Messages that nodes sent, and their bytes where the sender said how many.
        package var sent = 0
        package var sentBytes = 0
        /// Messages that arrived, copies included.
        package var delivered = 0
        /// Messages lost by a link's quality, by a cut, and because the receiver did not run.
        package var lost = 0
        package var cut = 0
        package var unheard = 0
        /// Copies that links made.
        package var duplicated = 0
    }

    /// What links do that have no quality of their own.
    package var quality: LinkQuality
    private var ownQualities: [Int: LinkQuality] = [:]
    private var isCut: [Bool]
    private let nodeCount: Int
    /// Sums over the run.
    package internal(set) var counters = Counters()

    init(nodeCount: Int, quality: LinkQuality) {
        self.nodeCount = nodeCount
        self.quality = quality
        isCut = [Bool](repeating: false, count: nodeCount * nodeCount)
    }

    /// Gives a directed link a quality of its own; nil takes it away.
    package mutating func setQuality(_ quality: LinkQuality?, from sender: Int, to receiver: Int) {
        ownQualities[sender * nodeCount + receiver] = quality
    }

    /// Cuts or mends a directed link: messages in flight still arrive.
    package mutating func setCut(_ isCut: Bool, from sender: Int, to receiver: Int) {
        self.isCut[sender * nodeCount + receiver] = isCut
    }

    /// Whether messages of `sender` do not reach `receiver`.
    package func isCut(from sender: Int, to receiver: Int) -> Bool { isCut[sender * nodeCount + receiver] }

    /// Cuts every link from a node of `left` to one of `right`; the ways back stay as they are.
    package mutating func cut(from left: [Int], to right: [Int]) {
        for sender in left {
            for receiver in right { setCut(true, from: sender, to: receiver) }
        }
    }

    /// Mends every cut and gives all links the common quality.
    package mutating func mend() {
        for index in isCut.indices { isCut[index] = false }
        ownQualities.removeAll()
    }

    /// Decides one message's fate.
    ///
    /// - Parameters:
    ///   - sender: a node.
    ///   - receiver: a node; a message to oneself arrives at once.
    ///   - random: the network's generator.
    /// - Returns: delays of the copies that arrive, in microseconds; nil for a copy that does not.
    mutating func fate(
        from sender: Int, to receiver: Int, random: inout SplitMix64
    ) -> (first: Int64?, second: Int64?) {
        counters.sent += 1
        if sender == receiver { return (0, nil) }
        let link = sender * nodeCount + receiver
        if isCut[link] {
            counters.cut += 1
            return (nil, nil)
        }
        let quality = ownQualities.isEmpty ? quality : ownQualities[link] ?? quality
        if random.chance(perMillion: quality.lossPerMillion) {
            counters.lost += 1
            return (nil, nil)
        }
        let first = Self.delay(quality, &random)
        guard random.chance(perMillion: quality.duplicatePerMillion) else { return (first, nil) }
        counters.duplicated += 1
        return (first, Self.delay(quality, &random))
    }

    private static func delay(_ quality: LinkQuality, _ random: inout SplitMix64) -> Int64 {
        Int64(random.number(in: random.chance(perMillion: quality.slowPerMillion) ? quality.slowDelay : quality.delay))
    }
}
