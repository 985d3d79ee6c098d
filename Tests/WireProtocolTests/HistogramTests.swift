import ByteCoding
import MetricModel
import SeededRandom
import Testing
import WireProtocol

@Suite("Histograms on the wire")
struct HistogramTests {
    @Test("pieces of a series with many histograms come together again", arguments: [4096, 30_000])
    func pages(pageBytes: Int) throws {
        var random = SplitMix64(seed: UInt64(pageBytes))
        var series: [SeriesColumns] = []
        for number in 0..<40 {
            var one = SeriesColumns(
                labels: Samples.labels(("__name__", "m"), ("n", "\(number)")), timestamps: [], values: [])
            for step in 0..<Int64(random.next() % 200) {
                if random.next() % 3 == 0 {
                    one.timestamps.append(step)
                    one.values.append(Double(step))
                } else if number % 2 == 0 {
                    var histogram = step % 5 == 0 ? Samples.customHistogram : Samples.histogram
                    histogram.count = Double(step)
                    one.histograms.append(timestamp: step, histogram)
                }
            }
            series.append(one)
        }
        var pager = SeriesPager(pageBytes: pageBytes)
        var pages: [SeriesPage] = []
        for one in series { pages += try pager.append(one) }
        if let last = pager.finish() { pages.append(last) }
        #expect(pages.count > 1)
        var collector = SeriesCollector()
        for page in pages {
            let bytes = [UInt8].encoding(page.encode)
            #expect(bytes.count <= 2 * SeriesPager.pageBytesDefault)
            try collector.append(try SeriesPage(decoding: bytes.rawSpan))
        }
        let same = collector.series == series
        #expect(same)
    }

    @Test("a peer without the feature gets no histograms, and both sides are told")
    func feature() throws {
        let old = ConnectionOffer(
            identity: ConnectionPair.identity, optionalFeatures: FeatureSet.known.subtracting(.histograms))
        let new = ConnectionOffer(identity: ConnectionPair.identity, optionalFeatures: .known)
        var pair = ConnectionPair(client: new, server: old)
        pair.shakeHands()
        do throws(TypedError) {
            _ = try pair.client.openWrite(Samples.histogramBatch, deadlineMilliseconds: 0, now: pair.now)
            Issue.record("the batch was sent")
        } catch {
            #expect(error.code == .versionMismatch && error.message.contains("native histograms"))
        }
        pair.openWrite(Samples.batch)
        var answering = ConnectionPair(client: old, server: new)
        answering.shakeHands()
        let stream = answering.openQuery(Samples.queries[0])
        answering.toServer()
        #expect(answering.server.send(.series(Samples.histogramPage), on: stream) == .notForPeer)
        #expect(answering.server.send(.series(Samples.page), on: stream) == .sent)
        var both = ConnectionPair(client: new, server: new)
        both.shakeHands()
        let write = both.openWrite(Samples.histogramBatch)
        both.toServer()
        #expect(both.takeServerEffects() == [.write(stream: write, batch: Samples.histogramBatch)])
        let read = both.openQuery(Samples.queries[0])
        both.toServer()
        #expect(both.server.send(.series(Samples.histogramPage), on: read) == .sent)
    }

    @Test("a histogram is the bytes that docs/formats/histogram.md says")
    func golden() {
        let bytes: [UInt8] = [
            0x07, 0x03, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xe0, 0x3f, 0x02, 0x05, 0x02, 0x08, 0x01,
            0x01, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x80, 0x32, 0x40, 0x0c, 0x02, 0x02, 0x0c, 0x0b,
            0x02,
        ]
        #expect(Samples.histogram.encoded == bytes)
    }

    @Test("a histogram of a row that is not there is refused")
    func rows() {
        var bytes = [UInt8].encoding(WriteBatch(generation: 9).encode)
        // The uppermost bit of the number of rows says that histograms follow.
        bytes[11] = 0x80
        var other = HistogramRows()
        other.append(row: 0, Samples.histogram)
        other.encode(into: &bytes)
        #expect(throws: WireError.self) { try WriteBatch(decoding: bytes.rawSpan) }
    }
}
