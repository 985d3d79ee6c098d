import Glibc

/// Reads what the collectors parse: the only file of the agent that talks to the system.
///
/// Files of /proc say nothing of their length, so each is read to its end, up to a limit.
struct HostReader: Sendable {
    /// Where /proc and /sys are looked for: `/`, or where a container has the host's mounted.
    let root: String

    /// The longest file that is read.
    static let fileBytesMax = 4 << 20

    init(root: String) {
        self.root = root.hasSuffix("/") ? String(root.dropLast()) : root
    }

    /// The file's text, nil when it cannot be read. Bytes that are not UTF-8 are replaced.
    func text(_ path: String) -> String? {
        // SAFETY: the path is a Swift string that lives through the call.
        let file = unsafe open(root + path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes: [UInt8] = []
        while bytes.count < HostReader.fileBytesMax {
            var count = 0
            let piece = unsafe [UInt8](unsafeUninitializedCapacity: 16_384) { target, filled in
                // SAFETY: read writes at most the buffer's length, and says how much it wrote.
                count = unsafe read(file, target.baseAddress, target.count)
                filled = max(count, 0)
            }
            if count < 0 && errno == EINTR { continue }
            if count <= 0 { break }
            bytes += piece
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The names of the network interfaces in /sys/class/net, sorted.
    func networkDevices() -> [String] {
        // SAFETY: the path is a Swift string that lives through the call.
        guard let directory = unsafe opendir(root + "/sys/class/net") else { return [] }
        // SAFETY: `directory` was opened above and is closed once.
        defer { unsafe closedir(directory) }
        var names: [String] = []
        // SAFETY: the entry is valid until the next readdir on this directory, and its name ends with a zero byte.
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    /// Room on the file system at `mountPoint`; nil when the system does not say.
    func usage(at mountPoint: String) -> FilesystemCollector.Usage? {
        var answer = statvfs()
        // SAFETY: both arguments live through the call; the structure is the one that the function fills.
        guard unsafe statvfs(root + mountPoint, &answer) == 0 else { return nil }
        let unit = Double(answer.f_frsize)
        return FilesystemCollector.Usage(
            size: Double(answer.f_blocks) * unit, free: Double(answer.f_bfree) * unit,
            available: Double(answer.f_bavail) * unit, files: Double(answer.f_files), filesFree: Double(answer.f_ffree))
    }

    /// What uname says: the names of `node_uname_info`'s labels and their values.
    func systemNames() -> [(name: String, value: String)] {
        var answer = utsname()
        // SAFETY: the structure is the one that the function fills.
        guard unsafe uname(&answer) == 0 else { return [] }
        return [
            ("sysname", HostReader.text(of: answer.sysname)), ("release", HostReader.text(of: answer.release)),
            ("version", HostReader.text(of: answer.version)), ("machine", HostReader.text(of: answer.machine)),
            ("nodename", HostReader.text(of: answer.nodename)),
            ("domainname", HostReader.text(of: answer.__domainname)),
        ]
    }

    /// The wall clock, Unix milliseconds.
    static func now() -> Int64 {
        var time = timespec()
        // SAFETY: the structure is the one that the function fills.
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }

    private static func text<Field>(of field: Field) -> String {
        // SAFETY: the field is an array of characters that ends with a zero byte, copied here.
        unsafe withUnsafeBytes(of: field) { bytes in unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
