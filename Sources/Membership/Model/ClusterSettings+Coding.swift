import ByteCoding

// The layouts of records, docs/membership.md, "Records". What stands behind the last known field belongs to later versions and is kept.

extension ClusterSettings {
    /// The record's bytes, without their length.
    package var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(varint: version)
        bytes.append(clusterID: id)
        bytes.append(prefixed: name)
        bytes.append(slotBits)
        bytes.append(hashVersion)
        bytes.append(replicationFactor)
        bytes.append(varint: placementLabels.count)
        for label in placementLabels { bytes.append(prefixed: label) }
        bytes.append(varint: UInt64(bitPattern: lateWindowMilliseconds))
        bytes.append(zoneRule.rawValue)
        bytes.append(varint: UInt64(formatLevel))
        bytes.append(assuredFactor)
        bytes.append(wantedFactor)
        bytes.append(varint: UInt64(bitPattern: replacementDelayMilliseconds))
        bytes.append(changed.rawValue)
        bytes.append(contentsOf: later)
        return bytes
    }

    /// Reads a whole record.
    ///
    /// - Throws: `MembershipError` for a field out of its range.
    package init(decoding bytes: RawSpan) throws(MembershipError) {
        guard bytes.byteCount <= Self.bytesMax else { throw MembershipError(.limitExceeded, in: "settings") }
        var reader = GossipReader(bytes, place: "settings")
        let version = try reader.varint()
        let id = try reader.clusterID()
        let name = try reader.string(bytesMax: MemberName.bytesMax)
        let slotBits = try reader.uint8()
        let hashVersion = try reader.uint8()
        let replicationFactor = try reader.uint8()
        var labels: [String] = []
        for _ in 0..<(try reader.count(max: Self.placementLabelsMax)) {
            labels.append(try reader.string(bytesMax: MemberName.bytesMax))
        }
        let lateWindow = Int64(bitPattern: try reader.varint())
        guard let zoneRule = ZoneRule(rawValue: try reader.uint8()) else { throw reader.fault(.malformed) }
        let formatLevel = try reader.uint16Varint()
        self.init(
            id: id, name: name, slotBits: slotBits, hashVersion: hashVersion, replicationFactor: replicationFactor,
            placementLabels: labels, lateWindowMilliseconds: lateWindow, zoneRule: zoneRule, formatLevel: formatLevel)
        self.version = version
        if reader.isAtEnd {
            // A record of before these fields: all copies are there.
            assuredFactor = replicationFactor
        } else {
            assuredFactor = try reader.uint8()
            wantedFactor = try reader.uint8()
            replacementDelayMilliseconds = Int64(bitPattern: try reader.varint())
            changed = ChangedSettings(rawValue: try reader.uint8())
        }
        later = try reader.rest()
        guard version >= 1, id != .unknown, fits else { throw MembershipError(.malformed, in: "settings") }
    }

    /// Whether this one replaces `other`: the greater version does, of equal ones the greater bytes.
    func replaces(_ other: ClusterSettings) -> Bool {
        // Slots are counted and hashed in one way for as long as there is data: such a record is of a cluster that was founded otherwise.
        guard slotBits == other.slotBits, hashVersion == other.hashVersion else { return false }
        if version != other.version { return version > other.version }
        return self != other && other.encoded.lexicographicallyPrecedes(encoded)
    }
}
