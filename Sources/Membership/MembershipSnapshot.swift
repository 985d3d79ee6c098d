import ByteCoding

/// What a member keeps on its disk to find its cluster again after everything has stopped: the settings, its own version, the members.
///
/// Bytes: "MMS" 1, length and settings, length and own record, views, CRC-32C of all before.
package struct MembershipSnapshot: Equatable, Sendable {
    /// The cluster's settings.
    package var settings: ClusterSettings
    /// This member's own record.
    package var me: MemberRecord
    /// The others.
    package var members: [MemberView]

    package init(settings: ClusterSettings, me: MemberRecord, members: [MemberView]) {
        self.settings = settings
        self.me = me
        self.members = members
    }

    private static let magic: [UInt8] = [0x4D, 0x4D, 0x53, 1]

    /// The file's bytes.
    package var encoded: [UInt8] {
        var bytes = Self.magic
        bytes.append(prefixed: settings.encoded)
        bytes.append(prefixed: me.encoded)
        bytes.append(views: members)
        let crc = CRC32C.of(bytes.rawSpan)
        bytes.append(littleEndian: crc)
        return bytes
    }

    /// Reads the file.
    ///
    /// - Throws: `MembershipError` for a damaged one, or one of a later version.
    package init(decoding bytes: RawSpan) throws(MembershipError) {
        guard bytes.byteCount >= 8 else { throw MembershipError(.truncated, in: "snapshot") }
        let body = bytes.extracting(0..<bytes.byteCount - 4)
        var tail = GossipReader(bytes.extracting(body.byteCount..<bytes.byteCount), place: "snapshot")
        guard try tail.uint32() == CRC32C.of(body) else { throw MembershipError(.damaged, in: "snapshot") }
        var reader = GossipReader(body, place: "snapshot")
        for byte in Self.magic where try reader.uint8() != byte {
            throw MembershipError(.unknownVersion, in: "snapshot")
        }
        guard let settings = try reader.optionalSettings() else { throw reader.fault(.malformed) }
        self.settings = settings
        me = try MemberRecord(decoding: try reader.prefixedSpan(max: MemberRecord.bytesMax))
        members = try reader.views()
        try reader.expectEnd()
    }
}

extension Membership {
    /// What to keep on disk now; nil before the settings are known.
    package func snapshot(now: MembershipInstant) -> MembershipSnapshot? {
        settings.map { MembershipSnapshot(settings: $0, me: me, members: Array(views(now: now).dropFirst())) }
    }
}
