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
        var cursor = ChunkCursor(bytes)
        let header = try ChunkHeader(from: &cursor)
        let timestampCount = timestamps.count
        let valueCount = values.count
        timestamps.append(contentsOf: repeatElement(0, count: header.count))
        values.append(contentsOf: repeatElement(0, count: header.count))
        do throws(ChunkError) {
            var times = timestamps.mutableSpan
            try Timestamps.read(header, into: &times, base: timestampCount, from: &cursor)
            var column = values.mutableSpan
            try readValues(header, into: &column, base: valueCount, from: &cursor)
            try cursor.expectEnd()
        } catch {
            timestamps.removeSubrange(timestampCount...)
            values.removeSubrange(valueCount...)
            throw error
        }
    }

    private static func readValues(
        _ header: ChunkHeader, into values: inout MutableSpan<Double>, base: Int, from cursor: inout ChunkCursor
    ) throws(ChunkError) {
        switch header.valueCodec {
        case .constant:
            let value = Double(bitPattern: try cursor.varint().byteSwapped)
            for index in base..<base + header.count { values[index] = value }
        case .scaled: try ScaledIntegers.read(header.count, into: &values, base: base, from: &cursor)
        case .xor: try XORBlocks.read(header.count, into: &values, base: base, from: &cursor)
        }
    }
}
