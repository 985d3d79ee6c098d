/// What the load generator is told.
package struct LoadConfiguration: Sendable {
    /// How samples are written.
    package enum Format: String, Sendable, CaseIterable {
        /// Prometheus remote write 1.0.
        case remoteWrite = "remote-write"
        /// JSON push, one object a line.
        case json
    }

    /// Where to push: `http://host:port`.
    package var push: String
    /// Servers that push.
    package var servers: Int
    /// Series of each server.
    package var metrics: Int
    /// Time between two samples of a series; zero sends as fast as the connections are answered.
    package var interval: Duration
    /// How long to send.
    package var duration: Duration
    /// How samples are written.
    package var format: Format
    /// The fraction of servers that are replaced by new ones each minute, 0 ... 1.
    package var churn: Double
    /// The tenant to push for; nil leaves it to the server.
    package var tenant: String?
    /// Where the values come from: equal seeds make equal walks.
    package var seed: UInt64
    /// Requests under way at a time.
    package var connections: Int
    /// The most samples in one request.
    package var samplesPerRequest: Int

    /// The most series: their state and templates take about 400 bytes each.
    package static let seriesMax = 20_000_000

    /// The defaults: 10,000 series every ten seconds for a minute.
    package init(
        push: String, servers: Int = 100, metrics: Int = 100, interval: Duration = .seconds(10),
        duration: Duration = .seconds(60), format: Format = .remoteWrite, churn: Double = 0, tenant: String? = nil,
        seed: UInt64 = 1, connections: Int = 4, samplesPerRequest: Int = 10_000
    ) {
        self.push = push
        self.servers = servers
        self.metrics = metrics
        self.interval = interval
        self.duration = duration
        self.format = format
        self.churn = churn
        self.tenant = tenant
        self.seed = seed
        self.connections = connections
        self.samplesPerRequest = samplesPerRequest
    }

    /// Checks that the numbers make sense together.
    func validate() throws(LoadError) {
        let ranges: [(String, Int, ClosedRange<Int>)] = [
            ("servers", servers, 1...1_000_000), ("metrics", metrics, 1...1_000_000),
            ("connections", connections, 1...64), ("samples per request", samplesPerRequest, 1...1_000_000),
        ]
        for (name, value, range) in ranges where !range.contains(value) {
            throw .outOfRange(name: name, value: "\(value)", allowed: "\(range.lowerBound) to \(range.upperBound)")
        }
        if servers * metrics > LoadConfiguration.seriesMax {
            throw .outOfRange(
                name: "servers x metrics", value: "\(servers * metrics)",
                allowed: "up to \(LoadConfiguration.seriesMax)")
        }
        if !(0...1).contains(churn) { throw .outOfRange(name: "churn", value: "\(churn)", allowed: "0 to 1") }
        if interval < .zero { throw .outOfRange(name: "interval", value: "\(interval)", allowed: "0 s or more") }
        if duration <= .zero { throw .outOfRange(name: "duration", value: "\(duration)", allowed: "more than 0 s") }
    }
}

/// Why the load generator does not start.
package enum LoadError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A number that makes no sense.
    case outOfRange(name: String, value: String, allowed: String)

    /// The error in words.
    package var description: String {
        switch self {
        case .outOfRange(let name, let value, let allowed): "\(name) is \(value); allowed is \(allowed)"
        }
    }
}
