import MetricModel
import Testing

@Suite("Sets of slots")
struct SlotSetTests {
    @Test("a set holds what was put in, and its bytes make it again")
    func roundTrip() throws {
        for members: [UInt16] in [[], [0], [7, 8], [63, 64, 65], [16_383], [65_535, 1], Array(0..<1000)] {
            var set = SlotSet()
            for slot in members { set.insert(slot) }
            let again = try #require(SlotSet(bytes: set.bytes))
            #expect(again == set)
            #expect(again.hashValue == set.hashValue)
            #expect(again.count == members.count)
            for slot in members { #expect(again.contains(slot)) }
            for slot: UInt16 in [2, 66, 1001, 16_384] { #expect(again.contains(slot) == members.contains(slot)) }
        }
        #expect(SlotSet(bytes: [UInt8](repeating: 255, count: 8193)) == nil)
        #expect(SlotSet(bytes: [1, 0, 0]) == SlotSet(bytes: [1]))
    }

    @Test("a superset has all of the other")
    func superset() {
        let all = SlotSet(below: 16_384)
        #expect(all.count == 16_384)
        var some = SlotSet()
        some.insert(16_383)
        #expect(all.isSuperset(of: some) && !some.isSuperset(of: all))
        some.insert(16_384)
        #expect(!all.isSuperset(of: some))
        #expect(some.isSuperset(of: SlotSet()) && SlotSet().isSuperset(of: SlotSet()))
    }

    @Test("sets unite, overlap and differ as sets of numbers do, whatever their lengths")
    func algebra() {
        let lists: [[UInt16]] = [[], [0], [63, 64], [5, 63, 16_383], Array(0..<200), [65_535]]
        for left in lists {
            for right in lists {
                let (a, b) = (SlotSet(left), SlotSet(right))
                var union = a
                union.formUnion(b)
                #expect(union.slots == Set(left).union(right).sorted())
                #expect(a.intersection(b).slots == Set(left).intersection(right).sorted())
                #expect(a.intersects(b) == !a.intersection(b).isEmpty)
                #expect(a.subtracting(b).slots == Set(left).subtracting(right).sorted())
                #expect(a.subtracting(b).isEmpty == b.isSuperset(of: a))
            }
        }
    }

    @Test("series without a placement label are a kind of their own")
    func kinds() {
        #expect(PlacementKinds(labelIndex: PlacementKey.wholeLabelSet) == .wholeLabelSet)
        #expect(PlacementKinds(labelIndex: 0) != PlacementKinds(labelIndex: 15))
        #expect(
            PlacementKinds.anyLabel.isSuperset(of: [PlacementKinds(labelIndex: 0), PlacementKinds(labelIndex: 15)]))
        #expect(!PlacementKinds.anyLabel.contains(.wholeLabelSet))
    }
}
