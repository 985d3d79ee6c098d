internal import ByteCoding
internal import Glibc

/// Why the store could not do what was asked.
package struct EngineError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The kinds of failure.
    package enum Code: Equatable, Sendable {
        /// A queue or the head is full: try again after `retryAfterMilliseconds`.
        case overloaded
        /// The log could not be written or synced: nothing of the batch is stored. Retryable.
        case logFailed
        /// A query exceeds a limit, which the message names.
        case limitExceeded
        /// A block cannot be read.
        case blockUnreadable
        /// Another process has the data directory.
        case directoryLocked
        /// The data directory is none that this user can make and write: another place or other permissions help.
        case directoryNotWritable
        /// The disk under the data directory has no room.
        case diskFull
        /// The data directory cannot be used for another reason: damage, a failing device.
        case directoryUnusable
        /// A file has a format version that this program does not know.
        case unknownVersion
        /// The store is closed or closing.
        case closed
    }

    /// The kind of failure.
    package var code: Code
    /// What was wrong and where.
    package var message: String
    /// When to try again; nil where that says nothing.
    package var retryAfterMilliseconds: Int?

    package init(_ code: Code, _ message: String, retryAfterMilliseconds: Int? = nil) {
        self.code = code
        self.message = message
        self.retryAfterMilliseconds = retryAfterMilliseconds
    }

    package var description: String { message }
}

/// A system call that failed.
struct FileError: Error, Equatable, Sendable, CustomStringConvertible {
    var operation: String
    var path: String
    /// The value of `errno`.
    var number: Int32

    var description: String { "\(operation) \(path): \(SystemError.text(number))" }

    /// Whether this user can make or write nothing there.
    var isNotWritable: Bool { [EACCES, EPERM, EROFS, ENOTDIR, ENOENT].contains(number) }

    var isDiskFull: Bool { [ENOSPC, EDQUOT].contains(number) }
}
