import MetricModel
import Placement
import QueryRouting
import Testing

@Suite("Which slots must be asked about")
struct TargetChoiceTests {
    let placement = PlacementLabels.default
    let choice = TargetChoice(placement: .default)

    private func slots(_ matchers: [Matcher]...) -> SlotSet? {
        choice.slots(tenant: .default, selections: matchers)
    }

    @Test("a selection that pins the first placement label needs one slot, that of the server's series")
    func pinned() throws {
        for server in 0..<50 {
            let labels = try Labels([Label("__name__", "up"), Label("server_id", "s\(server)"), Label("instance", "x")])
            let slot = placement.placement(of: labels, tenant: .default).slot(bits: 14)
            #expect(slots([Matcher(equal: "server_id", "s\(server)")]) == SlotSet([slot]))
        }
    }

    @Test("a later placement label pins only when the earlier ones are required empty")
    func laterLabel() throws {
        let instance = Matcher(equal: "instance", "web-1")
        #expect(slots([instance]) == nil)
        let labels = try Labels([Label("instance", "web-1")])
        let slot = placement.placement(of: labels, tenant: .default).slot(bits: 14)
        #expect(slots([instance, Matcher(equal: "server_id", "")]) == SlotSet([slot]))
    }

    @Test("regular expressions and negations pin nothing")
    func notPinned() throws {
        for operation in [Matcher.Operation.regex, .notEqual, .notRegex] {
            #expect(slots([try Matcher("server_id", operation, "a")]) == nil)
        }
    }

    @Test("selections that pin different servers need all their slots, and all slots if one pins nothing")
    func several() throws {
        let (a, b) = ([Matcher(equal: "server_id", "a")], [Matcher(equal: "server_id", "b")])
        #expect(slots(a, b)?.count == 2)
        #expect(slots(a, b)?.isSuperset(of: try #require(slots(b))) == true)
        #expect(slots(a, []) == nil)
    }

    @Test("series are told apart by the labels that placed them")
    func placements() throws {
        let series = [
            try Labels([Label("__name__", "m"), Label("instance", "x")]), try Labels([Label("__name__", "m")]),
        ]
        #expect(choice.placements(of: series, tenant: .default) == [PlacementKinds(labelIndex: 1), .wholeLabelSet])
        #expect(choice.placements(of: [], tenant: .default) == [])
    }
}
