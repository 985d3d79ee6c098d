/// A series' number in one engine generation; never reused in it.
package struct SeriesReference: Hashable, Sendable, BitwiseCopyable {
    package var number: UInt32

    package init(number: UInt32) {
        self.number = number
    }

    /// In a batch's series column this bit marks an index into the batch's own definitions.
    package static let definitionBit: UInt32 = 1 << 31
}

/// Where a series is placed: the hash of (tenant, server ID) and which label named the server.
package struct PlacementKey: Hashable, Sendable, BitwiseCopyable {
    /// The upper bits are the slot; blocks keep all 32, so that a later split is a range.
    package var hash: UInt32
    /// Index into the cluster's list of placement labels, or `wholeLabelSet`.
    package var labelIndex: UInt8

    /// The label index of a series that has none of the placement labels.
    package static let wholeLabelSet: UInt8 = 255

    package init(hash: UInt32, labelIndex: UInt8) {
        self.hash = hash
        self.labelIndex = labelIndex
    }

    /// The slot at `bits` slot bits (1 ... 16).
    package func slot(bits: Int) -> UInt16 {
        UInt16(truncatingIfNeeded: hash >> UInt32(32 - bits))
    }
}

/// What makes a series known to an engine.
package struct SeriesDefinition: Hashable, Sendable {
    package var tenant: TenantID
    package var labels: Labels
    package var placement: PlacementKey

    package init(tenant: TenantID, labels: Labels, placement: PlacementKey) {
        self.tenant = tenant
        self.labels = labels
        self.placement = placement
    }

    /// The hash of tenant and labels.
    package var fingerprint: Fingerprint { Fingerprint(tenant: tenant, labels: labels) }
}

/// What is known of a metric beside its samples; never part of an identity.
package struct MetricMetadata: Hashable, Sendable {
    package var metric: String
    /// `counter`, `gauge`, `histogram`, `summary`, `info`, `stateset` or `unknown`.
    package var type: String
    package var unit: String
    package var help: String

    package init(metric: String, type: String, unit: String, help: String) {
        self.metric = metric
        self.type = type
        self.unit = unit
        self.help = help
    }
}

/// A machine that pushes, as the fleet view lists it.
package struct ServerSummary: Hashable, Sendable {
    /// The value of its placement label.
    package var id: String
    /// The placement label's name.
    package var label: String
    /// Time of its newest sample, Unix milliseconds.
    package var lastPush: Int64
    package var seriesCount: Int

    package init(id: String, label: String, lastPush: Int64, seriesCount: Int) {
        self.id = id
        self.label = label
        self.lastPush = lastPush
        self.seriesCount = seriesCount
    }
}
