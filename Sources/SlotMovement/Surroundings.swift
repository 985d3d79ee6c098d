/// What all slots of a node share at one moment: who the node is, what it believes of the cluster, the time, and its rounds of asking.
struct Surroundings {
    let me: NodeID
    let boot: UInt32
    let limits: MovementLimits
    let bugs: PlantedBugs
    let startedAt: Int64
    var view: MovementView
    /// Of the monotonic clock.
    var time: Int64
    /// Whether this node sees no majority, so that the others may be going on without it.
    var isIsolated = false
    /// Grows with each message sent.
    var serial: UInt64 = 0
    /// The latest round of asking all members about all slots; when the last 16 were sent.
    var round: UInt32 = 0
    /// Of so many rounds a holder at rest asks everybody in one.
    static let restRounds: UInt32 = 8
    private var roundsSentAt: [Int64] = Array(repeating: .min, count: 16)

    init(
        me: NodeID, boot: UInt32, limits: MovementLimits, bugs: PlantedBugs, view: MovementView, now: Int64
    ) {
        self.me = me
        self.boot = boot
        self.limits = limits
        self.bugs = bugs
        self.view = view
        time = now
        startedAt = now
    }

    mutating func beginRound() {
        round += 1
        roundsSentAt[Int(round % 16)] = time
    }

    /// Whether who was heard last at a time has missed a turn of asking since, which comes to all of them even from a holder at rest.
    func isSilent(since heardAt: Int64) -> Bool {
        heardAt < time - limits.askInterval * Int64(Self.restRounds + 2)
    }

    /// Whether who answered that round last, of all that it was asked, leaves questions unanswered: even a holder at rest asks it more often.
    func isLate(_ answeredRound: UInt32) -> Bool { answeredRound + Self.restRounds + 2 < round }

    /// When a round was sent; only of the last 15 this is known, and answers to older ones do not count.
    func sentAt(_ answered: UInt32) -> Int64? {
        answered <= round && answered + 15 > round ? roundsSentAt[Int(answered % 16)] : nil
    }
}
