import IngestFormats
import MetricModel
package import WireProtocol

/// One batch for one aggregator, with what is needed to understand its acknowledgement.
package struct RoutedBatch: Sendable {
    /// Which aggregator, by its index in the ring's list.
    package let aggregator: Int
    /// What to send.
    package let batch: WriteBatch
    /// For each definition the raw series that it defines, an index into the request's series.
    let definitionSeries: [UInt32]
    /// For each row the sample in the request.
    let rowSamples: RowSamples
    /// Which (aggregator, generation) the batch's references belong to; 0 when the router knew none.
    let epoch: UInt32
    /// Keys of the batch's metadata in the router's memory.
    let metadataKeys: [UInt64]
    /// How often it was sent before.
    let attempt: Int

    init(
        aggregator: Int, batch: WriteBatch, definitionSeries: [UInt32], rowSamples: RowSamples,
        metadataKeys: [UInt64] = [], epoch: UInt32, attempt: Int
    ) {
        self.aggregator = aggregator
        self.batch = batch
        self.definitionSeries = definitionSeries
        self.rowSamples = rowSamples
        self.metadataKeys = metadataKeys
        self.epoch = epoch
        self.attempt = attempt
    }
}

/// Which samples of a request the rows of a batch are.
enum RowSamples: Sendable, Equatable {
    /// Row i is sample i: a request without refusals, for one aggregator.
    case all
    /// Row i is sample `list[i]`.
    case list([UInt32])

    /// The sample of `row`.
    func sample(ofRow row: Int) -> Int {
        switch self {
        case .all: row
        case .list(let list): Int(list[row])
        }
    }
}

/// A push under way: made by `WriteRouter.route`, handed back with each acknowledgement, and ended by `finish` or `abandon`.
package struct WriteInProgress: Sendable {
    /// The batches to send; each must be acknowledged before the push is.
    package internal(set) var batches: [RoutedBatch] = []
    /// Exemplars to send beside the batches; nothing waits for them.
    package internal(set) var exemplars: [RoutedExemplars] = []
    /// Samples that are acknowledged so far.
    package internal(set) var stored = 0
    let source: ParsedWrite
    let tenant: TenantID
    let tenantNumber: UInt32
    var rejections: [ElementRejection]
    var rejectedCount: Int

    init(source: ParsedWrite, tenant: TenantID, tenantNumber: UInt32) {
        self.source = source
        self.tenant = tenant
        self.tenantNumber = tenantNumber
        rejections = source.rejections
        rejectedCount = source.rejectedCount
    }

    mutating func reject(series: Int, samples: Int = 1, reason: String) {
        rejectedCount += samples
        guard rejections.count < ParsedWrite.rejectionsReportedMax else { return }
        rejections.append(ElementRejection(element: Int(source.series[series].element), reason: reason))
    }
}
