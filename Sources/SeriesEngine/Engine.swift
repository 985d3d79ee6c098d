internal import ChunkCoding
internal import MetricModel

/// One engine: the series table, the inverted index, the head, and the bytes of its log.
///
/// Arrives: batches (`prepare`, then `apply` once the log has the bytes), log segments to replay, selections, the order to
/// seal. Leaves: log records, copies of what a query asks for, a frozen head that others encode into blocks. An engine has
/// one owner and knows no clock, file or lock; time is an argument. Next: `Engine+Append.swift`.
package struct Engine: ~Copyable {
    package let configuration: EngineConfiguration

    var table = SeriesTable()
    var indexes: [TenantID: LabelIndex] = [:]
    var servers = ServerTable()
    var metadata = MetadataTable()
    /// The references of the series of each slot, ascending.
    var slotReferences: [[UInt32]]
    /// Rows of dropped slots that a running seal still reads: free once it has finished.
    var rowsToFree: [UInt32] = []
    var pages = OpenPages()
    /// Late samples by row.
    var late: [UInt32: LateSamples] = [:]
    /// Native histograms by row.
    var histograms: [UInt32: HeadHistograms] = [:]
    /// What they count as, beyond one each, where samples of the head are limited.
    var histogramWeight = 0
    /// What a running seal encodes; queries read it until `finishSeal`.
    var frozen: FrozenHead?
    /// The log segment that is being written; 0 before `beginSegment`.
    var walSegment: UInt32 = 0
    var encoder = ChunkEncoder()
    var scratchTimestamps: [Int64] = []
    var scratchValues: [Double] = []
    /// What changed of the data that queries read.
    package var changes = ChangeLog()
    /// Counters since the engine was made.
    package internal(set) var statistics = EngineStatistics()

    package init(configuration: EngineConfiguration) {
        self.configuration = configuration
        slotReferences = Array(repeating: [], count: 1 << configuration.slotBits)
    }

    /// Samples in memory that no block holds yet, frozen ones included; histograms by their weight.
    package var headSamples: Int { statistics.liveSamples + histogramWeight + (frozen?.sampleCount ?? 0) }

    /// Starts a log segment: from here on each series is defined anew before its first use.
    ///
    /// - Parameter number: greater than any before, at least 1.
    package mutating func beginSegment(_ number: UInt32) {
        precondition(number > walSegment, "log segment \(number) after \(walSegment)")
        walSegment = number
    }
}

/// Counters of one engine, all since its start except the gauges.
package struct EngineStatistics: Equatable, Sendable {
    /// Samples taken into the head.
    package var appended = 0
    /// Samples refused with a reason.
    package var rejected = 0
    /// Rows whose reference was not known.
    package var unknownReferences = 0
    /// Samples that arrived out of order and were taken.
    package var late = 0
    /// Samples in the head that are not frozen (gauge).
    package var liveSamples = 0
    /// Series defined.
    package var seriesDefined = 0
    /// Series dropped after two seals without a sample.
    package var seriesDropped = 0
    /// Chunks encoded while appending.
    package var chunksEncoded = 0

    /// All zero.
    package init() {}
}
