import ByteCoding
import MetricModel
import SeededRandom
import Testing
import WireProtocol

@Suite("Paging")
struct PagingTests {
    @Test(
        "series come out of pages as they went in, and every page fits its frame",
        arguments: [4096, 50_000, SeriesPager.pageBytesDefault])
    func pagesAndBack(_ pageBytes: Int) throws {
        var random = SplitMix64(seed: UInt64(pageBytes))
        var series: [SeriesColumns] = []
        for number in 0..<200 {
            let count = number % 10 == 0 ? Int(random.next() % 20_000) : Int(random.next() % 50)
            series.append(
                SeriesColumns(
                    labels: Samples.labels(("__name__", "m"), ("n", "\(number)")),
                    timestamps: (0..<count).map { Int64($0) << 33 }, values: (0..<count).map { Double($0) }))
        }
        var pager = SeriesPager(pageBytes: pageBytes)
        var pages: [SeriesPage] = []
        for one in series { pages += try pager.append(one) }
        if let last = pager.finish() { pages.append(last) }
        #expect(pager.finish() == nil)
        var collector = SeriesCollector()
        for page in pages {
            let bytes = [UInt8].encoding(page.encode)
            #expect(bytes.count <= WireLimits.pagePayloadBytesMax)
            #expect(bytes.count <= 2 * SeriesPager.pageBytesDefault)
            try collector.append(try SeriesPage(decoding: bytes.rawSpan))
        }
        let same = collector.series == series
        #expect(same)
    }

    @Test("rows of a fragment come out of pages as they went in, and every page fits its frame", arguments: [1, 2, 3])
    func fragmentPagesAndBack(_ width: Int) throws {
        var random = SplitMix64(seed: UInt64(width))
        var rows: [FragmentRow] = []
        for number in 0..<300 {
            let steps = number % 50 == 0 ? Int(random.next() % 200_000) + 1 : Int(random.next() % 80) + 1
            let cells = (0..<steps * width).map { Double($0) + Double(number) / 1000 }
            var row = FragmentRow(
                labels: Samples.labels(("n", "\(number)")), first: Int(random.next() % 9), cells: cells)
            if number % 10 == 0 { row.histograms = PagingTests.histograms(steps, number) }
            rows.append(row)
        }
        var pager = FragmentPager(width: width)
        var pages: [FragmentPage] = []
        for row in rows { pages += try pager.append(row) }
        if let last = pager.finish() { pages.append(last) }
        #expect(pager.finish() == nil)
        var collector = FragmentCollector(width: width)
        for page in pages {
            let bytes = [UInt8].encoding(page.encode)
            #expect(bytes.count <= WireLimits.pagePayloadBytesMax)
            collector.append(try FragmentPage(decoding: bytes.rawSpan))
        }
        let same = collector.rows == rows
        #expect(same)
    }

    /// At every third step, and now and then one that fits nothing.
    private static func histograms(_ steps: Int, _ number: Int) -> FragmentHistograms {
        var found = FragmentHistograms(metric: "m\(number)")
        for offset in stride(from: 0, to: steps, by: 3) {
            let buckets = NativeHistogram.Buckets(indexed: (0..<12).map { ($0 * 2, Double(offset) + 0.5) })
            let histogram = NativeHistogram(schema: 3, count: Double(number), sum: 0.25, positive: buckets)
            found.cells.append(
                FragmentHistograms.Cell(
                    offset: offset, histogram: offset % 21 == 0 ? nil : histogram, weight: UInt32(offset + 1)))
        }
        return found
    }

    /// Buckets apart from each other.
    private static func wide(_ buckets: Int) -> FragmentRow {
        let buckets = NativeHistogram.Buckets(
            indexed: (0..<buckets).map { (Int32($0) * 60 - 1_000_000, 0.1 + Double($0)) })
        let histogram = NativeHistogram(schema: 8, count: 1, sum: 1, positive: buckets)
        let cells = [FragmentHistograms.Cell(offset: 0, histogram: histogram, weight: .max)]
        return FragmentRow(
            labels: Samples.up, first: 0, cells: [.zero], histograms: FragmentHistograms(cells: cells, metric: "m"))
    }

