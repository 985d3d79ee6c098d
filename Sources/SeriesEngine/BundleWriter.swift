internal import ByteCoding
internal import ChunkCoding
package import MetricModel

/// Puts the bytes of a `SampleBundle` together, series by series and part by part, so that a page ends when it is full.
///
/// Source: docs/formats/bundle.md.
package struct BundleWriter {
    /// The version written here, the only one that is read.
    package static let version: UInt8 = 1
    /// `bundle_bytes_max`: a longer bundle is neither written on purpose nor read.
    package static let bytesMax = 64 << 20
    /// `bundle_samples_max`: more samples are neither written on purpose nor read, however few bytes they take.
    package static let samplesMax = 1 << 22

    private struct Entry {
        var definition: SeriesDefinition
        /// Newest part first.
        var chunks: [[UInt8]] = []
        var oldest = Int64.max
    }

    private var entries: [Entry] = []
    private var places: [Fingerprint: Int] = [:]
    private var encoder = ChunkEncoder()
    /// No fewer bytes than it takes so far.
    package private(set) var byteCount = 1 + 5
    /// Samples so far.
    package private(set) var sampleCount = 0

    package init() {}

    /// Adds samples of a series; where they are not all older than those that it has here, the series is there once more.
    ///
    /// - Parameters:
    ///   - definition: of the series.
    ///   - fingerprint: of the definition.
    ///   - timestamps: strictly ascending; none is no addition.
    ///   - values: as many.
    package mutating func addOlder(
        _ definition: SeriesDefinition, fingerprint: Fingerprint, timestamps: ArraySlice<Int64>,
        values: ArraySlice<Double>
    ) {
        guard let first = timestamps.first, let last = timestamps.last else { return }
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
        sampleCount += timestamps.count
    }

    /// The bundle's bytes.
    package consuming func finish() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(byteCount)
        bytes.append(Self.version)
        bytes.append(varint: entries.count)
        for entry in entries {
            bytes.append(littleEndian: entry.definition.placement.hash)
            bytes.append(entry.definition.placement.labelIndex)
            bytes.append(prefixed: entry.definition.tenant.name)
            bytes.append(prefixed: entry.definition.labels.bytes)
            bytes.append(varint: entry.chunks.count)
            for chunk in entry.chunks.reversed() { bytes.append(prefixed: chunk) }
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
                values: one.values[...])
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
            guard version == BundleWriter.version else {
                throw BlockError(.unknownVersion, offset: 0, found: UInt64(version), context: "bundle")
            }
            // 11 bytes is the least that a series takes.
            let count = try reader.readCount(unit: 11)
            series = []
            var samples = 0
            for _ in 0..<count { series.append(try Series(reading: &reader, samples: &samples)) }
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
    fileprivate init(reading reader: inout ByteReader, samples: inout Int) throws {
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
            guard samples <= BundleWriter.samplesMax else {
                throw BlockError(
                    .malformed, offset: offset, found: UInt64(samples), context: "bundle (bundle_samples_max)")
            }
        }
        self.init(
            definition: SeriesDefinition(tenant: tenant, labels: labels, placement: placement), timestamps: times,
            values: numbers)
    }
}
