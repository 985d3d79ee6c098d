import ByteCoding
import IngestFormats
import MetricModel
import SeededRandom

/// One request's series, encoded once; each round only timestamps and values are written anew.
///
/// For remote write the whole request stays encoded, and 14 bytes of each sample are patched in place before it is packed.
/// For JSON each sample's text up to its value stays.
package struct RequestTemplate: Sendable {
    /// One of the request's series.
    private struct Series: Sendable {
        let server: Int
        let number: Int
        let walk: Fleet.Walk
    }

    private let format: LoadConfiguration.Format
    private let series: [Series]
    private var values: [Double]
    private var random: SplitMix64
    /// How often each server was replaced by a new one.
    private var lives: [Int: Int] = [:]
    /// Servers of this request, in order.
    private let servers: [Int]
    private var nextReplaced = 0

    /// Remote write: the request as last encoded, and where each sample ends in it.
    private var request: [UInt8] = []
    private var ends: [Int] = []
    /// JSON: each sample's text before its value.
    private var prefixes: [[UInt8]] = []

    /// The bytes of a timestamp between 2004 and 2109 as a varint of milliseconds.
    private static let timestampBytes = 6
    private static let timestamps: Range<Int64> = 1 << 35..<1 << 42

    /// Samples in the request.
    package var sampleCount: Int { series.count }
    /// Servers in the request.
    package var serverCount: Int { servers.count }

    /// A request of the series in `range`, which counts those of the whole load server by server.
    package init(configuration: LoadConfiguration, range: Range<Int>) {
        format = configuration.format
        random = SplitMix64(seed: configuration.seed &* 0x2545_F491_4F6C_DD1D &+ UInt64(range.lowerBound))
        series = range.map { index in
            let number = index % configuration.metrics
            return Series(server: index / configuration.metrics, number: number, walk: Fleet.walk(number))
        }
        servers = Array(range.lowerBound / configuration.metrics...(range.upperBound - 1) / configuration.metrics)
        values = []
        for one in series { values.append(Fleet.start(one.walk, random: &random)) }
        encodeLabels()
    }

    /// Makes the next server of the request a new one: other labels, and counters from the beginning.
    package mutating func replaceOneServer() {
        let server = servers[nextReplaced % servers.count]
        nextReplaced += 1
        lives[server, default: 0] += 1
        for (index, one) in series.enumerated() where one.server == server {
            values[index] = Fleet.start(one.walk, random: &random)
        }
        encodeLabels()
    }

    /// Moves every value on and encodes the request for `timestamp`, in Unix milliseconds.
    package mutating func encode(timestamp: Int64) -> [UInt8] {
        precondition(RequestTemplate.timestamps.contains(timestamp), "timestamp \(timestamp)")
        for index in series.indices {
            values[index] = Fleet.next(values[index], series[index].walk, random: &random)
        }
        switch format {
        case .remoteWrite: return encodeRemoteWrite(timestamp: timestamp)
        case .json: return encodeJSON(timestamp: timestamp)
        }
    }

    private mutating func encodeRemoteWrite(timestamp: Int64) -> [UInt8] {
        var varint: [UInt8] = []
        varint.append(varint: UInt64(timestamp))
        for (index, end) in ends.enumerated() {
            let at = end - RequestTemplate.timestampBytes
            for byte in 0..<RequestTemplate.timestampBytes { request[at + byte] = varint[byte] }
            // Before the timestamp stand its tag and the value's 8 bytes.
            var bits = values[index].bitPattern
            for byte in at - 9..<at - 1 {
                request[byte] = UInt8(truncatingIfNeeded: bits)
                bits >>= 8
            }
        }
        return SnappyBlock.compress(request)
    }

    private func encodeJSON(timestamp: Int64) -> [UInt8] {
        var body: [UInt8] = []
        body.reserveCapacity(prefixes.reduce(0) { $0 + $1.count + 48 })
        let suffix = Array(",\"timestamp\":\(timestamp)}\n".utf8)
        for (index, prefix) in prefixes.enumerated() {
            body.append(contentsOf: prefix)
            body.append(contentsOf: "\(values[index])".utf8)
            body.append(contentsOf: suffix)
        }
        return body
    }

    private mutating func encodeLabels() {
        switch format {
        case .remoteWrite: encodeRuns()
        case .json: encodePrefixes()
        }
    }

    private mutating func encodeRuns() {
        var encoder = RemoteWriteEncoder()
        ends = []
        for one in series {
            let id = Fleet.serverID(one.server, life: lives[one.server] ?? 0)
            let own = [Label(Labels.metricName, Fleet.name(one.number)), Label("instance", id)]
            guard let labels = try? Labels(own + Fleet.tags(server: one.server, number: one.number)) else {
                preconditionFailure("series \(one.number) of server \(one.server) has a label twice")
            }
            encoder.append(
                labelRun: RemoteWriteEncoder.labelRun(labels), timestamp: RequestTemplate.timestamps.lowerBound,
                value: 0)
            ends.append(encoder.request.count)
        }
        request = encoder.request
    }

    /// Names and values here need no JSON escapes.
    private mutating func encodePrefixes() {
        prefixes = series.map { one in
            let id = Fleet.serverID(one.server, life: lives[one.server] ?? 0)
            let tags = Fleet.tags(server: one.server, number: one.number)
                .map { "\"\($0.name)\":\"\($0.value)\"" }.joined(separator: ",")
            return Array(
                "{\"server_id\":\"\(id)\",\"metric_type\":\"\(Fleet.name(one.number))\",\"tags\":{\(tags)},\"value\":"
                    .utf8)
        }
    }
}
