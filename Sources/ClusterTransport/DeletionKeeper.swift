package import MetricModel
import Synchronization

/// The deletions that this process knows, as everybody reads them: without waiting.
package final class KnownDeletions: Sendable {
    private let state: Mutex<DeletionSet>

    /// Starts with some.
    package init(_ set: DeletionSet = DeletionSet()) {
        state = Mutex(set)
    }

    /// All of them.
    package var set: DeletionSet { state.withLock { $0 } }

    /// Those of one tenant.
    package func of(_ tenant: TenantID) -> [Deletion] { state.withLock { $0.of(tenant) } }

    /// The same for equal sets, 0 for none: what was computed under another digest may show what is deleted.
    package var digest: UInt64 { state.withLock { $0.digest } }

    fileprivate func replace(by set: DeletionSet) { state.withLock { $0 = set } }
}

/// Keeps deletions: on disk where the process keeps samples, in memory where it only asks for them.
package actor DeletionKeeper {
    /// Where deletions rest.
    package struct Disk: Sendable {
        fileprivate let write: @Sendable (DeletionSet) throws -> Void
        fileprivate let retention: Int64

        /// - Parameters:
        ///   - retention: milliseconds that samples are kept here; 0 for ever.
        ///   - write: makes a set durable, in the place of the one before.
        package init(retention: Int64, write: @escaping @Sendable (DeletionSet) throws -> Void) {
            self.write = write
            self.retention = retention
        }
    }

    /// What others read.
    package nonisolated let known: KnownDeletions
    private let disk: Disk?
    private let clock: @Sendable () -> Int64
    /// Counts what was taken.
    private var changes = 0

    /// - Parameters:
    ///   - stored: what the disk has.
    ///   - disk: where they rest; nil for a process without samples.
    ///   - clock: Unix milliseconds.
    package init(stored: DeletionSet = DeletionSet(), disk: Disk?, clock: @escaping @Sendable () -> Int64) {
        known = KnownDeletions(stored)
        self.disk = disk
        self.clock = clock
    }

    /// Adds deletions; what retention has overtaken here is not taken.
    ///
    /// - Returns: all that are known then, durable.
    /// - Throws: `ModelError.limit` when they are too many to be kept at all, or the system's error: nothing has changed then.
    @discardableResult
    package func keep(_ deletions: [Deletion]) throws -> DeletionSet {
        try change { $0.unite(deletions) }
    }

    /// Leaves out what retention has overtaken.
    package func expire() throws {
        try change { _ in }
    }

    /// How often something was taken: what is asked of others meanwhile may lack it.
    var changeCount: Int { changes }

    /// Takes the place of all that is known, unless something was added since `count`: what every other one has, for who keeps nothing himself.
    func follow(_ set: DeletionSet, since count: Int) {
        guard disk == nil, changes == count else { return }
        known.replace(by: set)
    }

    @discardableResult
    private func change(_ body: (inout DeletionSet) -> Void) throws -> DeletionSet {
        let before = known.set
        var next = before
        body(&next)
        if let disk, let time = DeletionSet.oldestNeeded(retention: disk.retention, now: clock()) {
            next.expire(before: time)
        }
        guard next != before else { return before }
        guard next.count <= DeletionSet.unionMax else {
            throw ModelError.limit(name: "deletions_max", maximum: DeletionSet.unionMax, found: next.count)
        }
        try disk?.write(next)
        changes += 1
        known.replace(by: next)
        return next
    }
}
