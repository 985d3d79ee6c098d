internal import ByteCoding
internal import Foundation
internal import Glibc
internal import Synchronization

/// The data directory of one node: its lock, its identity, and the paths in it.
///
/// `DIR/lock`, `DIR/node.json`, `DIR/engine-0/{wal,blocks,catalog}`. Next to the blocks lies the mark `blocks/restored`: all that
/// the checkpoint held is here. Whoever loses the blocks loses the mark with them, so the next start fetches them again.
package final class DataDirectory: Sendable {
    package let path: String
    /// The node instance's UUID, made with the directory.
    package let nodeID: String
    /// Counts the starts on this directory, from 1.
    package let bootNumber: UInt64
    /// Whether there was no node here before.
    package let isNew: Bool
    private let lock: FileDescriptor
    private let isRestored: Atomic<Bool>

    private struct Node: Codable {
        var version: Int
        var uuid: String
        var boot: UInt64
    }

    /// Creates the directory if need be, takes its lock, and counts the start.
    ///
    /// - Throws: `EngineError.directoryLocked` when another process has it, `.directoryNotWritable` or `.directoryUnusable` with the
    ///   reason, `.unknownVersion` for a `node.json` of another format.
    package init(path: String) throws(EngineError) {
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
            for folder in ["/engine-0", "/engine-0/wal", "/engine-0/blocks"] {
                try SystemCalls.createDirectory(path + folder)
            }
            try SystemCalls.syncDirectory(path)
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            try FileDescriptor.replace(file, with: Array(encoder.encode(node)))
            self.path = path
            nodeID = node.uuid
            bootNumber = node.boot
            isRestored = Atomic(try SystemCalls.exists(path + Self.restoredMark))
        } catch let error as EngineError {
            throw error
        } catch {
            let isNotWritable = (error as? FileError).map { Self.notWritable.contains($0.number) } ?? false
            throw EngineError(
                isNotWritable ? .directoryNotWritable : .directoryUnusable,
                "data directory \(path) cannot be used: \(error)")
        }
    }

    /// What the system says of a place where this user can make or write nothing.
    private static let notWritable: Set<Int32> = [EACCES, EPERM, EROFS, ENOTDIR, ENOENT]

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

    /// Names the references of this start: differs for each start and each directory, never 0.
    package var generation: UInt64 {
        let hash = XXH3.hash64(Array("\(nodeID)/\(bootNumber)".utf8).rawSpan)
        return hash == 0 ? 1 : hash
    }

    /// Whether what the checkpoint holds may be missing here: it has not all been fetched since the blocks' folder was made, or
    /// blocks have gone since.
    package var needsRestore: Bool { !isRestored.load(ordering: .relaxed) }

    /// Notes durably that all that the checkpoint holds is here.
    package func restoreIsDone() throws {
        do throws(FileError) { try FileDescriptor.replace(path + Self.restoredMark, with: []) } catch {
            throw EngineError(.directoryUnusable, "\(error)")
        }
        isRestored.store(true, ordering: .relaxed)
    }

    /// Notes durably that blocks are gone which the checkpoint has.
    func blocksAreLost() throws(FileError) {
        try SystemCalls.remove(path + Self.restoredMark)
        try SystemCalls.syncDirectory(blocksPath)
        isRestored.store(false, ordering: .relaxed)
    }

    private static let restoredMark = "/engine-0/blocks/restored"
    var walPath: String { path + "/engine-0/wal" }
    var blocksPath: String { path + "/engine-0/blocks" }
    var catalogPath: String { path + "/engine-0/catalog" }
}
