// Which message travels in which frame: the one place where frame types and messages meet.

extension QueryRequest {
    /// The type of the frame that carries it.
    var frameType: FrameType {
        switch self {
        case .select: .select
        case .labelNames: .labelNames
        case .labelValues: .labelValues
        case .series: .series
        case .metadata: .metadata
        case .servers: .servers
        case .fragment: .fragment
        case .statistics: .statistics
        case .exemplars: .exemplars
        case .keepExemplars: .keepExemplars
        case .deletions: .deletions
        case .changes: .changes
        }
    }

    /// Appends the wire form.
    package func encode(into bytes: inout [UInt8]) {
        switch self {
        case .select(let request): request.encode(into: &bytes)
        case .labelNames(let request): request.encode(into: &bytes)
        case .labelValues(let request): request.encode(into: &bytes)
        case .series(let request): request.encode(into: &bytes)
        case .metadata(let request): request.encode(into: &bytes)
        case .servers(let request): request.encode(into: &bytes)
        case .fragment(let request): request.encode(into: &bytes)
        case .statistics(let request): request.encode(into: &bytes)
        case .exemplars(let request): request.encode(into: &bytes)
        case .keepExemplars(let batch): batch.encode(into: &bytes)
        case .deletions(let request): request.encode(into: &bytes)
        case .changes(let request): request.encode(into: &bytes)
        }
    }

    /// Reads the wire form of the request that a frame of `type` carries.
    package init(_ type: FrameType, decoding bytes: RawSpan) throws(WireError) {
        switch type {
        case .select: self = .select(try SelectRequest(decoding: bytes))
        case .labelNames: self = .labelNames(try LabelNamesRequest(decoding: bytes))
        case .labelValues: self = .labelValues(try LabelValuesRequest(decoding: bytes))
        case .series: self = .series(try SeriesRequest(decoding: bytes))
        case .metadata: self = .metadata(try MetadataRequest(decoding: bytes))
        case .servers: self = .servers(try ServersRequest(decoding: bytes))
        case .fragment: self = .fragment(try FragmentRequest(decoding: bytes))
        case .statistics: self = .statistics(try StatisticsRequest(decoding: bytes))
        case .exemplars: self = .exemplars(try ExemplarsRequest(decoding: bytes))
        case .keepExemplars: self = .keepExemplars(try ExemplarBatch(decoding: bytes))
        case .deletions: self = .deletions(try DeletionsRequest(decoding: bytes))
        case .changes: self = .changes(try ChangesRequest(decoding: bytes))
        case .hello, .welcome, .ping, .pong, .goAway, .credit, .cancel, .write, .store, .movement, .seriesPage,
            .stringPage, .labelsPage, .metadataPage, .serversPage, .fragmentPage, .statisticsPage, .exemplarsPage,
            .deletionsPage, .changesPage, .writeAcknowledgement, .selectEnd, .error, .stored, .received:
            throw WireError(.unexpectedFrame, in: "QueryRequest", offset: 5, found: UInt64(type.rawValue))
        }
    }
}

extension QueryPage {
    /// The type of the frame that carries it.
    var frameType: FrameType {
        switch self {
        case .series: .seriesPage
        case .strings: .stringPage
        case .labels: .labelsPage
        case .metadata: .metadataPage
        case .servers: .serversPage
        case .fragment: .fragmentPage
        case .statistics: .statisticsPage
        case .exemplars: .exemplarsPage
        case .deletions: .deletionsPage
        case .changes: .changesPage
        }
    }

    /// Appends the wire form.
    package func encode(into bytes: inout [UInt8]) {
        switch self {
        case .series(let page): page.encode(into: &bytes)
        case .strings(let page): page.encode(into: &bytes)
        case .labels(let page): page.encode(into: &bytes)
        case .metadata(let page): page.encode(into: &bytes)
        case .servers(let page): page.encode(into: &bytes)
        case .fragment(let page): page.encode(into: &bytes)
        case .statistics(let page): page.encode(into: &bytes)
        case .exemplars(let page): page.encode(into: &bytes)
        case .deletions(let page): page.encode(into: &bytes)
        case .changes(let page): page.encode(into: &bytes)
        }
    }

