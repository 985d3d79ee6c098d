extension SettingsTable {
    /// The command's settings as a table of docs/operating.md; a test compares the page with it.
    package var operatingTable: String {
        var text = "| setting | type | allowed | default | effect |\n| --- | --- | --- | --- | --- |\n"
        for setting in settings {
            let standard =
                setting.standard.map { "`\($0)`" } ?? (setting.kind == .switched ? "off" : setting.standardMeans)
            let cells = ["`\(setting.name)`", setting.kindName, setting.range, standard, setting.help]
            text += "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |\n"
        }
        return text
    }
}

extension Setting {
    /// What its value may be, for a narrow column.
    fileprivate var range: String {
        switch kind {
        case .text: "not empty"
        case .choice(let words): words.map { "`\($0)`" }.joined(separator: ", ")
        case .switched: "`true`, `false`"
        case .integer(let range):
            range.upperBound == Int.max ? "\(range.lowerBound) or more" : "\(range.lowerBound) to \(range.upperBound)"
        case .number(let range): "\(range.lowerBound) to \(range.upperBound)"
        case .duration, .bytes: bounds
        case .address(let ports): "`HOST:PORT`, port \(ports.lowerBound) to \(ports.upperBound)"
        case .list: "names separated by commas"
        case .checkpoint: "`sqlite:PATH`, `postgresql://…`"
        }
    }
}
