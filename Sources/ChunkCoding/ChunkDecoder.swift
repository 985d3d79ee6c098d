/// Reads chunks: the inner loop of every query.
package enum ChunkDecoder {
    /// Appends a chunk's samples to two columns.
    ///
    /// - Parameters:
    ///   - bytes: exactly one chunk.
    ///   - timestamps: gains as many as the header counts, strictly ascending; unchanged on an error.
    ///   - values: gains as many; unchanged on an error.
    /// - Throws: `ChunkError` naming what is wrong and where, for bytes that `ChunkEncoder` cannot have written. Damage that leaves a
    ///   well-formed chunk is for the block's checksum to find.
    /// - Complexity: O(samples); memory for them alone, at most `Chunk.sampleCountMax`, whatever the bytes say.
    package static func decode(
        _ bytes: RawSpan, timestamps: inout [Int64], values: inout [Double]
    ) throws(ChunkError) {
        let header = try ChunkHeader(decoding: bytes)
        let timestampCount = timestamps.count
        let valueCount = values.count
        timestamps.append(contentsOf: repeatElement(0, count: header.count))
        values.append(contentsOf: repeatElement(0, count: header.count))
        do throws(ChunkError) {
            var times = timestamps.mutableSpan
            var column = values.mutableSpan
            _ = try decode(bytes, into: &times, from: timestampCount, values: &column, from: valueCount)
        } catch {
            timestamps.removeSubrange(timestampCount...)
            values.removeSubrange(valueCount...)
            throw error
        }
    }

    /// Fills two columns with a chunk's samples, where the caller has made room.
    ///
    /// - Parameters:
    ///   - bytes: exactly one chunk.
    ///   - timestamps: from `base` on overwritten.
    ///   - base: where the first goes.
    ///   - values: as the timestamps.
    ///   - valueBase: where the first goes.
    /// - Returns: how many samples the chunk has.
    /// - Throws: `ChunkError`, also where there is no room for so many as the header counts; the columns are then of no use.
    private static func decode(
        _ bytes: RawSpan, into timestamps: inout MutableSpan<Int64>, from base: Int,
        values: inout MutableSpan<Double>, from valueBase: Int
    ) throws(ChunkError) -> Int {
        let (header, size) = try ChunkHeader.split(bytes)
        return try decode(
            header, bytes, at: size..<bytes.byteCount, into: &timestamps, from: base, values: &values, from: valueBase)
    }

    /// Fills two columns with the samples of a chunk whose header is known, where the caller has made room.
    ///
    /// - Parameters:
    ///   - header: of the chunk.
    ///   - bytes: hold the chunk's samples; more bytes behind them spare a copy of the last.
    ///   - range: where the samples stand: the chunk without its header.
    ///   - timestamps: from `base` on overwritten.
    ///   - base: where the first goes.
    ///   - values: as the timestamps.
    ///   - valueBase: where the first goes.
    /// - Returns: how many samples the chunk has.
    /// - Throws: `ChunkError`, also where there is no room for so many as the header counts; the columns are then of no use.
    package static func decode(
        _ header: ChunkHeader, _ bytes: RawSpan, at range: Range<Int>, into timestamps: inout MutableSpan<Int64>,
        from base: Int, values: inout MutableSpan<Double>, from valueBase: Int
    ) throws(ChunkError) -> Int {
        var cursor = ChunkCursor(bytes, at: range)
        guard header.count <= timestamps.count - base, header.count <= values.count - valueBase else {
            throw ChunkError(.badCount, offset: 2, found: UInt64(header.count))
        }
        try Timestamps.read(header, into: &timestamps, base: base, from: &cursor)
        try readValues(header, into: &values, base: valueBase, from: &cursor)
        try cursor.expectEnd()
        return header.count
    }

    static func readValues(
        _ header: ChunkHeader, into values: inout MutableSpan<Double>, base: Int, from cursor: inout ChunkCursor
    ) throws(ChunkError) {
        switch header.valueCodec {
        case .constant:
            let value = Double(bitPattern: try cursor.varint().byteSwapped)
            for index in base..<base + header.count { values[index] = value }
        case .scaled: try ScaledIntegers.read(header.count, into: &values, base: base, from: &cursor)
        case .xor: try XORBlocks.read(header.count, into: &values, base: base, from: &cursor)
        case .histogram: throw ChunkError(.unknownCodec, offset: 1, found: UInt64(header.codecs))
        }
    }
}
