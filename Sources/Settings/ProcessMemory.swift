/// The memory that a process may have: the machine's, or less where a control group says so, as in a container.
///
/// Source: Linux, Documentation/admin-guide/cgroup-v2.rst (`memory.max`) and cgroup-v1/memory.rst (`memory.limit_in_bytes`).
package enum ProcessMemory {
    /// The limit, by the texts of files.
    ///
    /// - Parameters:
    ///   - physical: the machine's bytes.
    ///   - text: a file's text; nil for one that is not there.
    /// - Returns: bytes.
    package static func limit(physical: Int, reading text: (String) -> String?) -> Int {
        let groups = (text("/proc/self/cgroup") ?? "").split(separator: "\n").compactMap(Group.init)
        return groups.flatMap(\.files).compactMap { file in
            text(file).flatMap { Int($0.prefix { !$0.isWhitespace }) }
        }.reduce(physical, min)
    }

    /// The group that limits memory, by a line of `/proc/self/cgroup`.
    private struct Group {
        /// Of the group and of all around it: each limits. Within a container the outer ones cannot be seen, and the root is the container's.
        var files: [String] = []

        /// - Parameter line: `0::/path` in version 2, `N:controllers:/path` in version 1.
        init?(line: Substring) {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { return nil }
            let (folder, name): (String, String)
            if parts[1].isEmpty {
                (folder, name) = ("/sys/fs/cgroup", "memory.max")
            } else if parts[1].split(separator: ",").contains("memory") {
                (folder, name) = ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            } else {
                return nil
            }
            var path = ""
            files.append("\(folder)/\(name)")
            for part in parts[2].split(separator: "/") {
                path += "/\(part)"
                files.append("\(folder)\(path)/\(name)")
            }
        }
    }
}
