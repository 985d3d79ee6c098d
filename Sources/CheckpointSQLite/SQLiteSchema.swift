import CheckpointPlan

/// The tables of a checkpoint file and how older files become like new ones. Column by column: docs/formats/checkpoint.md.
enum SQLiteSchema {
    /// In `user_version`: the version this program writes, and the newest it reads.
    static let version: Int64 = 1

    /// In `application_id`: "MURM", so that `file` knows it and a foreign database is not written to.
    static let applicationID: Int64 = 0x4D55_524D

    /// What brings a file from version `index` to the next; additive, and never edited once released.
    private static let migrations: [[String]] = [
        [
            """
            CREATE TABLE slot (
                slot INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, writer TEXT NOT NULL, watermark INTEGER
            ) STRICT
            """,
            """
            CREATE TABLE block (
                slot INTEGER NOT NULL, id BLOB NOT NULL, retention INTEGER NOT NULL, min_time INTEGER NOT NULL,
                max_time INTEGER NOT NULL, sample_count INTEGER NOT NULL, digest BLOB NOT NULL, byte_count INTEGER NOT NULL,
                bytes BLOB NOT NULL, UNIQUE (slot, id)
            ) STRICT
            """,
            "CREATE INDEX block_newest ON block (max_time DESC, slot, id)",
            "PRAGMA application_id = \(applicationID)",
            "PRAGMA user_version = 1",
        ]
    ]

    /// Opens a file and brings it to `version`; several processes may do so at once.
    static func open(path: String) throws(CheckpointError) -> SQLiteDatabase {
        let database = try SQLiteDatabase(path: path)
        // Freed pages can be given back to the file system; takes effect only before the first table exists.
        try database.run("PRAGMA auto_vacuum = INCREMENTAL")
        try database.run("PRAGMA journal_mode = WAL")
        // A watermark lets the write-ahead log be cut: an addition must be on the disk when it is reported.
        try database.run("PRAGMA synchronous = FULL")
        try database.run("PRAGMA journal_size_limit = 67108864")
        try migrate(database)
        return database
    }

    private static func migrate(_ database: SQLiteDatabase) throws(CheckpointError) {
        if try integer(database, "PRAGMA user_version") == version { return }
        try database.transaction { () throws(CheckpointError) in
            // Read again under the write lock: another process may have been here in between.
            let found = try integer(database, "PRAGMA user_version")
            let application = try integer(database, "PRAGMA application_id")
            let tables = try integer(database, "SELECT count(*) FROM sqlite_schema")
            guard found <= version else { throw .incompatibleSchema(found: Int(found), known: Int(version)) }
            guard application == applicationID || tables == 0 else {
                throw .refused(reason: "the file is another program's SQLite database")
            }
            for migration in migrations[Int(max(found, 0))...] {
                for statement in migration { try database.run(statement) }
            }
        }
    }

    private static func integer(_ database: SQLiteDatabase, _ sql: String) throws(CheckpointError) -> Int64 {
        var result: Int64 = 0
        try database.run(sql) { row in result = row.integer(0) }
        return result
    }
}
