import ByteCoding
package import MetricModel

/// Samples for one engine, as columns, with the definitions of the series that it may not know yet.
///
/// Wire form (docs/protocol.md, "Write"): u64 generation; u32 rows, definitions, metadata; series u32 each; values f64 each; timestamps
/// (`TimestampColumn`); tenants; definitions; metadata; where rows are histograms, these (`HistogramRows`). All little-endian. Columns are copied whole, never element by element.
package struct WriteBatch: Equatable, Sendable {
    /// What is known of a metric of one tenant.
    package struct TenantMetadata: Hashable, Sendable {
        /// Whose metric it is.
        package var tenant: TenantID
        /// What is known of it.
        package var metadata: MetricMetadata

        /// Metadata of one metric of `tenant`.
        package init(tenant: TenantID, metadata: MetricMetadata) {
            self.tenant = tenant
            self.metadata = metadata
        }
    }

    /// Series that the sender does not know a reference of; at most `WireLimits.batchDefinitionsMax`.
    package var definitions: [SeriesDefinition]
    /// The samples. In `rows.series`, with `SeriesReference.definitionBit` set, the rest is an index into `definitions`; without, it
    /// is a reference of engine `generation`. At most `WireLimits.batchRowsMax`.
    package var rows: SampleColumns
    /// Metadata that came along; at most `WireLimits.batchMetadataMax`.
    package var metadata: [TenantMetadata]
    /// The engine generation that the references belong to; 0 when there are none.
    package var generation: UInt64

    /// A batch; the columns of `rows` must be of equal length.
    package init(
        definitions: [SeriesDefinition] = [], rows: SampleColumns = SampleColumns(), metadata: [TenantMetadata] = [],
        generation: UInt64 = 0
    ) {
        self.definitions = definitions
        self.rows = rows
        self.metadata = metadata
        self.generation = generation
    }
}

extension WriteBatch {
    private static let definitionBytesMin = 7
    /// Of the number of rows: histograms follow.
    private static let histogramBit: UInt32 = 1 << 31
    private static let metadataBytesMin = 5
    /// A row's share of the two columns whose width does not depend on the form.
    private static let rowBytesMin = 12

    /// Appends the wire form.
    ///
    /// - Precondition: the columns are of equal length.
    /// - Complexity: one copy of each column; 12 to 20 bytes a row.
    package func encode(into bytes: inout [UInt8]) {
        let count = rows.count
        precondition(rows.timestamps.count == count && rows.values.count == count, "columns of unequal length")
        bytes.reserveCapacity(bytes.count + 64 + 20 * count)
        bytes.append(littleEndian: generation)
        bytes.append(littleEndian: UInt32(count) | (rows.histograms.isEmpty ? 0 : Self.histogramBit))
        bytes.append(littleEndian: UInt32(definitions.count))
        bytes.append(littleEndian: UInt32(metadata.count))
        bytes.append(column: rows.series)
        bytes.append(column: rows.values)
        TimestampColumn.encode(rows.timestamps, into: &bytes)
        encodeDescriptions(into: &bytes)
        if !rows.histograms.isEmpty { rows.histograms.encode(into: &bytes) }
    }

    private func encodeDescriptions(into bytes: inout [UInt8]) {
        var tenants = TenantTable()
        for definition in definitions { tenants.add(definition.tenant) }
        for entry in metadata { tenants.add(entry.tenant) }
        bytes.append(varint: tenants.list.count)
        for tenant in tenants.list { bytes.append(prefixed: tenant.name) }
        for definition in definitions {
            bytes.append(varint: tenants.index(of: definition.tenant))
            bytes.append(littleEndian: definition.placement.hash)
            bytes.append(definition.placement.labelIndex)
            bytes.append(prefixed: definition.labels.bytes)
        }
        for entry in metadata {
            bytes.append(varint: tenants.index(of: entry.tenant))
            bytes.append(prefixed: entry.metadata.metric)
            bytes.append(prefixed: entry.metadata.type)
            bytes.append(prefixed: entry.metadata.unit)
            bytes.append(prefixed: entry.metadata.help)
        }
    }

