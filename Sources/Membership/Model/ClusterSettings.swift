/// The identity that two clusters never share.
package struct ClusterID: Hashable, Comparable, Sendable, BitwiseCopyable, CustomStringConvertible {
    /// The first and the last 8 bytes.
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// What a joiner writes that does not know its cluster yet.
    package static let unknown = ClusterID(high: 0, low: 0)

    package static func < (left: ClusterID, right: ClusterID) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }

    /// 32 hexadecimal digits.
    package var description: String { high.hexadecimal + low.hexadecimal }
}

/// How slots are spread over zones.
package enum ZoneRule: UInt8, CaseIterable, Sendable {
    /// Zones are ignored.
    case ignore = 1
    /// A slot's owners are in different zones while there are enough.
    case spread = 2
}

/// Settings that were changed by a command since the cluster was founded: what a member is started with does not change them back.
package struct ChangedSettings: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// How many copies there are.
    package static let replicationFactor = ChangedSettings(rawValue: 1)
    /// When others take a dead member's place.
    package static let replacementDelay = ChangedSettings(rawValue: 2)
}

/// The settings that all members share: one versioned record, created with the cluster, kept and carried by every member.
package struct ClusterSettings: Hashable, Sendable {
    /// `cluster_settings_bytes_max`: the record fits in a datagram.
    package static let bytesMax = 1_024
    /// `placement_labels_max`
    package static let placementLabelsMax = 16

    /// Greater is newer; from 1.
    package var version: UInt64 = 1
    /// Given at creation; never changes.
    package let id: ClusterID
    /// For people, and for joiners, who know the name only; never changes.
    package let name: String
    /// The hash's bits that number a slot; never changes.
    package let slotBits: UInt8
    /// Which hash places servers; never changes.
    package let hashVersion: UInt8
    /// How many members the ring gives each slot.
    package var replicationFactor: UInt8
    /// How many members each acknowledged batch lies on at least, and how many copies there are to be in the end (`CopyFactors`).
    package var assuredFactor: UInt8 = 1
    package var wantedFactor: UInt8
    /// The labels that name a server, the first present one counts.
    package var placementLabels: [String]
    /// How far behind a series' newest sample a sample is still accepted, milliseconds.
    package var lateWindowMilliseconds: Int64
    /// How slots are spread over zones.
    package var zoneRule: ZoneRule
    /// The newest format that anybody writes; raised once every member can read it.
    package var formatLevel: UInt16
    /// How long a member stays dead before others take its place, milliseconds; 0 for as long as nobody says so.
    package var replacementDelayMilliseconds: Int64 = 600_000
    /// What commands have changed.
    package var changed: ChangedSettings = []
    /// Fields of later versions of this record, carried on unread.
    package var later: [UInt8] = []

    package init(
        id: ClusterID, name: String, slotBits: UInt8 = 14, hashVersion: UInt8 = 1, replicationFactor: UInt8 = 2,
        placementLabels: [String], lateWindowMilliseconds: Int64, zoneRule: ZoneRule = .spread, formatLevel: UInt16 = 1
    ) {
        self.id = id
        self.name = name
        self.slotBits = slotBits
        self.hashVersion = hashVersion
        self.replicationFactor = replicationFactor
        wantedFactor = replicationFactor
        self.placementLabels = placementLabels
        self.lateWindowMilliseconds = lateWindowMilliseconds
        self.zoneRule = zoneRule
        self.formatLevel = formatLevel
    }

    /// What a member that was started with `wanted` would have to change to fit in here.
    ///
    /// - Parameter wanted: made of the member's flags; its version and cluster ID mean nothing.
    /// - Returns: a line for each setting that differs, both values in it; empty when the member fits.
    package func differences(from wanted: ClusterSettings) -> [String] {
        var lines: [String] = []
        func compare<Value: Equatable>(_ setting: String, _ ours: Value, _ theirs: Value) {
            if ours != theirs { lines.append("\(setting) is \(ours) in the cluster and \(theirs) here") }
        }
        compare("cluster-name", name, wanted.name)
        compare("slot-bits", slotBits, wanted.slotBits)
        compare("hash-version", hashVersion, wanted.hashVersion)
        compare("replication-factor", replicationFactor, wanted.replicationFactor)
        compare(
            "placement-labels", placementLabels.joined(separator: ","), wanted.placementLabels.joined(separator: ","))
        compare("late-window", "\(lateWindowMilliseconds) ms", "\(wanted.lateWindowMilliseconds) ms")
        compare("zone-rule", zoneRule, wanted.zoneRule)
        compare(
            "replacement-delay", "\(replacementDelayMilliseconds) ms", "\(wanted.replacementDelayMilliseconds) ms")
        return lines
    }

    /// Whether `next` may follow this: the same cluster with what never changes unchanged, and the next version.
    func allows(_ next: ClusterSettings) -> Bool {
        next.version == version + 1 && next.id == id && next.name.utf8.elementsEqual(name.utf8)
            && next.slotBits == slotBits
            && next.hashVersion == hashVersion && next.formatLevel >= formatLevel && next.fits
    }

    /// Whether every field is within its range and the record fits in a datagram.
    package var fits: Bool {
        !name.isEmpty && PlainText.holds(name) && (1...16).contains(slotBits) && replicationFactor >= 1
            && assuredFactor >= 1 && wantedFactor >= 1 && replacementDelayMilliseconds >= 0
            && placementLabels.count <= Self.placementLabelsMax && lateWindowMilliseconds >= 0
            && encoded.count <= Self.bytesMax
    }
}

extension ClusterSettings {
    /// How many copies there are, and are to be.
    package var copies: CopyFactors {
        get { CopyFactors(wanted: Int(wantedFactor), placed: Int(replicationFactor), assured: Int(assuredFactor)) }
        set {
            wantedFactor = UInt8(clamping: newValue.wanted)
            replicationFactor = UInt8(clamping: newValue.placed)
            assuredFactor = UInt8(clamping: newValue.assured)
        }
    }
}
