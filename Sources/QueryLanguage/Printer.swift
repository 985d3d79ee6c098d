internal import MetricModel

/// Writes a tree as a query on one line, in Prometheus' form; what it writes parses to an equal tree, but for the order of matchers,
/// which is that of their texts. `PrettyPrinter` writes several lines.
package enum Printer {
    /// The query's text.
    package static func text(_ expression: Expression) -> String {
        switch expression {
        case .number(let node): number(node)
        case .string(let node): Quoted.text(node.value)
        case .vectorSelector(let node): selector(node) + modifiers(node.at, node.offset)
        case .matrixSelector(let node):
            "\(selector(node.selector))[\(duration(node.window))]" + modifiers(node.selector.at, node.selector.offset)
        case .subquery(let node): text(node.inner) + suffix(node)
        case .call(let node): "\(node.function.rawValue)(\(node.arguments.map(text).joined(separator: ", ")))"
        case .aggregation(let node): aggregation(node)
        case .binary(let node): "\(left(node)) \(operation(node)) \(text(node.right))"
        case .unary(let node): (node.isNegation ? "-" : "+") + text(node.operand)
        case .parenthesized(let node): "(\(text(node.inner)))"
        }
    }

    /// The left side. Prometheus writes `+Inf`, whose sign would bind more loosely than a power behind it.
    static func left(_ node: BinaryExpression) -> String {
        if node.operation == .power, case .number(let base) = node.left, base.value == .infinity { return "Inf" }
        return text(node.left)
    }

    /// The operator with `bool` and the clauses of the matching.
    static func operation(_ node: BinaryExpression) -> String {
        node.operation.rawValue + (node.returnsBool ? " bool" : "") + matching(node.matching)
    }

    /// `sum by (job) `: what stands in front of an aggregation's parentheses.
    static func head(_ node: Aggregation) -> String {
        if !node.isWithout && node.grouping.isEmpty { return node.operation.rawValue }
        return "\(node.operation.rawValue)\(node.isWithout ? " without" : " by") (\(labels(node.grouping))) "
    }

    /// `[5m:1m] @ end() offset 1h`: what stands behind a subquery's expression.
    static func suffix(_ node: Subquery) -> String {
        "[\(duration(node.window)):\(node.step.map(duration) ?? "")]" + modifiers(node.at, node.offset)
    }

    private static func number(_ node: NumberLiteral) -> String {
        let milliseconds = node.value.magnitude * 1000
        guard node.isDuration, milliseconds < 0x1p53 else { return PlainDecimal.text(node.value) }
        return (node.value.sign == .minus ? "-" : "") + duration(Int64(milliseconds.rounded()))
    }

    /// As Prometheus prints it: years and weeks only where they come out even.
    private static func duration(_ milliseconds: Int64) -> String {
        let (week, year): (Int64, Int64) = (604_800_000, 31_536_000_000)
        if milliseconds > 0 && milliseconds % year == 0 { return "\(milliseconds / year)y" }
        if milliseconds > 0 && milliseconds % week == 0 { return "\(milliseconds / week)w" }
        return DurationText.text(milliseconds: milliseconds)
    }

    private static func selector(_ node: VectorSelector) -> String {
        let matchers = node.name == nil ? node.matchers[...] : node.matchers.dropLast()
        if matchers.isEmpty, let name = node.name { return name }
        let written = matchers.map { label($0.name) + $0.operation.symbol + Quoted.text($0.value) }
        let sorted = written.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        return (node.name ?? "") + "{" + sorted.joined(separator: ",") + "}"
    }

    private static func modifiers(_ at: AtModifier?, _ offset: Int64) -> String {
        var text = ""
        switch at {
        case .timestamp(let milliseconds)?: text += " @ " + seconds(milliseconds)
        case .start?: text += " @ start()"
        case .end?: text += " @ end()"
        case nil: break
        }
        if offset > 0 { text += " offset " + duration(offset) }
        if offset < 0 { text += " offset -" + duration(-offset) }
        return text
    }

    /// Milliseconds as seconds with three decimals, exact over the whole range.
    private static func seconds(_ milliseconds: Int64) -> String {
        let magnitude = milliseconds.magnitude
        let fraction = String(magnitude % 1000)
        let zeros = String(repeating: "0", count: 3 - fraction.count)
        return "\(milliseconds < 0 ? "-" : "")\(magnitude / 1000).\(zeros)\(fraction)"
    }

    private static func aggregation(_ node: Aggregation) -> String {
        head(node) + "(" + (node.parameter.map { Printer.text($0) + ", " } ?? "") + Printer.text(node.inner) + ")"
    }

    private static func matching(_ matching: VectorMatching?) -> String {
        guard let matching, matching.isOn || !matching.labels.isEmpty || !matching.include.isEmpty else {
            return group(matching, clause: " ignoring ()")
        }
        return group(matching, clause: "\(matching.isOn ? " on" : " ignoring") (\(labels(matching.labels)))")
    }

    /// The grouping clause needs an `on` or `ignoring` in front; without one, `clause` is left away.
    private static func group(_ matching: VectorMatching?, clause: String) -> String {
        guard let matching else { return "" }
        switch matching.cardinality {
        case .manyToOne: return "\(clause) group_left (\(labels(matching.include)))"
        case .oneToMany: return "\(clause) group_right (\(labels(matching.include)))"
        case .oneToOne, .manyToMany: return matching.isOn || !matching.labels.isEmpty ? clause : ""
        }
    }

    private static func labels(_ names: [String]) -> String {
        // `inf` and `nan` are numbers in a list of labels.
        names.map { ["inf", "nan"].contains($0.lowercased()) ? Quoted.text($0) : label($0) }.joined(separator: ", ")
    }

    /// A label's name, quoted where it is not a plain word.
    private static func label(_ name: String) -> String {
        let isPlain =
            !name.isEmpty && name.utf8.allSatisfy(Lexer.isAlphaNumeric) && name.utf8.first.map(Lexer.isDigit) == false
        return isPlain ? name : Quoted.text(name)
    }
}