    /// Reads the wire form; every count is checked against the bytes that are there before anything is allocated.
    ///
    /// - Throws: `WireError` for counts over their limit, a definition index out of range, a tenant or label set that is not valid,
    ///   missing and trailing bytes.
    package init(decoding bytes: RawSpan) throws(WireError) {
        var reader = WireReader(bytes, message: "WriteBatch")
        generation = try reader.uint64()
        let (rowCount, hasHistograms) = try reader.flaggedCount(
            "rows", unit: Self.rowBytesMin, limit: WireLimits.batchRowsMax, flag: Self.histogramBit)
        let definitionCount = try reader.count(
            "definitions", unit: Self.definitionBytesMin, limit: WireLimits.batchDefinitionsMax)
        let metadataCount = try reader.count(
            "metadata", unit: Self.metadataBytesMin, limit: WireLimits.batchMetadataMax)
        rows = SampleColumns()
        rows.series = try reader.uint32Column(count: rowCount)
        rows.values = try reader.doubleColumn(count: rowCount)
        rows.timestamps = try TimestampColumn.decode(count: rowCount, from: &reader)
        // One bound holds for both kinds of number: references lie below the definition bit, indices from it on.
        var greatest: UInt32 = 0
        for series in rows.series { greatest = max(greatest, series) }
        if greatest >= SeriesReference.definitionBit,
            Int(greatest - SeriesReference.definitionBit) >= definitionCount
        {
            throw reader.malformed("series", found: UInt64(greatest), expected: UInt64(definitionCount))
        }
        let tenants = try TenantTable.decode(from: &reader)
        definitions = []
        definitions.reserveCapacity(definitionCount)
        for _ in 0..<definitionCount {
            definitions.append(try SeriesDefinition(from: &reader, tenants: tenants))
        }
        metadata = []
        metadata.reserveCapacity(metadataCount)
        for _ in 0..<metadataCount {
            metadata.append(try TenantMetadata(from: &reader, tenants: tenants))
        }
        if hasHistograms { rows.histograms = try reader.histograms(rowCount: rowCount) }
        try reader.expectEnd()
    }
}

extension WriteBatch.TenantMetadata {
    fileprivate init(from reader: inout WireReader, tenants: [TenantID]) throws(WireError) {
        tenant = try TenantTable.tenant(from: &reader, in: tenants)
        metadata = MetricMetadata(
            metric: try reader.string(), type: try reader.string(), unit: try reader.string(), help: try reader.string()
        )
    }
}

extension SeriesDefinition {
    fileprivate init(from reader: inout WireReader, tenants: [TenantID]) throws(WireError) {
        let tenant = try TenantTable.tenant(from: &reader, in: tenants)
        let placement = PlacementKey(hash: try reader.uint32(), labelIndex: try reader.uint8())
        self.init(tenant: tenant, labels: try Labels(from: &reader), placement: placement)
    }
}

/// The distinct tenants of a batch: each name crosses once.
private struct TenantTable {
    private(set) var list: [TenantID] = []
    private var indices: [TenantID: Int] = [:]

    mutating func add(_ tenant: TenantID) {
        // Batches come sorted by tenant more often than not: the last one is asked first.
        if tenant == list.last || indices[tenant] != nil { return }
        indices[tenant] = list.count
        list.append(tenant)
    }

    func index(of tenant: TenantID) -> Int {
        guard let index = indices[tenant] else { preconditionFailure("tenant \(tenant) was never added") }
        return index
    }

    static func decode(from reader: inout WireReader) throws(WireError) -> [TenantID] {
        let count = try reader.varint()
        guard count <= WireLimits.batchDefinitionsMax else {
            throw reader.malformed("tenants", found: count, expected: UInt64(WireLimits.batchDefinitionsMax))
        }
        // Not reserved: the count is the peer's word, the bytes behind it are not checked yet.
        var tenants: [TenantID] = []
        for _ in 0..<count {
            let name = try reader.string()
            do throws(ModelError) {
                tenants.append(try TenantID(validating: name))
            } catch {
                throw reader.malformed("tenants")
            }
        }
        return tenants
    }

    static func tenant(from reader: inout WireReader, in tenants: [TenantID]) throws(WireError) -> TenantID {
        let index = try reader.varint()
        guard index < UInt64(tenants.count) else {
            throw reader.malformed("tenant", found: index, expected: UInt64(tenants.count))
        }
        return tenants[Int(index)]
    }
}
