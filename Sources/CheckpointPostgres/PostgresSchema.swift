import CheckpointPlan

/// The tables of a checkpoint database, how older ones become like new ones, and the partitions that come and go.
///
/// Column by column: docs/formats/checkpoint.md. Everything lives in the schema `murmuration`.
enum PostgresSchema {
    /// The version that this program writes, and the newest it works with.
    static let version: Int64 = 3

    /// Keys of advisory locks (pg_advisory_xact_lock): "MURM" in the upper half.
    private static let migrationLock: Int64 = 0x4D55_524D << 32 | 1
    private static let partitionLock: Int64 = 0x4D55_524D << 32 | 2

    /// A partition holds blocks whose last sample lies in one day (UTC).
    static let partitionMilliseconds: Int64 = 86_400_000

    /// What brings a database from version `index` to the next; additive, and never edited once released.
    private static let migrations = [
        """
        CREATE SCHEMA IF NOT EXISTS murmuration;
        CREATE TABLE murmuration.schema_version (version integer NOT NULL);
        INSERT INTO murmuration.schema_version VALUES (0);
        CREATE TABLE murmuration.slot (
            slot integer PRIMARY KEY, epoch bigint NOT NULL, writer text NOT NULL, claimed_at timestamptz NOT NULL DEFAULT now(),
            watermark bigint
        );
        CREATE TABLE murmuration.block (
            slot integer NOT NULL, id uuid NOT NULL, retention smallint NOT NULL, min_time bigint NOT NULL,
            max_time bigint NOT NULL, sample_count bigint NOT NULL, digest bytea NOT NULL, byte_count integer NOT NULL,
            bytes bytea NOT NULL, PRIMARY KEY (retention, max_time, slot, id)
        ) PARTITION BY LIST (retention);
        ALTER TABLE murmuration.block ALTER bytes SET STORAGE EXTERNAL;
        CREATE INDEX block_newest ON murmuration.block (max_time DESC, slot, id);
        """,
        """
        CREATE TABLE murmuration.identity (id uuid NOT NULL);
        INSERT INTO murmuration.identity VALUES (gen_random_uuid());
        CREATE TABLE murmuration.server (
            id uuid PRIMARY KEY, state smallint NOT NULL, changed_at bigint NOT NULL, name text NOT NULL
        );
        """,
        """
        CREATE TABLE murmuration.owner (
            one boolean PRIMARY KEY DEFAULT true CHECK (one), cluster text NOT NULL, name text NOT NULL, beat bigint NOT NULL,
            seen_at timestamptz NOT NULL DEFAULT now()
        );
        """,
    ]

    /// Brings the database to `version`; several processes may do so at once.
    static func migrate(_ session: PQConnection) throws(CheckpointError) {
        if try installed(session) == version { return }
        try session.transaction { () throws(CheckpointError) in
            _ = try session.query("SELECT pg_advisory_xact_lock(\(migrationLock))")
            // Read again under the lock: another process may have been here in between.
            let found = try installed(session)
            guard found <= version else { throw .incompatibleSchema(found: Int(found), known: Int(version)) }
            for migration in migrations[Int(max(found, 0))...] { try session.execute(migration) }
            try session.execute("UPDATE murmuration.schema_version SET version = \(version)")
        }
    }

    /// The database's version; 0 where nothing of ours is there.
    private static func installed(_ session: PQConnection) throws(CheckpointError) -> Int64 {
        guard try hasTable("schema_version", in: session) else { return 0 }
        let result = try session.query("SELECT version FROM murmuration.schema_version")
        guard result.count == 1, let version = result.integer(0, 0) else {
            throw .corrupt(reason: "table murmuration.schema_version has \(result.count) rows instead of one")
        }
        return version
    }

    /// Whether the schema has a table of this name, as of now.
    ///
    /// Asks the catalogue as a table: `to_regclass` may answer from the session's cache, which an advisory lock does not refresh, and so
    /// miss what the lock's last holder has committed.
    private static func hasTable(_ name: String, in session: PQConnection) throws(CheckpointError) -> Bool {
        try session.query(
            """
            SELECT 1 FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
            WHERE n.nspname = 'murmuration' AND c.relname = $1::text
            """, [.text(name)]
        ).count > 0
    }

