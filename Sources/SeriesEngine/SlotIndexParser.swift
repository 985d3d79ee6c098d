internal import ByteCoding
internal import MetricModel

/// Reads the index of a slot block into columns, checking each count, length and symbol.
struct SlotIndexParser: ~Escapable {
    private var reader: ByteReader
    private(set) var symbols: [String] = []
    private(set) var tenants: [UInt32] = []
    private(set) var fingerprints: [Fingerprint] = []
    private(set) var placements: [PlacementKey] = []
    private(set) var labelStarts: [UInt32] = []
    private(set) var labelSymbols: [UInt32] = []
    private(set) var chunkStarts: [UInt32] = []
    private(set) var chunks: [SlotIndex.Chunk] = []
    private(set) var metadata: [TenantMetadata] = []
    private(set) var servers: [TenantServer] = []

    @_lifetime(copy bytes)
    init(_ bytes: RawSpan) throws {
        reader = ByteReader(bytes)
    }

    @_lifetime(self: copy self)
    mutating func run(header: SlotBlockHeader) throws {
        for _ in 0..<(try reader.readCount()) { symbols.append(try reader.readString()) }
        // 24 bytes is the least that an entry of a series takes.
        guard header.seriesCount <= reader.remaining / 24 else { throw malformed(UInt64(header.seriesCount)) }
        var offset = 0
        for _ in 0..<header.seriesCount { try readSeries(offset: &offset, dataLength: header.dataLength) }
        labelStarts.append(UInt32(labelSymbols.count))
        chunkStarts.append(UInt32(chunks.count))
        guard offset == header.dataLength else { throw malformed(UInt64(offset)) }
        try readMetadata()
        try readServers()
        guard reader.isAtEnd else { throw malformed(UInt64(reader.remaining)) }
    }

    @_lifetime(self: copy self)
    private mutating func readSeries(offset: inout Int, dataLength: Int) throws {
        tenants.append(try readSymbol())
        let high = try reader.readUInt64()
        fingerprints.append(Fingerprint(hash: XXH3.Hash128(high: high, low: try reader.readUInt64())))
        placements.append(PlacementKey(hash: try reader.readUInt32(), labelIndex: try reader.readUInt8()))
        labelStarts.append(UInt32(labelSymbols.count))
        for _ in 0..<(try reader.readCount(unit: 2)) {
            labelSymbols.append(try readSymbol())
            labelSymbols.append(try readSymbol())
        }
        chunkStarts.append(UInt32(chunks.count))
        for _ in 0..<(try reader.readCount(unit: 4)) {
            let length = try reader.readVarint()
            let first = try reader.readZigzag()
            let last = first &+ Int64(bitPattern: try reader.readVarint())
            let count = try reader.readVarint()
            guard length <= UInt64(dataLength - offset), last >= first else { throw malformed(length) }
            chunks.append(
                SlotIndex.Chunk(
                    offset: offset, length: Int(length), first: first, last: last, count: Int(clamping: count)))
            offset += Int(length)
        }
    }

    @_lifetime(self: copy self)
    private mutating func readMetadata() throws {
        for _ in 0..<(try reader.readCount(unit: 5)) {
            let tenant = try TenantID(validating: readString())
            let entry = MetricMetadata(
                metric: try readString(), type: try readString(), unit: try readString(), help: try readString())
            metadata.append(TenantMetadata(tenant: tenant, metadata: entry))
        }
    }

    @_lifetime(self: copy self)
    private mutating func readServers() throws {
        for _ in 0..<(try reader.readCount(unit: 5)) {
            let tenant = try TenantID(validating: readString())
            let label = try readString()
            let id = try readString()
            let summary = ServerSummary(
                id: id, label: label, lastPush: try reader.readZigzag(),
                seriesCount: Int(truncatingIfNeeded: try reader.readVarint()))
            servers.append(TenantServer(tenant: tenant, summary: summary))
        }
    }

    @_lifetime(self: copy self)
    private mutating func readSymbol() throws -> UInt32 {
        let number = try reader.readVarint()
        guard number < UInt64(symbols.count) else { throw malformed(number) }
        return UInt32(number)
    }

    @_lifetime(self: copy self)
    private mutating func readString() throws -> String { symbols[Int(try readSymbol())] }

    private func malformed(_ found: UInt64) -> BlockError {
        BlockError(.malformed, offset: reader.offset, found: found, context: "slot block index")
    }
}
