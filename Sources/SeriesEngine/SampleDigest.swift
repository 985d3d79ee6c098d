package import ByteCoding
internal import MetricModel

extension SlotIndex {
    /// The digest of the block's samples: equal for equal samples, whatever the order and the codec.
    ///
    /// The sum, each half modulo 2^64, of XXH3-128 over 32 bytes a sample: fingerprint (high, low), timestamp, value bits, all
    /// little-endian. Source: docs/formats/block.md, section 6.
    /// - Parameter data: the block's chunk data.
    /// - Returns: the sum.
    /// - Throws: `BlockError.badChunk`.
    /// - Complexity: O(samples): each chunk is decoded.
    package func digest(data: RawSpan) throws(BlockError) -> XXH3.Hash128 {
        var sum = XXH3.Hash128(high: 0, low: 0)
        var bytes: [UInt8] = []
        for series in 0..<seriesCount {
            var run = SampleRun()
            try merge(series: series, data: data, into: &run, start: .min, end: .max)
            bytes.removeAll(keepingCapacity: true)
            let fingerprint = fingerprints[series].hash
            for index in 0..<run.count {
                bytes.append(littleEndian: fingerprint.high)
                bytes.append(littleEndian: fingerprint.low)
                bytes.append(littleEndian: run.timestamps[index])
                bytes.append(littleEndian: run.values[index])
            }
            let span = bytes.rawSpan
            for index in 0..<run.count {
                let hash = XXH3.hash128(span.extracting(32 * index..<32 * index + 32))
                sum.high &+= hash.high
                sum.low &+= hash.low
            }
        }
        return sum
    }
}
