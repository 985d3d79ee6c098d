import ByteCoding
import MetricModel
import SeededRandom
import SlotMovement
import WireProtocol

/// Messages that the tests and the golden vectors share.
enum Samples {
    static let tenant = tenant(named: "team-a")
    static let up = labels(("__name__", "up"), ("instance", "web-1"))
    static let load = labels(("__name__", "load"), ("instance", "web-2"), ("zone", "ü"))

    static func tenant(named name: String) -> TenantID {
        do { return try TenantID(validating: name) } catch { preconditionFailure("\(error)") }
    }

    static func labels(_ pairs: (String, String)...) -> Labels {
        do { return try Labels(pairs.map { Label($0.0, $0.1) }) } catch { preconditionFailure("\(error)") }
    }

    static func matcher(_ name: String, _ operation: Matcher.Operation, _ value: String) -> Matcher {
        do { return try Matcher(name, operation, value) } catch { preconditionFailure("\(error)") }
    }

    static let batch = WriteBatch(
        definitions: [
            SeriesDefinition(tenant: tenant, labels: up, placement: PlacementKey(hash: 0xDEAD_BEEF, labelIndex: 1)),
            SeriesDefinition(tenant: .default, labels: load, placement: PlacementKey(hash: 7, labelIndex: 255)),
        ],
        rows: SampleColumns(
            series: [SeriesReference.definitionBit, 42, SeriesReference.definitionBit | 1],
            timestamps: [1_763_000_000_000, 1_763_000_000_000, 1_763_000_001_000],
            values: [1, Double(bitPattern: StaleMarker.bits), -0.0]),
        metadata: [
            WriteBatch.TenantMetadata(
                tenant: tenant, metadata: MetricMetadata(metric: "up", type: "gauge", unit: "", help: "Is it up?"))
        ],
        generation: 0x0102_0304_0506_0708)

    static let acknowledgement = WriteAcknowledgement(
        generation: 9, references: [100, WriteAcknowledgement.noReference],
        rejections: [SampleRejection(row: 2, reason: .tooOld), SampleRejection(row: 5, reason: .tooManySeries)],
        unknownReferences: [1])

    static let page = SeriesPage(
        series: [
            SeriesColumns(labels: up, timestamps: [1000, 2000, 3500], values: [1, .infinity, 0.5]),
            SeriesColumns(labels: load, timestamps: [], values: []),
        ], continuesLast: true)

    static let histogram = NativeHistogram(
        schema: 3, counterResetHint: .gauge, count: 12, sum: 18.5, zeroThreshold: 0.5, zeroCount: 2,
        positive: .init(spans: [.init(offset: -3, length: 2), .init(offset: 4, length: 1)], counts: [1, 7, 1]),
        negative: .init(spans: [.init(offset: 0, length: 1)], counts: [1]))
    static let customHistogram = NativeHistogram(
        schema: NativeHistogram.customSchema, count: 3.5, sum: 2,
        positive: .init(spans: [.init(offset: 0, length: 2)], counts: [0.5, 3]), customValues: [1])

    /// A batch of two histograms and a number between.
    static let histogramBatch: WriteBatch = {
        var batch = WriteBatch(generation: 9)
        batch.rows.append(series: 1, timestamp: 1000, histogram: histogram)
        batch.rows.append(series: 2, timestamp: 1000, value: 5)
        batch.rows.append(series: 3, timestamp: 2000, histogram: customHistogram)
        return batch
    }()

    static let histogramPage = SeriesPage(series: [
        SeriesColumns(
            labels: up, timestamps: [2000], values: [1],
            histograms: HistogramColumns(timestamps: [1000, 3000], values: [histogram, customHistogram])),
        SeriesColumns(labels: load, timestamps: [5], values: [2]),
    ])

    static let scope = MetadataScope(
        tenant: tenant,
        matcherSets: [
            [matcher("instance", .regex, "web-.*")], [matcher("zone", .notEqual, ""), matcher("a", .equal, "b")],
        ],
        start: -5, end: 1_763_000_000_000, limit: 10)

    static let queries: [QueryRequest] = [
        .select(
            SelectRequest(
                selection: SeriesSelection(
                    tenant: tenant,
                    matchers: [Matcher(equal: "__name__", "up"), matcher("instance", .notRegex, "db|x")],
                    start: 1, end: .max),
                seriesMax: 1000, samplesMax: 50_000_000)),
        .labelNames(LabelNamesRequest(scope: scope)),
        .labelValues(LabelValuesRequest(name: "instance", scope: scope)),
        .series(SeriesRequest(scope: scope)),
        .metadata(MetadataRequest(tenant: tenant, metric: "up", limit: 3)),
        .servers(ServersRequest(tenant: tenant, search: "web", limit: 100)),
        .statistics(StatisticsRequest(tenant: tenant, limit: 5)),
        .exemplars(ExemplarsRequest(scope: scope)),
        .keepExemplars(ExemplarBatch(tenant: tenant, series: exemplars)),
        .fragment(fragment),
        .select(
            SelectRequest(
                selection: SeriesSelection(tenant: tenant, matchers: [], start: 1, end: 2),
                part: .raw(slots(3, 64)))),
        .series(SeriesRequest(scope: partScope)),
        .metadata(partMetadata),
        .deletions(DeletionsRequest(digest: 7, deletions: deletions)),
        .fragment(maskedFragment),
        .changes(changes),
    ]

