import MetricModel

/// Reads a machine's figures once: every collector over its file. A file that is missing leaves its metrics out.
struct HostCollector: Sendable {
    private let reader: HostReader
    private let uname: [Measurement]

    init(root: String) {
        reader = HostReader(root: root)
        // Not while the machine runs do these change.
        uname = [Measurement("node_uname_info", reader.systemNames().map { Label($0.name, $0.value) }, 1)]
    }

    /// All figures at `now`, Unix milliseconds.
    func collect(now: Int64) -> [Measurement] {
        var result = uname
        result.append(Measurement("node_time_seconds", Double(now) / 1_000))
        add("/proc/stat", ProcessorCollector.stat, to: &result)
        add("/proc/loadavg", ProcessorCollector.load, to: &result)
        add("/proc/meminfo", MemoryCollector.information, to: &result)
        add("/proc/vmstat", MemoryCollector.paging, to: &result)
        add("/proc/sys/fs/file-nr", MemoryCollector.fileHandles, to: &result)
        add("/proc/diskstats", DiskCollector.statistics, to: &result)
        add("/proc/net/dev", NetworkCollector.devices, to: &result)
        for resource in PressureCollector.resources {
            add("/proc/pressure/\(resource)", { PressureCollector.totals(resource: resource, $0) }, to: &result)
        }
        result += NetworkCollector.up(
            reader.networkDevices().compactMap { device in
                reader.text("/sys/class/net/\(device)/operstate").map { (device, $0) }
            })
        // The first process's mounts are the machine's; our own may be fewer.
        let mounts = reader.text("/proc/1/mounts") ?? reader.text("/proc/mounts") ?? ""
        result += FilesystemCollector.measurements(
            FilesystemCollector.mounts(mounts).compactMap { mount in
                reader.usage(at: mount.mountPoint).map { (mount, $0) }
            })
        return result
    }

    private func add(_ path: String, _ parse: (String) -> [Measurement], to result: inout [Measurement]) {
        guard let text = reader.text(path) else { return }
        result += parse(text)
    }
}
