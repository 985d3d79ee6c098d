import ClusterTransport
import HTTPSurface
import MetricModel
import QueryEngine
import QueryLanguage
import QueryRouting
import SlotMovement
import WireProtocol

extension Coordinator {
    /// How a query would be answered by the cluster as it is now: the first way that would be tried.
    func explain(_ query: PlannedQuery) throws -> Explanation {
        let fanout = try fanout
        let trace = QueryTrace()
        var plan = query.whole
        let distribution =
            query.options.countsSamples || query.text.utf8.count > WireLimits.queryBytesMax
            ? nil : fanout.distributions(tenant: query.tenant, query.whole.selections).first
        if let distribution {
            let cut = try QueryPlan(
                query.expression, text: query.text, tenant: query.tenant, time: query.time, options: query.options,
                distribution: distribution)
            if !cut.fragments.isEmpty {
                plan = cut
                trace.cut(distribution)
            }
        }
        for (number, fragment) in plan.fragments.enumerated() {
            trace.add(
                fragment, number, of: query.text,
                planned: try fanout.planned(tenant: query.tenant, query.whole.selections))
        }
        for selection in plan.selections {
            trace.add(selection, planned: try fanout.planned(tenant: query.tenant, [selection]))
        }
        return trace.explanation(.plan, slotCount: try fanout.slotCount, operators: plan.operators)
    }
}

extension Fanout {
    /// Slots of the cluster.
    var slotCount: Int { get throws { try reader(until: .now).map.view.slotCount } }

    /// Who would be asked first about selections that are read together, and about which slots.
    func planned(tenant: TenantID, _ selections: [SeriesSelection]) throws -> [(node: String, slots: SlotSet)] {
        let reader = try reader(until: .now)
        let slots = targets.slots(tenant: tenant, selections: selections.map(\.matchers))
        return reader.map.shares.compactMap { share in
            let asked = slots.map(share.slots.intersection) ?? share.slots
            return asked.isEmpty ? nil : (reader.view.name(of: share.node), asked)
        }
    }
}

extension QueryData {
    /// What an evaluation of a type would answer, without anything in it.
    static func empty(_ type: ValueType, _ time: QueryTime) -> QueryData {
        switch time {
        case .range: .matrix([])
        case .instant: type == .matrix ? .matrix([]) : .vector([])
        }
    }
}
