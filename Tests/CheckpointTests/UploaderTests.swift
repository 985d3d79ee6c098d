import ByteCoding
import CheckpointPlan
import EngineStorage
import Foundation
import Logging
import MetricModel
import SeriesEngine
import SlotMovement
import Synchronization
import Testing

/// An engine's blocks on their way into a real database.
@Suite(.enabled(if: PostgresServer.programs != nil, "PostgreSQL is not installed"))
struct UploaderTests {
    private struct Names: MemberNames {
        func number(of name: String) -> NodeID { NodeID(UInt32(name) ?? 0) }
        func name(of node: NodeID) -> String { "\(node.number)" }
    }

    /// Nobody hears this node.
    private struct Silence: MovementOutlet {
        func send(_ parcels: [MovementParcel], to node: NodeID) {}
        func note(_ notice: MovementNotice) {}
    }

    /// A clock that stands still unless it is moved.
    private final class Time: Sendable {
        let milliseconds = Atomic<Int64>(0)
    }

    private static let slotBits = 3
    private static let slots = 1 << slotBits

    /// A cluster of the engine's node, and of one that never answers where that is an owner.
    private static func view(othersSlots: Set<Int>) -> MovementView {
        let members = othersSlots.isEmpty ? [NodeID(0)] : [NodeID(0), NodeID(9)]
        let orders = (0..<slots).map { slot in othersSlots.contains(slot) ? members.reversed() : members }
        return MovementView(members: members, orders: orders, replicationFactor: 1, assuredFactor: 1)
    }

    private static func open(_ folder: String) async throws -> EngineHost {
        var setup = MovementSetup(
            me: NodeID(0), boot: 1, view: view(othersSlots: []), names: Names(), outlet: Silence())
        setup.limits.askInterval = 100_000
        var configuration = EngineHostConfiguration(engine: EngineConfiguration(generation: 0))
        configuration.engine.slotBits = slotBits
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let host = try await EngineHost.open(
            directory: DataDirectory(path: folder), configuration: configuration, movement: setup, logger: logger)
        while try await host.movementStatus()?.holds != slots { try await Task.sleep(for: .milliseconds(20)) }
        return host
    }

    /// Stores a sample of a series of each slot, and seals it.
    private static func seal(_ host: EngineHost, batch: UInt64) async throws {
        var rows = SampleColumns()
        var definitions: [SeriesDefinition] = []
        for slot in 0..<slots {
            let labels = try Labels([Label("__name__", "cpu"), Label("instance", "web-\(slot)")])
            let placement = PlacementKey(hash: UInt32(slot) << (32 - slotBits), labelIndex: 1)
            #expect(Int(placement.slot(bits: slotBits)) == slot)
            rows.append(
                series: UInt32(slot) | SeriesReference.definitionBit, timestamp: WallClock.now(), value: Double(batch))
            definitions.append(SeriesDefinition(tenant: .default, labels: labels, placement: placement))
        }
        let request = StoreRequest(slots: Array(0..<slots), batch: batch, skipping: [], isStandIn: false)
        let outcome = try await host.store(AppendInput(definitions: definitions, rows: rows), request)
        #expect(outcome.reply.groups.allSatisfy { $0.outcome == .logged(skipping: []) })
        try await host.seal()
    }

    @Test("a slot that nobody is known to write holds back no other slot, of its file or of later ones")
    func undecided() async throws {
        let folder = NSTemporaryDirectory() + "murmur-uploader-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let database = try Database(.postgres)
        let store = database.open()
        let host = try await Self.open(folder)
        let time = Time()
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let uploading = CheckpointUploader(
            host: host, servers: CheckpointServers(only: store, logger: quiet), writer: "test",
            limits: CheckpointCadence.Limits(), logger: quiet, clock: { time.milliseconds.load(ordering: .relaxed) })
        func step() async throws {
            for _ in 0..<6 {
                time.milliseconds.add(60_000, ordering: .relaxed)
                try await uploading.step()
            }
        }
        try await Self.seal(host, batch: 1)
        try await step()
        #expect(try await host.pendingBlockFiles().isEmpty)

        let undecided: Set<Int> = [1, 4, 5]
        try await host.update(Self.view(othersSlots: undecided))
        for batch in 2...3 as ClosedRange<UInt64> { try await Self.seal(host, batch: batch) }
        let pending = try await host.pendingBlockFiles()
        #expect(pending.count == 2)
        try await step()
        #expect(try await host.pendingBlockFiles() == pending)
        for slot in 0..<Self.slots {
            let count = try await listed(store, count: 100).count { Int($0.slot) == slot }
            #expect(count == (undecided.contains(slot) ? 1 : 3), "slot \(slot)")
        }
        // What says how far a slot's checkpoint goes does not pass what is missing.
        for state in try await store.slots() {
            let isBehind = (state.watermark ?? .min) < pending[0].watermark
            #expect(isBehind == undecided.contains(Int(state.slot)))
            if !isBehind { #expect(state.watermark == pending[1].watermark) }
        }

        try await host.update(Self.view(othersSlots: []))
        try await step()
        #expect(try await host.pendingBlockFiles().isEmpty)
        #expect(try await listed(store, count: 100).count == 3 * Self.slots)
        try await host.close()
        await store.close()
    }
}
