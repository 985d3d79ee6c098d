import Placement
import Testing

@Suite struct GoldenRingTests {
    /// A slot, then its owners by index in a ring of five equal members and in one of six with weights and zones.
    private static let golden: [(UInt16, [Int], [Int])] = [
        (0, [0, 3], [5, 3, 4]), (1, [1, 2], [1, 2, 0]), (2, [2, 4], [5, 4, 3]), (3, [1, 3], [5, 3, 1]),
        (4_711, [4, 0], [4, 5, 3]),
        (16_383, [2, 0], [2, 4, 0]),
    ]

    @Test("golden: these rings give these owners for ever")
    func owners() throws {
        let equal = try Ring(members: (1...5).map { RingMember(name: "n\($0)") }, replicationFactor: 2)
        let weighted = try Ring(
            members: (1...6).map { RingMember(name: "n\($0)", weight: UInt32($0), zone: "z\($0 % 3)") },
            replicationFactor: 3)
        for (slot, equalOwners, weightedOwners) in Self.golden {
            #expect(equal.owners(of: slot) == equalOwners)
            #expect(weighted.owners(of: slot) == weightedOwners)
        }
    }
}
