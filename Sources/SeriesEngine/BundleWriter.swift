internal import ByteCoding
internal import ChunkCoding
package import MetricModel

/// Puts the bytes of a `SampleBundle` together, series by series and part by part, so that a page ends when it is full.
///
/// Source: docs/formats/bundle.md.
package struct BundleWriter {
    /// The version of a bundle of numbers alone.
    package static let version: UInt8 = 1
    /// The version of a bundle that has histograms.
    package static let histogramVersion: UInt8 = 2
    /// `bundle_bytes_max`: a longer bundle is neither written on purpose nor read.
    package static let bytesMax = 64 << 20
    /// `bundle_samples_max`: more samples are neither written on purpose nor read, however few bytes they take.
    package static let samplesMax = 1 << 22

    private struct Entry {
        var definition: SeriesDefinition
        /// Newest part first.
        var chunks: [[UInt8]] = []
        /// Of histograms; newest part first.
        var histogramChunks: [[UInt8]] = []
        var oldest = Int64.max
    }

    private var entries: [Entry] = []
    private var places: [Fingerprint: Int] = [:]
    private var encoder = ChunkEncoder()
    /// No fewer bytes than it takes so far.
    package private(set) var byteCount = 1 + 5
    /// Samples so far, histograms by their weight.
    package private(set) var sampleCount = 0
    private var hasHistograms = false

    package init() {}

    /// Adds samples of a series; where they are not all older than those that it has here, the series is there once more.
    ///
    /// - Parameters:
    ///   - definition: of the series.
    ///   - fingerprint: of the definition.
    ///   - timestamps: strictly ascending.
    ///   - values: as many.
    ///   - histograms: beside them; nothing of both is no addition.
    package mutating func addOlder(
        _ definition: SeriesDefinition, fingerprint: Fingerprint, timestamps: ArraySlice<Int64>,
        values: ArraySlice<Double>, histograms: HistogramColumns = HistogramColumns()
    ) {
        if timestamps.isEmpty && histograms.isEmpty { return }
        let first = min(timestamps.first ?? .max, histograms.timestamps.first ?? .max)
        let last = max(timestamps.last ?? .min, histograms.timestamps.last ?? .min)
        let place: Int
        if let known = places[fingerprint], entries[known].oldest > last {
            place = known
        } else {
            place = entries.count
            places[fingerprint] = place
            entries.append(Entry(definition: definition))
            byteCount += 30 + definition.tenant.name.utf8.count + definition.labels.bytes.count
        }
        entries[place].oldest = first
        var end = timestamps.count
        while end > 0 {
            let start = max(0, end - EngineConfiguration.chunkSamplesMax)
            var chunk: [UInt8] = []
            let times = Array(timestamps.dropFirst(start).prefix(end - start))
            let numbers = Array(values.dropFirst(start).prefix(end - start))
            encoder.encode(timestamps: times.span, values: numbers.span, into: &chunk)
            byteCount += chunk.count + 3
            entries[place].chunks.append(chunk)
            end = start
        }
        for chunk in HeadChunk.chunks(of: histograms).reversed() {
            byteCount += chunk.bytes.count + 3
            entries[place].histogramChunks.append(chunk.bytes)
            hasHistograms = true
        }
        sampleCount += timestamps.count + histograms.weight
    }

    /// The bundle's bytes.
    package consuming func finish() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(byteCount)
        bytes.append(hasHistograms ? Self.histogramVersion : Self.version)
        bytes.append(varint: entries.count)
        for entry in entries {
            bytes.append(littleEndian: entry.definition.placement.hash)
            bytes.append(entry.definition.placement.labelIndex)
            bytes.append(prefixed: entry.definition.tenant.name)
            bytes.append(prefixed: entry.definition.labels.bytes)
            bytes.append(varint: entry.chunks.count)
            for chunk in entry.chunks.reversed() { bytes.append(prefixed: chunk) }
            guard hasHistograms else { continue }
            bytes.append(varint: entry.histogramChunks.count)
            for chunk in entry.histogramChunks.reversed() { bytes.append(prefixed: chunk) }
        }
        return bytes
    }
}

