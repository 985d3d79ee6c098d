import ByteCoding
import Foundation
import Glibc
package import Membership

/// Why a file of the data directory could not be used.
package struct DataFileError: Error, CustomStringConvertible {
    /// The file, and what is wrong with it.
    package let description: String
}

/// What a member knew when it was last running, in the data directory: how a cluster finds itself again after a full stop.
package enum PeersFile {
    /// The file's name in the data directory.
    package static let name = "peers"

    /// Reads the file.
    ///
    /// - Returns: nil when there is none.
    /// - Throws: `DataFileError` for one that is damaged or of a later version.
    package static func read(in directory: String) throws -> MembershipSnapshot? {
        let file = URL(fileURLWithPath: directory).appendingPathComponent(name)
        guard FileManager.default.fileExists(atPath: file.path) else { return nil }
        do {
            return try MembershipSnapshot(decoding: [UInt8](Data(contentsOf: file)).rawSpan)
        } catch {
            throw DataFileError(description: "\(file.path) cannot be used: \(error)")
        }
    }

    /// Replaces the file.
    ///
    /// - Throws: the system's error; the file is then as it was.
    package static func write(_ snapshot: MembershipSnapshot, in directory: String) throws {
        try DurableFile.replace(
            URL(fileURLWithPath: directory).appendingPathComponent(name), with: Data(snapshot.encoded))
    }
}

/// Replaces files so that after a power cut either the old or the new one is there.
private enum DurableFile {
    static func replace(_ file: URL, with data: Data) throws {
        let fresh = file.appendingPathExtension("new")
        try data.write(to: fresh)
        let handle = try FileHandle(forWritingTo: fresh)
        try handle.synchronize()
        try handle.close()
        // SAFETY: rename reads two strings during the call.
        guard unsafe rename(fresh.path, file.path) == 0 else {
            throw DataFileError(description: "\(fresh.path) cannot be renamed: errno \(errno)")
        }
        let directory = try FileHandle(forReadingFrom: file.deletingLastPathComponent())
        try directory.synchronize()
        try directory.close()
    }
}
