internal import ByteCoding
internal import MetricModel

/// What the append loop reads and writes of a series: 32 bytes, two rows a cache line.
struct SeriesState: BitwiseCopyable, Sendable {
    /// Newest timestamp judged, applied or not yet; `Int64.min` when there is none.
    var judged = Int64.min
    /// Newest timestamp applied; `Int64.min` when there is none.
    var newest = Int64.min
    /// Last page of the open buffer.
    var page = OpenPages.none
    /// Samples in the open buffer.
    var openCount: UInt16 = 0
    /// Seals since the last sample.
    var idleSeals: UInt8 = 0
    /// WAL segment in which the series was last defined; 0 is none.
    var walSegment: UInt32 = 0
    /// Index into the server table.
    var server: UInt32 = 0
}

/// What is known of a series beside its samples.
struct SeriesIdentity: Sendable {
    var tenant: TenantID
    var labels: Labels
    var fingerprint: Fingerprint
    var placement: PlacementKey
    /// The reference by which clients know it; nil when the row is free.
    var reference: UInt32?
}

/// An encoded chunk of the head.
struct HeadChunk: Sendable {
    var bytes: [UInt8]
    /// First and last timestamp, Unix milliseconds.
    var first: Int64
    var last: Int64
    var count: Int
}

/// The series table: rows as columns in fixed segments; rows of dropped series are used again, references never.
struct SeriesTable: Sendable {
    /// Stands for "no row".
    static let noRow = UInt32.max

    var states = SegmentedArray<SeriesState>()
    var identities = SegmentedArray<SeriesIdentity>()
    var chunks = SegmentedArray<[HeadChunk]>()
    /// Row of each reference; 4 bytes stay behind for every series ever defined in this generation.
    private(set) var rowOfReference = SegmentedArray<UInt32>()
    /// Reference by fingerprint, in 256 parts so that no single table ever grows by a giant step.
    private var references = [[Fingerprint: UInt32]](repeating: [:], count: 256)
    private var freeRows: [UInt32] = []
    private(set) var liveCount = 0

    /// References given out so far in this generation.
    var referenceCount: Int { rowOfReference.count }

    /// The row of a series already defined; nil when there is none.
    func row(of fingerprint: Fingerprint) -> UInt32? {
        references[Self.part(fingerprint)][fingerprint].map { rowOfReference[Int($0)] }
    }

    /// The row of a reference, or `noRow` when this generation does not know it.
    @inline(__always)
    func row(ofReference reference: UInt32) -> UInt32 {
        Int(reference) < rowOfReference.count ? rowOfReference[Int(reference)] : Self.noRow
    }

    /// Adds a series.
    ///
    /// - Returns: its row; `identity.reference` is filled in.
    mutating func add(_ definition: SeriesDefinition, fingerprint: Fingerprint, server: UInt32) -> UInt32 {
        let reference = UInt32(rowOfReference.count)
        precondition(reference & SeriesReference.definitionBit == 0, "series references of this generation are used up")
        let identity = SeriesIdentity(
            tenant: definition.tenant, labels: definition.labels, fingerprint: fingerprint,
            placement: definition.placement, reference: reference)
        let row: UInt32
        if let recycled = freeRows.popLast() {
            row = recycled
            identities[Int(row)] = identity
        } else {
            row = UInt32(identities.count)
            identities.append(identity)
            states.append(SeriesState())
            chunks.append([])
        }
        states[Int(row)] = SeriesState(server: server)
        rowOfReference.append(row)
        references[Self.part(fingerprint)][fingerprint] = reference
        liveCount += 1
        return row
    }

    /// Drops a series without samples; its row is used again once it is `free`.
    ///
    /// - Returns: what it was.
    mutating func drop(row: UInt32) -> SeriesIdentity {
        let identity = identities[Int(row)]
        guard let reference = identity.reference else { preconditionFailure("row \(row) is dropped twice") }
        rowOfReference[Int(reference)] = Self.noRow
        references[Self.part(identity.fingerprint)][identity.fingerprint] = nil
        identities[Int(row)] = SeriesIdentity(
            tenant: .default, labels: .empty, fingerprint: identity.fingerprint,
            placement: identity.placement, reference: nil)
        liveCount -= 1
        return identity
    }

    /// Gives the rows of dropped series to those that come.
    mutating func free(_ rows: [UInt32]) { freeRows.append(contentsOf: rows) }

    private static func part(_ fingerprint: Fingerprint) -> Int { Int(fingerprint.hash.low & 0xFF) }
}
