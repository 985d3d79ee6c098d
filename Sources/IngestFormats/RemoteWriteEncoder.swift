private import ByteCoding
package import MetricModel

/// Writes remote-write requests, for the agent and the load generator.
///
/// Series, samples and metadata are appended as they come; `finish` packs the request. One encoder is used again and again and keeps its memory.
package struct RemoteWriteEncoder: Sendable {
    /// The `WriteRequest` so far, not compressed.
    package private(set) var request: [UInt8] = []
    /// Samples in it.
    package private(set) var sampleCount = 0

    /// An empty request.
    package init() {}

    /// A series' labels as they stand in a request, to be encoded once and used for every sample.
    ///
    /// Canonical labels are sorted as the specification asks.
    package static func labelRun(_ labels: Labels) -> [UInt8] {
        var run: [UInt8] = []
        labels.forEach { name, value in
            LabelRun.append(name: name.copied(), value: value.copied(), to: &run)
        }
        return run
    }

    /// Appends a series with one sample.
    ///
    /// - Parameters:
    ///   - labelRun: from `labelRun(_:)`.
    ///   - timestamp: Unix milliseconds.
    ///   - value: any bits.
    package mutating func append(labelRun: [UInt8], timestamp: Int64, value: Double) {
        let sample = 9 + 1 + RemoteWriteEncoder.varintLength(UInt64(bitPattern: timestamp))
        let body = labelRun.count + 2 + sample
        request.append(0x0A)
        request.append(varint: body)
        request.append(contentsOf: labelRun)
        request.append(0x12)
        request.append(UInt8(sample))
        request.append(0x09)
        request.append(littleEndian: value)
        request.append(0x10)
        request.append(varint: UInt64(bitPattern: timestamp))
        sampleCount += 1
    }

    /// Appends what is known of a metric.
    package mutating func append(_ metadata: MetricMetadata) {
        ProtobufWriter.message(3, into: &request) { entry in
            ProtobufWriter.varint(1, RemoteWriteMetricType.number(of: metadata.type), into: &entry)
            ProtobufWriter.string(2, metadata.metric, into: &entry)
            if !metadata.help.isEmpty { ProtobufWriter.string(4, metadata.help, into: &entry) }
            if !metadata.unit.isEmpty { ProtobufWriter.string(5, metadata.unit, into: &entry) }
        }
    }

    /// Packs the request and begins a new one.
    ///
    /// - Returns: the body to post.
    package mutating func finish() -> [UInt8] {
        defer {
            request.removeAll(keepingCapacity: true)
            sampleCount = 0
        }
        return SnappyBlock.compress(request)
    }

    /// The headers that go with the body.
    package static let headers: [(name: String, value: String)] = [
        ("Content-Type", RemoteWriteFormat.contentType),
        ("Content-Encoding", "snappy"),
        ("X-Prometheus-Remote-Write-Version", "0.1.0"),
    ]

    private static func varintLength(_ value: UInt64) -> Int {
        max(1, (64 - value.leadingZeroBitCount + 6) / 7)
    }
}
