/// Why a checkpoint store did not do what was asked.
package enum CheckpointError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Somebody else has claimed the slot since: this writer must stop writing it. Nothing was changed.
    case fenced(slot: UInt16, held: Int64, current: Int64)
    /// A batch has a block of a slot that it brings no claim for.
    case unclaimed(slot: UInt16)
    /// The store has a block of this ID with other contents. Nothing was changed.
    case conflictingBlock(slot: UInt16, id: BlockID)
    /// A size is over a limit.
    case tooLarge(limit: String, maximum: Int, found: Int)
    /// The database cannot be reached, or did not answer in time: try again later.
    case unavailable(reason: String)
    /// The database answered, and will not do it before a person changes something: password, rights, disk, name.
    case refused(reason: String)
    /// The database keeps another cluster's checkpoint.
    case otherOwner(CheckpointOwnership)
    /// The schema is of a version that this program cannot use.
    case incompatibleSchema(found: Int, known: Int)
    /// What the database holds is not what this program wrote.
    case corrupt(reason: String)
    /// The setting `checkpoint` is not understood.
    case badConfiguration(reason: String)
    /// The store has been closed.
    case closed

    /// Whether the same call may succeed later without anybody changing anything here.
    ///
    /// `refused` and `otherOwner` count as such: whoever repairs the database should not have to restart the cluster.
    package var isWorthRetrying: Bool {
        switch self {
        case .unavailable, .refused, .otherOwner: true
        case .fenced, .unclaimed, .conflictingBlock, .tooLarge, .incompatibleSchema, .corrupt, .badConfiguration,
            .closed:
            false
        }
    }

    /// Whether the database is another cluster's.
    package var isOtherOwner: Bool { if case .otherOwner = self { true } else { false } }

    package var description: String {
        switch self {
        case .fenced(let slot, let held, let current):
            "slot \(slot) has been taken over: this writer holds epoch \(held), the database has \(current)"
        case .unclaimed(let slot): "block of slot \(slot) without a claim to the slot"
        case .conflictingBlock(let slot, let id): "the store has another block \(id) of slot \(slot)"
        case .tooLarge(let limit, let maximum, let found): "\(limit) is \(maximum), found \(found)"
        case .unavailable(let reason): "checkpoint store is unavailable: \(reason)"
        case .refused(let reason): "checkpoint store refuses: \(reason)"
        case .otherOwner(let found):
            "it keeps the checkpoint of the cluster \(found.owner.name) with the ID \(found.owner.cluster)"
        case .incompatibleSchema(let found, let known):
            "checkpoint schema is version \(found), this program knows versions up to \(known)"
        case .corrupt(let reason): "checkpoint store holds something unexpected: \(reason)"
        case .badConfiguration(let reason): "checkpoint setting: \(reason)"
        case .closed: "checkpoint store has been closed"
        }
    }
}
