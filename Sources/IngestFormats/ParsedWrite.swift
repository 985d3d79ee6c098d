package import ByteCoding
package import MetricModel

/// One series' labels as they came, found but not yet read: a run of bytes and its hash.
package struct RawSeries: Sendable, Equatable, BitwiseCopyable {
    /// XXH3 over the run, under the tenant's seed. Equal runs have equal hashes; one series may be written as several runs.
    package var hash: XXH3.Hash128
    /// Where the run begins in `ParsedWrite.bytes`.
    package var offset: UInt32
    /// The run's length in bytes.
    package var length: UInt32
    /// The number, from 0, by which the sender knows this series or element.
    package var element: UInt32

    /// Puts a run's place beside its hash.
    package init(hash: XXH3.Hash128, offset: Int, length: Int, element: Int) {
        self.hash = hash
        self.offset = UInt32(offset)
        self.length = UInt32(length)
        self.element = UInt32(element)
    }
}

/// An element of a push that cannot be stored, and why.
package struct ElementRejection: Equatable, Sendable {
    /// The element's number in the request, from 0.
    package var element: Int
    /// What was wrong, in words for the sender.
    package var reason: String

    /// Names an element and what is wrong with it.
    package init(element: Int, reason: String) {
        self.element = element
        self.reason = reason
    }
}

/// What pass 1 found in a request: columns of samples and raw series, nothing looked up yet.
package struct ParsedWrite: Sendable {
    /// The bytes that the label runs lie in (see `LabelRun`); under 4 GiB, as the decoded body is limited far below.
    package var bytes: [UInt8] = []
    /// The raw series, in the order of the request. One may occur twice.
    package var series: [RawSeries] = []
    /// The samples; `series` is an index into `series` above.
    package var samples = SampleColumns()
    /// Whether samples whose timestamp is `unstamped` are to be stamped on arrival.
    package var hasUnstamped = false
    /// What the request says of metrics, repeats removed where that is cheap.
    package var metadata: [MetricMetadata] = []
    /// The first `rejectionsReportedMax` elements that cannot be stored, in order.
    package var rejections: [ElementRejection] = []
    /// How many things were rejected: samples, histograms or elements.
    package var rejectedCount = 0
    /// Exemplars; what they say is not read yet.
    package internal(set) var exemplars: [RawExemplar] = []
    /// Exemplars left out.
    package internal(set) var exemplarsDropped = 0

    /// The timestamp of a sample that came without one; meant only where `hasUnstamped` is set.
    package static let unstamped = Int64.min
    /// The most rejections that are kept and named in a reply; all are counted.
    package static let rejectionsReportedMax = 1_000
    /// The most metadata entries of one request that are kept; senders repeat them, so the rest arrive later.
    package static let metadataPerRequestMax = 10_000
    /// The most UTF-8 bytes of a unit or help text; longer ones are not kept.
    package static let metadataTextBytesMax = 4_096

    /// What its samples count as where samples under way are limited.
    package var sampleWeight: Int {
        samples.histograms.isEmpty ? samples.count : samples.count + samples.histograms.memorySize / 16
    }

    /// An empty request.
    package init() {}

    /// Whether there is room for the reason of one more rejection.
    var keepsReasons: Bool { rejections.count < ParsedWrite.rejectionsReportedMax }

    /// Counts `count` things of one element as rejected and keeps the reason while there is room.
    package mutating func reject(element: Int, count: Int = 1, reason: String) {
        rejectedCount += count
        guard keepsReasons else { return }
        rejections.append(ElementRejection(element: element, reason: reason))
    }
}

/// The seed under which a tenant's label runs are hashed.
package enum RunSeed {
    /// Differs by tenant, and by process, so that nobody can prepare two runs with one hash.
    ///
    /// - Parameters:
    ///   - tenant: whose push it is.
    ///   - process: a random number that the process drew at its start and keeps to itself.
    /// - Returns: the seed to hand to `IngestFormat.parse`.
    package static func of(_ tenant: TenantID, process: UInt64) -> UInt64 {
        XXH3.hash64(Array(tenant.name.utf8).rawSpan, seed: process)
    }
}
