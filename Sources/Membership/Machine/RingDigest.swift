package import ByteCoding

extension Membership {
    /// A digest over what the ring is made of: of each aggregator that is not gone the name, state, weight and zone, and the settings that
    /// place servers. Equal digests mean equal rings; different ones say nothing but that.
    ///
    /// - Returns: 128 bits, independent of the order in which members became known.
    /// - Complexity: O(members); ask on a change, not on each batch.
    package var ringDigest: XXH3.Hash128 {
        var high: UInt64 = 0
        var low: UInt64 = 0
        func add(_ bytes: [UInt8], seed: UInt64) {
            let hash = XXH3.hash128(bytes.rawSpan, seed: seed)
            high &+= hash.high
            low &+= hash.low
        }
        for record in [me] + entries.compactMap({ $0?.record })
        where record.roles.contains(.aggregator) && !record.state.isGone {
            var bytes: [UInt8] = []
            bytes.append(prefixed: record.name.text)
            bytes.append(record.state.rawValue)
            bytes.append(varint: UInt64(record.weight))
            bytes.append(prefixed: record.zone)
            add(bytes, seed: 1)
        }
        if let settings {
            var bytes: [UInt8] = []
            bytes.append(clusterID: settings.id)
            bytes.append(slotFields: settings)
            add(bytes, seed: 2)
        }
        return XXH3.Hash128(high: high, low: low)
    }
}

extension [UInt8] {
    fileprivate mutating func append(slotFields settings: ClusterSettings) {
        append(settings.slotBits)
        append(settings.hashVersion)
        append(settings.replicationFactor)
        append(settings.zoneRule.rawValue)
        append(varint: settings.placementLabels.count)
        for label in settings.placementLabels { append(prefixed: label) }
    }
}
