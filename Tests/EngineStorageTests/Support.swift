import ByteCoding
import CheckpointPlan
import EngineStorage
import Foundation
import Glibc
import Logging
import MetricModel
import SeriesEngine
import Synchronization
import Testing

/// A clock that tests move by hand.
final class ManualClock: Sendable {
    private let time = Atomic<Int64>(1_700_000_000_000)

    var now: Int64 { time.load(ordering: .relaxed) }

    func advance(_ milliseconds: Int64) { time.wrappingAdd(milliseconds, ordering: .relaxed) }
}

/// A folder of its own, removed at the end.
final class TemporaryFolder: Sendable {
    let path = NSTemporaryDirectory() + "murmur-engine-" + UUID().uuidString

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func copy() throws -> TemporaryFolder {
        let other = TemporaryFolder()
        try FileManager.default.copyItem(atPath: path, toPath: other.path)
        return other
    }

    /// Names of the files below a folder of the engine.
    func files(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path + "/engine-0/" + folder).sorted()
    }

    /// Names of the block files, without their marks.
    func blocks() throws -> [String] { try files("blocks").filter { $0.hasSuffix(".block") } }

    func read(_ file: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: path + "/engine-0/" + file)))
    }

    func write(_ bytes: [UInt8], to file: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path + "/engine-0/" + file))
    }

    /// Turns a bit in each of some slot blocks of a block file, which are named by their places in its directory.
    ///
    /// - Parameters:
    ///   - name: of the file.
    ///   - places: of the slot blocks.
    ///   - offset: of the byte in each slot block; nil for its last.
    /// - Returns: their slots.
    /// - Throws: what reading, decoding and writing the file throw.
    func rot(_ name: String, _ places: [Int], at offset: Int? = nil) throws -> [UInt16] {
        let sound = try read("blocks/" + name)
        let trailer = sound.count - BlockDirectory.trailerSize
        let length = try BlockDirectory.length(trailer: sound.rawSpan.extracting(trailer..<sound.count))
        let tail = sound.rawSpan.extracting((trailer - length)..<sound.count)
        let entries = try BlockDirectory(decoding: tail, fileSize: sound.count).entries
        var bytes = sound
        for place in places { bytes[entries[place].offset + (offset ?? entries[place].length - 1)] ^= 0x10 }
        try write(bytes, to: "blocks/" + name)
        return places.map { entries[$0].slot }
    }
}

/// Puts another file behind the descriptor that this process holds on a log segment: writes to it go where the test says.
func replaceSegment(_ path: String, with device: String) throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
    let held = names.compactMap(Int32.init).first {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")) == path
    }
    let other = try #require(FileHandle(forUpdatingAtPath: device))
    #expect(dup2(other.fileDescriptor, try #require(held)) >= 0)
}

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

func uploader(_ host: EngineHost, _ servers: CheckpointServers, _ clock: ManualClock) -> CheckpointUploader {
    CheckpointUploader(
        host: host, servers: servers, writer: "test", limits: CheckpointCadence.Limits(), logger: quiet,
        clock: { clock.now })
}

func uploader(_ host: EngineHost, _ store: MemoryCheckpointStore, _ clock: ManualClock) -> CheckpointUploader {
    uploader(host, CheckpointServers(only: store, logger: quiet), clock)
}

/// What was logged, without its details.
final class LogBook: Sendable {
    private struct Handler: LogHandler {
        let book: LogBook
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.info

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { book.lines.withLock { $0.append("\(event.message)") } }
    }

    private let lines = Mutex<[String]>([])

    var logger: Logger { Logger(label: "test") { _ in Handler(book: self) } }

    func count(of message: String) -> Int { lines.withLock { $0.count { $0 == message } } }
}

/// A host on a folder, with settings as a test wants them.
func openHost(
    _ folder: TemporaryFolder, clock: ManualClock = ManualClock(),
    _ adjust: (inout EngineHostConfiguration) -> Void = { _ in }
) async throws -> EngineHost {
    var configuration = EngineHostConfiguration(
        engine: EngineConfiguration(generation: 0), clock: { clock.now })
    configuration.monotonicClock = { clock.now }
    adjust(&configuration)
    return try await EngineHost.open(
        directory: DataDirectory(path: folder.path), configuration: configuration, logger: quiet)
}

