import ByteCoding

/// An aggregator as the ring sees it.
package struct RingMember: Hashable, Sendable {
    /// Its stable name: the ring's key. Whoever carries it has its slots.
    package var name: String
    /// Its share relative to the others', 1 ... `weightMax`.
    package var weight: UInt32
    /// Where it fails together with others; members that name none are in one zone.
    package var zone: String

    /// The greatest weight.
    package static let weightMax: UInt32 = 1_000_000

    package init(name: String, weight: UInt32 = 1, zone: String = "") {
        self.name = name
        self.weight = weight
        self.zone = zone
    }
}

/// The pure function from members, weights and zones to the wanted owners of each slot.
///
/// Weighted rendezvous hashing (Thaler and Ravishankar, 1998; weights after Schindelhauer and Schomaker, 2005): member m scores
/// -ln(u)/w in a slot, where u in (0, 1] is a hash of both and w its weight, and the least scores own the slot. A member's joining or
/// leaving moves the copies that it gains or had, and no others. It depends on the set of members alone, neither on their order nor on
/// who is alive. Zones: the rule stands at `members(of:count:)`.
package struct Ring: Sendable {
    /// Ascending by the bytes of their names: an index into it numbers a member in this ring.
    package let members: [RingMember]
    /// How many members own each slot, as far as there are as many.
    package let replicationFactor: Int
    /// A slot is this many bits, 1 ... 16.
    package let slotBits: Int

    /// Of each member: the hash of its name, the number of its zone.
    private let nameHashes: [UInt64]
    private let zones: [Int]
    /// Of each zone: whether it holds half the average zone's weight, so that slots are spread for its sake.
    private let zoneCounts: [Bool]
    /// With equal weights the order of scores is that of the hashes: no logarithms.
    private let hasEqualWeights: Bool

    /// The most members, so that an index fits 16 bits with room for marks.
    package static let membersMax = 10_000
    /// The most owners of a slot.
    package static let replicationFactorMax = 16

    /// - Throws: `PlacementError` for no or too many members, equal names, weights, factors or slot bits out of range.
    package init(members: [RingMember], replicationFactor: Int, slotBits: Int = 14) throws(PlacementError) {
        guard !members.isEmpty else { throw .noMembers }
        guard members.count <= Self.membersMax else { throw .tooManyMembers(members.count) }
        guard (1...Self.replicationFactorMax).contains(replicationFactor) else {
            throw .badReplicationFactor(replicationFactor)
        }
        guard (1...16).contains(slotBits) else { throw .badSlotBits(slotBits) }
        let sorted = members.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        for (index, member) in sorted.enumerated() {
            guard (1...RingMember.weightMax).contains(member.weight) else {
                throw .badWeight(member: member.name, weight: member.weight)
            }
            if index > 0, sorted[index - 1].name.utf8.elementsEqual(member.name.utf8) {
                throw .duplicateMember(member.name)
            }
        }
        self.members = sorted
        self.replicationFactor = replicationFactor
        self.slotBits = slotBits
        nameHashes = sorted.map { XXH3.hash64([UInt8]($0.name.utf8).rawSpan) }
        hasEqualWeights = sorted.allSatisfy { $0.weight == sorted[0].weight }
        (zones, zoneCounts) = Self.number(sorted)
    }

    private static func number(_ members: [RingMember]) -> (zones: [Int], counts: [Bool]) {
        var numbers: [[UInt8]: Int] = [:]
        var weights: [UInt64] = []
        var zones: [Int] = []
        for member in members {
            let key = [UInt8](member.zone.utf8)
            let zone = numbers[key] ?? weights.count
            if zone == weights.count {
                numbers[key] = zone
                weights.append(0)
            }
            weights[zone] += UInt64(member.weight)
            zones.append(zone)
        }
        let total = weights.reduce(0, +)
        // Half the average is total / (2 * number of zones). 10,000 members of weight 1,000,000 are far from overflow.
        return (zones, weights.map { $0 * 2 * UInt64(weights.count) >= total })
    }

    /// Number of slots.
    package var slotCount: Int { 1 << slotBits }

    /// The wanted owners of a slot, in order: indices into `members`, `replicationFactor` of them or all there are.
    package func owners(of slot: UInt16) -> [Int] { members(of: slot, count: replicationFactor) }

    /// The first members in a slot's order; those behind the owners stand in for an owner that does not answer.
    ///
    /// Members come by ascending score, but one whose zone has been used is passed over while some zone that counts has not. A zone
    /// counts once it holds half the average zone's weight: the first node of a new zone is not at once an owner of everything.
    ///
    /// - Complexity: O(count · members).
    package func members(of slot: UInt16, count: Int) -> [Int] {
        var scores: [Score] = []
        return members(of: slot, count: count, scratch: &scores)
    }

    func members(of slot: UInt16, count: Int, scratch scores: inout [Score]) -> [Int] {
        precondition(Int(slot) < slotCount, "slot \(slot) of \(slotCount)")
        score(slot, into: &scores)
        var chosen: [Int] = []
        var isZoneUsed = [Bool](repeating: false, count: zoneCounts.count)
        var zonesLeft = zoneCounts.count { $0 }
        while chosen.count < min(count, members.count) {
            var best: Int?
            for index in members.indices where !scores[index].isTaken {
                if zonesLeft > 0 && isZoneUsed[zones[index]] { continue }
                if let best, !(scores[index] < scores[best]) { continue }
                best = index
            }
            // While a counting zone is unused it has a member that nobody took; afterwards any member will do.
            guard let best else { preconditionFailure("no member left for slot \(slot)") }
            chosen.append(best)
            scores[best].isTaken = true
            let zone = zones[best]
            if zoneCounts[zone] && !isZoneUsed[zone] { zonesLeft -= 1 }
            isZoneUsed[zone] = true
        }
        return chosen
    }

    /// A member's place in a slot's order: the less the earlier. Equal scores go by the greater hash; equal hashes by name.
    struct Score {
        var distance: UInt64
        var hash: UInt64
        var isTaken = false

        static func < (left: Score, right: Score) -> Bool {
            left.distance == right.distance ? left.hash > right.hash : left.distance < right.distance
        }
    }

    private func score(_ slot: UInt16, into scores: inout [Score]) {
        scores.removeAll(keepingCapacity: true)
        let slotHash = Self.mix(UInt64(slot) &+ 1)
        for index in members.indices {
            let hash = Self.mix(nameHashes[index] ^ slotHash)
            // 24 more bits keep the quotient of a large weight fine; 64 << 32 << 24 fits.
            let distance =
                hasEqualWeights ? 0 : Logarithm.distanceBelowOne(hash) << 24 / UInt64(members[index].weight)
            scores.append(Score(distance: distance, hash: hash))
        }
    }

    /// The finaliser of SplitMix64 (Stafford's variant 13): every bit of the input moves every bit of the output.
    private static func mix(_ input: UInt64) -> UInt64 {
        var mixed = input &* 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
