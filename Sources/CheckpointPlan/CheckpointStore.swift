/// A database that keeps sealed slot blocks: the durable copy, never the hot path.
///
/// What arrives are blocks with the claims under which their writer holds their slots; what leaves, on a restore, are the same bytes.
/// Blocks are only added. Two writers of one slot are told apart by the slot's *epoch*, a number in the database that
/// `claim` raises: an `add` under an older epoch changes nothing and fails with `fenced`. Records are in `CheckpointBlock.swift`,
/// failures in `CheckpointError.swift`, when to upload in `CheckpointCadence.swift`, what to fetch in `RestoreCursor.swift`.
///
/// Every method may be called at any time from any task, opens the database when it must, and upgrades its schema first
/// (`prepare`): nothing needs the database in order to start. The protocol of a claim, an addition and a restore stands in
/// docs/formats/checkpoint.md.
package protocol CheckpointStore: Sendable {
    /// Opens the database and brings its schema up to date; does nothing where both are so.
    ///
    /// Safe when several processes do it at once.
    ///
    /// - Throws: `unavailable`, `refused`, `incompatibleSchema`.
    func prepare() async throws(CheckpointError)

    /// Takes slots over: raises the epoch of each, so that every earlier writer of it is fenced out.
    ///
    /// - Parameters:
    ///   - slots: any order; repetitions count once.
    ///   - writer: who takes over, for people to read: a node's name and boot number.
    /// - Returns: one claim per slot, ascending by slot.
    /// - Throws: as `prepare`; `unavailable` may mean that the epochs were raised: claim again.
    func claim(_ slots: [UInt16], writer: String) async throws(CheckpointError) -> [SlotClaim]

    /// Adds blocks and moves watermarks forward, all or nothing, if every claim is still current.
    ///
    /// A block that the store has already (same slot and ID) counts as added; nothing is written twice.
    ///
    /// - Returns: how many blocks were new.
    /// - Throws: `fenced` with the first slot whose epoch has been raised; `conflictingBlock` when a block of the same ID has another
    ///   digest; `tooLarge`; `unavailable` when it is not known whether the addition happened (add again: it is idempotent).
    func add(_ batch: CheckpointBatch) async throws(CheckpointError) -> Int

    /// One page of what the store holds, newest first: descending by maximum time, then ascending by slot and ID.
    ///
    /// - Parameter request: which slots and times, and where the page before ended.
    /// - Returns: at most `request.count` records; fewer only at the end.
    /// - Throws: as `prepare`.
    func list(_ request: BlockListRequest) async throws(CheckpointError) -> [BlockRecord]

    /// The bytes of blocks, in any order; those that the store no longer has are left out.
    ///
    /// - Parameter records: as listed; at most `CheckpointLimits.fetchBytesMax` bytes together, or one block.
    /// - Returns: the blocks with their bytes.
    /// - Throws: as `prepare`; `tooLarge`; `corrupt` where the bytes are not as long as their record says.
    func fetch(_ records: [BlockRecord]) async throws(CheckpointError) -> [CheckpointBlock]

    /// What is known of each slot ever claimed, ascending by slot.
    func slots() async throws(CheckpointError) -> [SlotState]

    /// Drops blocks that lie whole before a time. A partitioned store keeps those that share a partition with later ones.
    ///
    /// - Parameters:
    ///   - time: Unix milliseconds; no block with a sample at or after it is dropped.
    ///   - retention: the class to act on.
    /// - Returns: about how many blocks were dropped; nil where the store does not count them.
    /// - Throws: as `prepare`.
    @discardableResult
    func drop(before time: Int64, retention: RetentionClass) async throws(CheckpointError) -> Int?

    /// Says that the caller's cluster lives, whose checkpoint this is to be: it becomes the owner of a database that has none.
    ///
    /// From then on `claim` and `drop` fail with `otherOwner` while the database is another cluster's.
    ///
    /// - Returns: whose the database is: the caller's, or another cluster's, which is left as it is.
    /// - Throws: as `prepare`.
    func beat(_ owner: CheckpointOwner) async throws(CheckpointError) -> CheckpointOwnership

    /// Makes the database another cluster's, and raises the epoch of each slot, so that the former owner's writers are fenced out.
    ///
    /// - Parameters:
    ///   - former: whose it is, if that has said nothing since.
    ///   - owner: the caller's cluster.
    /// - Returns: false when the former owner lives or somebody else was faster; nothing is changed.
    /// - Throws: as `prepare`.
    func follow(_ former: CheckpointOwnership, as owner: CheckpointOwner) async throws(CheckpointError) -> Bool

    /// Says which database this is, and brings its copy of the map in line with another one.
    ///
    /// - Parameter map: what the caller knows; states only move on.
    /// - Returns: the database's number, and the map as it is there from now on.
    /// - Throws: as `prepare`.
    func exchange(_ map: CheckpointMap) async throws(CheckpointError) -> CheckpointExchange

    /// Ends what is under way and closes the database; later calls fail with `closed`.
    func close() async
}

extension CheckpointStore {
    /// A store that only one node can open is nobody else's.
    package func beat(_ owner: CheckpointOwner) async throws(CheckpointError) -> CheckpointOwnership {
        CheckpointOwnership(owner: owner, beat: 0)
    }

    /// It has no former owner.
    package func follow(_ former: CheckpointOwnership, as owner: CheckpointOwner) async throws(CheckpointError) -> Bool
    {
        false
    }

    /// A store that is never one of several has no map to keep.
    package func exchange(_ map: CheckpointMap) async throws(CheckpointError) -> CheckpointExchange {
        try await prepare()
        return CheckpointExchange(id: .only, map: map, slotCount: try await slots().count)
    }
}

/// Sizes that the stores and their callers agree on.
package enum CheckpointLimits {
    /// `checkpoint_block_bytes_max`: the largest block that a store takes.
    package static let blockBytesMax = 64 << 20
    /// `checkpoint_batch_bytes_max`: the most bytes of blocks in one addition, unless it is a single block.
    package static let batchBytesMax = 64 << 20
    /// `checkpoint_batch_blocks_max`: the most blocks in one addition.
    package static let batchBlocksMax = 16_384
    /// `checkpoint_fetch_bytes_max`: the most bytes asked for in one fetch, unless it is a single block.
    package static let fetchBytesMax = 64 << 20
    /// `checkpoint_list_page_max`: the most records in one page of a list.
    package static let listPageMax = 10_000
}
