internal import QueryLanguage

/// The warnings and infos of one evaluation, each once, with their places.
struct Notes {
    /// Most of each kind; the rest is counted.
    static let countMax = 10

    private let text: String
    private var warningTexts: [String] = []
    private var infoTexts: [String] = []
    private var seen: Set<String> = []

    init(text: String) {
        self.text = text
    }

    mutating func warn(_ message: String, _ range: SourceRange) {
        let full = "PromQL warning: \(message)\(place(range))"
        if seen.insert(full).inserted { warningTexts.append(full) }
    }

    mutating func inform(_ message: String, _ range: SourceRange) {
        let full = "PromQL info: \(message)\(place(range))"
        if seen.insert(full).inserted { infoTexts.append(full) }
    }

    /// Takes over what was noted of a part.
    mutating func add(_ other: FragmentNotes) {
        for text in other.warnings where seen.insert(text).inserted { warningTexts.append(text) }
        for text in other.infos where seen.insert(text).inserted { infoTexts.append(text) }
    }

    /// Everything, not cut.
    var allWarnings: [String] { warningTexts }
    var allInfos: [String] { infoTexts }

    var warnings: [String] { Notes.cut(warningTexts, "warning") }
    var infos: [String] { Notes.cut(infoTexts, "info") }

    private static func cut(_ texts: [String], _ kind: String) -> [String] {
        if texts.count <= countMax { return texts }
        return texts.prefix(countMax) + ["\(texts.count - countMax) more \(kind) annotations omitted"]
    }

    private func place(_ range: SourceRange) -> String {
        let before = Array(text.utf8.prefix(range.start))
        if text.isEmpty { return "" }
        let newline = UInt8(ascii: "\n")
        let line = 1 + before.count { $0 == newline }
        let column = 1 + before.count - (before.lastIndex(of: newline).map { $0 + 1 } ?? 0)
        return " (\(line):\(column))"
    }
}
