import MetricModel

/// What is known of the agent's metrics: types by rule, help for the ones that people meet first.
enum MetricCatalog {
    private static let help: [String: String] = [
        "node_cpu_seconds_total": "Seconds the CPUs spent in each mode.",
        "node_cpu_guest_seconds_total": "Seconds the CPUs spent in guests (VMs) for each mode.",
        "node_load1": "1m load average.",
        "node_load5": "5m load average.",
        "node_load15": "15m load average.",
        "node_memory_MemTotal_bytes": "Memory that the kernel can use.",
        "node_memory_MemAvailable_bytes": "Memory that new work can get without swapping.",
        "node_memory_SwapFree_bytes": "Swap space that is not used.",
        "node_disk_read_bytes_total": "Bytes read from the disk.",
        "node_disk_written_bytes_total": "Bytes written to the disk.",
        "node_disk_io_time_seconds_total": "Seconds in which the disk was busy.",
        "node_filesystem_size_bytes": "Size of the file system.",
        "node_filesystem_avail_bytes": "Room on the file system for users other than root.",
        "node_network_receive_bytes_total": "Bytes received by the interface.",
        "node_network_transmit_bytes_total": "Bytes sent by the interface.",
        "node_boot_time_seconds": "When the machine was started, Unix time.",
        "node_time_seconds": "The machine's clock, Unix time.",
        "node_uname_info": "System names as uname(2) gives them.",
        "node_procs_running": "Processes that can run.",
        "node_procs_blocked": "Processes that wait for a disk.",
    ]

    /// The units that a metric's name ends with, before `_total`.
    private static let units = ["seconds", "bytes"]

    /// A counter by its `_total`, or as /proc/vmstat counts; an `_info`; otherwise a gauge.
    static func metadata(of metric: String) -> MetricMetadata {
        var stem = metric[...]
        var type = metric.hasPrefix("node_vmstat_") ? "counter" : "gauge"
        if stem.hasSuffix("_total") {
            type = "counter"
            stem = stem.dropLast(6)
        } else if stem.hasSuffix("_info") {
            type = "info"
        }
        let unit = units.first { stem.hasSuffix("_" + $0) } ?? ""
        return MetricMetadata(metric: metric, type: type, unit: unit, help: help[metric] ?? "")
    }
}