    static let changes = ChangesRequest(
        tenant: tenant, slots: slots(9), start: -5, end: 1_763_000_000_000, generation: .max, known: 300)

    static let changesPage = ChangesPage(
        generation: .max, sequence: 301, times: [-16_384...(-1), 1_762_999_992_320...1_763_000_008_703])

    static let deletions: [Deletion] = {
        // Their regular expressions compile.
        let both = [Matcher(equal: "__name__", "up"), matcher("zone", .regex, "a|b")]
        return [both, Array(both.prefix(1))].compactMap { matchers in
            try? Deletion(
                tenant: tenant, matchers: matchers, start: -5, end: 1_763_000_000_000, created: 1_763_000_000_001)
        }
    }()

    static let maskedFragment: FragmentRequest = {
        var fragment = Samples.fragment
        fragment.deletions = deletions
        return fragment
    }()

    static let partScope: MetadataScope = {
        var scope = MetadataScope(tenant: tenant, start: 1, end: 2)
        scope.part = .whole(slots(0, 16_383))
        return scope
    }()

    static let partMetadata: MetadataRequest = {
        var request = MetadataRequest(tenant: tenant)
        request.part = .raw(SlotSet())
        return request
    }()

    static let fragment: FragmentRequest = {
        var fragment = FragmentRequest(
            tenant: tenant, query: "1 + sum(up)", range: 4..<11, shape: 1, slots: slots(0, 9, 16_383))
        fragment.start = 1_763_000_000_000
        fragment.step = 60_000
        fragment.count = 61
        fragment.queryStart = 1_763_000_000_000
        fragment.queryEnd = 1_763_003_600_000
        fragment.lookback = 300_000
        fragment.subqueryStep = 60_000
        fragment.seriesMax = 1000
        fragment.samplesMax = 50_000_000
        fragment.experimentalFunctions = true
        return fragment
    }()

    static func slots(_ numbers: UInt16...) -> SlotSet {
        var set = SlotSet()
        for number in numbers { set.insert(number) }
        return set
    }

    static let pages: [QueryPage] = [
        .series(page),
        .strings(StringPage(values: ["", "a", "ü"])),
        .labels(LabelsPage(labels: [up, load, .empty])),
        .metadata(MetadataPage(metadata: [MetricMetadata(metric: "up", type: "gauge", unit: "s", help: "h")])),
        .servers(
            ServersPage(
                servers: [ServerSummary(id: "web-1", label: "instance", lastPush: 1_763_000_000_123, seriesCount: 212)],
                total: 7)),
        .statistics(StatisticsPage(statistics: statistics)),
        .exemplars(ExemplarsPage(series: exemplars)),
        .fragment(fragmentPage),
        .deletions(DeletionsPage(digest: 9, deletions: Array(deletions.prefix(1)))),
        .changes(changesPage),
    ]

    static let exemplars = [
        SeriesExemplars(
            labels: up,
            exemplars: [
                Exemplar(labels: load, value: -0.0, timestamp: -5),
                Exemplar(labels: .empty, value: 2.5, timestamp: 0),
            ]), SeriesExemplars(labels: load, exemplars: []),
    ]

    static let statistics: TenantStatistics = {
        var statistics = TenantStatistics()
        statistics.seriesCount = 3
        statistics.labelPairCount = 4
        statistics.chunkCount = 5
        statistics.minTime = 0
        statistics.maxTime = 1_763_000_000_123
        statistics.seriesByMetric = [TenantStatistics.Count(name: "up", value: 2)]
        statistics.valuesByLabel = [TenantStatistics.Count(name: "a", value: 1)]
        statistics.bytesByLabel = [TenantStatistics.Count(name: "a", value: 9)]
        statistics.seriesByPair = [
            TenantStatistics.Count(name: "a=b", value: 2), TenantStatistics.Count(name: "a=", value: 0),
        ]
        return statistics
    }()

    static let fragmentPage = FragmentPage(rows: [
        FragmentRow(labels: labels(("zone", "a")), first: 0, cells: [1.5, Double(bitPattern: StaleMarker.bits)]),
        FragmentRow(labels: .empty, first: 60, cells: [-0.0]),
    ])

    static let fragmentEnd: SelectEnd = {
        var end = SelectEnd(seriesCount: 2, sampleCount: 3)
        end.slots = slots(9)
        end.placements = [PlacementKinds(labelIndex: 1), .wholeLabelSet]
        end.notes = SelectEnd.Notes(warnings: ["w"], infos: ["i", "j"])
        return end
    }()

    static let partEnd: SelectEnd = {
        var end = SelectEnd(seriesCount: 1)
        end.slots = slots(9)
        end.standings = [
            SlotStanding(
                slots: slots(0, 1), role: .candidate, isSound: true, members: ["node-a", "node-b"], missingMax: 1),
            SlotStanding(slots: slots(5), role: .none, isSound: false, members: ["node-b"], missingMax: -1),
        ]
        return end
    }()

