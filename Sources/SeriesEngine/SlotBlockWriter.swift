internal import ByteCoding
internal import MetricModel

/// A slot block ready to be written, and what a directory says of it.
package struct EncodedSlotBlock: Sendable {
    package let header: SlotBlockHeader
    /// Header, index and chunk data.
    package let bytes: [UInt8]

    /// - Parameters:
    ///   - header: the one that `bytes` begin with.
    ///   - bytes: the whole block.
    package init(header: SlotBlockHeader, bytes: [UInt8]) {
        precondition(header.length == bytes.count, "slot block of \(bytes.count) bytes says \(header.length)")
        self.header = header
        self.bytes = bytes
    }
}

/// Puts one slot block together. Series are added in the order of `precedes`. Source: docs/formats/block.md, section 2.
struct SlotBlockWriter {
    private let slot: UInt16
    private let slotBits: UInt8
    private var symbolNumbers: [ExactString: Int] = [:]
    private var symbols: [String] = []
    private var series: [UInt8] = []
    private var seriesCount = 0
    private var metadata: [UInt8] = []
    private var metadataCount = 0
    private var servers: [UInt8] = []
    private var serverCount = 0
    private var data: [UInt8] = []
    private var sampleCount = 0
    private var minTime = Int64.max
    private var maxTime = Int64.min
    private var hasHistograms = false

    init(slot: UInt16, slotBits: UInt8) {
        self.slot = slot
        self.slotBits = slotBits
    }

    /// By tenant, then by canonical label bytes.
    static func precedes(_ left: SeriesIdentity, _ right: SeriesIdentity) -> Bool {
        left.tenant == right.tenant
            ? left.labels.bytes.lexicographicallyPrecedes(right.labels.bytes) : left.tenant < right.tenant
    }

    /// Adds a series with its chunks, those of each kind in time order.
    mutating func add(_ identity: SeriesIdentity, chunks numbers: [HeadChunk], histogramChunks: [HeadChunk] = []) {
        let chunks = numbers + histogramChunks
        if chunks.isEmpty { return }
        if !histogramChunks.isEmpty { hasHistograms = true }
        series.append(varint: symbol(identity.tenant.name))
        series.append(littleEndian: identity.fingerprint.hash.high)
        series.append(littleEndian: identity.fingerprint.hash.low)
        series.append(littleEndian: identity.placement.hash)
        series.append(identity.placement.labelIndex)
        let labels = identity.labels.labels
        series.append(varint: labels.count)
        for label in labels {
            series.append(varint: symbol(label.name))
            series.append(varint: symbol(label.value))
        }
        series.append(varint: chunks.count)
        for chunk in chunks {
            series.append(varint: chunk.bytes.count)
            series.append(zigzag: chunk.first)
            series.append(varint: UInt64(bitPattern: chunk.last &- chunk.first))
            series.append(varint: chunk.count)
            data.append(contentsOf: chunk.bytes)
            sampleCount += chunk.count
            minTime = min(minTime, chunk.first)
            maxTime = max(maxTime, chunk.last)
        }
        seriesCount += 1
    }

    /// Adds what is known of a server of this slot.
    mutating func add(_ summary: ServerSummary, tenant: TenantID) {
        servers.append(varint: symbol(tenant.name))
        servers.append(varint: symbol(summary.label))
        servers.append(varint: symbol(summary.id))
        servers.append(zigzag: summary.lastPush)
        servers.append(varint: summary.seriesCount)
        serverCount += 1
    }

    /// Adds what is known of a metric of this slot.
    mutating func add(_ entry: TenantMetadata) {
        metadata.append(varint: symbol(entry.tenant.name))
        metadata.append(varint: symbol(entry.metadata.metric))
        metadata.append(varint: symbol(entry.metadata.type))
        metadata.append(varint: symbol(entry.metadata.unit))
        metadata.append(varint: symbol(entry.metadata.help))
        metadataCount += 1
    }

    /// The whole block.
    consuming func finish() -> EncodedSlotBlock {
        var index: [UInt8] = []
        index.append(varint: symbols.count)
        for symbol in symbols { index.append(prefixed: symbol) }
        index.append(contentsOf: series)
        index.append(varint: metadataCount)
        index.append(contentsOf: metadata)
        index.append(varint: serverCount)
        index.append(contentsOf: servers)
        let header = SlotBlockHeader(
            version: hasHistograms ? SlotBlockHeader.histogramVersion : SlotBlockHeader.version, slot: slot,
            slotBits: slotBits, minTime: minTime, maxTime: maxTime, sampleCount: sampleCount,
            seriesCount: seriesCount, indexLength: index.count, dataLength: data.count,
            indexChecksum: CRC32C.of(index.rawSpan), dataChecksum: CRC32C.of(data.rawSpan))
        var bytes: [UInt8] = []
        bytes.reserveCapacity(header.length)
        header.encode(into: &bytes)
        bytes.append(contentsOf: index)
        bytes.append(contentsOf: data)
        return EncodedSlotBlock(header: header, bytes: bytes)
    }

    private mutating func symbol(_ string: String) -> Int {
        if let number = symbolNumbers[ExactString(string)] { return number }
        let number = symbols.count
        symbols.append(string)
        symbolNumbers[ExactString(string)] = number
        return number
    }
}
