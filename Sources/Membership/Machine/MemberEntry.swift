import ByteCoding

/// What this member knows of another.
struct MemberEntry: Sendable {
    var record: MemberRecord
    var liveness = Liveness.alive
    /// The version at which `liveness` was claimed: at least the record's, for a claim may arrive before the record it is about.
    var claimVersion: UInt64
    /// Since when it is so.
    var since: MembershipInstant
    /// While suspected.
    var suspicion: Suspicion?
    /// So many probes in a row were answered on a stream and by no datagram.
    var streamAnswers = 0
    /// The entry's part of the view's digest.
    var digestPart: UInt64 = 0

    /// Whether the member takes part: it is probed, and gets news.
    var isLive: Bool { liveness != .dead && !record.state.isGone }

    /// The part of the view's digest: what all members must come to agree on. Suspicions pass, and what is dropped at different
    /// moments in different places must not count.
    var currentDigestPart: UInt64 {
        if record.state.isGone || (liveness == .dead && !record.roles.contains(.aggregator)) { return 0 }
        return Self.digestPart(of: record, isDead: liveness == .dead)
    }

    static func digestPart(of record: MemberRecord, isDead: Bool) -> UInt64 {
        record.name.text.withRawSpan { XXH3.hash64($0, seed: record.version << 1 | (isDead ? 1 : 0)) }
    }

    /// The suspicion or death that holds, for the member itself to hear (Lifeguard's buddy system); nil when it is alive.
    func accusation(by observer: MemberName) -> Claim? {
        switch liveness {
        case .alive: nil
        case .suspect:
            .suspect(
                name: record.name, version: claimVersion, accuser: suspicion?.accusers.first ?? observer)
        case .dead: .dead(name: record.name, version: claimVersion, accuser: observer)
        }
    }
}

/// A suspicion's clock.
struct Suspicion: Sendable {
    let start: MembershipInstant
    /// Who said so independently, the first one first; one more than confirmations that count.
    var accusers: [MemberName]
    /// k: further accusers that bring the time down to its least.
    let wanted: Int
    /// How much this member's pauses have added to it.
    var postponed: Int64 = 0
    let min: Int64
    let max: Int64
    /// Whether the suspect has been asked a last time.
    var askedLast = false

    /// When the member is dead unless it contradicts.
    var deadline: MembershipInstant {
        start.advanced(
            by: postponed
                + SuspicionTimeout.duration(
                    confirmations: accusers.count - 1, wanted: wanted, min: min, max: max))
    }
}

extension ClusterSettings {
    /// The settings' part of a view's digest: a version that did not reach a member is found out.
    var digestPart: UInt64 {
        let bytes = encoded
        return XXH3.hash64(bytes.rawSpan)
    }
}
