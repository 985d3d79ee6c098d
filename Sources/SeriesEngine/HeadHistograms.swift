internal import ByteCoding
internal import ChunkCoding
internal import MetricModel

/// Native histograms of one series in the head, beside its numbers.
struct HeadHistograms: Sendable {
    /// `head_histograms_open_max`: so many are encoded together, in or out of order.
    static let openMax = 64
    /// `head_histograms_open_weight_max`: fewer where they are large: 256 KiB.
    static let openWeightMax = 16_384

    private(set) var chunks: [HeadChunk] = []
    /// Not encoded yet, sorted.
    private(set) var open = HistogramColumns()
    private var openWeight = 0
    /// What all of them count as where samples of the head are limited; encoded ones by their bytes.
    private(set) var weight = 0

    /// Adds a histogram; one at the same time that is encoded already is resolved where chunks are merged.
    ///
    /// - Returns: whether there is one more, and how much greater the weight is.
    mutating func insert(timestamp: Int64, _ histogram: NativeHistogram) -> (grown: Bool, weight: Int) {
        let before = weight
        let (isNew, change) = open.insert(timestamp: timestamp, histogram)
        openWeight += change
        weight += change
        if open.count >= Self.openMax || openWeight >= Self.openWeightMax { encodeOpen() }
        return (isNew, weight - before)
    }

    private mutating func encodeOpen() {
        let chunk = HeadChunk(encoding: open)
        weight += chunk.bytes.count / 16 - openWeight
        chunks.append(chunk)
        open = HistogramColumns()
        openWeight = 0
    }

    /// How many there are; those at the same time may count twice.
    var count: Int { chunks.reduce(open.count) { $0 + $1.count } }

    /// First and last time; nil when there are none.
    var extent: (first: Int64, last: Int64)? {
        var first = open.timestamps.first ?? .max
        var last = open.timestamps.last ?? .min
        for chunk in chunks {
            first = min(first, chunk.first)
            last = max(last, chunk.last)
        }
        return first <= last ? (first, last) : nil
    }

    /// Whether there is one within a range; of a chunk its first and last time are looked at.
    func overlaps(_ start: Int64, _ end: Int64) -> Bool {
        chunks.contains { $0.last >= start && $0.first <= end }
            || open.timestamps.contains { $0 >= start && $0 <= end }
    }

    /// Adds those that chunks within `start ... end` have, and those that are open, to `run`.
    func merge(into run: inout SampleRun, start: Int64, end: Int64) throws(BlockError) {
        for chunk in chunks where chunk.last >= start && chunk.first <= end {
            try run.merge(histogramChunk: chunk.bytes.rawSpan, offset: 0)
        }
        run.merge(open)
    }

    /// Adds what `merge` reads.
    func measure(into volume: inout ReadVolume, start: Int64, end: Int64) {
        for chunk in chunks where chunk.last >= start && chunk.first <= end { volume.add(bytes: chunk.bytes.count) }
        if !open.isEmpty { volume.add(bytes: open.memorySize) }
    }
}

extension HeadChunk {
    /// Encodes histograms, at least one.
    init(encoding histograms: HistogramColumns) {
        precondition(!histograms.isEmpty, "a chunk holds at least one sample")
        var bytes: [UInt8] = []
        HistogramChunk.encode(histograms, into: &bytes)
        let times = histograms.timestamps
        self.init(bytes: bytes, first: times[0], last: times[times.count - 1], count: times.count)
    }

    /// Encodes histograms in chunks that are large enough to be worth one, and small enough to be decoded together.
    static func chunks(of histograms: HistogramColumns) -> [HeadChunk] {
        var chunks: [HeadChunk] = []
        var start = 0
        var weight = 0
        for index in 0..<histograms.count {
            weight += histograms.values[index].weight
            let length = index + 1 - start
            guard length >= HeadHistograms.openMax || weight >= HeadHistograms.openWeightMax else { continue }
            chunks.append(HeadChunk(encoding: histograms[start..<index + 1]))
            start = index + 1
            weight = 0
        }
        if start < histograms.count { chunks.append(HeadChunk(encoding: histograms[start..<histograms.count])) }
        return chunks
    }
}

extension SampleRun {
    /// Adds the histograms of a chunk.
    mutating func merge(histogramChunk chunk: RawSpan, offset: Int) throws(BlockError) {
        do throws(ChunkError) {
            merge(try HistogramChunk.decode(chunk))
        } catch {
            throw BlockError(.badChunk, offset: offset, found: 0, context: "chunk data: \(error)")
        }
    }
}

extension Engine {
    /// Takes histograms into the head: rows that are already judged.
    ///
    /// - Parameters:
    ///   - histograms: by their places in `rows`.
    ///   - rows: rows of the series table.
    ///   - timestamps: of all rows.
    mutating func append(_ histograms: HistogramRows, rows: [UInt32], timestamps: [Int64]) {
        for (place, histogram) in zip(histograms.rows, histograms.values) {
            append(histogram, row: rows[Int(place)], timestamp: timestamps[Int(place)])
        }
    }

    /// Takes one histogram into the head.
    mutating func append(_ histogram: NativeHistogram, row: UInt32, timestamp: Int64) {
        var state = table.states[Int(row)]
        if timestamp <= state.newest { statistics.late += 1 }
        if state.newest < timestamp {
            state.newest = timestamp
            state.judged = max(state.judged, timestamp)
            table.states[Int(row)] = state
            let server = Int(state.server)
            if servers.lastPush[server] < timestamp { servers.lastPush[server] = timestamp }
        }
        let gain = histograms[row, default: HeadHistograms()].insert(timestamp: timestamp, histogram)
        histogramWeight += gain.weight
        statistics.appended += 1
        if gain.grown { statistics.liveSamples += 1 }
    }
}
