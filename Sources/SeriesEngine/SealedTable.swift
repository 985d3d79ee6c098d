package import MetricModel

/// The identities of all series in the block files that queries have opened, each once, numbered as they are met.
///
/// Matchers run here once for all files, and a file's series are found by number: what is looked up for each file and series is an array
/// element, not a label set.
package struct SealedTable: Sendable {
    /// The labels of each number.
    package private(set) var labels: [Labels] = []
    /// Where each number's series is placed.
    package private(set) var placements: [PlacementKey] = []
    private var tenants: [TenantID] = []
    private var numbers: [Fingerprint: UInt32] = [:]
    private var indexes: [TenantID: LabelIndex] = [:]

    package init() {}

    /// Series known.
    package var count: Int { labels.count }

    /// Bytes in memory of each identity, roughly: its labels, and a posting for each.
    package static let bytesPerSeries = 400

    /// Bytes in memory, roughly.
    package var memorySize: Int { labels.count * Self.bytesPerSeries }

    /// The number of a series that may be known; nil when it is not.
    package func number(_ fingerprint: Fingerprint) -> UInt32? { numbers[fingerprint] }

    /// The numbers of one tenant's series that pass every matcher, ascending.
    package func matching(tenant: TenantID, _ matchers: [Matcher]) -> [UInt32] {
        indexes[tenant]?.matching(matchers) ?? []
    }

    /// The values that a label has in any of the numbers for which `isWanted` answers true.
    package func values(of name: String, tenant: TenantID, where isWanted: (UInt32) -> Bool) -> [String] {
        indexes[tenant]?.values(of: name, where: isWanted) ?? []
    }

    /// The names of labels that any of the numbers has for which `isWanted` answers true.
    package func names(tenant: TenantID, where isWanted: (UInt32) -> Bool) -> [String] {
        indexes[tenant]?.labelNames(where: isWanted) ?? []
    }

    /// The number of a block's series, given when it is met first.
    ///
    /// - Returns: nil when another series has the same fingerprint: it must be read without this table.
    mutating func number(of series: Int, in index: SlotIndex) -> UInt32? {
        let set = index.labels(of: series)
        let fingerprint = index.fingerprints[series]
        let tenant = index.symbols[Int(index.tenants[series])]
        if let known = numbers[fingerprint] {
            let isSame = labels[Int(known)] == set && tenants[Int(known)].name.hasSameBytes(as: tenant)
            return isSame ? known : nil
        }
        guard let tenant = try? TenantID(validating: tenant), labels.count < Int(UInt32.max) - 1 else { return nil }
        return add(set, fingerprint, of: tenant, at: index.placements[series])
    }

    /// Leaves out some of the numbers.
    ///
    /// - Parameter living: of each number, whether it stays.
    /// - Returns: the same with the others, moved up in their order.
    /// - Complexity: O(numbers).
    package func keeping(_ living: [Bool]) -> SealedTable {
        var fingerprints = [Fingerprint?](repeating: nil, count: count)
        for (fingerprint, number) in numbers { fingerprints[Int(number)] = fingerprint }
        var rest = SealedTable()
        for (number, fingerprint) in fingerprints.enumerated() {
            guard living[number], let fingerprint else { continue }
            _ = rest.add(labels[number], fingerprint, of: tenants[number], at: placements[number])
        }
        return rest
    }

    private mutating func add(
        _ set: Labels, _ fingerprint: Fingerprint, of tenant: TenantID, at placement: PlacementKey
    ) -> UInt32 {
        let number = UInt32(labels.count)
        labels.append(set)
        placements.append(placement)
        tenants.append(tenant)
        numbers[fingerprint] = number
        indexes[tenant, default: LabelIndex()].insert(number, labels: set)
        return number
    }
}
