import FoundationEssentials
import Glibc

/// What Linux knows about this process, under the names that Prometheus' client libraries gave it.
enum ProcessMetrics {
    /// Has `metrics` read /proc/self each time that it is asked; what cannot be read is NaN.
    static func register(in metrics: MetricsRegistry) {
        metrics.counter("process_cpu_seconds_total", help: "Processor time used, user and system.") {
            ProcessStatus.current?.cpuSeconds ?? .nan
        }
        metrics.gauge("process_resident_memory_bytes", help: "Memory in RAM.") {
            ProcessStatus.current?.residentBytes ?? .nan
        }
        metrics.gauge("process_virtual_memory_bytes", help: "Address space.") {
            ProcessStatus.current?.virtualBytes ?? .nan
        }
        metrics.gauge("process_start_time_seconds", help: "When the process started, Unix seconds.") {
            guard let status = ProcessStatus.current, let boot = ProcessStatus.bootTime(ProcFile.text("/proc/stat"))
            else { return .nan }
            return boot + status.startSeconds
        }
        metrics.gauge("process_open_fds", help: "Open file descriptors.") {
            (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")).map { Double($0.count) } ?? .nan
        }
        metrics.gauge("process_max_fds", help: "Most file descriptors that may be open.") {
            ProcessStatus.fileDescriptorsMax(ProcFile.text("/proc/self/limits")) ?? .nan
        }
    }
}

/// A reading of /proc/self/stat. Source: proc_pid_stat(5), by its field numbers.
package struct ProcessStatus: Hashable, Sendable {
    /// Processor time, user and system: fields 14 and 15.
    package var cpuSeconds: Double
    /// When it started, since the machine's boot: field 22.
    package var startSeconds: Double
    /// Address space: field 23.
    package var virtualBytes: Double
    /// Memory in RAM: field 24, there in pages.
    package var residentBytes: Double

    /// This process now.
    package static var current: ProcessStatus? {
        ProcessStatus(
            ProcFile.text("/proc/self/stat"), ticksPerSecond: Double(sysconf(Int32(_SC_CLK_TCK))),
            pageBytes: Double(sysconf(Int32(_SC_PAGESIZE))))
    }

    /// Reads the file's text; nil when it is not what Linux writes.
    package init?(_ text: String, ticksPerSecond: Double, pageBytes: Double) {
        // Field 2, the program's name, stands in parentheses and may hold any others; field 3 follows the last.
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        func field(_ number: Int) -> Double? { number - 3 < fields.count ? Double(fields[number - 3]) : nil }
        guard let user = field(14), let system = field(15), let start = field(22), let virtual = field(23),
            let resident = field(24)
        else { return nil }
        cpuSeconds = (user + system) / ticksPerSecond
        startSeconds = start / ticksPerSecond
        virtualBytes = virtual
        residentBytes = resident * pageBytes
    }

    /// When the machine booted, Unix seconds, out of /proc/stat.
    package static func bootTime(_ text: String) -> Double? {
        words(of: text, after: "btime ").first.flatMap { Double($0) }
    }

    /// The soft limit of open files out of /proc/self/limits.
    package static func fileDescriptorsMax(_ text: String) -> Double? {
        guard let limit = words(of: text, after: "Max open files").first else { return nil }
        return limit == "unlimited" ? .infinity : Double(limit)
    }

    private static func words(of text: String, after key: String) -> [Substring] {
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix(key) }) else { return [] }
        return line.dropFirst(key.count).split(separator: " ")
    }
}

/// Files of /proc, whose size is not known before they are read.
private enum ProcFile {
    /// The whole file; empty when it cannot be read.
    static func text(_ path: String) -> String {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}
