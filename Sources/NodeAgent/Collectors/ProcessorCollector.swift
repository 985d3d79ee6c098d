import MetricModel

/// /proc/stat and /proc/loadavg: processor time, switches, processes, load.
package enum ProcessorCollector {
    /// Clock ticks a second in /proc/stat: USER_HZ, 100 on every Linux that Debian builds.
    private static let ticksPerSecond = 100.0
    private static let modes = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"]
    private static let guestModes = ["user", "nice"]
    private static let counters = [
        "intr": "node_intr_total", "ctxt": "node_context_switches_total", "processes": "node_forks_total",
        "btime": "node_boot_time_seconds", "procs_running": "node_procs_running",
        "procs_blocked": "node_procs_blocked",
    ]

    /// Reads /proc/stat. Source: proc(5). Lines that are not understood are left out.
    package static func stat(_ text: String) -> [Measurement] {
        var result: [Measurement] = []
        for row in ProcText.rows(text) {
            if row[0].hasPrefix("cpu"), row[0].count > 3 {
                result += processor(String(row[0].dropFirst(3)), ticks: row.dropFirst().map { Double($0) })
            } else if let name = counters[String(row[0])], row.count > 1, let value = Double(row[1]) {
                result.append(Measurement(name, value))
            }
        }
        return result
    }

    private static func processor(_ number: String, ticks: [Double?]) -> [Measurement] {
        var result: [Measurement] = []
        let names =
            modes.map { ("node_cpu_seconds_total", $0) } + guestModes.map { ("node_cpu_guest_seconds_total", $0) }
        for (mode, tick) in zip(names, ticks) {
            guard let tick else { continue }
            result.append(
                Measurement(mode.0, [Label("cpu", number), Label("mode", mode.1)], tick / ticksPerSecond))
        }
        return result
    }

    /// Reads /proc/loadavg: the three averages.
    package static func load(_ text: String) -> [Measurement] {
        zip(["node_load1", "node_load5", "node_load15"], ProcText.words(text)).compactMap { name, word in
            Double(word).map { Measurement(name, $0) }
        }
    }
}
