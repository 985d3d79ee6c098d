import ByteCoding

/// What one member says about another: the unit of dissemination.
package enum Claim: Equatable, Sendable {
    /// The member is alive, and this is its record.
    case record(MemberRecord)
    /// `accuser` had no answer from the member, whose version was `version`.
    case suspect(name: MemberName, version: UInt64, accuser: MemberName)
    /// The member is dead; `accuser` is the member itself when it says so on stopping.
    case dead(name: MemberName, version: UInt64, accuser: MemberName)
    /// The settings of the cluster.
    case settings(ClusterSettings)

    private enum Tag: UInt8 {
        case record = 1
        case suspect = 2
        case dead = 3
        case settings = 4
    }

    /// A claim's most bytes with tag and length: those of settings.
    static let bytesMax = ClusterSettings.bytesMax + 3

    /// The claim's bytes: tag, length, body.
    package var encoded: [UInt8] {
        var bytes: [UInt8] = []
        let body: [UInt8]
        switch self {
        case .record(let record):
            bytes.append(Tag.record.rawValue)
            body = record.encoded
        case .suspect(let name, let version, let accuser):
            bytes.append(Tag.suspect.rawValue)
            body = Self.accusation(name, version, accuser)
        case .dead(let name, let version, let accuser):
            bytes.append(Tag.dead.rawValue)
            body = Self.accusation(name, version, accuser)
        case .settings(let settings):
            bytes.append(Tag.settings.rawValue)
            body = settings.encoded
        }
        bytes.append(prefixed: body)
        return bytes
    }

    private static func accusation(_ name: MemberName, _ version: UInt64, _ accuser: MemberName) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(prefixed: name.text)
        bytes.append(varint: version)
        bytes.append(prefixed: accuser.text)
        return bytes
    }

    /// Reads the claims up to the end of `reader`, passing over those of kinds that later versions have.
    static func readAll(_ reader: inout GossipReader, _ take: (Claim) -> Void) throws(MembershipError) {
        while !reader.isAtEnd {
            let tag = try reader.uint8()
            let body = try reader.prefixedSpan(max: bytesMax)
            guard let tag = Tag(rawValue: tag) else { continue }
            switch tag {
            case .record: take(.record(try MemberRecord(decoding: body)))
            case .settings: take(.settings(try ClusterSettings(decoding: body)))
            case .suspect, .dead:
                var fields = GossipReader(body, place: "accusation")
                let name = try fields.name()
                let version = try fields.varint()
                let accuser = try fields.name()
                try fields.expectEnd()
                take(
                    tag == .suspect
                        ? .suspect(name: name, version: version, accuser: accuser)
                        : .dead(name: name, version: version, accuser: accuser))
            }
        }
    }
}
