/// Which checkpoints a node writes: one holder per slot claims it in the database and writes under the epoch that it got.
///
/// The same value decides in `EngineStorage/CheckpointUploader.swift`, one for each database, and in simulated clusters, where `make sim` looks for a
/// history in which it loses something.
///
/// The database is the judge: it raises the slot's epoch at each claim and refuses whatever comes under an older one, or out of order within
/// one. So two nodes that both believe to be on duty, or one that slept through its successor's claim, harm nothing. Who was fenced waits
/// before it claims again: two writers with different views do not take the slot from each other all the time.
package struct CheckpointDuty: Equatable, Sendable {
    /// What the shell shall ask the database. Every answer may get lost; the step is then asked for anew.
    package enum Step: Equatable, Sendable {
        /// Raise the slot's epoch: answer with `claimed`.
        case claim(slot: Int)
        /// Fetch what the database has: answer with `loaded`. What is written later includes it.
        case load(slot: Int, epoch: Int64)
        /// Write under the epoch, if `number` is greater than that of every write before in it: answer with `written` or `fenced`.
        case write(slot: Int, epoch: Int64, number: Int64)
    }

    /// The times of a duty; microseconds of a monotonic clock.
    package struct Limits: Equatable, Sendable {
        /// How long an answer may take. What comes later was not done, or was done and counts, and is fenced by the claim that follows.
        package var answerWait: Int64 = 5_000_000
        /// Between two writes.
        package var interval: Int64 = 3_000_000
        /// `reclaim_wait`: after a fence, before this node claims the slot again.
        package var reclaimWait: Int64 = 20_000_000

        package init() {}
    }

    private enum State: Equatable {
        case idle(until: Int64)
        case claiming(since: Int64)
        case loading(epoch: Int64, since: Int64)
        case ready(epoch: Int64, next: Int64, number: Int64)
        case writing(epoch: Int64, since: Int64, number: Int64)
    }

    private let limits: Limits
    private var states: [State]

    /// Begins without any claim.
    package init(slotCount: Int, limits: Limits = Limits()) {
        self.limits = limits
        states = Array(repeating: .idle(until: .min), count: slotCount)
    }

    /// The epoch under which this node may write; nil without a claim.
    package func epoch(_ slot: Int) -> Int64? {
        switch states[slot] {
        case .idle, .claiming: nil
        case .loading(let epoch, _), .ready(let epoch, _, _), .writing(let epoch, _, _): epoch
        }
    }

    /// What is due for a slot.
    ///
    /// - Parameters:
    ///   - slot: which one.
    ///   - isOnDuty: whether this node holds the slot and is the first of its wanted owners that does.
    ///   - now: of the monotonic clock.
    /// - Returns: nil when there is nothing to do.
    package mutating func advance(_ slot: Int, isOnDuty: Bool, now: Int64) -> Step? {
        guard isOnDuty else {
            if epoch(slot) != nil { states[slot] = .idle(until: .min) }
            return nil
        }
        switch states[slot] {
        case .idle(let until):
            guard now >= until else { return nil }
        case .claiming(let since), .loading(_, let since), .writing(_, let since, _):
            // What was asked may still be done at any time: only a new epoch ends it.
            guard now >= since + limits.answerWait else { return nil }
        case .ready(let epoch, let next, let number):
            guard now >= next else { return nil }
            states[slot] = .writing(epoch: epoch, since: now, number: number + 1)
            return .write(slot: slot, epoch: epoch, number: number + 1)
        }
        states[slot] = .claiming(since: now)
        return .claim(slot: slot)
    }

    /// The database raised the epoch for this node.
    package mutating func claimed(_ slot: Int, epoch: Int64, now: Int64) -> Step? {
        guard case .claiming = states[slot] else { return nil }
        states[slot] = .loading(epoch: epoch, since: now)
        return .load(slot: slot, epoch: epoch)
    }

    /// The database's samples are here, as of some time at or after the claim.
    package mutating func loaded(_ slot: Int, epoch: Int64, now: Int64) {
        guard case .loading(epoch, _) = states[slot] else { return }
        states[slot] = .ready(epoch: epoch, next: now, number: 0)
    }

    /// A write is done.
    package mutating func written(_ slot: Int, epoch: Int64, number: Int64, now: Int64) {
        guard case .writing(epoch, _, number) = states[slot] else { return }
        states[slot] = .ready(epoch: epoch, next: now + limits.interval, number: number)
    }

    /// The write was refused as a whole, for another slot's sake, and will not be done: it may be asked for anew under the same epoch.
    package mutating func notWritten(_ slot: Int, epoch: Int64, number: Int64, now: Int64) {
        guard case .writing(epoch, _, number) = states[slot] else { return }
        states[slot] = .ready(epoch: epoch, next: now, number: number)
    }

    /// Begins anew with a claim: no answer will come to what was asked, or what was to follow a load was not done.
    package mutating func startOver(_ slot: Int) {
        if case .idle = states[slot] { return }
        states[slot] = .idle(until: .min)
    }

    /// The slots that this node has claimed and loaded, ascending.
    package var readySlots: [Int] {
        states.indices.filter { if case .ready = states[$0] { true } else { false } }
    }

    /// The slots with an epoch, ascending.
    package var claimedSlots: [Int] { states.indices.filter { epoch($0) != nil } }

    /// Somebody claimed the slot after this node had.
    package mutating func fenced(_ slot: Int, epoch: Int64, now: Int64) {
        guard self.epoch(slot) == epoch else { return }
        states[slot] = .idle(until: now + limits.reclaimWait)
    }
}