/// Waits until a host has opened what was asked for; a bound, not a measure.
func settled(_ host: EngineHost) async throws {
    for _ in 0..<60_000 where host.isOpeningBlocks { try await Task.sleep(for: .milliseconds(1)) }
    #expect(!host.isOpeningBlocks, "block files are opened within a minute")
}

/// A series of the default tenant, or another's.
func definition(_ metric: String, _ server: String, tenant: TenantID = .default) throws -> SeriesDefinition {
    let labels = try Labels([Label("__name__", metric), Label("instance", server)])
    let hash = XXH3.hash64(Array("\(tenant.name)/\(server)".utf8).rawSpan)
    return SeriesDefinition(
        tenant: tenant, labels: labels, placement: PlacementKey(hash: UInt32(truncatingIfNeeded: hash), labelIndex: 1))
}

/// The metric whose samples are histograms: where tests say a value, it is a histogram of so many observations.
let histogramMetric = "sizes"

/// The histogram that a test's value stands for.
func histogram(_ value: Double) -> NativeHistogram {
    NativeHistogram(
        schema: 2, count: value, sum: value / 4, zeroCount: 1,
        positive: .init(spans: [.init(offset: -2, length: 2), .init(offset: 3, length: 1)], counts: [value, 0, 2.5]))
}

/// A batch that defines its series itself.
func batch(_ samples: [(SeriesDefinition, Int64, Double)]) -> AppendInput {
    var rows = SampleColumns()
    for (index, sample) in samples.enumerated() {
        let series = UInt32(index) | SeriesReference.definitionBit
        if sample.0.labels.metricName == histogramMetric {
            rows.append(series: series, timestamp: sample.1, histogram: histogram(sample.2))
        } else {
            rows.append(series: series, timestamp: sample.1, value: sample.2)
        }
    }
    return AppendInput(definitions: samples.map(\.0), rows: rows)
}

/// Collects what a selection emits.
actor Collector {
    private(set) var series: [SeriesColumns] = []

    func add(_ batch: [SeriesColumns]) { series.append(contentsOf: batch) }
}

extension EngineHost {
    /// Everything of a tenant that passes the matchers, by labels.
    func everything(
        _ matchers: [Matcher] = [], tenant: TenantID = .default, start: Int64 = .min, end: Int64 = .max
    ) async throws -> [Labels: SeriesColumns] {
        let collector = Collector()
        let selection = SeriesSelection(tenant: tenant, matchers: matchers, start: start, end: end)
        let summary = try await select(selection, seriesMax: .max, samplesMax: .max) { await collector.add($0) }
        let series = await collector.series
        #expect(summary.seriesCount == series.count)
        #expect(summary.sampleCount == series.reduce(0) { $0 + $1.sampleWeight })
        return Dictionary(uniqueKeysWithValues: series.map { ($0.labels, $0) })
    }
}

/// What a test has been told is stored.
struct Acknowledged {
    var samples: [Labels: [Int64: Double]] = [:]

    mutating func take(_ input: [(SeriesDefinition, Int64, Double)]) {
        for (definition, timestamp, value) in input {
            let old = samples[definition.labels]?[timestamp]
            samples[definition.labels, default: [:]][timestamp] =
                old.map { SampleResolution.winner($0, value) } ?? value
        }
    }

    var columns: [Labels: SeriesColumns] {
        var result: [Labels: SeriesColumns] = [:]
        for (labels, all) in samples {
            let sorted = all.sorted { $0.key < $1.key }
            if labels.metricName == histogramMetric {
                let histograms = HistogramColumns(
                    timestamps: sorted.map(\.key), values: sorted.map { histogram($0.value) })
                result[labels] = SeriesColumns(labels: labels, timestamps: [], values: [], histograms: histograms)
                continue
            }
            result[labels] = SeriesColumns(labels: labels, timestamps: sorted.map(\.key), values: sorted.map(\.value))
        }
        return result
    }
}
