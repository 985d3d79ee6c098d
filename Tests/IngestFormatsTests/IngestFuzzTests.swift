import ByteCoding
import Glibc
import IngestFormats
import MetricModel
import SeededRandom
import Testing

@Suite("Fuzz: ingest parsers")
struct IngestFuzzTests {
    private static let casesMin = 3_000

    private static let remoteWrite: [UInt8] = {
        var writer = RequestWriter()
        writer.series(
            [("__name__", "up"), ("instance", "a"), ("job", "node")], samples: [(1_763_000_000_000, 1), (5, 2)])
        writer.series([("__name__", "h")], samples: [(1, StaleMarker.value)], exemplars: 1, histograms: 1)
        writer.histogramSeries([("__name__", "n")], HistogramMessage.exponential, HistogramMessage.custom)
        let fine = RemoteWriteHistogramTests.fine(2048, of: 1 << 53, total: 1 << 53)
        writer.histogramSeries([("__name__", "n")], fine, RemoteWriteHistogramTests.fine(3, of: 5, total: 15))
        writer.bytes += RequestWriter.interleaved([("__name__", "x"), ("y", "é")])
        writer.metadata(type: 2, metric: "up", help: "Help.", unit: "s")
        return writer.bytes
    }()

    private static let json = Array(
        """
        {"server_id":1,"metric_type":"cpu","value":42.5,"unit":"%","tags":{"core":"0","ok":true,"n":null},"timestamp":1763000000.25}
        {"server_id":"web-1","metric_type":"m\\u00e9m\\ud83d\\ude00","value":-1.5e-3,"timestamp":"2026-05-01T12:00:00.5+02:00"}
        {"value":"NaN","metric_type":"x","server_id":"ü","extra":[1,{"a":[]},"\\n"]}

        """.utf8)

    @Test("every request cut at any length is parsed or refused, and sound")
    func truncated() {
        for length in 0...Self.remoteWrite.count {
            checkRemoteWrite(Array(Self.remoteWrite[..<length]), "length \(length)")
        }
        for length in 0...Self.json.count {
            checkJSON(Array(Self.json[..<length]), "length \(length)")
            checkJSON([UInt8(ascii: "[")] + Self.json[..<length], "array of length \(length)")
        }
    }

    @Test("every single flipped bit is survived")
    func flipped() {
        for bit in 0..<Self.remoteWrite.count * 8 {
            var bytes = Self.remoteWrite
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            checkRemoteWrite(bytes, "bit \(bit)")
        }
        for bit in 0..<Self.json.count * 8 {
            var bytes = Self.json
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            checkJSON(bytes, "bit \(bit)")
        }
    }

    @Test("random mutations are survived", arguments: [0x5EED_0001, 0x5EED_0002] as [UInt64])
    func mutated(_ seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let deadline = ContinuousClock.now.advanced(by: .seconds(Self.fuzzSeconds / 2))
        var count = 0
        while count < Self.casesMin || ContinuousClock.now < deadline {
            let mutant = Self.mutate(count % 2 == 0 ? Self.remoteWrite : Self.json, &random)
            if count % 2 == 0 {
                checkRemoteWrite(mutant, "seed \(seed) case \(count)")
                _ = try? RemoteWriteFormat().parse(mutant, seed: 0, limits: Limits())
            } else {
                checkJSON(mutant, "seed \(seed) case \(count)")
            }
            count += 1
        }
    }

    private static let fuzzSeconds: Double = {
        // SAFETY: the environment is not changed by the tests; the text is copied at once.
        guard let text = unsafe getenv("MURMUR_FUZZ_SECONDS") else { return 0 }
        return unsafe Double(String(cString: text)) ?? 0
    }()

    private static func mutate(_ bytes: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...6, using: &random) where !bytes.isEmpty {
            let at = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
            case 1: bytes.remove(at: at)
            case 2: bytes.insert(UInt8.random(in: 0...255, using: &random), at: at)
            case 3:
                let end = Int.random(in: at...min(at + 32, bytes.count), using: &random)
                bytes.insert(contentsOf: bytes[at..<end], at: Int.random(in: 0...bytes.count, using: &random))
            case 4: bytes.removeSubrange(at..<min(at + 16, bytes.count))
            default:
                bytes[at] = [0xFF, 0x7F, 0x80, 0x00, UInt8(ascii: "\""), UInt8(ascii: "{")][Int(random.next() % 6)]
            }
        }
        return bytes
    }

    private func checkRemoteWrite(_ bytes: [UInt8], _ what: String) {
        let format = RemoteWriteFormat(takesHistograms: true)
        guard let write = try? format.parse(decompressed: bytes, seed: 7, limits: Limits()) else { return }
        check(write, what)
        for histogram in write.samples.histograms.values where (try? histogram.check()) == nil {
            Issue.record("an unsound histogram: \(what)")
        }
    }

    private func checkJSON(_ bytes: [UInt8], _ what: String) {
        guard let write = try? JSONPushFormat().parse(bytes, seed: 7, limits: Limits()) else { return }
        check(write, what)
    }

    private func check(_ write: ParsedWrite, _ what: String) {
        if !write.isSound { Issue.record("unsound result: \(what)") }
        for index in write.series.indices { _ = try? write.labels(ofSeries: index) }
    }
}
