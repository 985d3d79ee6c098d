internal import ByteCoding
internal import Foundation
internal import Glibc

/// The data directory of one node: its lock, its identity, and the paths in it.
///
/// `DIR/lock`, `DIR/node.json`, `DIR/engine-0/{wal,blocks,catalog}`.
package final class DataDirectory: Sendable {
    package let path: String
    /// The node instance's UUID, made with the directory.
    package let nodeID: String
    /// Counts the starts on this directory, from 1.
    package let bootNumber: UInt64
    /// Whether there was no node here before.
    package let isNew: Bool
    private let lock: FileDescriptor

    private struct Node: Codable {
        var version: Int
        var uuid: String
        var boot: UInt64
    }

    /// Creates the directory if need be, takes its lock, and counts the start.
    ///
    /// - Throws: `EngineError.directoryLocked` when another process has it, `.directoryUnusable` with the reason,
    ///   `.unknownVersion` for a `node.json` of another format.
    package init(path: String) throws {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            lock = try FileDescriptor(opening: path + "/lock", O_RDWR | O_CREAT)
            guard try lock.tryLock() else {
                throw EngineError(
                    .directoryLocked, "data directory \(path) is in use by another process (its lock file is held)")
            }
            let file = path + "/node.json"
            var node = Node(version: 1, uuid: UUID().uuidString.lowercased(), boot: 0)
            isNew = !FileManager.default.fileExists(atPath: file)
            if !isNew {
                node = try JSONDecoder().decode(Node.self, from: Data(FileDescriptor.contents(of: file)))
            }
            guard node.version == 1 else {
                throw EngineError(.unknownVersion, "\(file): format version \(node.version) is not known here")
            }
            node.boot += 1
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            for folder in ["/engine-0", "/engine-0/wal", "/engine-0/blocks"] {
                try SystemCalls.createDirectory(path + folder)
            }
            if isNew { try FileDescriptor.replace(path + "/engine-0/restore", with: []) }
            try SystemCalls.syncDirectory(path)
            // Last: a directory with an identity is not new, so by then the order to restore is in it.
            try FileDescriptor.replace(file, with: Array(encoder.encode(node)))
            self.path = path
            nodeID = node.uuid
            bootNumber = node.boot
        } catch let error as EngineError {
            throw error
        } catch {
            throw EngineError(
                .directoryUnusable, "data directory \(path) cannot be used: \(DataDirectory.reason(error))")
        }
    }

    /// The system's own words where Foundation wraps them.
    private static func reason(_ error: any Error) -> String {
        let cause = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
        return cause?.localizedDescription ?? "\(error)"
    }

    /// Names the references of this start: differs for each start and each directory, never 0.
    package var generation: UInt64 {
        let hash = XXH3.hash64(Array("\(nodeID)/\(bootNumber)".utf8).rawSpan)
        return hash == 0 ? 1 : hash
    }

    /// Whether what the checkpoint holds has not all been fetched since the directory was made.
    package var needsRestore: Bool { FileManager.default.fileExists(atPath: restorePath) }

    /// Notes that a restore is complete, or not wanted.
    package func restoreIsDone() throws {
        do throws(FileError) { try SystemCalls.remove(restorePath) } catch {
            throw EngineError(.directoryUnusable, "\(error)")
        }
    }

    private var restorePath: String { path + "/engine-0/restore" }
    var walPath: String { path + "/engine-0/wal" }
    var blocksPath: String { path + "/engine-0/blocks" }
    var catalogPath: String { path + "/engine-0/catalog" }
}
