import MetricModel

/// /proc/diskstats: what each whole disk has read and written.
package enum DiskCollector {
    /// The columns behind the device's name, each with the factor to its unit. Source: Linux, Documentation/admin-guide/iostats.rst.
    private static let columns: [(name: String, factor: Double)] = [
        ("node_disk_reads_completed_total", 1),
        ("node_disk_reads_merged_total", 1),
        ("node_disk_read_bytes_total", 512),
        ("node_disk_read_time_seconds_total", 0.001),
        ("node_disk_writes_completed_total", 1),
        ("node_disk_writes_merged_total", 1),
        ("node_disk_written_bytes_total", 512),
        ("node_disk_write_time_seconds_total", 0.001),
        ("node_disk_io_now", 1),
        ("node_disk_io_time_seconds_total", 0.001),
        ("node_disk_io_time_weighted_seconds_total", 0.001),
        ("node_disk_discards_completed_total", 1),
        ("node_disk_discards_merged_total", 1),
        ("node_disk_discarded_sectors_total", 1),
        ("node_disk_discard_time_seconds_total", 0.001),
        ("node_disk_flush_requests_total", 1),
        ("node_disk_flush_requests_time_seconds_total", 0.001),
    ]

    /// Reads /proc/diskstats; older kernels write fewer columns.
    package static func statistics(_ text: String) -> [Measurement] {
        var result: [Measurement] = []
        for row in ProcText.rows(text) where row.count >= 14 && !isExcluded(row[2]) {
            let device = [Label("device", String(row[2]))]
            for (column, word) in zip(columns, row.dropFirst(3)) {
                guard let value = Double(word) else { continue }
                result.append(Measurement(column.name, device, value * column.factor))
            }
        }
        return result
    }

    /// Whether node_exporter leaves the device out unless told otherwise: RAM disks, loops, floppies and partitions,
    /// `^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$`.
    static func isExcluded(_ device: Substring) -> Bool {
        let stem = device.reversed().drop { $0.isASCII && $0.isNumber }.reversed()
        let name = String(stem)
        guard name.count < device.count else { return false }
        if ["ram", "zram", "loop", "fd"].contains(name) { return true }
        for disk in ["hd", "sd", "vd", "xvd"] where name.hasPrefix(disk) && name.count == disk.count + 1 {
            return name.last.map { ("a"..."z").contains($0) } ?? false
        }
        return isNVMePartition(name)
    }

    /// `nvme0n1p`, what is left of a partition's name without its number.
    private static func isNVMePartition(_ name: String) -> Bool {
        guard name.hasPrefix("nvme"), name.hasSuffix("p") else { return false }
        let numbers = name.dropFirst(4).dropLast().split(separator: "n", omittingEmptySubsequences: false)
        return numbers.count == 2 && numbers.allSatisfy { !$0.isEmpty && $0.allSatisfy { $0.isASCII && $0.isNumber } }
    }
}
