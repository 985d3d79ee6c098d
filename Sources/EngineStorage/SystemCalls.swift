internal import ByteCoding
internal import Glibc

/// The calls to the operating system, each with its failure as a `FileError`. The only unsafe code of this target.
enum SystemCalls {
    /// A clock of the system, in milliseconds.
    static func now(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        // SAFETY: `time` is alive for the length of the call.
        _ = unsafe clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    /// Gives a file another name, replacing what has it.
    static func rename(_ path: String, to target: String) throws(FileError) {
        // SAFETY: both strings are alive for the length of the call.
        guard unsafe Glibc.rename(path, target) == 0 else {
            throw FileError(operation: "rename to \(target):", path: path, number: errno)
        }
    }

    /// Removes a file; that it is not there is no error.
    static func remove(_ path: String) throws(FileError) {
        // SAFETY: the string is alive for the length of the call.
        guard unsafe unlink(path) == 0 || errno == ENOENT else {
            throw FileError(operation: "remove", path: path, number: errno)
        }
    }

    /// Creates a directory; that it is there is no error.
    static func createDirectory(_ path: String) throws(FileError) {
        // SAFETY: the string is alive for the length of the call.
        guard unsafe mkdir(path, 0o755) == 0 || errno == EEXIST else {
            throw FileError(operation: "create directory", path: path, number: errno)
        }
    }

    /// Creates a directory and those above it, as far as they are missing.
    static func createDirectories(_ path: String) throws(FileError) {
        var made = path.hasPrefix("/") ? "/" : ""
        for name in path.split(separator: "/") {
            made += name
            try createDirectory(made)
            made += "/"
        }
    }

    /// Whether a file is there.
    static func exists(_ path: String) throws(FileError) -> Bool {
        // SAFETY: the string is alive for the length of the call.
        if unsafe access(path, F_OK) == 0 { return true }
        guard errno == ENOENT else { throw FileError(operation: "look for", path: path, number: errno) }
        return false
    }

    /// Makes the names in a directory durable.
    static func syncDirectory(_ path: String) throws(FileError) {
        let directory = try FileDescriptor(opening: path, O_RDONLY | O_DIRECTORY)
        try directory.sync()
    }

    /// The names in a directory, sorted.
    static func list(_ path: String) throws(FileError) -> [String] {
        // SAFETY: the stream is closed on every path; each entry is read before the next call invalidates it.
        guard let stream = unsafe opendir(path) else {
            throw FileError(operation: "list", path: path, number: errno)
        }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { field in
                unsafe field.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }
}

/// An open file, closed when the last reference goes.
final class FileDescriptor: Sendable {
    private let number: Int32
    let path: String

    /// Opens a file; what is created may be read by all and written by its owner.
    init(opening path: String, _ flags: Int32) throws(FileError) {
        // SAFETY: the string is alive for the length of the call.
        let result = unsafe open(path, flags | O_CLOEXEC, 0o644)
        guard result >= 0 else { throw FileError(operation: "open", path: path, number: errno) }
        number = result
        self.path = path
    }

    deinit {
        close(number)
    }

    /// Creates a file for writing at `path`, empty.
    static func create(_ path: String) throws(FileError) -> FileDescriptor {
        try FileDescriptor(opening: path, O_RDWR | O_CREAT | O_TRUNC)
    }

    /// Opens a file for reading.
    static func read(_ path: String) throws(FileError) -> FileDescriptor { try FileDescriptor(opening: path, O_RDONLY) }

    /// Writes all bytes at `offset`.
    func write(_ bytes: [UInt8], at offset: Int) throws(FileError) {
        var done = 0
        while done < bytes.count {
            // SAFETY: the array is alive for the length of the call, and `done` is within it.
            let written = unsafe bytes.withUnsafeBytes { buffer in
                unsafe pwrite(
                    number, UnsafeRawBufferPointer(rebasing: buffer[done...]).baseAddress, buffer.count - done,
                    off_t(offset + done))
            }
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else { throw failure("write") }
            done += written
        }
    }

    /// Reads exactly `count` bytes at `offset`; a shorter file is an error (EIO).
    func read(count: Int, at offset: Int) throws(FileError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            // SAFETY: the array is alive for the length of the call, and `done` is within it.
            let got = unsafe bytes.withUnsafeMutableBytes { buffer in
                unsafe pread(
                    number, UnsafeMutableRawBufferPointer(rebasing: buffer[done...]).baseAddress, count - done,
                    off_t(offset + done))
            }
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw failure("read") }
            guard got > 0 else { throw FileError(operation: "read (file too short)", path: path, number: EIO) }
            done += got
        }
        return bytes
    }

    /// Bytes in the file.
    func size() throws(FileError) -> Int {
        var status = stat()
        // SAFETY: `status` is alive for the length of the call.
        guard unsafe fstat(number, &status) == 0 else { throw failure("stat") }
        return Int(status.st_size)
    }

    /// Cuts the file to `size` bytes.
    func truncate(to size: Int) throws(FileError) {
        guard ftruncate(number, off_t(size)) == 0 else { throw failure("truncate") }
    }

    /// Makes contents and attributes durable.
    func sync() throws(FileError) {
        guard fsync(number) == 0 else { throw failure("sync") }
    }

    /// Makes contents durable.
    func syncData() throws(FileError) {
        guard fdatasync(number) == 0 else { throw failure("sync") }
    }

    /// Takes the exclusive lock on the file, held until it is closed.
    ///
    /// - Returns: false when another process has it.
    func tryLock() throws(FileError) -> Bool {
        if flock(number, LOCK_EX | LOCK_NB) == 0 { return true }
        if errno == EWOULDBLOCK { return false }
        throw failure("lock")
    }

    private func failure(_ operation: String) -> FileError {
        FileError(operation: operation, path: path, number: errno)
    }
}

extension FileDescriptor {
    /// The whole contents of a file.
    static func contents(of path: String) throws(FileError) -> [UInt8] {
        let file = try read(path)
        return try file.read(count: file.size(), at: 0)
    }

    /// Writes a file so that after a crash it is there whole or not at all.
    static func replace(_ path: String, with bytes: [UInt8]) throws(FileError) {
        let temporary = path + ".tmp"
        let file = try create(temporary)
        try file.write(bytes, at: 0)
        try file.sync()
        try SystemCalls.rename(temporary, to: path)
        let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        try SystemCalls.syncDirectory(folder.isEmpty ? "." : folder)
    }
}