extension SampleBundle {
    /// The bundle as bytes. Source: docs/formats/bundle.md.
    package var encoded: [UInt8] {
        var writer = BundleWriter()
        for one in series {
            writer.addOlder(
                one.definition, fingerprint: one.definition.fingerprint, timestamps: one.timestamps[...],
                values: one.values[...], histograms: one.histograms)
        }
        return writer.finish()
    }

    /// Reads a bundle's bytes.
    ///
    /// - Parameter bytes: exactly one bundle, from anybody.
    /// - Throws: `BlockError`, exact about what does not hold.
    /// - Complexity: O(samples); memory for at most `BundleWriter.samplesMax` of them.
    package init(decoding bytes: RawSpan) throws(BlockError) {
        guard bytes.byteCount <= BundleWriter.bytesMax else {
            throw BlockError(
                .malformed, offset: 0, found: UInt64(bytes.byteCount), context: "bundle (bundle_bytes_max)")
        }
        var reader = ByteReader(bytes)
        do {
            let version = try reader.readUInt8()
            guard version == BundleWriter.version || version == BundleWriter.histogramVersion else {
                throw BlockError(.unknownVersion, offset: 0, found: UInt64(version), context: "bundle")
            }
            // 11 bytes is the least that a series takes.
            let count = try reader.readCount(unit: 11)
            series = []
            var samples = 0
            for _ in 0..<count {
                series.append(try Series(reading: &reader, version: version, samples: &samples))
            }
            guard reader.isAtEnd else {
                throw BlockError(
                    .malformed, offset: reader.offset, found: UInt64(reader.remaining), context: "end of bundle")
            }
        } catch let error as BlockError {
            throw error
        } catch {
            throw BlockError(.malformed, offset: reader.offset, found: 0, context: "bundle: \(error)")
        }
    }
}

extension SampleBundle.Series {
    @_lifetime(reader: copy reader)
    fileprivate init(reading reader: inout ByteReader, version: UInt8, samples: inout Int) throws {
        let placement = PlacementKey(hash: try reader.readUInt32(), labelIndex: try reader.readUInt8())
        let tenant = try TenantID(validating: reader.readString())
        let labels = try Labels(validating: reader.readPrefixedBytes())
        var times: [Int64] = []
        var numbers: [Double] = []
        for _ in 0..<(try reader.readCount(unit: 7)) {
            let offset = reader.offset
            let length = try reader.readCount()
            let end = times.count
            try ChunkDecoder.decode(reader.readSpan(count: length), timestamps: &times, values: &numbers)
            guard end == 0 || times[end] > times[end - 1] else {
                throw BlockError(.malformed, offset: offset, found: 0, context: "bundle: chunks out of order")
            }
            samples += times.count - end
            try Self.check(samples, at: offset)
        }
        let histograms =
            version == BundleWriter.histogramVersion
            ? try Self.histograms(reading: &reader, samples: &samples) : HistogramColumns()
        self.init(
            definition: SeriesDefinition(tenant: tenant, labels: labels, placement: placement), timestamps: times,
            values: numbers, histograms: histograms)
    }

    @_lifetime(reader: copy reader)
    private static func histograms(reading reader: inout ByteReader, samples: inout Int) throws -> HistogramColumns {
        var histograms = HistogramColumns()
        for _ in 0..<(try reader.readCount(unit: 7)) {
            let offset = reader.offset
            let length = try reader.readCount()
            let chunk = try HistogramChunk.decode(reader.readSpan(count: length))
            if let last = histograms.timestamps.last, let next = chunk.timestamps.first, next <= last {
                throw BlockError(.malformed, offset: offset, found: 0, context: "bundle: chunks out of order")
            }
            histograms.merge(chunk)
            samples += chunk.weight
            try check(samples, at: offset)
        }
        return histograms
    }

    private static func check(_ samples: Int, at offset: Int) throws(BlockError) {
        if samples <= BundleWriter.samplesMax { return }
        throw BlockError(.malformed, offset: offset, found: UInt64(samples), context: "bundle (bundle_samples_max)")
    }
}
