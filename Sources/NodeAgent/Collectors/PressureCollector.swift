/// /proc/pressure: how long work waited for a resource. Source: Linux, Documentation/accounting/psi.rst.
package enum PressureCollector {
    /// The files of /proc/pressure.
    package static let resources = ["cpu", "io", "memory"]

    /// Reads one of them. `some` is waiting, `full` is stalled; of the processor only waiting means something.
    package static func totals(resource: String, _ text: String) -> [Measurement] {
        ProcText.rows(text).compactMap { row in
            guard let total = row.first(where: { $0.hasPrefix("total=") }),
                let microseconds = Double(total.dropFirst(6))
            else { return nil }
            switch row[0] {
            case "some": return Measurement("node_pressure_\(resource)_waiting_seconds_total", microseconds / 1e6)
            case "full" where resource != "cpu":
                return Measurement("node_pressure_\(resource)_stalled_seconds_total", microseconds / 1e6)
            default: return nil
            }
        }
    }
}
