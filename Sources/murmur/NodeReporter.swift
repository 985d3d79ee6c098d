import AggregatorRole
import CheckpointPlan
import ClusterView
import EngineStorage
import Foundation
import HTTPSurface
import SeriesEngine
import ServiceLifecycle
import Settings
import SlotMovement
import Synchronization

/// What this process says of itself to whoever looks at the cluster. As a service it looks at its own counters now and then, so that it can tell
/// what it does a second.
struct NodeReporter: Service {
    /// Between two looks.
    private static let pause = Duration.seconds(2)

    private let board: SlotBoard
    private let settings: NodeSettings
    private let isAggregator: Bool
    private let router: RouterSlot?
    private let meter = SharedMeter()

    init(_ settings: NodeSettings, board: SlotBoard, isAggregator: Bool, router: RouterSlot?) {
        self.settings = settings
        self.board = board
        self.isAggregator = isAggregator
        self.router = router
    }

    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while true {
                look()
                try await Task.sleep(for: Self.pause)
            }
        }
    }

    private func look() {
        guard let status = ProcessStatus.current else { return }
        // A standalone's router and aggregator see the same samples; the router's count is what was pushed.
        let samples = router.map(\.samplesStored) ?? board.statistics.map { Int($0.engine.appended) } ?? 0
        meter.note(samples: samples, cpuSeconds: status.cpuSeconds)
    }

    /// Adds what the roles have to say.
    func fill(_ report: inout NodeReport) async {
        if let rates = meter.rates, let status = ProcessStatus.current {
            report.load = NodeReport.Load(
                samplesPerSecond: rates.samples, cores: rates.cores, memoryBytes: Int(status.residentBytes))
        }
        guard isAggregator, let figures = board.statistics else { return }
        report.store = store(figures)
        if let uploader = board.uploader {
            let servers = uploader.serverStatus
            report.checkpoint = NodeReport.Checkpoint(
                kind: kind(of: settings.checkpoint), pendingBytes: servers.map(\.pendingBytes).max() ?? 0,
                secondsBehind: Int(servers.map { $0.lagSeconds(at: report.time) }.max() ?? 0),
                failures: uploader.statistics.failures)
            let away = servers.filter { $0.isAway && $0.state != .lost }.map(\.name)
            report.checkpoint?.away = away.isEmpty ? nil : away
            let others = servers.filter(\.isOthers).map(\.name)
            report.checkpoint?.others = others.isEmpty ? nil : others
        }
        if let states = await board.states { report.states = SlotLetters(states.map(\.letter)) }
        guard let status = await board.status else { return }
        let copying = report.states?.count(of: "c") ?? 0
        report.gains = status.gains.map { NodeReport.Move($0, copying: copying) }
        report.gives = status.gives.map { NodeReport.Move($0, copying: 0) }
    }

    /// Foundation's attributes are boxed numbers or plain ones.
    private static func integer(_ value: Any?) -> Int? {
        (value as? NSNumber)?.intValue ?? (value as? UInt64).map { Int(clamping: $0) }
    }

    private func kind(of checkpoint: CheckpointChoice) -> String {
        switch checkpoint {
        case .sqlite: "SQLite"
        case .postgres: "PostgreSQL"
        }
    }

    private func store(_ figures: EngineHostStatistics) -> NodeReport.Store {
        var store = NodeReport.Store(
            series: figures.series, headSamples: figures.headSamples, blockBytes: figures.blockBytes)
        let problems = figures.fileProblems
        if !problems.isEmpty { store.problems = problems }
        if let disk = try? FileManager.default.attributesOfFileSystem(forPath: settings.dataDirectory) {
            store.diskBytes = Self.integer(disk[.systemSize])
            store.diskFreeBytes = Self.integer(disk[.systemFreeSize])
        }
        return store
    }
}

/// The meter, which a service feeds and requests read.
private final class SharedMeter: Sendable {
    private let meter = Mutex(LoadMeter())
    private let start = ContinuousClock.now

    var rates: (samples: Double, cores: Double)? { meter.withLock { $0.rates } }

    func note(samples: Int, cpuSeconds: Double) {
        let (seconds, attoseconds) = start.duration(to: .now).components
        let time = Double(seconds) + Double(attoseconds) / 1e18
        meter.withLock { $0.note(time: time, samples: samples, cpuSeconds: cpuSeconds) }
    }
}

extension SlotProgress {
    /// As `NodeReport.states` has it.
    var letter: UInt8 {
        switch self {
        case .none: UInt8(ascii: ".")
        case .waiting: UInt8(ascii: "r")
        case .copying: UInt8(ascii: "c")
        case .announcing: UInt8(ascii: "a")
        case .held: UInt8(ascii: "h")
        case .whole: UInt8(ascii: "w")
        case .leftover: UInt8(ascii: "s")
        }
    }
}

extension NodeReport.Move {
    init(_ change: MovementProgress.Change, copying: Int) {
        self.init(
            slots: change.slots, slotsLeft: change.slotsLeft, slotsCopying: copying, seconds: change.seconds,
            bytes: change.bytes, bytesPerSecond: change.bytesPerSecond, samples: change.samples,
            samplesPerSecond: change.samplesPerSecond, secondsLeft: change.secondsLeft)
    }
}
