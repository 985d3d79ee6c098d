package import MetricModel

/// Metadata of one metric of one tenant.
package struct TenantMetadata: Hashable, Sendable {
    package var tenant: TenantID
    package var metadata: MetricMetadata

    package init(tenant: TenantID, metadata: MetricMetadata) {
        self.tenant = tenant
        self.metadata = metadata
    }
}

/// A batch of samples for one engine.
package struct AppendInput: Sendable {
    /// Series that this batch defines, or defines again.
    package var definitions: [SeriesDefinition]
    /// The samples. In `rows.series` bit 31 marks an index into `definitions`; else it is a reference of `generation`.
    package var rows: SampleColumns
    package var metadata: [TenantMetadata]
    /// The engine generation that the references belong to; 0 when there are none.
    package var generation: UInt64

    /// Bytes in memory, roughly: what a queue of batches counts.
    package var memorySize: Int {
        20 * rows.count + rows.histograms.memorySize + 256 * (definitions.count + metadata.count) + 256
    }

    package init(
        definitions: [SeriesDefinition] = [], rows: SampleColumns, metadata: [TenantMetadata] = [],
        generation: UInt64 = 0
    ) {
        precondition(
            rows.series.count == rows.timestamps.count && rows.series.count == rows.values.count,
            "sample columns of unequal length")
        self.definitions = definitions
        self.rows = rows
        self.metadata = metadata
        self.generation = generation
    }
}

/// What became of a batch.
package struct AppendOutcome: Equatable, Sendable {
    /// Generation of `references`.
    package var generation: UInt64
    /// One for each definition, in order; `AppendOutcome.refused` where the series could not be defined.
    package var references: [UInt32] = []
    /// Samples that are not stored, by ascending row.
    package var rejections: [SampleRejection] = []
    /// Rows whose reference this engine does not know: define the series and send them again. Ascending.
    package var unknownReferences: [UInt32] = []

    /// Stands for the reference of a definition that was refused.
    package static let refused = UInt32.max

    package init(generation: UInt64) {
        self.generation = generation
    }

    /// The outcome of a batch of which this is a part's.
    ///
    /// - Parameter rows: the part's rows in the batch; nil when it has all.
    /// - Returns: the same with the batch's row numbers.
    package func ofWhole(rows: [Int]?) -> AppendOutcome {
        guard let rows else { return self }
        var outcome = self
        for index in outcome.rejections.indices {
            outcome.rejections[index].row = rows[outcome.rejections[index].row]
        }
        outcome.unknownReferences = unknownReferences.map { UInt32(rows[Int($0)]) }
        return outcome
    }
}

/// A batch that is judged and encoded for the log, but not yet in the head.
///
/// Between `Engine.prepare` and `Engine.apply` (or `abandon`) the engine must not begin or finish a seal.
package struct PreparedAppend: Sendable {
    /// Rows of the series table, one for each sample that is taken.
    var rows: [UInt32]
    var timestamps: [Int64]
    var values: [Double]
    /// Of these rows those that are histograms.
    var histograms: HistogramRows
    var metadata: [TenantMetadata]

    /// What to answer once the log has it.
    package let outcome: AppendOutcome

    /// Samples that are taken.
    package var count: Int { rows.count }
}
