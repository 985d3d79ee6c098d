import ByteCoding
package import CheckpointPlan
import Synchronization

/// The checkpoint of a cluster: blocks in a PostgreSQL database.
///
/// What arrives and leaves is said in `CheckpointStore`. Nothing is opened before the first call. Each call takes a connection from
/// `PostgresPool.swift`; the tables and partitions are in `PostgresSchema.swift`, libpq in `PQConnection.swift`.
package final class PostgresCheckpointStore: CheckpointStore {
    let pool: PostgresPool
    /// For beats alone.
    let ownerPool: PostgresPool
    /// The cluster that this process speaks for; nil before it has said so.
    let owner = Mutex<CheckpointOwner?>(nil)
    /// Partitions known to exist: an addition need not ask. One that was dropped elsewhere is found out by the addition's failure.
    private let partitions = Mutex<Set<PostgresSchema.Partition>>([])

    /// Connections unless the caller says otherwise: one or two uploads, a restore, and a list beside them.
    package static let connectionCount = 4

    /// - Parameters:
    ///   - uri: the database; its user needs the right to create a schema there, once.
    ///   - connectionCount: connections at most, 1 or more.
    package init(_ uri: PostgresURI, connectionCount: Int = PostgresCheckpointStore.connectionCount) {
        precondition(connectionCount > 0, "\(connectionCount) connections")
        pool = PostgresPool(uri: uri, count: connectionCount)
        ownerPool = PostgresPool(uri: uri, count: 1)
    }

    package func prepare() async throws(CheckpointError) {
        // A new session brings the schema up to date; an old one has done so.
        try await pool.run { session throws(CheckpointError) in _ = try session.query("SELECT 1") }
    }

    package func claim(_ slots: [UInt16], writer: String) async throws(CheckpointError) -> [SlotClaim] {
        let wanted = Set(slots).sorted()
        return try await pool.run { session throws(CheckpointError) in
            let rows = try session.transaction { () throws(CheckpointError) in
                try self.requireOwnership(session)
                // Ascending, as in `add`: two that lock several slots never wait for each other in a circle.
                return try session.query(
                    """
                    INSERT INTO murmuration.slot (slot, epoch, writer)
                    SELECT wanted, 1, $2 FROM unnest($1::integer[]) AS wanted ORDER BY wanted
                    ON CONFLICT (slot) DO UPDATE SET epoch = slot.epoch + 1, writer = excluded.writer,
                        claimed_at = now()
                    RETURNING slot, epoch
                    """, [.array(wanted), .text(writer)])
            }
            return (0..<rows.count).compactMap { row in
                guard let slot = rows.integer(row, 0), let epoch = rows.integer(row, 1) else { return nil }
                return SlotClaim(slot: UInt16(truncatingIfNeeded: slot), epoch: epoch)
            }.sorted { $0.slot < $1.slot }
        }
    }

    package func add(_ batch: CheckpointBatch) async throws(CheckpointError) -> Int {
        try batch.validate()
        do throws(CheckpointError) {
            return try await addOnce(batch)
        } catch  where error == PQFailure.missingPartition {
            partitions.withLock { $0.removeAll() }
            return try await addOnce(batch)
        }
    }

    private func addOnce(_ batch: CheckpointBatch) async throws(CheckpointError) -> Int {
        let needed = Set(batch.blocks.map { PostgresSchema.Partition($0.record) })
        let missing = partitions.withLock { needed.subtracting($0) }
        return try await pool.run { session throws(CheckpointError) in
            // Before the transaction: a claim that waits for it must not wait for this too.
            if !missing.isEmpty {
                try PostgresSchema.create(missing.sorted { $0.name < $1.name }, in: session)
                self.partitions.withLock { $0.formUnion(missing) }
            }
            return try session.transaction { () throws(CheckpointError) in try Self.add(batch, in: session) }
        }
    }

    private static func add(_ batch: CheckpointBatch, in session: PQConnection) throws(CheckpointError) -> Int {
        let slots = PQParameter.array(batch.claims.map(\.slot))
        // Holds every slot's row to the end of the transaction: a claim waits until then, or has come before and is seen here.
        let rows = try session.query(
            """
            SELECT slot, epoch FROM murmuration.slot WHERE slot = ANY($1::integer[]) ORDER BY slot FOR NO KEY UPDATE
            """, [slots])
        var epochs: [UInt16: Int64] = [:]
        for row in 0..<rows.count {
            epochs[UInt16(truncatingIfNeeded: rows.integer(row, 0) ?? 0)] = rows.integer(row, 1)
        }
        for claim in batch.claims where epochs[claim.slot] != claim.epoch {
            throw .fenced(slot: claim.slot, held: claim.epoch, current: epochs[claim.slot] ?? 0)
        }
        let new = try newBlocks(of: batch, in: session)
        if !new.isEmpty {
            try session.copy(CopyBinary.statement) { send throws(CheckpointError) in
                try send(CopyBinary.header)
                for block in new {
                    try send(CopyBinary.row(block.record))
                    try send(block.bytes)
                }
                try send(CopyBinary.trailer)
            }
        }
        _ = try session.query(
            """
            UPDATE murmuration.slot SET watermark = greatest(watermark, $2::bigint) WHERE slot = ANY($1::integer[])
            AND watermark IS DISTINCT FROM greatest(watermark, $2::bigint)
            """, [slots, .integer(batch.watermark)])
        return new.count
    }

    /// The blocks that the store lacks. The locks that `add` holds keep others from adding them in between.
    private static func newBlocks(of batch: CheckpointBatch, in session: PQConnection) throws(CheckpointError)
        -> [CheckpointBlock]
    {
        var new: [CheckpointBlock] = []
        var seen: Set<[UInt8]> = []
        var stored: [Int: (digest: [UInt8], sampleCount: Int64)] = [:]
        let rows = try session.query(
            keyed("digest, sample_count", by: "wanted.number"), keys(batch.blocks.map(\.record)))
        for row in 0..<rows.count {
            guard let number = rows.integer(row, 0), let digest = rows.bytes(row, 1), let count = rows.integer(row, 2)
            else {
                continue
            }
            stored[Int(number) - 1] = (digest, count)
        }
        for (index, block) in batch.blocks.enumerated() {
            let record = block.record
            if let found = stored[index] {
                guard found.digest == CopyBinary.digest(record.digest), found.sampleCount == Int64(record.sampleCount)
                else {
                    throw .conflictingBlock(slot: record.slot, id: record.id)
                }
            } else if seen.insert([UInt8(record.slot >> 8), UInt8(record.slot & 0xFF)] + record.id.bytes).inserted {
                new.append(block)
            }
        }
        return new
    }

    package func list(_ request: BlockListRequest) async throws(CheckpointError) -> [BlockRecord] {
        var conditions = ["max_time >= $1::bigint"]
        var parameters: [PQParameter] = [
            .integer(request.since), .integer(Int64(min(max(request.count, 1), CheckpointLimits.listPageMax))),
        ]
        if let last = request.after {
            conditions.append(
                "max_time <= $3::bigint AND (max_time < $3::bigint OR (slot, id) > ($4::integer, $5::uuid))")
            parameters += [.integer(last.maxTime), .integer(Int64(last.slot)), .text(last.id.description)]
        }
        if let slots = request.slots {
            parameters.append(.array(slots))
            conditions.append("slot = ANY($\(parameters.count)::integer[])")
        }
        let sql = """
            SELECT slot, id, retention, min_time, max_time, sample_count, digest, byte_count FROM murmuration.block
            WHERE \(conditions.joined(separator: " AND ")) ORDER BY max_time DESC, slot, id LIMIT $2::bigint
            """
        return try await pool.run { [parameters] session throws(CheckpointError) in
            let rows = try session.query(sql, parameters)
            var records: [BlockRecord] = []
            for row in 0..<rows.count { records.append(try Self.record(rows, row)) }
            return records
        }
    }

    package func fetch(_ records: [BlockRecord]) async throws(CheckpointError) -> [CheckpointBlock] {
        let total = records.reduce(0) { $0 + $1.byteCount }
        guard records.count == 1 || total <= CheckpointLimits.fetchBytesMax else {
            throw .tooLarge(limit: "checkpoint_fetch_bytes_max", maximum: CheckpointLimits.fetchBytesMax, found: total)
        }
        let columns = "slot, id, retention, min_time, max_time, sample_count, digest, byte_count, bytes"
        return try await pool.run { session throws(CheckpointError) in
            let rows = try session.query(Self.keyed(columns), Self.keys(records))
            var blocks: [CheckpointBlock] = []
            for row in 0..<rows.count {
                let record = try Self.record(rows, row)
                let bytes = rows.bytes(row, 8) ?? []
                guard bytes.count == record.byteCount else {
                    throw .corrupt(
                        reason: "block \(record.id) has \(bytes.count) bytes, its record says \(record.byteCount)")
                }
                blocks.append(CheckpointBlock(record: record, bytes: bytes))
            }
            return blocks
        }
    }

    package func slots() async throws(CheckpointError) -> [SlotState] {
        try await pool.run { session throws(CheckpointError) in
            let rows = try session.query("SELECT slot, epoch, writer, watermark FROM murmuration.slot ORDER BY slot")
            return (0..<rows.count).map { row in
                SlotState(
                    slot: UInt16(truncatingIfNeeded: rows.integer(row, 0) ?? 0), epoch: rows.integer(row, 1) ?? 0,
                    writer: rows.text(row, 2) ?? "", watermark: rows.integer(row, 3))
            }
        }
    }

    package func drop(before time: Int64, retention: RetentionClass) async throws(CheckpointError) -> Int? {
        let dropped = try await pool.run { session throws(CheckpointError) in
            try session.transaction { () throws(CheckpointError) in try self.requireOwnership(session) }
            return try PostgresSchema.drop(before: time, retention: retention, in: session)
        }
        partitions.withLock { $0.subtract(dropped) }
        return nil
    }

    package func close() async {
        await pool.close()
        await ownerPool.close()
    }

    /// Looks blocks up by their whole key, one index probe each: the subquery's LIMIT keeps the planner from joining the tables whole.
    private static func keyed(_ columns: String, by number: String? = nil) -> String {
        """
        SELECT \(number.map { "\($0), " } ?? "")found.* FROM unnest($1::smallint[], $2::bigint[], $3::integer[], $4::uuid[])
        WITH ORDINALITY AS wanted (retention, max_time, slot, id, number), LATERAL (
            SELECT \(columns) FROM murmuration.block WHERE retention = wanted.retention AND max_time = wanted.max_time
            AND slot = wanted.slot AND id = wanted.id LIMIT 1
        ) AS found
        """
    }

    private static func keys(_ records: [BlockRecord]) -> [PQParameter] {
        [
            .array(records.map(\.retention.number)), .array(records.map(\.maxTime)), .array(records.map(\.slot)),
            .array(records.map(\.id)),
        ]
    }

    private static func record(_ rows: PQResult, _ row: Int) throws(CheckpointError) -> BlockRecord {
        guard let slot = rows.integer(row, 0), let id = rows.bytes(row, 1).flatMap({ BlockID(bytes: $0) }),
            let retention = rows.integer(row, 2), let minTime = rows.integer(row, 3),
            let maxTime = rows.integer(row, 4),
            let sampleCount = rows.integer(row, 5), let digest = rows.bytes(row, 6).flatMap({ BlockID(bytes: $0) }),
            let byteCount = rows.integer(row, 7)
        else { throw .corrupt(reason: "a row of murmuration.block has NULL, or a digest that is not 16 bytes") }
        return BlockRecord(
            slot: UInt16(truncatingIfNeeded: slot), id: id, minTime: minTime, maxTime: maxTime,
            sampleCount: Int(sampleCount),
            digest: XXH3.Hash128(high: digest.high, low: digest.low),
            retention: RetentionClass(number: UInt8(truncatingIfNeeded: retention)), byteCount: Int(byteCount))
    }
}
