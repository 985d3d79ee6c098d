package import MetricModel

/// Which queries run and which wait: some at a time, the tenants in turn. A value without clocks or locks.
package struct QueryQueue: Sendable {
    /// How many queries are let in.
    package struct Limits: Sendable {
        /// `query_concurrency_max`: queries that run at a time.
        package var runningMax = 20
        /// `query_tenant_concurrency_max`: queries of one tenant that run at a time.
        package var runningPerTenantMax = 20
        /// `query_queue_max`: queries of one tenant that wait; more are refused.
        package var waitingPerTenantMax = 200

        /// The defaults.
        package init() {}
    }

    /// What becomes of a query that comes.
    package enum Entry: Equatable, Sendable {
        /// It runs at once.
        case runs
        /// It waits until `leave` names it.
        case waits
        /// Its tenant has as many waiting as may.
        case refused
    }

    private let limits: Limits
    private var running: [UInt64: TenantID] = [:]
    private var runningOf: [TenantID: Int] = [:]
    private var waiting: [TenantID: [UInt64]] = [:]
    /// Tenants that have queries waiting; whose turn is next comes first.
    private var turns: [TenantID] = []

    /// Nobody is here.
    package init(_ limits: Limits = Limits()) {
        self.limits = limits
    }

    /// Queries that run.
    package var runningCount: Int { running.count }
    /// Queries that wait.
    package var waitingCount: Int { waiting.values.reduce(0) { $0 + $1.count } }

    /// A query comes.
    ///
    /// - Parameters:
    ///   - query: its number, never used before.
    ///   - tenant: whose it is.
    /// - Returns: what becomes of it.
    package mutating func enter(_ query: UInt64, of tenant: TenantID) -> Entry {
        // Who comes later does not overtake those that wait, unless these may not run.
        if turns.allSatisfy({ !mayRun($0) }), mayRun(tenant) {
            run(query, tenant)
            return .runs
        }
        guard waiting[tenant]?.count ?? 0 < limits.waitingPerTenantMax else { return .refused }
        if waiting[tenant] == nil { turns.append(tenant) }
        waiting[tenant, default: []].append(query)
        return .waits
    }

    /// A query is done, or gave up waiting.
    ///
    /// - Returns: the queries that run from now on.
    package mutating func leave(_ query: UInt64) -> [UInt64] {
        if let tenant = running.removeValue(forKey: query) {
            runningOf[tenant] = runningOf[tenant].flatMap { $0 > 1 ? $0 - 1 : nil }
        } else if let (tenant, place) = place(of: query) {
            waiting[tenant]?.remove(at: place)
            dropIfNoneWaits(tenant)
        }
        var started: [UInt64] = []
        while let turn = turns.firstIndex(where: mayRun) {
            let tenant = turns.remove(at: turn)
            turns.append(tenant)
            guard let next = waiting[tenant]?.removeFirst() else { break }
            dropIfNoneWaits(tenant)
            run(next, tenant)
            started.append(next)
        }
        return started
    }

    private func mayRun(_ tenant: TenantID) -> Bool {
        running.count < limits.runningMax && runningOf[tenant] ?? 0 < limits.runningPerTenantMax
    }

    private mutating func run(_ query: UInt64, _ tenant: TenantID) {
        running[query] = tenant
        runningOf[tenant, default: 0] += 1
    }

    private func place(of query: UInt64) -> (tenant: TenantID, place: Int)? {
        for (tenant, queries) in waiting {
            if let place = queries.firstIndex(of: query) { return (tenant, place) }
        }
        return nil
    }

    private mutating func dropIfNoneWaits(_ tenant: TenantID) {
        guard waiting[tenant]?.isEmpty == true else { return }
        waiting[tenant] = nil
        turns.removeAll { $0 == tenant }
    }
}
