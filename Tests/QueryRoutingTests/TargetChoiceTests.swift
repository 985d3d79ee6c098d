import MetricModel
import Placement
import QueryRouting
import Testing

@Suite("Who must be asked")
struct TargetChoiceTests {
    let placement = PlacementLabels.default

    private func choice(members: Int, replicationFactor: Int = 1) throws -> TargetChoice {
        let ring = try Ring(
            members: (0..<members).map { RingMember(name: "node-\($0)") }, replicationFactor: replicationFactor)
        return TargetChoice(ring: ring, placement: placement)
    }

    @Test("a selection that pins the first placement label asks one slot's owners, and they hold the server's series")
    func pinned() throws {
        let ring = try Ring(members: (0..<10).map { RingMember(name: "node-\($0)") }, replicationFactor: 2)
        let choice = TargetChoice(ring: ring, placement: placement)
        for server in 0..<50 {
            let labels = try Labels([Label("__name__", "up"), Label("server_id", "s\(server)"), Label("instance", "x")])
            let slot = placement.placement(of: labels, tenant: .default).slot(bits: ring.slotBits)
            let asked = choice.members(tenant: .default, matchers: [Matcher(equal: "server_id", "s\(server)")])
            #expect(asked == ring.owners(of: slot).sorted())
        }
    }

    @Test("a later placement label pins only when the earlier ones are required empty")
    func laterLabel() throws {
        let choice = try choice(members: 5)
        let instance = Matcher(equal: "instance", "web-1")
        #expect(choice.members(tenant: .default, matchers: [instance]) == [0, 1, 2, 3, 4])
        let pinned = choice.members(tenant: .default, matchers: [instance, Matcher(equal: "server_id", "")])
        let labels = try Labels([Label("instance", "web-1")])
        let slot = placement.placement(of: labels, tenant: .default).slot(bits: 14)
        let ring = try Ring(members: (0..<5).map { RingMember(name: "node-\($0)") }, replicationFactor: 1)
        #expect(pinned == ring.owners(of: slot))
    }

    @Test("regular expressions and negations pin nothing")
    func notPinned() throws {
        let choice = try choice(members: 3)
        for operation in [Matcher.Operation.regex, .notEqual, .notRegex] {
            let matcher = try Matcher("server_id", operation, "a")
            #expect(choice.members(tenant: .default, matchers: [matcher]) == [0, 1, 2])
        }
    }
}
