import Synchronization

/// The metrics that a process keeps about itself, and their text for `GET /metrics`.
///
/// Roles register what they count once, keep the handle, and count through it without a lock. Names are `murmur_*`, as
/// docs/operating.md lists them. Registering the same name and labels again gives the same handle.
package final class MetricsRegistry: Sendable {
    /// A label pair of a metric; label sets are fixed and few.
    package typealias LabelPair = (name: String, value: String)

    private enum Instrument {
        case counter(Counter)
        case gauge(Gauge)
        case histogram(Histogram)
        case computed(@Sendable () -> Double)
    }

    private struct Family {
        var kind: String
        var help: String
        /// By rendered labels, so that the text's order is the same each time.
        var instruments: [String: Instrument] = [:]
    }

    private let families = Mutex<[String: Family]>([:])

    /// An empty registry.
    package init() {}

    /// A number that only grows, from 0 at the start of the process. `name` ends in `_total`.
    package func counter(_ name: String, help: String, labels: [LabelPair] = []) -> Counter {
        let instrument = register(name, kind: "counter", help, labels) { .counter(Counter()) }
        guard case .counter(let counter) = instrument else { preconditionFailure("\(name) is not a counter") }
        return counter
    }

    /// A number that is set.
    package func gauge(_ name: String, help: String, labels: [LabelPair] = []) -> Gauge {
        let instrument = register(name, kind: "gauge", help, labels) { .gauge(Gauge()) }
        guard case .gauge(let gauge) = instrument else { preconditionFailure("\(name) is not a gauge") }
        return gauge
    }

    /// A number that is asked for each time the metrics are read; `read` must be quick and may run on any thread.
    package func gauge(
        _ name: String, help: String, labels: [LabelPair] = [], read: @escaping @Sendable () -> Double
    ) {
        _ = register(name, kind: "gauge", help, labels) { .computed(read) }
    }

    /// A counter whose owner keeps the number; `read` must never go down, be quick, and may run on any thread.
    package func counter(
        _ name: String, help: String, labels: [LabelPair] = [], read: @escaping @Sendable () -> Double
    ) {
        _ = register(name, kind: "counter", help, labels) { .computed(read) }
    }

    /// A distribution.
    ///
    /// `bounds` are the upper bounds of the buckets, rising; the last bucket, `+Inf`, is added.
    package func histogram(
        _ name: String, help: String, labels: [LabelPair] = [], bounds: [Double] = Histogram.secondsBounds
    ) -> Histogram {
        let instrument = register(name, kind: "histogram", help, labels) { .histogram(Histogram(bounds: bounds)) }
        guard case .histogram(let histogram) = instrument else { preconditionFailure("\(name) is not a histogram") }
        return histogram
    }

    /// All metrics in the Prometheus text format, version 0.0.4, sorted by name and labels.
    package func text() -> [UInt8] {
        // Instruments are read outside the lock: a callback may itself take locks.
        let snapshot = families.withLock { $0 }
        var bytes: [UInt8] = []
        for (name, family) in snapshot.sorted(by: { $0.key < $1.key }) {
            bytes.append(contentsOf: "# HELP \(name) \(MetricsRegistry.escaped(family.help))\n".utf8)
            bytes.append(contentsOf: "# TYPE \(name) \(family.kind)\n".utf8)
            for (labels, instrument) in family.instruments.sorted(by: { $0.key < $1.key }) {
                switch instrument {
                case .counter(let counter): bytes.line(name, labels, Double(counter.value))
                case .gauge(let gauge): bytes.line(name, labels, gauge.value)
                case .computed(let read): bytes.line(name, labels, read())
                case .histogram(let histogram): histogram.write(name, labels, into: &bytes)
                }
            }
        }
        return bytes
    }

    private func register(
        _ name: String, kind: String, _ help: String, _ labels: [LabelPair], make: () -> Instrument
    ) -> Instrument {
        let key = labels.map { "\($0.name)=\"\(MetricsRegistry.escaped($0.value, quotes: true))\"" }
            .joined(separator: ",")
        return families.withLock { families in
            var family = families[name] ?? Family(kind: kind, help: help)
            precondition(family.kind == kind, "\(name) is registered as a \(family.kind) and as a \(kind)")
            if let known = family.instruments[key] { return known }
            let instrument = make()
            family.instruments[key] = instrument
            families[name] = family
            return instrument
        }
    }

    private static func escaped(_ text: String, quotes: Bool = false) -> String {
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }
}

/// A number that only grows; counts from any thread without a lock.
package final class Counter: Sendable {
    private let count = Atomic<UInt64>(0)

    /// Adds `amount`.
    package func add(_ amount: Int = 1) {
        count.wrappingAdd(UInt64(max(0, amount)), ordering: .relaxed)
    }

    /// The sum so far.
    package var value: UInt64 { count.load(ordering: .relaxed) }
}

/// A number that is set or moved, from any thread.
package final class Gauge: Sendable {
    private let number = Mutex(0.0)

    /// Sets the number.
    package func set(_ value: Double) {
        number.withLock { $0 = value }
    }

    /// Moves the number by `amount`.
    package func add(_ amount: Double) {
        number.withLock { $0 += amount }
    }

    /// The number now.
    package var value: Double { number.withLock { $0 } }
}

/// Counts of observations by size.
package final class Histogram: Sendable {
    /// From half a millisecond to a minute, three to a decade.
    package static let secondsBounds = [
        0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
    ]

    private struct State {
        var counts: [UInt64]
        var sum = 0.0
    }

    private let bounds: [Double]
    private let state: Mutex<State>

    fileprivate init(bounds: [Double]) {
        self.bounds = bounds
        state = Mutex(State(counts: Array(repeating: 0, count: bounds.count + 1)))
    }

    /// Counts one observation, in the unit that the metric's name says.
    package func observe(_ value: Double) {
        let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
        state.withLock { state in
            state.counts[bucket] += 1
            state.sum += value
        }
    }

    /// Counts one observation of a duration, in seconds.
    package func observe(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        observe(Double(seconds) + Double(attoseconds) * 1e-18)
    }

    fileprivate func write(_ name: String, _ labels: String, into bytes: inout [UInt8]) {
        let state = state.withLock { $0 }
        let separator = labels.isEmpty ? "" : ","
        var total: UInt64 = 0
        for (bucket, count) in state.counts.enumerated() {
            total += count
            var bound: [UInt8] = []
            bound.append(prometheus: bucket < bounds.count ? bounds[bucket] : .infinity)
            let label = "le=\"\(String(decoding: bound, as: UTF8.self))\""
            bytes.line(name + "_bucket", labels + separator + label, Double(total))
        }
        bytes.line(name + "_sum", labels, state.sum)
        bytes.line(name + "_count", labels, Double(total))
    }
}

extension [UInt8] {
    /// Appends `name{labels} value`.
    fileprivate mutating func line(_ name: String, _ labels: String, _ value: Double) {
        append(contentsOf: name.utf8)
        if !labels.isEmpty { append(contentsOf: "{\(labels)}".utf8) }
        append(UInt8(ascii: " "))
        append(prometheus: value)
        append(UInt8(ascii: "\n"))
    }
}
