internal import ByteCoding
internal import ChunkCoding
internal import MetricModel

/// Where the chunks of each series of a block file lie, by the numbers of a `SealedTable`. Immutable.
package final class SealedFile: Sendable {
    /// Place of each number plus one; 0 where the file does not have it.
    private let places: [UInt32]
    /// Where each place's chunks begin in `chunks`, with the end behind the last.
    private let chunkStarts: [UInt32]
    private let chunks: [SlotIndex.Chunk]

    private init(places: [UInt32], chunkStarts: [UInt32], chunks: [SlotIndex.Chunk]) {
        self.places = places
        self.chunkStarts = chunkStarts
        self.chunks = chunks
    }

    /// Bytes in memory, roughly.
    package var memorySize: Int { places.count * 4 + chunkStarts.count * 4 + chunks.count * 40 }

    /// Reads a block file's slot blocks.
    ///
    /// - Parameters:
    ///   - file: the whole file.
    ///   - entries: its directory.
    ///   - table: gains the series that it does not have.
    /// - Returns: nil when a fingerprint in it stands for another series in the table.
    /// - Throws: `BlockError` when an index or chunk data are damaged.
    package static func read(
        _ file: RawSpan, entries: [BlockDirectoryEntry], into table: inout SealedTable
    ) throws(BlockError) -> SealedFile? {
        var places = [UInt32](repeating: 0, count: table.count)
        var chunkStarts: [UInt32] = []
        var chunks: [SlotIndex.Chunk] = []
        for entry in entries {
            let block = file.extracting(entry.offset..<entry.offset + entry.length)
            let index = try SlotIndex(decoding: block)
            let data = index.header.dataOffset
            try index.verify(data: block.extracting(data..<block.byteCount))
            for series in 0..<index.seriesCount {
                guard let number = table.number(of: series, in: index) else { return nil }
                if Int(number) >= places.count {
                    places.append(contentsOf: repeatElement(0, count: Int(number) + 1 - places.count))
                }
                chunkStarts.append(UInt32(chunks.count))
                places[Int(number)] = UInt32(chunkStarts.count)
                for var chunk in index.chunks(of: series) {
                    chunk.offset += entry.offset + data
                    chunks.append(chunk)
                }
            }
        }
        chunkStarts.append(UInt32(chunks.count))
        return SealedFile(places: places, chunkStarts: chunkStarts, chunks: chunks)
    }

    /// Whether a series has a chunk that overlaps `start ... end`.
    package func overlaps(_ number: UInt32, _ start: Int64, _ end: Int64) -> Bool {
        for chunk in range(of: number) where chunks[chunk].last >= start && chunks[chunk].first <= end { return true }
        return false
    }

    var chunkCount: Int { chunks.count }

    /// Bytes that its chunks take in a `SealedChunks`.
    package var chunkBytes: Int { chunks.count * MemoryLayout<SealedChunks.Chunk>.stride }

    /// One more than the greatest number that the file has.
    var numberLimit: Int { places.count }

    /// The chunks of a series; offsets are into the file.
    func chunks(of number: UInt32) -> ArraySlice<SlotIndex.Chunk> { chunks[range(of: number)] }

    private func range(of number: UInt32) -> Range<Int> {
        guard Int(number) < places.count, places[Int(number)] > 0 else { return 0..<0 }
        let place = Int(places[Int(number)]) - 1
        return Int(chunkStarts[place])..<Int(chunkStarts[place + 1])
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
