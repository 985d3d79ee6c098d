import MetricModel

extension Setting {
    /// Reads a value from its text; nil when it is none.
    func value(of text: String) -> SettingValue? {
        switch kind {
        case .text: text.isEmpty ? nil : .text(text)
        case .choice(let words): words.contains(text) ? .text(text) : nil
        case .switched: Setting.truth(text).map(SettingValue.switched)
        case .integer(let range): Int(text).flatMap { range.contains($0) ? .integer($0) : nil }
        case .number(let range): Double(text).flatMap { range.contains($0) ? .number($0) : nil }
        case .duration(let range):
            DurationText.milliseconds(text).flatMap { range.contains($0) ? .duration($0) : nil }
        case .bytes(let range): Setting.bytes(text).flatMap { range.contains($0) ? .integer($0) : nil }
        case .address(let ports):
            NetworkAddress(text).flatMap { ports.contains($0.port) ? .address($0) : nil }
        case .list: Setting.list(text).map(SettingValue.list)
        case .checkpoint: Setting.checkpoint(text).map(SettingValue.checkpoint)
        }
    }

    /// What a value must look like, as the end of "expected …".
    package var allowed: String {
        switch kind {
        case .text: "a text that is not empty"
        case .choice(let words): words.joined(separator: ", ").replacingLast(", ", with: " or ")
        case .switched: "true or false"
        case .integer(let range): "a whole number \(Setting.bounds(range))"
        case .number(let range): "a number from \(range.lowerBound) to \(range.upperBound)"
        case .duration: "a duration such as 200ms, 90s, 2h or 31d, from \(bounds)"
        case .bytes: "a size such as 512KiB or 64MiB, from \(bounds)"
        case .address(let ports): "HOST:PORT with a port \(Setting.bounds(ports)), such as 127.0.0.1:7480"
        case .list: "names separated by commas, each once"
        case .checkpoint: "sqlite:PATH or postgresql://… (several separated by commas)"
        }
    }

    /// `LEAST to GREATEST` in the setting's own form; empty where the kind has no bounds of that form.
    var bounds: String {
        switch kind {
        case .duration(let range):
            DurationText.text(milliseconds: range.lowerBound) + " to "
                + DurationText.text(milliseconds: range.upperBound)
        case .bytes(let range): Setting.sizeText(range.lowerBound) + " to " + Setting.sizeText(range.upperBound)
        case .text, .choice, .switched, .integer, .number, .address, .list, .checkpoint: ""
        }
    }

    /// Its kind in one word, for the tables of docs/operating.md.
    package var kindName: String {
        switch kind {
        case .text: "text"
        case .choice: "choice"
        case .switched: "switch"
        case .integer: "integer"
        case .number: "number"
        case .duration: "duration"
        case .bytes: "bytes"
        case .address: "address"
        case .list: "list"
        case .checkpoint: "store"
        }
    }

    /// What stands for its value in help texts; nil for a switch.
    package var placeholder: String? {
        switch kind {
        case .text: "TEXT"
        case .choice(let words): words.joined(separator: "|")
        case .switched: nil
        case .integer, .number: "N"
        case .duration: "DURATION"
        case .bytes: "BYTES"
        case .address: "HOST:PORT"
        case .list: "A,B,…"
        case .checkpoint: "STORE"
        }
    }

    private static func truth(_ text: String) -> Bool? {
        switch text.lowercased() {
        case "true", "yes", "on", "1": true
        case "false", "no", "off", "0": false
        default: nil
        }
    }

    private static let sizeUnits: [(suffix: String, bytes: Int)] = [
        ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40), ("KB", 1_000), ("MB", 1_000_000),
        ("GB", 1_000_000_000), ("TB", 1_000_000_000_000), ("B", 1),
    ]

    private static func bytes(_ text: String) -> Int? {
        let unit = sizeUnits.first { text.hasSuffix($0.suffix) }
        guard let number = Int(text.dropLast(unit?.suffix.count ?? 0)), number >= 0 else { return nil }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: unit?.bytes ?? 1)
        return overflow ? nil : bytes
    }

    /// The shortest text of a size in binary units.
    package static func sizeText(_ bytes: Int) -> String {
        let unit = sizeUnits.prefix(4).last { bytes >= $0.bytes && bytes % $0.bytes == 0 }
        return unit.map { "\(bytes / $0.bytes)\($0.suffix)" } ?? "\(bytes)B"
    }

    private static func bounds(_ range: ClosedRange<Int>) -> String {
        range.upperBound == Int.max
            ? "of \(range.lowerBound) or more" : "from \(range.lowerBound) to \(range.upperBound)"
    }

    private static func list(_ text: String) -> [String]? {
        let items = text.split(separator: ",", omittingEmptySubsequences: false).map { item in
            String(item.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
        return items.contains("") || Set(items).count != items.count ? nil : items
    }

    private static func checkpoint(_ text: String) -> CheckpointChoice? {
        if text.hasPrefix("sqlite:") {
            let path = String(text.dropFirst("sqlite:".count))
            return path.isEmpty ? nil : .sqlite(path: path)
        }
        guard let items = list(text) else { return nil }
        var servers: [String] = []
        for item in items {
            if isServer(item) {
                servers.append(item)
            } else if let last = servers.popLast(), !item.contains("://") {
                // A URI may name several hosts, separated by commas as well: for one database that fails over.
                servers.append(last + "," + item)
            } else {
                return nil
            }
        }
        return .postgres(servers)
    }

    private static func isServer(_ item: String) -> Bool {
        ["", "retired:", "lost:"].contains { state in
            ["postgresql://", "postgres://"].contains { item.hasPrefix(state + $0) }
        }
    }
}

extension String {
    /// The text with its last occurrence of a separator replaced.
    fileprivate func replacingLast(_ separator: String, with other: String) -> String {
        var parts = split(separator: separator, omittingEmptySubsequences: false).map(String.init)
        guard parts.count > 1, let last = parts.popLast() else { return self }
        return parts.joined(separator: separator) + other + last
    }
}
