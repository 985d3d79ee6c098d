package import CheckpointPlan
internal import Synchronization

/// Whose checkpoint the database keeps: one row, which its owner's members touch again and again.
///
/// On a connection of their own: a beat must not wait for uploads and restores.
extension PostgresCheckpointStore {
    /// Says that a cluster lives; see `CheckpointStore`.
    package func beat(_ owner: CheckpointOwner) async throws(CheckpointError) -> CheckpointOwnership {
        keep(owner)
        return try await ownerPool.run { session throws(CheckpointError) in
            let own = try session.query(
                """
                INSERT INTO murmuration.owner AS known (cluster, name, beat) VALUES ($1::text, $2::text, 1)
                ON CONFLICT (one) DO UPDATE SET name = excluded.name, beat = known.beat + 1, seen_at = now()
                WHERE known.cluster = excluded.cluster RETURNING cluster, name, beat
                """, [.text(owner.cluster), .text(owner.name)])
            if own.count == 1 { return try Self.ownership(own) }
            return try Self.ownership(try session.query("SELECT cluster, name, beat FROM murmuration.owner"))
        }
    }

    /// Takes the place of an owner that is gone; see `CheckpointStore`.
    package func follow(_ former: CheckpointOwnership, as owner: CheckpointOwner) async throws(CheckpointError) -> Bool
    {
        keep(owner)
        return try await ownerPool.run { session throws(CheckpointError) in
            try session.transaction { () throws(CheckpointError) in
                let taken = try session.query(
                    """
                    UPDATE murmuration.owner SET cluster = $1::text, name = $2::text, beat = beat + 1, seen_at = now()
                    WHERE cluster = $3::text AND beat = $4::bigint RETURNING cluster
                    """,
                    [
                        .text(owner.cluster), .text(owner.name), .text(former.owner.cluster), .integer(former.beat),
                    ])
                guard taken.count == 1 else { return false }
                // Whatever the former owner still has under way is fenced out.
                try session.execute("UPDATE murmuration.slot SET epoch = epoch + 1")
                return true
            }
        }
    }

    /// Holds the owner's row to the end of the transaction, so that nobody follows meanwhile.
    ///
    /// - Throws: `otherOwner` when the database is not that of the cluster which this store last spoke for.
    func requireOwnership(_ session: PQConnection) throws(CheckpointError) {
        guard let owner = owner.withLock({ $0 }) else { return }
        let rows = try session.query("SELECT cluster, name, beat FROM murmuration.owner FOR SHARE")
        let found = try Self.ownership(rows)
        guard found.owner.isSame(as: owner) else { throw .otherOwner(found) }
    }

    private func keep(_ owner: CheckpointOwner) { self.owner.withLock { $0 = owner } }

    private static func ownership(_ rows: PQResult) throws(CheckpointError) -> CheckpointOwnership {
        guard rows.count == 1, let cluster = rows.text(0, 0), let name = rows.text(0, 1), let beat = rows.integer(0, 2)
        else { throw .unavailable(reason: "it was given free at this moment (murmuration.owner has no row)") }
        return CheckpointOwnership(owner: CheckpointOwner(cluster: cluster, name: name), beat: beat)
    }
}
