import IngestFormats
import MetricModel

/// Makes remote-write requests of readings; remembers each series' encoded labels.
struct AgentEncoder {
    private struct Series: Hashable {
        let name: String
        let labels: [Label]
    }

    private let serverID: String
    private let metadataEvery: Int
    private var encoder = RemoteWriteEncoder()
    private var runs: [Series: [UInt8]] = [:]
    private var requests = 0

    /// Series whose labels are remembered; beyond it, as with ever new devices, all are encoded anew.
    private static let runsMax = 20_000

    init(serverID: String, configuration: AgentConfiguration) {
        self.serverID = serverID
        metadataEvery = max(1, Int(AgentConfiguration.metadataInterval / configuration.interval))
    }

    /// Packs one reading of everything; every minute what is known of the metrics goes with it.
    mutating func encode(_ readings: [Measurement], timestamp: Int64) -> DeliveryQueue.Push {
        for reading in readings {
            encoder.append(labelRun: run(of: reading), timestamp: timestamp, value: reading.value)
        }
        if requests % metadataEvery == 0 {
            var seen: Set<String> = []
            for reading in readings where seen.insert(reading.name).inserted {
                encoder.append(MetricCatalog.metadata(of: reading.name))
            }
        }
        requests += 1
        return DeliveryQueue.Push(body: encoder.finish(), samples: readings.count)
    }

    private mutating func run(of reading: Measurement) -> [UInt8] {
        let series = Series(name: reading.name, labels: reading.labels)
        if let known = runs[series] { return known }
        let own = [Label(Labels.metricName, reading.name), Label("instance", serverID), Label("job", "node")]
        // No collector makes a label of these names or one twice, so the labels are a set.
        guard let labels = try? Labels(own + reading.labels) else {
            preconditionFailure("readings of \(reading.name) have labels \(reading.labels)")
        }
        let run = RemoteWriteEncoder.labelRun(labels)
        if runs.count >= AgentEncoder.runsMax { runs.removeAll(keepingCapacity: true) }
        runs[series] = run
        return run
    }
}
