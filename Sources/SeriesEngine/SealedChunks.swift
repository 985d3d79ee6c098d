internal import ByteCoding
internal import ChunkCoding
package import MetricModel

/// The chunks of every series in several open block files, series by series: what a query walks. Immutable.
///
/// To look a series up in each file for itself costs several cache misses a file; here its chunks are one run of memory.
package struct SealedChunks: Sendable {
    struct Chunk: Sendable, BitwiseCopyable {
        var first: Int64
        var last: Int64
        /// Where it begins in its file.
        var offset: Int
        var length: UInt32
        /// How many samples the index says it has.
        var count: UInt16
        /// Index of the file.
        var file: UInt16
    }

    /// The most files that can be together.
    package static let filesMax = 1 << 16

    /// Where the chunks of each number begin in `chunks`, with the end behind the last.
    private let starts: [UInt32]
    /// Of each series file by file.
    private let chunks: [Chunk]
    /// Whether each number's chunks follow each other in time without overlap.
    private let areOrdered: [Bool]

    /// Bytes in memory, roughly.
    package var memorySize: Int { starts.count * 5 + chunks.count * MemoryLayout<Chunk>.stride }

    /// Puts files together.
    ///
    /// - Parameter files: in order of sealing, at most `filesMax`.
    /// - Complexity: O(chunks).
    package init(_ files: [SealedFile]) {
        precondition(files.count <= Self.filesMax, "\(files.count) files")
        let limit = files.reduce(0) { max($0, $1.numberLimit) }
        var starts: [UInt32] = []
        var chunks: [Chunk] = []
        var areOrdered: [Bool] = []
        starts.reserveCapacity(limit + 1)
        areOrdered.reserveCapacity(limit)
        chunks.reserveCapacity(files.reduce(0) { $0 + $1.chunkCount })
        for number in 0..<UInt32(limit) {
            starts.append(UInt32(chunks.count))
            var isOrdered = true
            var end: Int64?
            for (index, file) in files.enumerated() {
                for chunk in file.chunks(of: number) {
                    if let end, chunk.first <= end { isOrdered = false }
                    end = max(end ?? .min, chunk.last)
                    chunks.append(
                        Chunk(
                            first: chunk.first, last: chunk.last, offset: chunk.offset, length: UInt32(chunk.length),
                            count: UInt16(clamping: chunk.count), file: UInt16(index)))
                }
            }
            areOrdered.append(isOrdered)
        }
        starts.append(UInt32(chunks.count))
        self.starts = starts
        self.chunks = chunks
        self.areOrdered = areOrdered
    }

    /// Adds a series' samples from chunks that overlap `start ... end` to an empty run; what lies outside is not cut off.
    ///
    /// - Parameters:
    ///   - number: the series.
    ///   - data: the files' bytes, in their order; empty for a file that is not to be read.
    ///   - run: gains the samples.
    ///   - start: first time wanted.
    ///   - end: last time wanted.
    ///   - times: where only the newest samples at some times are wanted, these times; others may come along.
    /// - Throws: `BlockError.badChunk`.
    package func append(
        _ number: UInt32, of data: [[UInt8]], to run: inout SampleRun, start: Int64, end: Int64, times: SampleTimes?
    ) throws(BlockError) {
        guard Int(number) < areOrdered.count else { return }
        let all = Int(starts[Int(number)])..<Int(starts[Int(number) + 1])
        guard areOrdered[Int(number)] else {
            for index in all where chunks[index].last >= start && chunks[index].first <= end {
                let chunk = chunks[index]
                let bytes = data[Int(chunk.file)]
                guard !bytes.isEmpty else { continue }
                let span = bytes.rawSpan
                try run.append(
                    chunk: span.extracting(chunk.offset..<chunk.offset + Int(chunk.length)), first: chunk.first,
                    offset: chunk.offset)
            }
            return
        }
        let range = overlapping(all, start, end)
        if let times {
            try pick(range, of: data, to: &run, times)
        } else {
            try decode(range, of: data, to: &run)
        }
    }

    /// Of chunks that ascend, those that overlap `start ... end`.
    private func overlapping(_ all: Range<Int>, _ start: Int64, _ end: Int64) -> Range<Int> {
        var low = all.lowerBound
        var high = all.upperBound
        while low < high {
            let middle = (low + high) / 2
            if chunks[middle].last < start { low = middle + 1 } else { high = middle }
        }
        high = low
        while high < all.upperBound && chunks[high].first <= end { high += 1 }
        return low..<high
    }

    private func decode(
        _ range: Range<Int>, of data: [[UInt8]], to run: inout SampleRun
    ) throws(BlockError) {
        var count = 0
        for index in range where !data[Int(chunks[index].file)].isEmpty { count += Int(chunks[index].count) }
        try run.append(room: count) { times, values, base throws(BlockError) in
            var at = base
            for index in range {
                let chunk = chunks[index]
                let bytes = data[Int(chunk.file)]
                guard !bytes.isEmpty else { continue }
                let span = bytes.rawSpan
                do throws(ChunkError) {
                    at += try ChunkDecoder.decode(
                        span.extracting(chunk.offset..<chunk.offset + Int(chunk.length)), into: &times, from: at,
                        values: &values, from: at)
                } catch {
                    throw Self.damaged(chunk, error)
                }
            }
            return at
        }
    }

    private func pick(
        _ range: Range<Int>, of data: [[UInt8]], to run: inout SampleRun, _ times: SampleTimes
    ) throws(BlockError) {
        try forEachWanted(range, of: data, times) { chunk, wanted throws(BlockError) in
            let bytes = data[Int(chunk.file)]
            let span = bytes.rawSpan
            let part = span.extracting(chunk.offset..<chunk.offset + Int(chunk.length))
            do throws(ChunkError) {
                if wanted.count > Int(chunk.count) / 2 {
                    try run.appendDecoding(part)
                } else {
                    try run.appendPicking(
                        part, start: times.time(wanted.lowerBound), step: times.step, count: wanted.count)
                }
            } catch {
                throw Self.damaged(chunk, error)
            }
        }
    }

    /// Hands over, of chunks that ascend, those in which some of the times may find their newest sample, with the indices of these times.
    private func forEachWanted<Failure: Error>(
        _ range: Range<Int>, of data: [[UInt8]], _ times: SampleTimes,
        _ body: (Chunk, Range<Int>) throws(Failure) -> Void
    ) throws(Failure) {
        var index = range.lowerBound
        while index < range.upperBound {
            let chunk = chunks[index]
            index += 1
            if data[Int(chunk.file)].isEmpty { continue }
            // From the next chunk's first sample on, that or a later one is newer than all of this.
            while index < range.upperBound, data[Int(chunks[index].file)].isEmpty { index += 1 }
            let next = index < range.upperBound ? chunks[index].first : .max
            let wanted = times.indices(from: chunk.first, before: next, last: chunk.last)
            if !wanted.isEmpty { try body(chunk, wanted) }
        }
    }

    /// Adds what `append` reads of a series.
    package func measure(
        _ number: UInt32, of data: [[UInt8]], into volume: inout ReadVolume, start: Int64, end: Int64,
        times: SampleTimes?
    ) {
        guard Int(number) < areOrdered.count else { return }
        let all = Int(starts[Int(number)])..<Int(starts[Int(number) + 1])
        guard areOrdered[Int(number)], let times else {
            for chunk in chunks[all]
            where chunk.last >= start && chunk.first <= end && !data[Int(chunk.file)].isEmpty {
                volume.add(bytes: Int(chunk.length))
            }
            return
        }
        forEachWanted(overlapping(all, start, end), of: data, times) { chunk, _ in
            volume.add(bytes: Int(chunk.length))
        }
    }

    private static func damaged(_ chunk: Chunk, _ error: ChunkError) -> BlockError {
        BlockError(.badChunk, offset: chunk.offset, found: 0, context: "chunk data: \(error)")
    }
}
