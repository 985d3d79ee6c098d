import MetricModel
import Placement
import Testing

@Suite struct PlacementLabelsTests {
    private let tenant = TenantID.default

    private func labels(_ pairs: KeyValuePairs<String, String>) throws -> Labels {
        try Labels(pairs.map { Label($0.key, $0.value) })
    }

    @Test("the first placement label that a series has places it, whatever else it carries")
    func firstPresent() throws {
        let list = PlacementLabels.default
        let bare = list.placement(of: try labels(["__name__": "up", "instance": "web-1"]), tenant: tenant)
        let full = list.placement(
            of: try labels(["__name__": "cpu", "host": "h", "instance": "web-1", "mode": "idle"]), tenant: tenant)
        #expect(bare == full)
        #expect(bare.labelIndex == 1)
        #expect(bare == list.placement(ofServer: "web-1", labelIndex: 1, tenant: tenant))
        let first = list.placement(of: try labels(["server_id": "7", "instance": "web-1"]), tenant: tenant)
        #expect(first.labelIndex == 0 && first.hash != bare.hash)
    }

    @Test("one server ID has one slot, whichever label names it")
    func sameServerOtherLabel() throws {
        let list = PlacementLabels.default
        let byHost = list.placement(of: try labels(["host": "web-1"]), tenant: tenant)
        let byInstance = list.placement(of: try labels(["instance": "web-1"]), tenant: tenant)
        #expect(byHost.hash == byInstance.hash && byHost.labelIndex != byInstance.labelIndex)
    }

    @Test("a series without a placement label is placed by its whole label set")
    func wholeLabelSet() throws {
        let list = PlacementLabels.default
        let a = list.placement(of: try labels(["__name__": "up", "job": "a"]), tenant: tenant)
        let b = list.placement(of: try labels(["__name__": "up", "job": "b"]), tenant: tenant)
        #expect(a.labelIndex == PlacementKey.wholeLabelSet && a.hash != b.hash)
    }

    @Test("tenants with equal servers are placed apart, and no shifted boundary imitates another pair")
    func tenants() throws {
        let list = PlacementLabels.default
        let one = list.placement(ofServer: "b1", labelIndex: 0, tenant: try TenantID(validating: "a"))
        let other = list.placement(ofServer: "1", labelIndex: 0, tenant: try TenantID(validating: "ab"))
        #expect(one.hash != other.hash)
    }

    @Test("golden: these servers stay in these slots for ever")
    func golden() {
        let list = PlacementLabels.default
        let found = ["web-1", "1", "", "db-17.example.org:9100", "ünïcode"].map {
            list.placement(ofServer: $0, labelIndex: 0, tenant: tenant).hash
        }
        #expect(found == [529_433_446, 81_707_055, 2_527_483_399, 2_113_167_712, 4_036_367_653])
        #expect(list.placement(of: .empty, tenant: tenant).hash == 54_574_534)
    }

    @Test("lists that cannot be are refused with the reason")
    func refusals() throws {
        #expect(throws: PlacementError.badPlacementLabels("0 labels, 1 to 16 are possible")) { try PlacementLabels([]) }
        #expect(throws: PlacementError.badPlacementLabels("label 2 is empty")) { try PlacementLabels(["a", ""]) }
        #expect(throws: PlacementError.badPlacementLabels("label a occurs twice")) {
            try PlacementLabels(["a", "b", "a"])
        }
        #expect(try PlacementLabels(PlacementLabels.default.names) == .default)
    }
}
