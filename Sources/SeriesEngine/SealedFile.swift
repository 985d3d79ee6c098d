internal import ByteCoding
internal import ChunkCoding
internal import MetricModel

/// Where the chunks of each series of a block file lie, by the numbers of a `SealedTable`. Immutable.
package final class SealedFile: Sendable {
    /// A chunk without its header, which was read with the file.
    struct Chunk: Sendable, BitwiseCopyable {
        var first: Int64
        var last: Int64
        /// Where its samples begin in the file.
        var offset: Int
        /// Bytes of its samples.
        var length: UInt32
        /// How many samples it has.
        var count: UInt16
        var codecs: UInt8
    }

    /// The numbers of its series, ascending, each with its place.
    private let series: [(number: UInt32, place: UInt32)]
    /// Where each place's chunks begin in `chunks`, with the end behind the last.
    private let chunkStarts: [UInt32]
    private let chunks: [Chunk]
    /// Bytes of the codecs and samples of all chunks.
    let sampleBytes: Int
    /// Chunks of histograms, by number; with their headers.
    let histograms: [UInt32: [HistogramPlace]]
    /// Bytes of these.
    let histogramBytes: Int

    /// Where a chunk of histograms lies in the file, whole.
    struct HistogramPlace: Sendable, BitwiseCopyable {
        var first: Int64
        var last: Int64
        var offset: Int
        var length: Int
    }

    private init(
        series: [(number: UInt32, place: UInt32)], chunkStarts: [UInt32], chunks: [Chunk],
        histograms: [UInt32: [HistogramPlace]]
    ) {
        self.histograms = histograms
        histogramBytes = histograms.values.reduce(0) { sum, places in
            places.reduce(sum + SealedChunks.bytesPerHistogramSeries) {
                $0 + $1.length + SealedChunks.bytesPerHistogramChunk
            }
        }
        self.series = series.sorted { $0.number < $1.number }
        self.chunkStarts = chunkStarts
        self.chunks = chunks
        sampleBytes = chunks.reduce(0) { $0 + Int($1.length) + 1 }
    }

    /// Reads a block file's slot blocks.
    ///
    /// - Parameters:
    ///   - file: the whole file.
    ///   - entries: its directory.
    ///   - table: gains the series that it does not have.
    /// - Returns: nil when a fingerprint in it stands for another series in the table, or a series stands in it twice.
    /// - Throws: `BlockError` when an index or chunk data are damaged, or a chunk's header is not what the index says.
    package static func read(
        _ file: RawSpan, entries: [BlockDirectoryEntry], into table: inout SealedTable
    ) throws(BlockError) -> SealedFile? {
        var found: [(number: UInt32, place: UInt32)] = []
        var chunkStarts: [UInt32] = []
        var chunks: [Chunk] = []
        var histograms: [UInt32: [HistogramPlace]] = [:]
        for entry in entries {
            let block = file.extracting(entry.offset..<entry.offset + entry.length)
            let index = try SlotIndex(decoding: block)
            let data = index.header.dataOffset
            try index.verify(data: block.extracting(data..<block.byteCount))
            for series in 0..<index.seriesCount {
                guard let number = table.number(of: series, in: index) else { return nil }
                found.append((number, UInt32(chunkStarts.count)))
                chunkStarts.append(UInt32(chunks.count))
                for chunk in index.chunks(of: series) {
                    let offset = entry.offset + data + chunk.offset
                    if HistogramChunk.isOne(file.extracting(offset..<offset + chunk.length)) {
                        histograms[number, default: []].append(
                            HistogramPlace(first: chunk.first, last: chunk.last, offset: offset, length: chunk.length))
                        continue
                    }
                    chunks.append(try Chunk(chunk, in: file, behind: entry.offset + data))
                }
            }
        }
        chunkStarts.append(UInt32(chunks.count))
        let read = SealedFile(series: found, chunkStarts: chunkStarts, chunks: chunks, histograms: histograms)
        let isTwice = zip(read.series, read.series.dropFirst()).contains { $0.number == $1.number }
        return isTwice ? nil : read
    }

    var chunkCount: Int { chunks.count }

    var seriesCount: Int { series.count }

    /// The number of the series at a position among them, by number.
    func number(at position: Int) -> UInt32 { series[position].number }

    /// Bytes that its chunks take in a `SealedChunks`, samples included; the places of its numbers are not.
    package var joinedBytes: Int { chunks.count * SealedChunks.bytesPerChunk + sampleBytes + histogramBytes }

    /// One more than the greatest number that the file has.
    var numberLimit: Int { series.last.map { Int($0.number) + 1 } ?? 0 }

    /// The chunks of the series at a position among them, by number.
    func chunks(at position: Int) -> ArraySlice<Chunk> {
        let place = Int(series[position].place)
        return chunks[Int(chunkStarts[place])..<Int(chunkStarts[place + 1])]
    }
}

extension SealedFile.Chunk {
    /// A chunk of which an index tells, the data beginning at `start` in the file.
    fileprivate init(_ chunk: SlotIndex.Chunk, in file: RawSpan, behind start: Int) throws(BlockError) {
        let offset = start + chunk.offset
        let header: ChunkHeader
        let size: Int
        do throws(ChunkError) {
            (header, size) = try ChunkHeader.split(file.extracting(offset..<offset + chunk.length))
        } catch {
            throw BlockError(.badChunk, offset: offset, found: 0, context: "chunk header: \(error)")
        }
        guard header.firstTime == chunk.first, header.lastTime == chunk.last, header.count == chunk.count else {
            throw BlockError(
                .badChunk, offset: offset, found: UInt64(header.count), context: "a chunk unlike its index")
        }
        self.init(
            first: chunk.first, last: chunk.last, offset: offset + size, length: UInt32(chunk.length - size),
            count: UInt16(header.count), codecs: header.codecs)
    }
}

extension SampleRun {
    /// Decodes a chunk whose first timestamp is `first` to the end, or merges it where it does not lie behind all that is there.
    mutating func append(chunk: RawSpan, first: Int64, offset: Int) throws(BlockError) {
        do throws(ChunkError) {
            if let last = timestamps.last, first <= last {
                var times: [Int64] = []
                var numbers: [Double] = []
                try ChunkDecoder.decode(chunk, timestamps: &times, values: &numbers)
                merge(timestamps: times, values: numbers)
            } else {
                try appendDecoding(chunk)
            }
        } catch {
            throw BlockError(.badChunk, offset: offset, found: 0, context: "chunk data: \(error)")
        }
    }
}
