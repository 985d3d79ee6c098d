internal import Foundation
internal import Glibc
internal import Synchronization

/// The data directory of one node: its lock, its identity, and the paths in it.
///
/// `DIR/lock`, `DIR/node.json`, and where there is an engine `DIR/engine-0/{wal,blocks,catalog}`. Next to the blocks lies the mark `blocks/restored`: all that
/// the checkpoint held is here. Whoever loses the blocks loses the mark with them, so the next start fetches them again.
package final class DataDirectory: Sendable {
    package let path: String
    /// The node instance's UUID, made with the directory.
    package let nodeID: String
    /// Counts the starts of the node's name, from 1: greater than that of every earlier start on this directory.
    package var bootNumber: UInt64 { node.withLock { $0.boot } }
    /// The name under which the directory last took part in a cluster; nil before the first time.
    package var nodeName: String? { node.withLock { $0.name } }
    /// Names the references of this start: differs for each start and each directory, never 0.
    package let generation = UInt64.random(in: 1 ... .max)
    /// Whether the cluster knows a later start of this node than the directory does: it is an older copy, and may lack what was acknowledged since.
    var isOutdated: Bool { node.withLock { $0.isOutdated ?? false } }
    /// Whether there was no node here before.
    package let isNew: Bool
    private let lock: FileDescriptor
    private let isRestored: Atomic<Bool>
    private let losses = Mutex(0)
    private let node: Mutex<Node>

    private struct Node: Codable {
        var version: Int
        var uuid: String
        var boot: UInt64
        var name: String?
        /// Nil for no.
        var isOutdated: Bool?
    }

    /// Creates the directory if need be, takes its lock, and counts the start.
    ///
    /// - Parameters:
    ///   - path: the directory.
    ///   - hasEngine: whether samples are kept in it.
    /// - Throws: `EngineError.directoryLocked` when another process has it, `.directoryNotWritable`, `.diskFull` or `.directoryUnusable` with the
    ///   reason, `.unknownVersion` for a `node.json` of another format.
    package init(path: String, hasEngine: Bool = true) throws(EngineError) {
        do {
            try SystemCalls.createDirectories(path)
            lock = try FileDescriptor(opening: path + "/lock", O_RDWR | O_CREAT)
            guard try lock.tryLock() else {
                throw EngineError(
                    .directoryLocked, "data directory \(path) is in use by another process (its lock file is held)")
            }
            let file = path + "/node.json"
            let known = try Self.node(in: file)
            isNew = known == nil
            var node = known ?? Node(version: 1, uuid: UUID().uuidString.lowercased(), boot: 0)
            node.boot += 1
            for folder in hasEngine ? ["/engine-0", "/engine-0/wal", "/engine-0/blocks"] : [] {
                try SystemCalls.createDirectory(path + folder)
            }
            try SystemCalls.syncDirectory(path)
            try Self.write(node, to: file)
            self.path = path
            nodeID = node.uuid
            self.node = Mutex(node)
            isRestored = Atomic(try SystemCalls.exists(path + Self.restoredMark))
        } catch let error as EngineError {
            throw error
        } catch {
            let failure = error as? FileError
            let code: EngineError.Code =
                failure?.isNotWritable == true
                ? .directoryNotWritable : failure?.isDiskFull == true ? .diskFull : .directoryUnusable
            throw EngineError(code, "data directory \(path) cannot be used: \(error)")
        }
    }

    /// The identity that a directory has; nil when it has none yet.
    private static func node(in file: String) throws -> Node? {
        guard try SystemCalls.exists(file) else { return nil }
        let bytes = try FileDescriptor.contents(of: file)
        guard let node = try? JSONDecoder().decode(Node.self, from: Data(bytes)) else {
            throw EngineError(
                .unknownVersion,
                "\(file) is not the identity of a node; restore it, or move it away to go on as a new node")
        }
        guard node.version == 1 else {
            throw EngineError(.unknownVersion, "\(file): format version \(node.version) is not known here")
        }
        return node
    }

    private static func write(_ node: Node, to file: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        try FileDescriptor.replace(file, with: Array(encoder.encode(node)))
    }

    /// Notes durably under which name this start takes part, and its boot number, which others may have raised.
    ///
    /// - Parameters:
    ///   - name: the node's.
    ///   - boot: at least the one that this start was given.
    /// - Throws: `EngineError.directoryUnusable` when the disk does not take it; what was noted before holds then.
    package func take(name: String, boot: UInt64) throws(EngineError) {
        precondition(boot >= bootNumber, "boot number \(boot) after \(bootNumber)")
        do {
            try node.withLock { node in
                var next = node
                next.name = name
                if boot > node.boot, !isNew {
                    next.isOutdated = true
                    // Where no other member has what is missing the checkpoint may: its mark is as old as the rest.
                    if try SystemCalls.exists(blocksPath) { try blocksAreLost() }
                }
                next.boot = boot
                try Self.write(next, to: path + "/node.json")
                node = next
            }
        } catch {
            throw EngineError(.directoryUnusable, "\(error)")
        }
    }

    /// Notes durably that what may be missing is known elsewhere: in the log, or it was fetched.
    ///
    /// - Throws: `EngineError.directoryUnusable` when the disk does not take it.
    func outdatedIsLogged() throws(EngineError) {
        do {
            try node.withLock { node in
                guard node.isOutdated != nil else { return }
                var next = node
                next.isOutdated = nil
                try Self.write(next, to: path + "/node.json")
                node = next
            }
        } catch {
            throw EngineError(.directoryUnusable, "\(error)")
        }
    }

    /// Whether what the checkpoint holds may be missing here: it has not all been fetched since the blocks' folder was made, or
    /// blocks have gone since.
    package var needsRestore: Bool { !isRestored.load(ordering: .relaxed) }

    /// How often blocks were lost that the checkpoint has.
    var lossCount: Int { losses.withLock { $0 } }

    /// Notes durably that all that the checkpoint holds is here.
    ///
    /// - Parameter losses: `lossCount` before it was looked what is here: with another loss since, it is not all here.
    /// - Throws: `EngineError.directoryUnusable` when the disk does not take it.
    func restoreIsDone(upTo losses: Int) throws(EngineError) {
        do {
            try self.losses.withLock { count in
                guard count == losses else { return }
                try FileDescriptor.replace(path + Self.restoredMark, with: [])
                isRestored.store(true, ordering: .relaxed)
            }
            try outdatedIsLogged()
        } catch {
            throw EngineError(.directoryUnusable, "\(error)")
        }
    }

    /// Notes durably that blocks are gone which the checkpoint has.
    func blocksAreLost() throws(FileError) {
        try losses.withLock { count throws(FileError) in
            count += 1
            isRestored.store(false, ordering: .relaxed)
            try SystemCalls.remove(path + Self.restoredMark)
            try SystemCalls.syncDirectory(blocksPath)
        }
    }

    private static let restoredMark = "/engine-0/blocks/restored"
    var walPath: String { path + "/engine-0/wal" }
    var blocksPath: String { path + "/engine-0/blocks" }
    var catalogPath: String { path + "/engine-0/catalog" }
    var droppedPath: String { path + "/engine-0/dropped" }
    var runningPath: String { path + "/engine-0/running" }
    /// There once a start has logged what it may have lost.
    var begunPath: String { path + "/engine-0/begun" }
}
