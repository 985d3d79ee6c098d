import MetricModel

/// /proc/net/dev and /sys/class/net: traffic of network interfaces.
package enum NetworkCollector {
    private static let received = ["bytes", "packets", "errs", "drop", "fifo", "frame", "compressed", "multicast"]
    private static let sent = ["bytes", "packets", "errs", "drop", "fifo", "colls", "carrier", "compressed"]

    /// Reads /proc/net/dev: two heading lines, then an interface a line.
    package static func devices(_ text: String) -> [Measurement] {
        var result: [Measurement] = []
        for line in text.split(separator: "\n").dropFirst(2) {
            // The name may itself hold a colon (an alias), the figures never do.
            guard let colon = line.lastIndex(of: ":") else { continue }
            let device = [Label("device", String(ProcText.words(line[..<colon]).first ?? ""))]
            let figures = ProcText.words(line[line.index(after: colon)...])
            guard figures.count >= received.count + sent.count else { continue }
            let names =
                received.map { "node_network_receive_\($0)_total" } + sent.map { "node_network_transmit_\($0)_total" }
            for (name, word) in zip(names, figures) {
                if let value = Double(word) { result.append(Measurement(name, device, value)) }
            }
        }
        return result
    }

    /// Whether each interface is up, by the text of its /sys/class/net/<device>/operstate.
    package static func up(_ states: [(device: String, state: String)]) -> [Measurement] {
        states.map { device, state in
            Measurement("node_network_up", [Label("device", device)], state.hasPrefix("up") ? 1 : 0)
        }
    }
}
