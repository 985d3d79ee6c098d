/// Which process on which disk stands behind a name.
package struct MemberInstance: Hashable, Comparable, Sendable, BitwiseCopyable, CustomStringConvertible {
    /// The UUID in the data directory, as two big-endian words.
    package let high: UInt64
    package let low: UInt64
    /// Counts the starts on that directory, from 1.
    package let boot: UInt64

    package init(high: UInt64, low: UInt64, boot: UInt64) {
        self.high = high
        self.low = low
        self.boot = boot
    }

    /// The instance of a data directory whose UUID is known as text.
    ///
    /// - Parameters:
    ///   - uuid: 32 hexadecimal digits; hyphens between them mean nothing.
    ///   - boot: counts the starts on that directory, from 1.
    /// - Throws: `MembershipError.malformed` for anything but a UUID.
    package init(uuid: String, boot: UInt64) throws(MembershipError) {
        let digits = uuid.utf8.filter { $0 != UInt8(ascii: "-") }.compactMap {
            Character(Unicode.Scalar($0)).hexDigitValue
        }
        guard digits.count == 32,
            uuid.utf8.allSatisfy({ $0 == UInt8(ascii: "-") || Character(Unicode.Scalar($0)).isHexDigit })
        else { throw MembershipError(.malformed, in: "UUID \(uuid)") }
        let words = [digits[..<16], digits[16...]].map { $0.reduce(0) { $0 << 4 | UInt64($1) } }
        self.init(high: words[0], low: words[1], boot: boot)
    }

    /// Whether both are starts on one data directory.
    package func hasSameDisk(as other: MemberInstance) -> Bool { high == other.high && low == other.low }

    package static func < (left: MemberInstance, right: MemberInstance) -> Bool {
        (left.high, left.low, left.boot) < (right.high, right.low, right.boot)
    }

    /// 32 hexadecimal digits and the boot number.
    package var description: String { "\(high.hexadecimal)\(low.hexadecimal)/\(boot)" }
}

extension UInt64 {
    /// 16 digits.
    var hexadecimal: String {
        let digits = String(self, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

/// Where a member stands between joining and being forgotten; only the last two are final for a version of its record.
package enum MemberState: UInt8, CaseIterable, Comparable, Sendable {
    /// Known to all, owns nothing yet.
    case joining = 1
    /// Does its work.
    case active = 2
    /// Gives its slots away, to leave.
    case leaving = 3
    /// Left by its own decision; the record is kept for a while so that older ones do not come back.
    case left = 4
    /// Removed by somebody else after it had died.
    case forgotten = 5

    /// Whether the member is gone: neither probed nor part of the ring.
    package var isGone: Bool { self == .left || self == .forgotten }

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// What a member does; a process may do all of it.
package struct MemberRoles: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Takes pushes and spreads them.
    package static let router = MemberRoles(rawValue: 1)
    /// Holds slots.
    package static let aggregator = MemberRoles(rawValue: 2)
    /// Answers queries.
    package static let coordinator = MemberRoles(rawValue: 4)
}

/// What is known of one member. It has its own version, raised only by the member, or by whoever removes it once it is dead.
package struct MemberRecord: Hashable, Sendable {
    /// `member_record_bytes_max`: a record with its claim fits in any datagram.
    package static let bytesMax = 512
    /// `member_zone_bytes_max`
    package static let zoneBytesMax = 64

    /// The ring's key.
    package let name: MemberName
    /// Greater is newer; from 1. It grows when the record changes and when the member contradicts a suspicion: SWIM's incarnation.
    package var version: UInt64
    /// The process behind the name.
    package var instance: MemberInstance
    /// Where it stands.
    package var state: MemberState = .joining
    /// What it does.
    package var roles: MemberRoles
    /// Its cluster port.
    package var address: NodeAddress
    /// Its HTTP port; nil for none.
    package var http: NodeAddress?
    /// Where it fails together with others; visible ASCII, empty for none.
    package var zone: String = ""
    /// Its share of the slots relative to the others'.
    package var weight: UInt32 = 1
    /// The oldest and the newest format level that it reads.
    package var formats: ClosedRange<UInt16> = 1...1
    /// The least start of this name that counts as this member; those before were removed. 0 when none was.
    package var leastBoot: UInt64 = 0
    /// How far the member is with what all members share.
    package var progress = MemberProgress()
    /// Fields of later versions of this record, carried on unread.
    package var later: [UInt8] = []

    package init(
        name: MemberName, version: UInt64 = 1, instance: MemberInstance, roles: MemberRoles, address: NodeAddress
    ) {
        self.name = name
        self.version = version
        self.instance = instance
        self.roles = roles
        self.address = address
    }
}
