import MetricModel
import SeededRandom

extension SplitMix64 {
    /// Evenly in 0 ..< 1.
    mutating func unit() -> Double {
        Double(next() >> 11) * 0x1p-53
    }
}

/// The series of imagined servers: names and labels as real machines have them.
enum Fleet {
    /// How a series' values go.
    enum Walk: Sendable {
        /// Up and down within bounds, with two decimals.
        case gauge(low: Double, high: Double, step: Double)
        /// Up only, by whole numbers.
        case counter(step: Double)
    }

    private static let metrics: [(name: String, label: String, walk: Walk)] = [
        ("load_cpu_usage_percent", "cpu", .gauge(low: 0, high: 100, step: 4)),
        ("load_memory_used_bytes", "pool", .gauge(low: 1e9, high: 6.4e10, step: 5e7)),
        ("load_disk_read_bytes_total", "device", .counter(step: 4e6)),
        ("load_disk_written_bytes_total", "device", .counter(step: 8e6)),
        ("load_network_receive_bytes_total", "device", .counter(step: 2e6)),
        ("load_network_transmit_bytes_total", "device", .counter(step: 2e6)),
        ("load_http_requests_total", "handler", .counter(step: 120)),
        ("load_http_request_duration_seconds", "handler", .gauge(low: 0, high: 2, step: 0.05)),
        ("load_temperature_celsius", "sensor", .gauge(low: 20, high: 95, step: 0.5)),
        ("load_queue_length", "queue", .gauge(low: 0, high: 500, step: 20)),
    ]
    private static let regions = ["eu-west-1", "eu-central-1", "us-east-1", "us-west-2", "ap-south-1"]

    /// The walk of a server's series `number`.
    static func walk(_ number: Int) -> Walk { metrics[number % metrics.count].walk }

    /// The metric's name of a server's series `number`.
    static func name(_ number: Int) -> String { metrics[number % metrics.count].name }

    /// The server's ID; `life` counts how often its place was taken by a new one.
    static func serverID(_ server: Int, life: Int) -> String {
        let digits = String(server)
        let padded = String(repeating: "0", count: max(0, 5 - digits.count)) + digits
        return life == 0 ? "load-\(padded)" : "load-\(padded)-\(life)"
    }

    /// All labels of a series but its name and its server.
    static func tags(server: Int, number: Int) -> [Label] {
        let region = regions[server % regions.count]
        return [
            Label("job", "loadgen"), Label("region", region), Label("zone", region + ["a", "b", "c"][server % 3]),
            Label("cluster", "cluster-\(server / 200)"), Label("rack", "rack-\(server % 40)"),
            Label("team", ["web", "data", "platform"][server % 3]), Label("env", "production"),
            Label(metrics[number % metrics.count].label, "\(number / metrics.count)"),
        ]
    }

    /// A series' first value.
    static func start(_ walk: Walk, random: inout SplitMix64) -> Double {
        switch walk {
        case .gauge(let low, let high, _): (low + (high - low) * random.unit()).roundedToCents
        case .counter(let step): (step * 1_000 * random.unit()).rounded()
        }
    }

    /// The value that follows.
    static func next(_ value: Double, _ walk: Walk, random: inout SplitMix64) -> Double {
        switch walk {
        case .gauge(let low, let high, let step):
            min(max(value + (random.unit() - 0.5) * 2 * step, low), high).roundedToCents
        case .counter(let step): value + (random.unit() * step).rounded()
        }
    }
}

extension Double {
    fileprivate var roundedToCents: Double { (self * 100).rounded() / 100 }
}
