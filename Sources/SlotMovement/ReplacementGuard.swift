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

        package var description: String {
            switch self {
            case .notLongEnough: "the member may come back within replacement_delay"
            case .tooManyDead(let dead, let allowed):
                "\(dead) members are dead, at most \(allowed) are replaced without a word from an operator"
            case .zoneDead(let zone): "every member of zone \(zone) is dead"
            case .noMajority(let alive, let all): "this side sees \(alive) of \(all) members, no majority"
            case .noRoom: "the remaining members have no room for more"
            }
        }
    }

    /// Decides.
    ///
    /// - Parameters:
    ///   - members: of the last agreed set, this one included.
    ///   - delay: `replacement_delay`, microseconds.
    ///   - hasRoom: whether the targets can take what would move.
    ///   - now: of the monotonic clock.
    /// - Returns: those dead for at least `delay`, if all rules allow it.
    package static func verdict(_ members: [Member], delay: Int64, hasRoom: Bool, now: Int64) -> Verdict {
        let dead = members.filter { $0.deadSince != nil }
        guard !dead.isEmpty else { return .nothing }
        let alive = members.count - dead.count
        guard alive >= members.count / 2 + 1 else { return .wait(.noMajority(alive: alive, of: members.count)) }
        let allowed = max(1, members.count / 10)
        guard dead.count <= allowed else { return .wait(.tooManyDead(dead.count, allowed: allowed)) }
        for member in dead where !members.contains(where: { $0.zone == member.zone && $0.deadSince == nil }) {
            return .wait(.zoneDead(member.zone))
        }
        guard hasRoom else { return .wait(.noRoom) }
        let due = dead.filter { ($0.deadSince ?? now) + delay <= now }
        if due.isEmpty {
            return .wait(.notLongEnough(until: (dead.compactMap(\.deadSince).min() ?? now) + delay))
        }
        return .replace(due.map(\.node))
    }
}
