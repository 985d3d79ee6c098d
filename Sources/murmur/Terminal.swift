import Foundation

/// Standard output and standard error.
enum Terminal {
    /// Writes to standard output as it is.
    static func print(_ text: String) {
        FileHandle.standardOutput.write(Data(text.utf8))
    }

    /// Whether standard output is a terminal.
    static var isTerminal: Bool { isatty(FileHandle.standardOutput.fileDescriptor) == 1 }

    /// What a terminal takes for an empty screen, from its first line on.
    static let clear = "\u{1B}[H\u{1B}[2J"

    /// Writes a line in the place of the one before, where standard error is a terminal; otherwise a line of its own.
    static func progress(_ line: String) {
        note(isatty(FileHandle.standardError.fileDescriptor) == 1 ? "\r\u{1B}[K" + line : line + "\n")
    }

    /// Ends such a line.
    static func endProgress() {
        if isatty(FileHandle.standardError.fileDescriptor) == 1 { note("\n") }
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
