package import ByteCoding
package import MetricModel

extension SlotIndex {
    /// The digest of the block's samples: equal for equal samples, whatever the order and the codec.
    ///
    /// The sum, each half modulo 2^64, of XXH3-128 over 32 bytes a sample: fingerprint (high, low), timestamp, value bits, all
    /// little-endian; of a histogram over 24 bytes and its own. Source: docs/formats/block.md, section 6.
    /// - Parameter data: the block's chunk data.
    /// - Returns: the sum.
    /// - Throws: `BlockError.badChunk`.
    /// - Complexity: O(samples): each chunk is decoded.
    package func digest(data: RawSpan) throws(BlockError) -> XXH3.Hash128 {
        var sum = XXH3.Hash128(high: 0, low: 0)
        for series in 0..<seriesCount {
            var run = SampleRun()
            try merge(series: series, data: data, into: &run, start: .min, end: .max)
            run.settle()
            let fingerprint = fingerprints[series].hash
            for index in 0..<run.histograms.count {
                let hash = run.histograms.hash(index, fingerprint: fingerprint)
                sum.high &+= hash.high
                sum.low &+= hash.low
            }
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

extension HistogramColumns {
    /// The hash of one of them, as digests of samples have it.
    package func hash(_ index: Int, fingerprint: XXH3.Hash128) -> XXH3.Hash128 {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: fingerprint.high)
        bytes.append(littleEndian: fingerprint.low)
        bytes.append(littleEndian: timestamps[index])
        values[index].encode(into: &bytes)
        return XXH3.hash128(bytes.rawSpan)
    }
}
