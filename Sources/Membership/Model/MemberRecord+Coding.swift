import ByteCoding

extension MemberRecord {
    /// The record's bytes, without their length.
    package var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(96 + name.text.utf8.count + later.count)
        bytes.append(prefixed: name.text)
        bytes.append(varint: version)
        bytes.append(instance: instance)
        bytes.append(state.rawValue)
        bytes.append(roles.rawValue)
        bytes.append(address: address)
        bytes.append(optionalAddress: http)
        bytes.append(prefixed: zone)
        bytes.append(varint: UInt64(weight))
        bytes.append(varint: UInt64(formats.lowerBound))
        bytes.append(varint: UInt64(formats.upperBound))
        bytes.append(varint: leastBoot)
        bytes.append(varint: progress.appliedSettings)
        bytes.append(varint: progress.settledRing)
        bytes.append(progress.diskFill)
        bytes.append(progress.marks)
        bytes.append(contentsOf: later)
        return bytes
    }

    /// Whether every field is within its range.
    package var fits: Bool {
        version >= 1 && weight >= 1 && PlainText.holds(zone) && zone.utf8.count <= Self.zoneBytesMax
            && encoded.count <= Self.bytesMax
    }

    /// Reads a whole record.
    ///
    /// - Throws: `MembershipError` for a field out of its range.
    package init(decoding bytes: RawSpan) throws(MembershipError) {
        guard bytes.byteCount <= Self.bytesMax else { throw MembershipError(.limitExceeded, in: "record") }
        var reader = GossipReader(bytes, place: "record")
        name = try reader.name()
        version = try reader.varint()
        instance = try reader.instance()
        guard let state = MemberState(rawValue: try reader.uint8()) else { throw reader.fault(.malformed) }
        self.state = state
        roles = MemberRoles(rawValue: try reader.uint8())
        address = try reader.address()
        http = try reader.optionalAddress()
        zone = try reader.string(bytesMax: Self.zoneBytesMax)
        let weight = try reader.varint()
        guard version >= 1, weight >= 1, weight <= UInt64(UInt32.max), PlainText.holds(zone) else {
            throw reader.fault(.malformed)
        }
        self.weight = UInt32(weight)
        let oldest = try reader.uint16Varint()
        let newest = try reader.uint16Varint()
        guard oldest <= newest else { throw reader.fault(.malformed) }
        formats = oldest...newest
        // Records of before these fields end here.
        guard !reader.isAtEnd else { return }
        leastBoot = try reader.varint()
        progress.appliedSettings = try reader.varint()
        progress.settledRing = try reader.varint()
        progress.diskFill = try reader.uint8()
        progress.marks = try reader.uint8()
        later = try reader.rest()
    }

    /// Whether this one replaces `other`, of the same name: the greater version does. Equal versions with different contents come of two
    /// instances under one name or two removals at once; then the later state wins, the greater instance, the greater bytes, so that
    /// all members choose alike.
    package func replaces(_ other: MemberRecord) -> Bool {
        if version != other.version { return version > other.version }
        if self == other { return false }
        if state != other.state { return state.rawValue > other.state.rawValue }
        if instance != other.instance { return other.instance < instance }
        return other.encoded.lexicographicallyPrecedes(encoded)
    }

    /// A start that was removed never counts again, even when it had a greater version at the time: others do not owe it any more what it missed.
    ///
    /// - Parameter record: what is heard of the same name after this record was.
    /// - Returns: the removal with a version above it, for a start that this record removed; nil for all others.
    func removal(of record: MemberRecord) -> MemberRecord? {
        guard state == .forgotten, roles.contains(.aggregator), !record.state.isGone,
            record.instance.hasSameDisk(as: instance), record.instance.boot <= instance.boot
        else { return nil }
        var removal = self
        removal.version = record.version + 1
        return removal
    }
}
