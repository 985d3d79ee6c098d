/// Whether dead members may be replaced by themselves, without anybody's word: only small, local deaths are.
///
/// A replacement moves much and cannot be taken back, and a false one (a switch that fell out, a zone without power) costs more than waiting. So
/// it happens only while few members are dead, no zone is, this side sees a majority and the rest have room. Otherwise it waits and says why.
package enum ReplacementGuard {
    /// A member of the last agreed set.
    package struct Member: Equatable, Sendable {
        package var node: NodeID
        package var zone: String
        /// Since when this side holds it for dead, microseconds of the monotonic clock; nil for one that is alive or merely suspect.
        package var deadSince: Int64?

        package init(node: NodeID, zone: String = "", deadSince: Int64? = nil) {
            self.node = node
            self.zone = zone
            self.deadSince = deadSince
        }
    }

    /// What to do.
    package enum Verdict: Equatable, Sendable {
        /// Nobody is dead.
        case nothing
        /// These are no members any more: others take their place.
        case replace([NodeID])
        /// Somebody is dead, and this is why nothing happens yet.
        case wait(Reason)
    }

    /// Why nothing happens yet.
    package enum Reason: Equatable, Sendable, CustomStringConvertible {
        case notLongEnough(until: Int64)
        case tooManyDead(Int, allowed: Int)
        case zoneDead(String)
        case noMajority(alive: Int, of: Int)
        case noRoom
        case onlyCopy
        case anotherReplaced
        case switchedOff

        /// A word for it, as metrics have it.
        package var word: String {
            switch self {
            case .notLongEnough: "not_long_enough"
            case .tooManyDead: "too_many_dead"
            case .zoneDead: "zone_dead"
            case .noMajority: "no_majority"
            case .noRoom: "no_room"
            case .onlyCopy: "only_copy"
            case .anotherReplaced: "another_replaced"
            case .switchedOff: "switched_off"
            }
        }

        /// All such words.
        package static let words = [
            "not_long_enough", "too_many_dead", "zone_dead", "no_majority", "no_room", "only_copy",
            "another_replaced", "switched_off",
        ]

        package var description: String {
            switch self {
            case .notLongEnough: "the member may come back within replacement-delay"
            case .tooManyDead(let dead, let allowed):
                "\(dead) members are dead, at most \(allowed) are replaced without a word from an operator"
            case .zoneDead(let zone): "every member of zone \(zone) is dead"
            case .noMajority(let alive, let all):
                "this side sees \(alive) of \(all) members, no majority"
            case .noRoom: "the remaining members have no room for more"
            case .onlyCopy: "samples may have no other copy than those of who is dead"
            case .anotherReplaced: "another member was removed less than replacement-delay ago"
            case .switchedOff: "replacement-delay is 0: nobody is replaced without a word from an operator"
            }
        }
    }

    /// Decides.
    ///
    /// - Parameters:
    ///   - members: of the last agreed set, this one included.
    ///   - removed: members that were removed less than `delay` ago: their samples may still be on the way to others.
    ///   - assured: on how many members each acknowledged sample lies at least.
    ///   - delay: `replacement_delay`, microseconds; 0 for never.
    ///   - hasRoom: whether the targets can take what would move.
    ///   - now: of the monotonic clock.
    /// - Returns: those dead for at least `delay`, if all rules allow it.
    package static func verdict(
        _ members: [Member], removed: Int = 0, assured: Int, delay: Int64, hasRoom: Bool, now: Int64
    ) -> Verdict {
        let dead = members.filter { $0.deadSince != nil }
        guard !dead.isEmpty else { return .nothing }
        guard delay > 0 else { return .wait(.switchedOff) }
        let (all, alive) = (members.count + removed, members.count - dead.count)
        guard alive >= all / 2 + 1 else { return .wait(.noMajority(alive: alive, of: all)) }
        let allowed = max(1, all / 10)
        guard dead.count <= allowed else { return .wait(.tooManyDead(dead.count, allowed: allowed)) }
        guard dead.count + removed <= allowed else { return .wait(.anotherReplaced) }
        for member in dead where !members.contains(where: { $0.zone == member.zone && $0.deadSince == nil }) {
            return .wait(.zoneDead(member.zone))
        }
        guard dead.count + removed < assured else { return .wait(.onlyCopy) }
        guard hasRoom else { return .wait(.noRoom) }
        let due = dead.filter { ($0.deadSince ?? now) + delay <= now }
        if due.isEmpty {
            return .wait(.notLongEnough(until: (dead.compactMap(\.deadSince).min() ?? now) + delay))
        }
        return .replace(due.map(\.node))
    }
}
