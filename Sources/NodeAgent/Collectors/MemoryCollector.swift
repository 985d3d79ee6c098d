/// /proc/meminfo, /proc/vmstat and /proc/sys/fs/file-nr: memory, swap, paging and file handles.
package enum MemoryCollector {
    /// Reads /proc/meminfo: `node_memory_<name>_bytes`, or `node_memory_<name>` for what is counted in pages.
    package static func information(_ text: String) -> [Measurement] {
        ProcText.rows(text).compactMap { row in
            guard row.count >= 2, row[0].hasSuffix(":"), let value = Double(row[1]) else { return nil }
            // Active(anon) is Active_anon, as in node_exporter.
            let name = row[0].dropLast().split { $0 == "(" || $0 == ")" }.joined(separator: "_")
            if row.count == 3, row[2] == "kB" { return Measurement("node_memory_\(name)_bytes", value * 1_024) }
            return Measurement("node_memory_\(name)", value)
        }
    }

    /// Reads /proc/vmstat: the few counters that node_exporter takes of its hundred and more.
    package static func paging(_ text: String) -> [Measurement] {
        ProcText.rows(text).compactMap { row in
            guard row.count == 2, isWanted(row[0]), let value = Double(row[1]) else { return nil }
            return Measurement("node_vmstat_\(row[0])", value)
        }
    }

    private static func isWanted(_ name: Substring) -> Bool {
        name.hasPrefix("oom_kill") || name.hasPrefix("pgpg") || name.hasPrefix("pswp")
            || (name.hasPrefix("pg") && name.hasSuffix("fault"))
    }

    /// Reads /proc/sys/fs/file-nr: allocated, unused, maximum.
    package static func fileHandles(_ text: String) -> [Measurement] {
        let words = ProcText.words(text.split(separator: "\n").first ?? "")
        guard words.count == 3, let allocated = Double(words[0]), let maximum = Double(words[2]) else { return [] }
        return [Measurement("node_filefd_allocated", allocated), Measurement("node_filefd_maximum", maximum)]
    }
}
