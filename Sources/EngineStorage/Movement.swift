package import SeriesEngine
package import SlotMovement

/// A message about slots, with the samples that go beside it.
package struct MovementParcel: Sendable {
    package var message: MovementMessage
    /// A `SampleBundle`'s bytes beside `page`, `pay` and `repair`; beside `copy` the digests of the windows that the asker has.
    package var attachment: [UInt8]?

    package init(_ message: MovementMessage, attachment: [UInt8]? = nil) {
        self.message = message
        self.attachment = attachment
    }
}

/// Where an engine's messages about slots leave. Called from its thread and its worker, so nothing here may wait.
package protocol MovementOutlet: Sendable {
    /// Sends messages to a member. Any may be lost, doubled and late.
    func send(_ parcels: [MovementParcel], to node: NodeID)
    /// Tells what else came of it.
    func note(_ notice: MovementNotice)
}

/// What a slot's machine has to say beside its messages.
package enum MovementNotice: Equatable, Sendable {
    /// Install all that the checkpoint has of the slot, and say so to `EngineHost.restored(_:unlessDamagedSince:)`; asked again until that is done.
    case restore(slot: Int)
}

/// The members' names, which outlive a process, and their numbers in it.
package protocol MemberNames: Sendable {
    /// The number of a member; the same for as long as the process lives.
    func number(of name: String) -> NodeID
    /// The name of a member that has a number.
    func name(of node: NodeID) -> String
}

/// What an engine needs to be one of a cluster's.
package struct MovementSetup: Sendable {
    /// This node.
    package var me: NodeID
    /// Of this start, from 1: greater than that of every earlier start of the name.
    package var boot: UInt32
    package var view: MovementView
    package var names: any MemberNames
    package var outlet: any MovementOutlet
    package var limits = MovementLimits()
    /// `movement_page_bytes_max`: where a page of a slot ends.
    package var pageBytesMax = 1 << 20
    /// `movement_page_samples_max`: where a page of a slot ends that takes few bytes.
    package var pageSamplesMax = 1 << 20
    /// `movement_queue_bytes_max`: messages that wait for the engine; more are dropped, and asked for again.
    package var queueBytesMax = 64 << 20
    /// `movement_jobs_max`: pages and digests that wait for the worker; more are not made, and asked for again.
    package var jobsMax = 1024
    /// `recent_batches_bytes_max`: batches kept for routers that may still ask that they be owed; the oldest are forgotten.
    package var recentBytesMax = 128 << 20
    /// `owed_bytes_max`: batches kept for members that miss them; who misses more copies the slots.
    package var owedBytesMax = 256 << 20
    /// `digest_cache_entries_max`: digests of windows of slots that are remembered.
    package var digestCacheEntriesMax = 1 << 18
    /// `movement-rate`: bytes of pages that this node asks for in a second; what is not asked for now is asked for again.
    package var bytesPerSecondMax = Int.max
    /// `movement_rest`: how long ago a window must have ended to be compared, milliseconds.
    package var restMilliseconds: Int64 = 120_000
    /// Whether the first start in a new directory takes the checkpoint's samples of each slot that it holds without having copied it: all disks of a
    /// cluster may be new.
    package var restoresNewDirectory = false

    package init(
        me: NodeID, boot: UInt32, view: MovementView, names: any MemberNames, outlet: any MovementOutlet
    ) {
        self.me = me
        self.boot = boot
        self.view = view
        self.names = names
        self.outlet = outlet
    }
}

/// What came of a router's batch at one member.
package struct StoreOutcome: Sendable {
    /// What was judged; rows that are not stored for want of their slot are neither rejected nor unknown.
    package var append: AppendOutcome
    /// Which slots were logged, and what else the router must see to.
    package var reply: StoreReply
}

/// How an engine's slots stand.
package struct MovementStatus: Equatable, Sendable {
    /// Slots in the held set.
    package var holds = 0
    /// Held slots that may be read alone now.
    package var whole = 0
    /// Wanted slots of which the checkpoint may have more than is here.
    package var awaitingCheckpoint = 0
    /// Batches that others miss.
    package var batchesOwed = 0
    /// Whether nothing is left to move, to pay or to drop here.
    package var isSettled = false
    /// Slots on their way to this node, and away from it; nil while there are none.
    package var gains: MovementProgress.Change?
    package var gives: MovementProgress.Change?
}
