internal import ByteCoding

/// All deletions that somebody knows: a set that only grows, but for those that retention has overtaken.
///
/// Sets are united in any order, any number of times, with the same result on every node: what another deletion covers is left out, which is
/// decided by the two alone.
package struct DeletionSet: Equatable, Sendable {
    /// `deletions_max`: of all tenants.
    package static let countMax = 1_024
    /// `deletions_tenant_max`: of one tenant.
    package static let tenantMax = 256
    /// What a union may have, since several coordinators may be asked at once: beyond it nothing is taken.
    package static let unionMax = 4 * countMax

    /// Of each tenant, by their bytes; no tenant without any.
    private var byTenant: [TenantID: [Deletion]] = [:]
    /// The same for equal sets; 0 for the empty one.
    package private(set) var digest: UInt64 = 0

    /// None.
    package init() {}

    /// The union of some.
    package init(_ deletions: [Deletion]) { unite(deletions) }

    /// All of them, by their bytes.
    package var all: [Deletion] {
        byTenant.values.joined().sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
    }

    /// How many there are.
    package var count: Int { byTenant.values.reduce(0) { $0 + $1.count } }

    /// Those of one tenant.
    package func of(_ tenant: TenantID) -> [Deletion] { byTenant[tenant] ?? [] }

    /// Adds what is not covered yet, and leaves out what is covered now.
    ///
    /// - Complexity: O(added · those of their tenants).
    package mutating func unite(_ added: [Deletion]) {
        var isChanged = false
        for deletion in added where !deletion.isEmpty {
            var known = byTenant[deletion.tenant] ?? []
            if known.contains(where: { $0.covers(deletion) }) { continue }
            known.removeAll { deletion.covers($0) }
            known.append(deletion)
            known.sort { $0.bytes.lexicographicallyPrecedes($1.bytes) }
            byTenant[deletion.tenant] = known
            isChanged = true
        }
        if isChanged { digest = Self.digest(all) }
    }

    /// Leaves out those whose last time lies before `time`, Unix milliseconds.
    package mutating func expire(before time: Int64) {
        let before = count
        byTenant = byTenant.mapValues { $0.filter { $0.end >= time } }.filter { !$0.value.isEmpty }
        if count != before { digest = Self.digest(all) }
    }

    /// Whether some more may be asked for; what is covered already needs no room.
    ///
    /// - Throws: `ModelError.limit` naming the limit that would be exceeded.
    package func admit(_ added: [Deletion]) throws(ModelError) {
        var next = self
        next.unite(added)
        for deletion in added {
            let found = next.of(deletion.tenant).count
            if found > Self.tenantMax, found > of(deletion.tenant).count {
                throw .limit(name: "deletions_tenant_max", maximum: Self.tenantMax, found: found)
            }
        }
        if next.count > Self.countMax, next.count > count {
            throw .limit(name: "deletions_max", maximum: Self.countMax, found: next.count)
        }
    }

    /// When the last sample that a deletion hides is dropped for certain.
    ///
    /// Retention drops files whose newest sample is too old; a sample may lie in one file with samples that were taken until it was as old as the
    /// retention itself. So the files go within twice the retention, and a day is for clocks and for stores that drop once an hour.
    /// - Parameters:
    ///   - retention: milliseconds; 0 keeps all.
    ///   - now: Unix milliseconds.
    /// - Returns: deletions that end before it hide nothing any more; nil where all must be kept.
    package static func oldestNeeded(retention: Int64, now: Int64) -> Int64? {
        retention > 0 ? now - 2 * retention - 86_400_000 : nil
    }

    /// A digest of some deletions.
    ///
    /// - Parameter sorted: by their bytes, as `of` gives them.
    /// - Returns: the same for equal lists, 0 for none.
    package static func digest(_ sorted: [Deletion]) -> UInt64 {
        if sorted.isEmpty { return 0 }
        var bytes: [UInt8] = []
        for deletion in sorted { bytes.append(prefixed: deletion.bytes) }
        return max(1, XXH3.hash64(bytes.rawSpan))
    }
}
