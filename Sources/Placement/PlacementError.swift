/// Why a ring or a list of placement labels is not valid.
package enum PlacementError: Error, Equatable, Sendable, CustomStringConvertible {
    case badPlacementLabels(String)
    case badReplicationFactor(Int)
    case badSlotBits(Int)
    case badWeight(member: String, weight: UInt32)
    case duplicateMember(String)
    case noMembers
    case tooManyMembers(Int)

    package var description: String {
        switch self {
        case .badPlacementLabels(let reason): "placement labels: \(reason)"
        case .badReplicationFactor(let factor):
            "replication factor \(factor) is not in 1 ... \(Ring.replicationFactorMax)"
        case .badSlotBits(let bits): "\(bits) slot bits are not in 1 ... 16"
        case .badWeight(let member, let weight): "weight \(weight) of \(member) is not in 1 ... \(RingMember.weightMax)"
        case .duplicateMember(let name): "member \(name) occurs twice in the ring"
        case .noMembers: "a ring needs a member"
        case .tooManyMembers(let count): "\(count) members, a ring has \(Ring.membersMax) at most"
        }
    }
}