    /// One partition of the block table.
    struct Partition: Hashable, Sendable {
        var retention: RetentionClass
        /// Days since 1970-01-01, UTC; negative before.
        var day: Int64

        /// Where a block with this record belongs.
        init(_ record: BlockRecord) {
            retention = record.retention
            // Rounded down, also before 1970.
            day = (record.maxTime - record.maxTime.modulo(partitionMilliseconds)) / partitionMilliseconds
        }

        /// Reads a name as `name` gives it; nil for any other.
        init?(name: String, retention: RetentionClass) {
            let prefix = "block_r\(retention.number)_"
            guard name.hasPrefix(prefix), let day = Int64(name.dropFirst(prefix.count + 1)) else { return nil }
            switch name.dropFirst(prefix.count).first {
            case "d": self.day = day
            case "m": self.day = -day
            default: return nil
            }
            self.retention = retention
        }

        /// `block_r0_d20000`, and `block_r0_m3` three days before 1970.
        var name: String { "block_r\(retention.number)_\(day < 0 ? "m" : "d")\(day.magnitude)" }

        /// The times of its blocks' last samples; nil where that would pass the end of time.
        var bounds: (from: Int64, to: Int64)? {
            let (from, underflows) = day.multipliedReportingOverflow(by: partitionMilliseconds)
            let (to, overflows) = from.addingReportingOverflow(partitionMilliseconds)
            return underflows || overflows ? nil : (from, to)
        }
    }

    /// Creates partitions that do not exist yet.
    ///
    /// Attaching an empty table takes a weak lock on its parent, so that additions go on meanwhile; creating one as a partition would not.
    static func create(_ partitions: some Sequence<Partition>, in session: PQConnection) throws(CheckpointError) {
        try session.transaction { () throws(CheckpointError) in
            _ = try session.query("SELECT pg_advisory_xact_lock(\(partitionLock))")
            for partition in partitions {
                guard let bounds = partition.bounds else {
                    throw .refused(reason: "a block ends on day \(partition.day), outside of what can be kept")
                }
                let parent = "murmuration.block_r\(partition.retention.number)"
                try session.execute(
                    """
                    CREATE TABLE IF NOT EXISTS \(parent) PARTITION OF murmuration.block
                    FOR VALUES IN (\(partition.retention.number)) PARTITION BY RANGE (max_time)
                    """)
                if try hasTable(partition.name, in: session) { continue }
                try session.execute(
                    """
                    CREATE TABLE murmuration.\(partition.name) (LIKE murmuration.block INCLUDING ALL);
                    ALTER TABLE \(parent) ATTACH PARTITION murmuration.\(partition.name)
                    FOR VALUES FROM (\(bounds.from)) TO (\(bounds.to))
                    """)
            }
        }
    }

    /// Drops the partitions of a class that lie whole before `time`, each in a transaction of its own.
    ///
    /// - Returns: those that were dropped.
    static func drop(before time: Int64, retention: RetentionClass, in session: PQConnection) throws(CheckpointError)
        -> [Partition]
    {
        let names = try session.query(
            """
            SELECT relname::text FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = to_regclass($1)
            """, [.text("murmuration.block_r\(retention.number)")])
        var dropped: [Partition] = []
        for row in 0..<names.count {
            guard let partition = names.text(row, 0).flatMap({ Partition(name: $0, retention: retention) }),
                let bounds = partition.bounds, bounds.to <= time
            else { continue }
            try session.transaction { () throws(CheckpointError) in
                _ = try session.query("SELECT pg_advisory_xact_lock(\(partitionLock))")
                try session.execute("DROP TABLE IF EXISTS murmuration.\(partition.name)")
            }
            dropped.append(partition)
        }
        return dropped
    }
}

extension Int64 {
    /// The remainder that is never negative.
    fileprivate func modulo(_ divisor: Int64) -> Int64 {
        let rest = self % divisor
        return rest < 0 ? rest + divisor : rest
    }
}
