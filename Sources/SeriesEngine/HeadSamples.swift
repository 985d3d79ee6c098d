internal import ByteCoding

/// One series' samples in the head, copied or shared out: decoding needs nothing of the engine.
package struct HeadSamples: Sendable {
    var chunks: [HeadChunk] = []
    var openTimestamps: [Int64] = []
    var openValues: [Double] = []
    var late = LateSamples()
    /// Native histograms beside them.
    var histograms: HeadHistograms?

    /// Whether the sources follow each other in time, so that chunks can go into a block as they are.
    var isOrdered: Bool {
        guard late.count == 0, histograms == nil else { return false }
        for index in chunks.indices.dropFirst() where chunks[index].first <= chunks[index - 1].last { return false }
        guard let last = chunks.last, let open = openTimestamps.first else { return true }
        return open > last.last
    }

    /// First and last time of the samples; nil when there are none.
    var extent: (first: Int64, last: Int64)? {
        var first = Int64.max
        var last = Int64.min
        for chunk in chunks {
            first = min(first, chunk.first)
            last = max(last, chunk.last)
        }
        for timestamps in [openTimestamps, late.timestamps] {
            first = min(first, timestamps.first ?? .max)
            last = max(last, timestamps.last ?? .min)
        }
        if let histograms = histograms?.extent {
            first = min(first, histograms.first)
            last = max(last, histograms.last)
        }
        return first <= last ? (first, last) : nil
    }

    /// The newest number by `time` that is not encoded; nil where all of these are later, or none is there.
    func newest(by time: Int64) -> Int64? {
        guard let first = openTimestamps.first, first <= time else { return nil }
        return openTimestamps.last { $0 <= time }
    }

    /// Adds the samples within `start ... end` to `run`; chunks outside are not decoded.
    ///
    /// - Throws: `BlockError` when a chunk cannot be decoded, which is a broken invariant of this process.
    package func merge(into run: inout SampleRun, start: Int64, end: Int64) throws(BlockError) {
        for chunk in chunks where chunk.last >= start && chunk.first <= end {
            let bytes = chunk.bytes.rawSpan
            try run.append(chunk: bytes, first: chunk.first, offset: 0)
        }
        run.merge(timestamps: openTimestamps, values: openValues)
        run.merge(timestamps: late.timestamps, values: late.values)
        try histograms?.merge(into: &run, start: start, end: end)
        run.trim(start: start, end: end)
    }
}
