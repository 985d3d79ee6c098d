import MetricModel

/// /proc/mounts and statvfs: room on file systems.
package enum FilesystemCollector {
    /// A mounted file system.
    package struct Mount: Hashable, Sendable {
        /// What is mounted.
        package var device: String
        /// Where.
        package var mountPoint: String
        /// The type, such as `ext4`.
        package var type: String
        /// Whether it is mounted read-only.
        package var isReadOnly: Bool
    }

    /// What statvfs says of a file system.
    package struct Usage: Hashable, Sendable {
        /// Bytes in all, free, and free for users other than root.
        package var size: Double
        package var free: Double
        package var available: Double
        /// Inodes in all and free.
        package var files: Double
        package var filesFree: Double

        /// Figures of one file system, in bytes and inodes.
        package init(size: Double, free: Double, available: Double, files: Double, filesFree: Double) {
            self.size = size
            self.free = free
            self.available = available
            self.files = files
            self.filesFree = filesFree
        }
    }

    /// node_exporter's default exclusions, without `overlay`: see `isExcluded`.
    private static let excludedTypes: Set<String> = [
        "autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs", "fusectl",
        "hugetlbfs", "iso9660", "mqueue", "nsfs", "proc", "procfs", "pstore", "rpc_pipefs", "securityfs", "selinuxfs",
        "squashfs", "erofs", "sysfs", "tracefs",
    ]

    /// A server that does not answer stops statvfs for minutes, and the agent with it.
    private static let networkTypes: Set<String> = [
        "nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph", "glusterfs", "9p", "afs", "fuse.sshfs", "fuse.glusterfs",
        "fuse.ceph", "lustre",
    ]

    /// Reads /proc/mounts, without what is not stored anywhere or not here. Of two mounts at one place the later counts: it hides the first.
    package static func mounts(_ text: String) -> [Mount] {
        var result: [Mount] = []
        for row in ProcText.rows(text) where row.count >= 4 {
            let mount = Mount(
                device: unescaped(row[0]), mountPoint: unescaped(row[1]), type: String(row[2]),
                isReadOnly: row[3].split(separator: ",").contains("ro"))
            result.removeAll { $0.mountPoint == mount.mountPoint }
            if !isExcluded(mount) { result.append(mount) }
        }
        return result
    }

    /// Figures of each mount that statvfs answered for.
    package static func measurements(_ usages: [(mount: Mount, usage: Usage)]) -> [Measurement] {
        usages.flatMap { mount, usage in
            let labels = [
                Label("device", mount.device), Label("fstype", mount.type), Label("mountpoint", mount.mountPoint),
            ]
            return [
                Measurement("node_filesystem_size_bytes", labels, usage.size),
                Measurement("node_filesystem_free_bytes", labels, usage.free),
                Measurement("node_filesystem_avail_bytes", labels, usage.available),
                Measurement("node_filesystem_files", labels, usage.files),
                Measurement("node_filesystem_files_free", labels, usage.filesFree),
                Measurement("node_filesystem_readonly", labels, mount.isReadOnly ? 1 : 0),
            ]
        }
    }

    /// An overlay counts where it is the root: in a container it is all there is, elsewhere it repeats the disk below.
    private static func isExcluded(_ mount: Mount) -> Bool {
        if mount.type == "overlay" { return mount.mountPoint != "/" }
        if excludedTypes.contains(mount.type) || networkTypes.contains(mount.type) { return true }
        for place in ["/dev", "/proc", "/sys"] {
            if mount.mountPoint == place || mount.mountPoint.hasPrefix(place + "/") { return true }
        }
        for place in ["/run/credentials/", "/var/lib/docker/", "/var/lib/containers/storage/"] {
            if mount.mountPoint.hasPrefix(place) && mount.mountPoint.count > place.count { return true }
        }
        return false
    }

    /// Undoes the octal escapes of /proc/mounts: `\040` is a space. Source: fstab(5).
    private static func unescaped(_ text: Substring) -> String {
        guard text.contains("\\") else { return String(text) }
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            if byte == UInt8(ascii: "\\"), digits.count == 3,
                let code = UInt8(String(decoding: digits, as: UTF8.self), radix: 8)
            {
                bytes.append(code)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
