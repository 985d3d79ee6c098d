import IngestFormats
import MetricModel
package import SlotMovement
package import WireProtocol

/// One batch for one aggregator, with what is needed to understand its answer.
package struct RoutedBatch: Sendable {
    /// Whom to send it to, and what is asked.
    package let node: NodeID
    package let request: StoreRequest
    /// What to send; empty when the request is repeated.
    package let batch: WriteBatch
    /// Which piece of the push.
    let piece: Int
    /// For each definition the raw series that it defines, an index into the request's series.
    let definitionSeries: [UInt32]
    /// For each row the sample in the request.
    let rowSamples: RowSamples
    /// Keys of the batch's metadata in the router's memory.
    let metadataKeys: [UInt64]
    /// Which (aggregator, generation) the keys and references belong to; 0 when the router knew none.
    let epoch: UInt32
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

/// A push under way: made by `WriteRouter.route`, handed back with each answer and tick, and ended by `finish` or `abandon`.
package struct WriteInProgress: Sendable {
    /// What becomes of the push.
    package enum State: Equatable, Sendable {
        case underWay
        /// Everything is where it must be.
        case acknowledged
        /// Not known to be stored: the sender is told to try again.
        case failed
    }

    /// Exemplars to send beside the batches; nothing waits for them.
    package internal(set) var exemplars: [RoutedExemplars] = []
    let source: ParsedWrite
    let tenant: TenantID
    let tenantNumber: UInt32
    var rejections: [ElementRejection]
    var rejectedCount: Int
    var plan: RoutingPlan
    /// Samples ordered by their slots, as far as that was needed.
    var order: SlotOrder?
    var pieces: [WritePiece] = []
    /// Batches that the shell has not taken yet.
    var outbox: [RoutedBatch] = []
    /// Samples that an aggregator refused, with the reason of the first that did.
    var refusedSamples: [UInt32: String] = [:]
    /// Samples of series that are none.
    var samplesWithoutSeries = 0

    /// The batches to send; each is handed back with its answer, or its failure.
    package mutating func takeBatches() -> [RoutedBatch] {
        defer { outbox = [] }
        return outbox
    }

    /// What becomes of the push.
    package var state: State {
        var isUnderWay = false
        for piece in pieces {
            if piece.attempt.state == .failed || piece.isStuck { return .failed }
            if !piece.isDone { isUnderWay = true }
        }
        return isUnderWay ? .underWay : .acknowledged
    }

    /// Whether time matters to it: somebody else can be asked when an aggregator does not answer.
    package var hasAlternatives: Bool { plan.owners.view.members.count > 1 }

    init(source: ParsedWrite, tenant: TenantID, tenantNumber: UInt32, plan: RoutingPlan) {
        self.source = source
        self.tenant = tenant
        self.tenantNumber = tenantNumber
        self.plan = plan
        rejections = source.rejections
        rejectedCount = source.rejectedCount
    }

    mutating func reject(series: Int, samples: Int = 1, reason: String) {
        rejectedCount += samples
        guard rejections.count < ParsedWrite.rejectionsReportedMax else { return }
        rejections.append(ElementRejection(element: Int(source.series[series].element), reason: reason))
    }
}

/// A part of a push that is one batch wherever it is logged: small enough for a frame whatever its receiver knows of its series.
struct WritePiece: Sendable {
    /// What is in a piece.
    enum Content: Sendable {
        /// All samples, in the order of the request.
        case everything
        /// Samples in the order of their slots: positions in `SlotOrder.samples`.
        case ordered(Range<Int>)
        /// Samples that were sent with references which their aggregator did not know; ordered by slot.
        case again([UInt32])
        /// Entries of the source's metadata.
        case metadata(Range<Int>)
    }

    let content: Content
    var attempt: WriteAttempt
    /// Requests that are out.
    var unanswered = 0
    /// Samples whose references an aggregator did not know.
    var unknown: Set<UInt32> = []
    /// How many pieces before it had the same samples.
    let tries: Int
    /// Whether everything that follows from the attempt's end is done.
    var isSettled = false

    var isDone: Bool { attempt.state == .acknowledged && isSettled }

    /// Nobody is asked any more, and nobody is left to ask.
    var isStuck: Bool { attempt.state == .underWay && unanswered == 0 }
}

/// The samples of a push, those of one slot next to each other and in the order of the request.
struct SlotOrder: Sendable {
    let samples: [UInt32]
    /// For each slot where its samples begin; one more at the end.
    private let starts: [UInt32]

    /// - Complexity: O(samples + slots).
    init(_ plan: RoutingPlan, series: [UInt32]) {
        var starts = [UInt32](repeating: 0, count: plan.owners.view.slotCount + 1)
        for one in series where !plan.isRefused(Int(one)) { starts[Int(plan.slots[Int(one)]) + 1] += 1 }
        for slot in starts.indices.dropFirst() { starts[slot] += starts[slot - 1] }
        var next = starts
        var samples = [UInt32](repeating: 0, count: Int(starts.last ?? 0))
        for (sample, one) in series.enumerated() where !plan.isRefused(Int(one)) {
            let slot = Int(plan.slots[Int(one)])
            samples[Int(next[slot])] = UInt32(sample)
            next[slot] += 1
        }
        self.samples = samples
        self.starts = starts
    }

    /// Where the samples of a slot are.
    func range(of slot: Int) -> Range<Int> { Int(starts[slot])..<Int(starts[slot + 1]) }
}