    @Test("a result with more buckets than a sample may have crosses the wire, up to its own limit")
    func wideResults() throws {
        let row = Self.wide(NativeHistogram.resultBucketsMax)
        var pager = FragmentPager(width: 1)
        var pages = try pager.append(row)
        if let last = pager.finish() { pages.append(last) }
        #expect(pages.count == 1)
        for page in pages {
            let bytes = [UInt8].encoding(page.encode)
            #expect(bytes.count <= WireLimits.pagePayloadBytesMax / 2)
            let same = try FragmentPage(decoding: bytes.rawSpan).rows == [row]
            #expect(same)
        }
        let beyond = [UInt8].encoding(FragmentPage(rows: [Self.wide(NativeHistogram.resultBucketsMax + 1)]).encode)
        #expect(throws: WireError.self) { _ = try FragmentPage(decoding: beyond.rawSpan) }
    }

    @Test("a histogram of no others is refused")
    func weightless() throws {
        let cells = [FragmentHistograms.Cell(offset: 0, histogram: nil, weight: 0)]
        let row = FragmentRow(labels: .empty, first: 0, cells: [1], histograms: FragmentHistograms(cells: cells))
        let bytes = [UInt8].encoding(FragmentPage(rows: [row]).encode)
        #expect(throws: WireError.self) { _ = try FragmentPage(decoding: bytes.rawSpan) }
    }

    @Test("histograms of a row at steps that it does not have are refused")
    func strangeHistograms() throws {
        let histogram = NativeHistogram(schema: 0, count: 1, sum: 1)
        for offsets in [[0, 1, 2], [1, 1], [2]] {
            let cells = offsets.map { FragmentHistograms.Cell(offset: $0, histogram: histogram) }
            let row = FragmentRow(
                labels: .empty, first: 0, cells: [1, 2], histograms: FragmentHistograms(cells: cells))
            let bytes = [UInt8].encoding(FragmentPage(rows: [row]).encode)
            #expect(throws: WireError.self) { _ = try FragmentPage(decoding: bytes.rawSpan) }
        }
    }

    @Test("an end full of warnings, notes and slots fits its frame")
    func fullEnd() throws {
        let text = String(repeating: "ü", count: 5000)
        var end = SelectEnd(seriesCount: 1, warnings: [String](repeating: text, count: 1000))
        end.slots = SlotSet(below: SlotSet.slotsMax)
        end.notes = SelectEnd.Notes(
            warnings: [String](repeating: text, count: 100), infos: [String](repeating: text, count: 100))
        let bytes = [UInt8].encoding(end.encode)
        #expect(bytes.count <= WireLimits.controlPayloadBytesMax)
        let decoded = try SelectEnd(decoding: bytes.rawSpan)
        #expect(decoded.slots.count == SlotSet.slotsMax)
        #expect(decoded.notes.infos.count == WireLimits.notesMax)
    }

    @Test("a continuation that fits no series before it is refused")
    func wrongContinuation() {
        var collector = SeriesCollector()
        #expect(throws: TypedError.self) { try collector.append(Samples.page) }
        let first = SeriesPage(series: [SeriesColumns(labels: Samples.up, timestamps: [5], values: [1])])
        #expect(throws: Never.self) { try collector.append(first) }
        let early = SeriesPage(
            series: [SeriesColumns(labels: Samples.up, timestamps: [5], values: [1])], continuesLast: true)
        #expect(throws: TypedError.self) { try collector.append(early) }
    }

    @Test("labels that fill a page are an error that says so")
    func hugeLabels() {
        var pager = SeriesPager()
        let labels = Samples.labels(("a", String(repeating: "x", count: WireLimits.pagePayloadBytesMax)))
        let error = #expect(throws: TypedError.self) {
            try pager.append(SeriesColumns(labels: labels, timestamps: [], values: []))
        }
        #expect(error?.code == .tooLarge)
    }

    @Test("lists are cut into pages that fit, in order, with nothing lost")
    func lists() throws {
        let values = (0..<100_000).map { "value-\($0)" }
        let pages = try QueryPage.pages(ofStrings: values)
        var joined: [String] = []
        for page in pages {
            #expect([UInt8].encoding(page.encode).count <= WireLimits.pagePayloadBytesMax)
            if case .strings(let page) = page { joined += page.values }
        }
        let same = joined == values
        #expect(same)
        #expect(pages.count > 1)
        #expect(try QueryPage.pages(ofStrings: []).isEmpty)
        #expect(try QueryPage.pages(ofServers: [], total: 3) == [.servers(ServersPage(servers: [], total: 3))])
        #expect(throws: TypedError.self) {
            try QueryPage.pages(ofStrings: [String(repeating: "x", count: WireLimits.pagePayloadBytesMax)])
        }
    }
}