    // MARK: - Slots kept together

    static let nodes = ["node-a", "node-b", "node-c"]

    static func name(_ node: NodeID) -> String { nodes[Int(node.number)] }

    static let storeCall = StoreCall(
        StoreRequest(
            slots: [3, 17, 18], batch: 0x0102_0304_0506_0708, skipping: [NodeStart(node: NodeID(1), boot: 300)],
            isStandIn: true),
        batch: batch, name: name)

    static let repeatedCall = StoreCall(
        StoreRequest(slots: Array(100..<200), batch: 1, skipping: [], isStandIn: false, isRepeated: true),
        batch: WriteBatch(), name: name)

    static let storeAnswer = StoreAnswer(
        StoreReply(
            batch: 0x0102_0304_0506_0708, node: NodeID(2), boot: 5,
            groups: [
                StoreReply.Group(
                    slots: [3], attempt: 1, role: .holder, outcome: .logged(skipping: [NodeID(1)]),
                    peers: [Stake(node: NodeID(1), boot: 300, attempt: 2, role: .announcing)], copiesWanted: 2),
                StoreReply.Group(
                    slots: [17], attempt: 0, role: .none, outcome: .notHolder(wanted: [NodeID(0), NodeID(1)]),
                    peers: [],
                    copiesWanted: 2),
                StoreReply.Group(
                    slots: [18], attempt: 0, role: .none, outcome: .refused, peers: [], copiesWanted: 2),
            ]),
        acknowledgement: acknowledgement, name: name)

    static let movement: [MovementPacket.Item] = {
        func stake(_ node: UInt32) -> Stake { Stake(node: NodeID(node), boot: 7, attempt: 2, role: .candidate) }
        var digest = WindowDigest()
        digest.add(WindowDigest.hash(fingerprint: (1, 2), timestamp: 3, value: 4))
        let rows = [
            SlotRow(slot: 2, role: .holder, flags: [.isSound, .hasSamples, .isWhole], attempt: 1),
            SlotRow(slot: 3, role: .none, flags: [.isSound, .owesYou], attempt: 0),
            SlotRow(slot: 900, role: .holder, flags: [.isSound, .hasSamples, .isWhole], attempt: 1),
        ]
        return [
            .init(.asks(SlotAsks(boot: 7, serial: 300, round: 4, rows: rows))),
            .init(
                .answers(
                    SlotAnswers(
                        boot: 7, serial: 301, askerBoot: 9, round: 4, rows: rows, peerCounts: [1, 0, 1],
                        peers: [stake(1), stake(1)]))),
            .init(.copy(slot: 5, for: stake(0), cursor: 0)),
            .init(
                .page(slot: 5, from: stake(2), isWhole: true, for: stake(0), cursor: 0, next: 1_763_000_000_000),
                samples: [1, 2, 3]),
            .init(.page(slot: 5, from: stake(2), isWhole: false, for: stake(0), cursor: -1, next: nil), samples: []),
            .init(.pay([BatchPart(number: 12, slots: [1, 2, 3]), BatchPart(number: 13, slots: [9])]), samples: [4]),
            .init(.paid([BatchPart(number: 12, slots: [1])])),
            .init(.windowDigests(slot: 4, before: 1_763_000_000_000, [600_000: digest, -600_000: WindowDigest()])),
            .init(.seriesDigests(slot: 4, window: 600_000, [.max: digest])),
            .init(.repair(slot: 4, window: 600_000, series: [8, 9], wantsBack: true), samples: [5, 6]),
        ]
    }()

    static let packet = MovementPacket(movement, from: "node-a", name: name)

    static let end = SelectEnd(seriesCount: 2, sampleCount: 3, warnings: ["node b did not answer"])
    static let error = TypedError(.overloaded, "queue is full", retryAfterMilliseconds: 250)

    /// `count` rows of known series with one timestamp, as a router sends them every few seconds.
    static func steadyBatch(rows count: Int, seed: UInt64 = 1) -> WriteBatch {
        var random = SplitMix64(seed: seed)
        var rows = SampleColumns()
        for row in 0..<count {
            rows.append(
                series: UInt32(row), timestamp: 1_763_000_000_000 + Int64(random.next() % 1000),
                value: Double(random.next() % 10_000) / 100)
        }
        return WriteBatch(rows: rows, generation: 1)
    }
}

extension [UInt8] {
    /// The bytes that `body` appends.
    static func encoding(_ body: (inout [UInt8]) -> Void) -> [UInt8] {
        var bytes: [UInt8] = []
        body(&bytes)
        return bytes
    }

    var hex: String { map { byte in String(byte >> 4, radix: 16) + String(byte & 15, radix: 16) }.joined() }

    init(hex: some StringProtocol) {
        let digits = hex.filter { !$0.isWhitespace }.compactMap { $0.hexDigitValue }
        precondition(digits.count % 2 == 0, "odd number of hexadecimal digits")
        self = stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}
