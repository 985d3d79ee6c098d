import ByteCoding
package import CheckpointPlan

/// The checkpoint of a standalone node: blocks in one SQLite file.
///
/// What arrives and leaves is said in `CheckpointStore`. The file is opened by the first call, on a queue of its own; the tables are in
/// `SQLiteSchema.swift`, the C interface in `SQLiteDatabase.swift`.
package actor SQLiteCheckpointStore: CheckpointStore {
    private let path: String
    private let queue = DatabaseQueue(label: "murmur.checkpoint.sqlite")
    private var database: SQLiteDatabase?
    private var isClosed = false

    /// Rows deleted in one transaction by `drop`, so that no lock is held for long.
    private static let dropBatchCount: Int64 = 500

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        // SAFETY: the queue lives as long as the actor, which holds it.
        unsafe queue.asUnownedSerialExecutor()
    }

    /// - Parameter path: of the database file; its directory must exist when the store is first used.
    package init(path: String) {
        self.path = path
    }

    package func prepare() async throws(CheckpointError) {
        _ = try opened()
    }

    package func claim(_ slots: [UInt16], writer: String) async throws(CheckpointError) -> [SlotClaim] {
        let database = try opened()
        return try database.transaction { () throws(CheckpointError) -> [SlotClaim] in
            var claims: [SlotClaim] = []
            for slot in Set(slots).sorted() {
                try database.run(
                    """
                    INSERT INTO slot (slot, epoch, writer) VALUES (?, 1, ?)
                    ON CONFLICT (slot) DO UPDATE SET epoch = epoch + 1, writer = excluded.writer RETURNING epoch
                    """, [.integer(Int64(slot)), .text(writer)]
                ) { row in claims.append(SlotClaim(slot: slot, epoch: row.integer(0))) }
            }
            return claims
        }
    }

    package func add(_ batch: CheckpointBatch) async throws(CheckpointError) -> Int {
        try batch.validate()
        let database = try opened()
        return try database.transaction { () throws(CheckpointError) -> Int in
            for claim in batch.claims {
                // Holds and moves the watermark, or touches nothing: then the epoch is another.
                try database.run(
                    """
                    UPDATE slot SET watermark = max(coalesce(watermark, ?1), ?1) WHERE slot = ?2 AND epoch = ?3
                    """, [.integer(batch.watermark), .integer(Int64(claim.slot)), .integer(claim.epoch)])
                if database.changes == 0 { throw try fenced(claim, in: database) }
            }
            var added = 0
            for block in batch.blocks where try isNew(block.record, in: database) {
                try insert(block, into: database)
                added += 1
            }
            return added
        }
    }

    package func list(_ request: BlockListRequest) async throws(CheckpointError) -> [BlockRecord] {
        let database = try opened()
        var conditions = ["max_time >= ?"]
        var values: [SQLiteValue] = [.integer(request.since)]
        if let slots = request.slots {
            conditions.append("slot IN (SELECT value FROM json_each(?))")
            values.append(.text("[" + slots.map(String.init).joined(separator: ",") + "]"))
        }
        if let last = request.after {
            conditions.append("max_time <= ? AND (max_time < ? OR (slot, id) > (?, ?))")
            values += [
                .integer(last.maxTime), .integer(last.maxTime), .integer(Int64(last.slot)), .blob(last.id.bytes),
            ]
        }
        values.append(.integer(Int64(min(max(request.count, 1), CheckpointLimits.listPageMax))))
        var records: [BlockRecord] = []
        try database.run(
            """
            SELECT slot, id, retention, min_time, max_time, sample_count, digest, byte_count FROM block
            WHERE \(conditions.joined(separator: " AND ")) ORDER BY max_time DESC, slot, id LIMIT ?
            """, values
        ) { row throws(CheckpointError) in records.append(try Self.record(row)) }
        return records
    }

    package func fetch(_ records: [BlockRecord]) async throws(CheckpointError) -> [CheckpointBlock] {
        let total = records.reduce(0) { $0 + $1.byteCount }
        guard records.count == 1 || total <= CheckpointLimits.fetchBytesMax else {
            throw .tooLarge(limit: "checkpoint_fetch_bytes_max", maximum: CheckpointLimits.fetchBytesMax, found: total)
        }
        let database = try opened()
        var blocks: [CheckpointBlock] = []
        for record in records {
            try database.run(
                """
                SELECT slot, id, retention, min_time, max_time, sample_count, digest, byte_count, bytes FROM block
                WHERE slot = ? AND id = ?
                """, [.integer(Int64(record.slot)), .blob(record.id.bytes)]
            ) { row throws(CheckpointError) in
                let stored = try Self.record(row)
                let bytes = row.blob(8)
                guard bytes.count == stored.byteCount else {
                    throw .corrupt(
                        reason: "block \(stored.id) has \(bytes.count) bytes, its record says \(stored.byteCount)")
                }
                blocks.append(CheckpointBlock(record: stored, bytes: bytes))
            }
        }
        return blocks
    }

    package func slots() async throws(CheckpointError) -> [SlotState] {
        var states: [SlotState] = []
        try opened().run("SELECT slot, epoch, writer, watermark FROM slot ORDER BY slot") { row in
            states.append(
                SlotState(
                    slot: UInt16(truncatingIfNeeded: row.integer(0)), epoch: row.integer(1), writer: row.text(2),
                    watermark: row.isNull(3) ? nil : row.integer(3)))
        }
        return states
    }

    package func drop(before time: Int64, retention: RetentionClass) async throws(CheckpointError) -> Int? {
        let database = try opened()
        var dropped = 0
        repeat {
            try database.run(
                """
                DELETE FROM block WHERE rowid IN (
                    SELECT rowid FROM block WHERE retention = ? AND max_time < ? LIMIT \(Self.dropBatchCount))
                """, [.integer(Int64(retention.number)), .integer(time)])
            dropped += database.changes
        } while database.changes > 0
        if dropped > 0 { try database.run("PRAGMA incremental_vacuum") }
        return dropped
    }

    package func close() async {
        isClosed = true
        database = nil
    }

    private func opened() throws(CheckpointError) -> SQLiteDatabase {
        if isClosed { throw .closed }
        if let database { return database }
        let opened = try SQLiteSchema.open(path: path)
        database = opened
        return opened
    }

    private func fenced(_ claim: SlotClaim, in database: SQLiteDatabase) throws(CheckpointError) -> CheckpointError {
        var current: Int64 = 0
        try database.run("SELECT epoch FROM slot WHERE slot = ?", [.integer(Int64(claim.slot))]) { row in
            current = row.integer(0)
        }
        return .fenced(slot: claim.slot, held: claim.epoch, current: current)
    }

    /// Whether the store lacks the block; throws where it has another of the same ID.
    private func isNew(_ record: BlockRecord, in database: SQLiteDatabase) throws(CheckpointError) -> Bool {
        var isNew = true
        var isEqual = true
        try database.run(
            "SELECT digest, sample_count FROM block WHERE slot = ? AND id = ?",
            [.integer(Int64(record.slot)), .blob(record.id.bytes)]
        ) { row in
            isNew = false
            isEqual = row.blob(0) == Self.bytes(record.digest) && row.integer(1) == Int64(record.sampleCount)
        }
        guard isEqual else { throw .conflictingBlock(slot: record.slot, id: record.id) }
        return isNew
    }

    private func insert(_ block: CheckpointBlock, into database: SQLiteDatabase) throws(CheckpointError) {
        let record = block.record
        try database.run(
            """
            INSERT INTO block (slot, id, retention, min_time, max_time, sample_count, digest, byte_count, bytes)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                .integer(Int64(record.slot)), .blob(record.id.bytes), .integer(Int64(record.retention.number)),
                .integer(record.minTime), .integer(record.maxTime), .integer(Int64(record.sampleCount)),
                .blob(Self.bytes(record.digest)), .integer(Int64(record.byteCount)), .blob(block.bytes),
            ])
    }

    /// A digest is stored like an ID: 16 bytes, big-endian.
    private static func bytes(_ digest: XXH3.Hash128) -> [UInt8] { BlockID(high: digest.high, low: digest.low).bytes }

    private static func record(_ row: borrowing SQLiteRow) throws(CheckpointError) -> BlockRecord {
        guard let id = BlockID(bytes: row.blob(1)), let digest = BlockID(bytes: row.blob(6)) else {
            throw .corrupt(reason: "a block of slot \(row.integer(0)) has an ID or digest that is not 16 bytes")
        }
        return BlockRecord(
            slot: UInt16(truncatingIfNeeded: row.integer(0)), id: id, minTime: row.integer(3), maxTime: row.integer(4),
            sampleCount: Int(row.integer(5)), digest: XXH3.Hash128(high: digest.high, low: digest.low),
            retention: RetentionClass(number: UInt8(truncatingIfNeeded: row.integer(2))), byteCount: Int(row.integer(7))
        )
    }
}
