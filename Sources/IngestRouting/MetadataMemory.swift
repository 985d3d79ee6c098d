import ByteCoding
import MetricModel

/// Remembers which metadata an aggregator has already taken, as senders repeat all of it every minute.
///
/// Bounded: when full it forgets everything, which costs sending each entry once more.
struct MetadataMemory: Sendable {
    private var taken: Set<UInt64> = []
    private let entriesMax: Int

    init(entriesMax: Int) {
        self.entriesMax = entriesMax
    }

    /// The number under which an entry is remembered; `epoch` names aggregator and generation, so a new one is told everything.
    func key(tenant: TenantID, metadata: MetricMetadata, epoch: UInt32) -> UInt64 {
        var bytes: [UInt8] = []
        bytes.append(prefixed: tenant.name)
        bytes.append(prefixed: metadata.metric)
        bytes.append(prefixed: metadata.type)
        bytes.append(prefixed: metadata.unit)
        bytes.append(prefixed: metadata.help)
        return XXH3.hash64(bytes.rawSpan, seed: UInt64(epoch))
    }

    /// Whether the entry was taken.
    func contains(_ key: UInt64) -> Bool { taken.contains(key) }

    /// Notes that it was.
    mutating func insert(_ key: UInt64) {
        if taken.count >= entriesMax { taken.removeAll(keepingCapacity: true) }
        taken.insert(key)
    }
}
