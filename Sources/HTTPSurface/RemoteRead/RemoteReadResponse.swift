import ByteCoding
package import MetricModel
package import NIOCore

/// The answers of `/api/v1/read` in Prometheus' two forms.
///
/// Source: Prometheus' prompb/remote.proto, prompb/types.proto and storage/remote/chunked.go.
package enum RemoteReadResponse {
    /// A message of one result for each query, not yet compressed.
    ///
    /// - Throws: `execution` beyond `bytesMax`.
    package static func samples(_ results: [[SeriesColumns]], bytesMax: Int) throws(APIFailure) -> [UInt8] {
        var message: [UInt8] = []
        for series in results {
            var result: [UInt8] = []
            for one in series {
                ProtobufWriter.message(1, into: &result) { inner in
                    labels(one.labels, into: &inner)
                    for index in one.timestamps.indices {
                        ProtobufWriter.message(2, into: &inner) { sample in
                            ProtobufWriter.double(1, one.values[index], into: &sample)
                            ProtobufWriter.int64(2, one.timestamps[index], into: &sample)
                        }
                    }
                    for (timestamp, histogram) in zip(one.histograms.timestamps, one.histograms.values) {
                        RemoteReadHistogram.append(4, histogram, timestamp: timestamp, into: &inner)
                    }
                }
                if message.count + result.count > bytesMax {
                    throw APIFailure(
                        .execution,
                        "the answer is larger than \(bytesMax) bytes (remote_read_bytes_max); accept STREAMED_XOR_CHUNKS"
                    )
                }
            }
            ProtobufWriter.bytes(1, result, into: &message)
        }
        return message
    }

    /// Series by their labels as Prometheus orders them: pair by pair, name before value.
    package static func sorted(_ series: [SeriesColumns]) -> [SeriesColumns] {
        let keyed = series.map { (key: $0.labels.labels.flatMap { [Array($0.name.utf8), Array($0.value.utf8)] }, $0) }
        return keyed.sorted { left, right in
            for (one, other) in zip(left.key, right.key) where one != other {
                return one.lexicographicallyPrecedes(other)
            }
            return left.key.count < right.key.count
        }.map(\.1)
    }

    fileprivate static func labels(_ labels: Labels, into bytes: inout [UInt8]) {
        for label in labels.labels {
            ProtobufWriter.message(1, into: &bytes) { inner in
                ProtobufWriter.string(1, label.name, into: &inner)
                ProtobufWriter.string(2, label.value, into: &inner)
            }
        }
    }
}

/// A stream of `prometheus.ChunkedReadResponse` frames, made as the client reads them.
///
/// A frame is a varint length, the CRC-32C of the message, big-endian, and the message: a series with its chunks, of numbers or of histograms,
/// by time. A series whose chunks do not fit goes on in the next frame.
package struct RemoteReadStream: Sendable {
    /// A frame ends with the chunk that reaches this size; Prometheus' limit is 50 MB, its own frames have 1 MB.
    static let frameBytes = 1 << 20

    private let results: [[SeriesColumns]]
    private var query = 0
    private var series = 0
    /// The next number of the series, and its next histogram.
    private var (number, histogram) = (0, 0)

    /// A stream of one result for each query, each sorted by labels.
    package init(_ results: [[SeriesColumns]]) {
        self.results = results
    }

    /// The next frame, or nil after the last.
    package mutating func nextFrame() -> ByteBuffer? {
        while query < results.count && series == results[query].count {
            query += 1
            series = 0
        }
        if query == results.count { return nil }
        let columns = results[query][series]
        var inner: [UInt8] = []
        RemoteReadResponse.labels(columns.labels, into: &inner)
        var isLeft = true
        while isLeft, inner.count < RemoteReadStream.frameBytes { isLeft = addChunk(of: columns, to: &inner) }
        var message: [UInt8] = []
        ProtobufWriter.bytes(1, inner, into: &message)
        ProtobufWriter.int64(2, Int64(query), into: &message)
        if number == columns.timestamps.count, histogram == columns.histograms.count {
            series += 1
            (number, histogram) = (0, 0)
        }
        var head: [UInt8] = []
        head.append(varint: message.count)
        head.append(littleEndian: CRC32C.of(message.rawSpan).byteSwapped)
        var frame = ByteBuffer(bytes: head)
        frame.writeBytes(message)
        return frame
    }

    /// Appends the next chunk; false when there is none.
    private mutating func addChunk(of columns: SeriesColumns, to bytes: inout [UInt8]) -> Bool {
        let nextHistogram = histogram < columns.histograms.count ? columns.histograms.timestamps[histogram] : .max
        if number < columns.timestamps.count, columns.timestamps[number] <= nextHistogram {
            let first = number
            let most = min(first + XORChunk.samplesMax, columns.timestamps.count)
            number += 1
            while number < most, columns.timestamps[number] < nextHistogram { number += 1 }
            let chunk = XORChunk.encode(columns.timestamps, columns.values, first..<number)
            append(chunk, type: 1, columns.timestamps[first], columns.timestamps[number - 1], to: &bytes)
            return true
        }
        guard histogram < columns.histograms.count else { return false }
        let first = histogram
        let end =
            number < columns.timestamps.count
            ? columns.histograms.firstIndex(from: columns.timestamps[number]) : columns.histograms.count
        let chunk = FloatHistogramChunk.encode(columns.histograms, from: first, before: end)
        histogram = chunk.end
        let times = columns.histograms.timestamps
        append(chunk.bytes, type: 3, times[first], times[histogram - 1], to: &bytes)
        return true
    }

    private func append(
        _ chunk: [UInt8], type: UInt64, _ first: Int64, _ last: Int64, to bytes: inout [UInt8]
    ) {
        ProtobufWriter.message(2, into: &bytes) { inner in
            ProtobufWriter.int64(1, first, into: &inner)
            ProtobufWriter.int64(2, last, into: &inner)
            ProtobufWriter.varint(3, type, into: &inner)
            ProtobufWriter.bytes(4, chunk, into: &inner)
        }
    }
}
