/// The member `explain` of an answer; docs/api.md says what it means.
struct Explained: Decodable {
    /// An operator with those that it takes rows from.
    struct Operator: Decodable {
        var `operator`: String
        var detail: String
        var rows: Int?
        var microseconds: Int?
        var children: [Operator]
    }

    /// One question to one node.
    struct Part: Decodable {
        var node: String
        var slots: Int
        var share: Double
        var outcome: String
        var failure: String?
        var union: Bool?
        var hedge: Bool?
        var microseconds: Int?
        var series: Int?
        var samples: Int?
        var chunks: Int?
        var bytes: Int?
        var plan: [Operator]?
    }

    /// Something that was asked of nodes.
    struct Work: Decodable {
        var kind: String
        var fragment: Int?
        var cut: String
        var text: String
        var parts: [Part]
        var partsLeftOut: Int
    }

    var mode: String
    var cut: String
    var slots: Int
    var cache: String
    var plan: [Operator]
    var work: [Work]
    var workLeftOut: Int
}

/// An explanation as `murmur query --explain` prints it.
enum ExplainText {
    static func text(_ explained: Explained) -> String {
        var lines = ["Here, cut \(explained.cut), cache \(explained.cache)"]
        tree(explained.plan, "", &lines)
        for work in explained.work {
            let name = work.fragment.map { "Fragment \($0)" } ?? "Samples"
            let attempt = work.cut == explained.cut ? "" : " (cut \(work.cut), did not suffice)"
            lines.append("\(name)\(attempt): \(work.text)")
            for part in work.parts {
                lines.append("  \(self.part(part))")
                tree(part.plan ?? [], "    ", &lines)
            }
            if work.partsLeftOut > 0 { lines.append("  and \(work.partsLeftOut) more questions") }
        }
        if explained.workLeftOut > 0 { lines.append("and \(explained.workLeftOut) more") }
        return lines.map { $0 + "\n" }.joined()
    }

    private static func part(_ part: Explained.Part) -> String {
        let tenths = Int((part.share * 1_000).rounded())
        var words = ["\(part.node): \(part.outcome)", "\(part.slots) slots (\(tenths / 10).\(tenths % 10) %)"]
        if let failure = part.failure { words[0] += " (\(failure))" }
        if part.hedge == true { words.append("asked because another was slow") }
        if part.union == true { words.append("as a part of a union") }
        if let time = part.microseconds { words.append(milliseconds(time)) }
        for (count, name) in [
            (part.series, "series"), (part.samples, "samples"), (part.chunks, "chunks"), (part.bytes, "bytes"),
        ] {
            if let count { words.append("\(count) \(name)") }
        }
        return words.joined(separator: ", ")
    }

    private static func tree(_ operators: [Explained.Operator], _ indent: String, _ lines: inout [String]) {
        for (index, one) in operators.enumerated() {
            let isLast = index == operators.count - 1
            var words = [one.operator, one.detail].filter { !$0.isEmpty }.joined(separator: " ")
            if let rows = one.rows { words += "  \(rows) rows" }
            if let time = one.microseconds { words += "  \(milliseconds(time))" }
            lines.append("\(indent)\(isLast ? "└─ " : "├─ ")\(words)")
            tree(one.children, indent + (isLast ? "   " : "│  "), &lines)
        }
    }

    private static func milliseconds(_ microseconds: Int) -> String {
        "\(microseconds / 1_000).\(String(1_000 + microseconds % 1_000).dropFirst()) ms"
    }
}