    /// Reads the wire form of the page that a frame of `type` carries.
    package init(_ type: FrameType, decoding bytes: RawSpan) throws(WireError) {
        switch type {
        case .seriesPage: self = .series(try SeriesPage(decoding: bytes))
        case .stringPage: self = .strings(try StringPage(decoding: bytes))
        case .labelsPage: self = .labels(try LabelsPage(decoding: bytes))
        case .metadataPage: self = .metadata(try MetadataPage(decoding: bytes))
        case .serversPage: self = .servers(try ServersPage(decoding: bytes))
        case .fragmentPage: self = .fragment(try FragmentPage(decoding: bytes))
        case .statisticsPage: self = .statistics(try StatisticsPage(decoding: bytes))
        case .exemplarsPage: self = .exemplars(try ExemplarsPage(decoding: bytes))
        case .deletionsPage: self = .deletions(try DeletionsPage(decoding: bytes))
        case .changesPage: self = .changes(try ChangesPage(decoding: bytes))
        case .hello, .welcome, .ping, .pong, .goAway, .credit, .cancel, .write, .select, .labelNames, .labelValues,
            .series, .metadata, .servers, .fragment, .statistics, .exemplars, .keepExemplars, .deletions, .changes,
            .store,
            .movement, .writeAcknowledgement, .selectEnd, .error, .stored, .received:
            throw WireError(.unexpectedFrame, in: "QueryPage", offset: 5, found: UInt64(type.rawValue))
        }
    }
}

extension Completion {
    /// The type of the frame that carries it.
    var frameType: FrameType {
        switch self {
        case .written: .writeAcknowledgement
        case .stored: .stored
        case .received: .received
        case .ended: .selectEnd
        case .failed: .error
        }
    }

    func encode(into bytes: inout [UInt8]) {
        switch self {
        case .written(let acknowledgement): acknowledgement.encode(into: &bytes)
        case .stored(let answer): answer.encode(into: &bytes)
        case .received: return
        case .ended(let end): end.encode(into: &bytes)
        case .failed(let error): error.encode(into: &bytes)
        }
    }

    init(_ type: FrameType, decoding bytes: RawSpan) throws(WireError) {
        switch type {
        case .writeAcknowledgement: self = .written(try WriteAcknowledgement(decoding: bytes))
        case .selectEnd: self = .ended(try SelectEnd(decoding: bytes))
        case .error: self = .failed(try TypedError(decoding: bytes))
        case .stored: self = .stored(try StoreAnswer(decoding: bytes))
        case .received:
            let reader = WireReader(bytes, message: "Received")
            try reader.expectEnd()
            self = .received
        case .hello, .welcome, .ping, .pong, .goAway, .credit, .cancel, .write, .select, .labelNames, .labelValues,
            .series, .metadata, .servers, .fragment, .statistics, .exemplars, .keepExemplars, .deletions, .changes,
            .store,
            .movement, .seriesPage, .stringPage, .labelsPage, .metadataPage, .serversPage, .fragmentPage,
            .statisticsPage,
            .exemplarsPage, .deletionsPage, .changesPage:
            throw WireError(.unexpectedFrame, in: "Completion", offset: 5, found: UInt64(type.rawValue))
        }
    }
}

extension FrameType {
    /// The type of the pages that answer a request of this type; nil when none do.
    var answerPage: FrameType? {
        switch self {
        case .select: .seriesPage
        case .labelNames, .labelValues: .stringPage
        case .series: .labelsPage
        case .metadata: .metadataPage
        case .servers: .serversPage
        case .fragment: .fragmentPage
        case .statistics: .statisticsPage
        case .exemplars, .keepExemplars: .exemplarsPage
        case .deletions: .deletionsPage
        case .changes: .changesPage
        case .hello, .welcome, .ping, .pong, .goAway, .credit, .cancel, .write, .store, .movement, .seriesPage,
            .stringPage, .labelsPage, .metadataPage, .serversPage, .fragmentPage, .statisticsPage, .exemplarsPage,
            .deletionsPage, .changesPage, .writeAcknowledgement, .selectEnd, .error, .stored, .received:
            nil
        }
    }

    /// The type of the frame that ends the answer to a request of this type, unless it is an error; nil when none does.
    var answerEnd: FrameType? {
        switch self {
        case .write: .writeAcknowledgement
        case .store: .stored
        case .movement: .received
        case .select, .labelNames, .labelValues, .series, .metadata, .servers, .fragment, .statistics, .exemplars,
            .keepExemplars, .deletions, .changes:
            .selectEnd
        case .hello, .welcome, .ping, .pong, .goAway, .credit, .cancel, .seriesPage, .stringPage, .labelsPage,
            .metadataPage, .serversPage, .fragmentPage, .statisticsPage, .exemplarsPage, .deletionsPage, .changesPage,
            .writeAcknowledgement,
            .selectEnd, .error, .stored, .received:
            nil
        }
    }
}
