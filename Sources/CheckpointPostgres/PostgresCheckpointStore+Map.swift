package import CheckpointPlan

/// A database's number, and its copy of the map from slots to databases.
extension PostgresCheckpointStore {
    /// Merges two copies of the map; see `CheckpointStore`.
    package func exchange(_ map: CheckpointMap) async throws(CheckpointError) -> CheckpointExchange {
        try await pool.run { session throws(CheckpointError) in
            try session.transaction { () throws(CheckpointError) in
                let own = try session.query("SELECT id FROM murmuration.identity")
                guard own.count == 1, let id = own.bytes(0, 0).flatMap({ CheckpointServerID(bytes: $0) }) else {
                    throw .corrupt(reason: "table murmuration.identity has \(own.count) rows instead of one")
                }
                // Ascending by ID, as every map is: two that merge at once never wait for each other in a circle.
                for server in map.servers { try Self.merge(server, in: session) }
                let slots = try session.query("SELECT count(*) FROM murmuration.slot")
                return CheckpointExchange(
                    id: id, map: try Self.map(in: session), slotCount: Int(slots.integer(0, 0) ?? 0))
            }
        }
    }

    /// The same rule as `CheckpointMap.merge`; a row that says the same stays as it is.
    private static func merge(_ server: CheckpointMap.Server, in session: PQConnection) throws(CheckpointError) {
        _ = try session.query(
            """
            INSERT INTO murmuration.server AS known (id, state, changed_at, name)
            VALUES ($1::uuid, $2::smallint, $3::bigint, $4::text)
            ON CONFLICT (id) DO UPDATE SET
                state = greatest(known.state, excluded.state), name = excluded.name,
                changed_at = CASE WHEN excluded.state > known.state THEN excluded.changed_at
                    WHEN excluded.state < known.state THEN known.changed_at
                    ELSE least(known.changed_at, excluded.changed_at) END
            WHERE excluded.state > known.state OR excluded.name <> known.name
                OR excluded.state = known.state AND excluded.changed_at < known.changed_at
            """,
            [
                .text(server.id.description), .integer(Int64(server.state.rawValue)), .integer(server.changedAt),
                .text(server.name),
            ])
    }

    private static func map(in session: PQConnection) throws(CheckpointError) -> CheckpointMap {
        let rows = try session.query("SELECT id, state, changed_at, name FROM murmuration.server ORDER BY id")
        var servers: [CheckpointMap.Server] = []
        for row in 0..<rows.count {
            guard let id = rows.bytes(row, 0).flatMap({ CheckpointServerID(bytes: $0) }),
                let state = rows.integer(row, 1).flatMap({ UInt8(exactly: $0) }).flatMap({
                    CheckpointMap.State(rawValue: $0)
                }), let changedAt = rows.integer(row, 2), let name = rows.text(row, 3)
            else { throw .corrupt(reason: "a row of murmuration.server is not understood") }
            servers.append(CheckpointMap.Server(id: id, state: state, changedAt: changedAt, name: name))
        }
        return CheckpointMap(servers)
    }
}
