import Glibc

/// How full the file system of a directory is, as `df` counts: blocks that only the superuser may use are neither used nor available.
enum DiskFill {
    /// - Returns: per cent, rounded up; nil when the system does not say.
    static func percent(_ directory: String) -> UInt8? {
        var answer = statvfs()
        // SAFETY: both arguments live through the call; the structure is the one that the function fills.
        guard unsafe statvfs(directory, &answer) == 0 else { return nil }
        let used = Double(answer.f_blocks) - Double(answer.f_bfree)
        let usable = used + Double(answer.f_bavail)
        return usable > 0 ? UInt8(min(100, max(0, (used * 100 / usable).rounded(.up)))) : nil
    }
}
