import Foundation

/// Standard output and standard error.
enum Terminal {
    /// Writes to standard output as it is.
    static func print(_ text: String) {
        FileHandle.standardOutput.write(Data(text.utf8))
    }

    /// Writes to standard error as it is.
    static func note(_ text: String) {
        FileHandle.standardError.write(Data(text.utf8))
    }

    /// Writes an error, and what to do about it, to standard error.
    static func fail(_ message: String, hint: String?) {
        note("murmur: error: \(message)\n" + (hint.map { "  \($0)\n" } ?? ""))
    }
}
