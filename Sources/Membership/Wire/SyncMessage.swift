import ByteCoding

/// One member as another sees it, in a full exchange.
package struct MemberView: Equatable, Sendable {
    /// Its newest record known there.
    package var record: MemberRecord
    /// Whether it answers.
    package var liveness: Liveness
    /// The version at which it was suspected or called dead; the record's own where it is alive.
    package var claimVersion: UInt64
    /// Seconds that it has been so.
    package var seconds: UInt64

    package init(record: MemberRecord, liveness: Liveness, claimVersion: UInt64, seconds: UInt64) {
        self.record = record
        self.liveness = liveness
        self.claimVersion = claimVersion
        self.seconds = seconds
    }
}

/// Whether a member answers, as far as the observer knows; at one version the later case wins.
package enum Liveness: UInt8, Comparable, Sendable {
    case alive = 0
    /// Somebody had no answer; routed round, but still an owner.
    case suspect = 1
    /// No answer and no contradiction within the suspicion's time.
    case dead = 2

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// Why a member is not let in.
package enum JoinRefusal: Equatable, Sendable {
    /// A live member has the name: its record.
    case nameTaken(MemberRecord)
    /// The asked member is of another cluster, whose name this is.
    case otherCluster(String)
    /// The asked member is looking for its cluster itself, which it may found or not.
    case notReady(MemberName, mayFound: Bool)
    /// There are `members_max` already.
    case full
}

/// A message of the full exchange, carried on a stream; the first four are requests and the others their answers.
package enum SyncMessage: Equatable, Sendable {
    /// A newcomer asks for everything and shows its record; answered by `view` or `refused`.
    case join(cluster: String, record: MemberRecord)
    /// Answered by `same` when the digests are equal, otherwise by `view`.
    case compare(sender: MemberName, digest: UInt64)
    /// What the sender knows better than the `view` that it was given; answered by `same`.
    case delta(sender: MemberName, settings: ClusterSettings?, members: [MemberView])
    /// A ping where datagrams are lost; answered by `same`.
    case ping(target: MemberName)
    /// There is nothing to tell.
    case same
    /// Everything that the answering member knows, itself first.
    case view(settings: ClusterSettings, members: [MemberView])
    /// Not let in.
    case refused(JoinRefusal)

    /// `members_max`
    package static let membersMax = 4_096
    /// `sync_bytes_max`
    package static let bytesMax = 4 << 20

    private enum Kind: UInt8 {
        case join = 1
        case compare = 2
        case delta = 3
        case ping = 4
        case same = 16
        case view = 17
        case nameTaken = 18
        case otherCluster = 19
        case notReady = 20
        case full = 21
    }

    /// Whether a message's bytes ask to join.
    static func isJoin(_ bytes: [UInt8]) -> Bool { bytes.first == Kind.join.rawValue }

    /// The message's bytes.
    package var encoded: [UInt8] {
        var bytes: [UInt8] = []
        switch self {
        case .join(let cluster, let record):
            bytes.append(Kind.join.rawValue)
            bytes.append(prefixed: cluster)
            bytes.append(prefixed: record.encoded)
        case .compare(let sender, let digest):
            bytes.append(Kind.compare.rawValue)
            bytes.append(prefixed: sender.text)
            bytes.append(littleEndian: digest)
        case .delta(let sender, let settings, let members):
            bytes.append(Kind.delta.rawValue)
            bytes.append(prefixed: sender.text)
            bytes.append(prefixed: settings?.encoded ?? [])
            bytes.append(views: members)
        case .ping(let target):
            bytes.append(Kind.ping.rawValue)
            bytes.append(prefixed: target.text)
        case .same: bytes.append(Kind.same.rawValue)
        case .view(let settings, let members):
            bytes.append(Kind.view.rawValue)
            bytes.append(prefixed: settings.encoded)
            bytes.append(views: members)
        case .refused(.nameTaken(let record)):
            bytes.append(Kind.nameTaken.rawValue)
            bytes.append(prefixed: record.encoded)
        case .refused(.otherCluster(let name)):
            bytes.append(Kind.otherCluster.rawValue)
            bytes.append(prefixed: name)
        case .refused(.notReady(let name, let mayFound)):
            bytes.append(Kind.notReady.rawValue)
            bytes.append(prefixed: name.text)
            bytes.append(mayFound ? 1 : 0)
        case .refused(.full): bytes.append(Kind.full.rawValue)
        }
        return bytes
    }

    /// Reads a whole message.
    ///
    /// - Throws: `MembershipError` for what cannot be read.
    package init(decoding bytes: RawSpan) throws(MembershipError) {
        guard bytes.byteCount <= Self.bytesMax else { throw MembershipError(.limitExceeded, in: "sync") }
        var reader = GossipReader(bytes, place: "sync")
        guard let kind = Kind(rawValue: try reader.uint8()) else { throw reader.fault(.malformed) }
        switch kind {
        case .join:
            self = .join(
                cluster: try reader.string(bytesMax: MemberName.bytesMax), record: try reader.record())
        case .compare: self = .compare(sender: try reader.name(), digest: try reader.uint64())
        case .delta:
            self = .delta(
                sender: try reader.name(), settings: try reader.optionalSettings(), members: try reader.views())
        case .ping: self = .ping(target: try reader.name())
        case .same: self = .same
        case .view:
            guard let settings = try reader.optionalSettings() else { throw reader.fault(.malformed) }
            self = .view(settings: settings, members: try reader.views())
        case .nameTaken: self = .refused(.nameTaken(try reader.record()))
        case .otherCluster: self = .refused(.otherCluster(try reader.string(bytesMax: MemberName.bytesMax)))
        case .notReady:
            let name = try reader.name()
            let flag = try reader.uint8()
            guard flag <= 1 else { throw reader.fault(.malformed) }
            self = .refused(.notReady(name, mayFound: flag == 1))
        case .full: self = .refused(.full)
        }
        try reader.expectEnd()
    }
}

extension [UInt8] {
    /// Appends a count and as many views.
    mutating func append(views: [MemberView]) {
        append(varint: views.count)
        for view in views {
            append(prefixed: view.record.encoded)
            append(view.liveness.rawValue)
            append(varint: view.claimVersion)
            append(varint: view.seconds)
        }
    }
}

extension GossipReader {
    @_lifetime(self: copy self)
    fileprivate mutating func record() throws(MembershipError) -> MemberRecord {
        try MemberRecord(decoding: try prefixedSpan(max: MemberRecord.bytesMax))
    }

    /// Settings with their length; nil when it is 0.
    @_lifetime(self: copy self)
    mutating func optionalSettings() throws(MembershipError) -> ClusterSettings? {
        let span = try prefixedSpan(max: ClusterSettings.bytesMax)
        return span.isEmpty ? nil : try ClusterSettings(decoding: span)
    }

    @_lifetime(self: copy self)
    mutating func views() throws(MembershipError) -> [MemberView] {
        var views: [MemberView] = []
        for _ in 0..<(try count(max: SyncMessage.membersMax)) {
            let record = try record()
            guard let liveness = Liveness(rawValue: try uint8()) else { throw fault(.malformed) }
            views.append(
                MemberView(
                    record: record, liveness: liveness, claimVersion: try varint(), seconds: try varint()))
        }
        return views
    }
}
