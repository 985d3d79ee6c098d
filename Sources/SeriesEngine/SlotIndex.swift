internal import ByteCoding
internal import ChunkCoding
package import MetricModel

/// The parsed index of one slot block: its series as flat columns over a symbol table. Immutable.
package final class SlotIndex: Sendable {
    package let header: SlotBlockHeader
    let symbols: [String]
    /// Symbol of the tenant of each series.
    let tenants: [UInt32]
    let fingerprints: [Fingerprint]
    let placements: [PlacementKey]
    /// Where each series' labels begin in `labelSymbols`, with the end behind the last.
    let labelStarts: [UInt32]
    /// Symbols of name and value, in turn.
    let labelSymbols: [UInt32]
    /// Where each series' chunks begin in `chunks`, with the end behind the last.
    let chunkStarts: [UInt32]
    let chunks: [Chunk]
    /// Metadata of the slot's metrics.
    package let metadata: [TenantMetadata]
    /// Servers of the slot.
    package let servers: [TenantServer]

    /// Where one chunk lies in the data.
    struct Chunk: Sendable {
        var offset: Int
        var length: Int
        var first: Int64
        var last: Int64
        /// How many samples it is said to have.
        var count: Int
    }

    /// Number of series.
    package var seriesCount: Int { tenants.count }

    /// Rough size in memory, bytes: what a cache counts.
    package var memorySize: Int {
        symbols.reduce(0) { $0 + $1.utf8.count + 32 } + labelSymbols.count * 4 + chunks.count * 40 + tenants.count * 40
    }

    /// Parses header and index; the chunk data need not be there.
    ///
    /// - Throws: `BlockError`, exact about what does not hold.
    package convenience init(decoding bytes: RawSpan) throws(BlockError) {
        let header = try SlotBlockHeader(decoding: bytes)
        let end = SlotBlockHeader.size + header.indexLength
        guard bytes.byteCount >= end else {
            throw BlockError(.truncated, offset: bytes.byteCount, found: UInt64(end), context: "slot block index")
        }
        let index = bytes.extracting(SlotBlockHeader.size..<end)
        guard CRC32C.of(index) == header.indexChecksum else {
            throw BlockError(
                .badChecksum, offset: SlotBlockHeader.size, found: UInt64(header.indexChecksum),
                context: "slot block index")
        }
        do {
            var parser = try SlotIndexParser(index)
            try parser.run(header: header)
            self.init(header: header, parser: parser)
        } catch {
            throw BlockError(.malformed, offset: SlotBlockHeader.size, found: 0, context: "slot block index: \(error)")
        }
    }

    private init(header: SlotBlockHeader, parser: borrowing SlotIndexParser) {
        self.header = header
        symbols = parser.symbols
        tenants = parser.tenants
        fingerprints = parser.fingerprints
        placements = parser.placements
        labelStarts = parser.labelStarts
        labelSymbols = parser.labelSymbols
        chunkStarts = parser.chunkStarts
        chunks = parser.chunks
        metadata = parser.metadata
        servers = parser.servers
    }

    /// Checks the chunk data's checksum.
    package func verify(data: RawSpan) throws(BlockError) {
        guard data.byteCount == header.dataLength else {
            throw BlockError(
                .truncated, offset: data.byteCount, found: UInt64(header.dataLength), context: "chunk data")
        }
        guard CRC32C.of(data) == header.dataChecksum else {
            throw BlockError(
                .badChecksum, offset: SlotBlockHeader.size + header.indexLength, found: UInt64(header.dataChecksum),
                context: "chunk data")
        }
    }

    /// The labels of a series.
    package func labels(of series: Int) -> Labels {
        var labels: [Label] = []
        for at in stride(from: Int(labelStarts[series]), to: Int(labelStarts[series + 1]), by: 2) {
            labels.append(Label(symbols[Int(labelSymbols[at])], symbols[Int(labelSymbols[at + 1])]))
        }
        return Labels(sortedUnique: labels)
    }

    /// The fingerprint of a series.
    package func fingerprint(of series: Int) -> Fingerprint { fingerprints[series] }

    /// What defines a series.
    ///
    /// - Throws: `BlockError.malformed` when its tenant's name is none.
    package func definition(of series: Int) throws(BlockError) -> SeriesDefinition {
        let name = symbols[Int(tenants[series])]
        guard let tenant = try? TenantID(validating: name) else {
            throw BlockError(.malformed, offset: 0, found: UInt64(series), context: "tenant of a series")
        }
        return SeriesDefinition(tenant: tenant, labels: labels(of: series), placement: placements[series])
    }

    /// Whether a series has a chunk that overlaps `start ... end`.
    package func overlaps(series: Int, _ start: Int64, _ end: Int64) -> Bool {
        chunkRange(of: series).contains { overlaps($0, start, end) }
    }

    /// Where a series is placed.
    package func placement(of series: Int) -> PlacementKey { placements[series] }

    /// The series of one tenant that pass every matcher and have a chunk that overlaps `start ... end`, ascending.
    package func matching(_ selection: SeriesSelection) -> [Int] {
        var result: [Int] = []
        var memos = selection.matchers.map { MatcherMemo($0, symbols: symbols) }
        guard let tenant = symbols.firstIndex(where: { $0.hasSameBytes(as: selection.tenant.name) }) else { return [] }
        for series in 0..<seriesCount where Int(tenants[series]) == tenant {
            var passes = true
            for memo in memos.indices where passes {
                passes = memos[memo].passes(valueSymbol(series, memos[memo].name))
            }
            if passes && chunkRange(of: series).contains(where: { overlaps($0, selection.start, selection.end) }) {
                result.append(series)
            }
        }
        return result
    }

    /// Adds a series' samples within `start ... end` to `run`; chunks outside are not decoded.
    ///
    /// - Parameters:
    ///   - series: its number in this block.
    ///   - data: the block's chunk data.
    ///   - run: what the samples are merged into.
    ///   - start: first time wanted.
    ///   - end: last time wanted.
    /// - Throws: `BlockError.badChunk`.
    package func merge(
        series: Int, data: RawSpan, into run: inout SampleRun, start: Int64, end: Int64
    ) throws(BlockError) {
        var timestamps: [Int64] = []
        var values: [Double] = []
        for number in chunkRange(of: series) where overlaps(number, start, end) {
            let chunk = chunks[number]
            let bytes = data.extracting(chunk.offset..<chunk.offset + chunk.length)
            if HistogramChunk.isOne(bytes) {
                try run.merge(histogramChunk: bytes, offset: chunk.offset)
                continue
            }
            timestamps.removeAll(keepingCapacity: true)
            values.removeAll(keepingCapacity: true)
            do throws(ChunkError) {
                try ChunkDecoder.decode(bytes, timestamps: &timestamps, values: &values)
            } catch {
                throw BlockError(.badChunk, offset: chunk.offset, found: 0, context: "chunk data: \(error)")
            }
            run.merge(timestamps: timestamps, values: values)
        }
        run.trim(start: start, end: end)
    }

    /// The chunks of a series; offsets are into the chunk data.
    func chunks(of series: Int) -> ArraySlice<Chunk> { chunks[chunkRange(of: series)] }

    private func chunkRange(of series: Int) -> Range<Int> { Int(chunkStarts[series])..<Int(chunkStarts[series + 1]) }

    private func overlaps(_ chunk: Int, _ start: Int64, _ end: Int64) -> Bool {
        chunks[chunk].last >= start && chunks[chunk].first <= end
    }

    private func valueSymbol(_ series: Int, _ name: UInt32?) -> UInt32? {
        guard let name else { return nil }
        for at in stride(from: Int(labelStarts[series]), to: Int(labelStarts[series + 1]), by: 2)
        where labelSymbols[at] == name {
            return labelSymbols[at + 1]
        }
        return nil
    }
}

/// A matcher over one symbol table: each value is asked about once.
private struct MatcherMemo {
    let matcher: Matcher
    /// Symbol of the matcher's label name; nil when no series has it.
    let name: UInt32?
    private let symbols: [String]
    private let passesAbsent: Bool
    private var known: [UInt32: Bool] = [:]

    init(_ matcher: Matcher, symbols: [String]) {
        self.matcher = matcher
        self.symbols = symbols
        name = symbols.firstIndex { $0.hasSameBytes(as: matcher.name) }.map { UInt32($0) }
        passesAbsent = matcher.matchesEmpty
    }

    mutating func passes(_ value: UInt32?) -> Bool {
        guard let value else { return passesAbsent }
        if let answer = known[value] { return answer }
        let answer = matcher.matches(symbols[Int(value)])
        known[value] = answer
        return answer
    }
}
