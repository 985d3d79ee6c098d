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
        for series in 0..<seriesCount {
            var run = SampleRun()
            try merge(series: series, data: data, into: &run, start: .min, end: .max)
            let fingerprint = fingerprints[series].hash
            for index in 0..<run.count {
                let hash = XXH3.hash128(
                    words: fingerprint.high, fingerprint.low, UInt64(bitPattern: run.timestamps[index]),
                    run.values[index].bitPattern)
                sum.high &+= hash.high
                sum.low &+= hash.low
            }
        }
        return sum
    }
}
