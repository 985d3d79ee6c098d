internal import MetricModel

/// Writes a tree as a query on one line; what it writes parses to an equal tree.
package enum Printer {
    /// The query's text.
    package static func text(_ expression: Expression) -> String {
        switch expression {
        case .number(let node): number(node)
        case .string(let node): Quoted.text(node.value)
        case .vectorSelector(let node): selector(node) + modifiers(node.at, node.offset)
        case .matrixSelector(let node):
            "\(selector(node.selector))[\(duration(node.window))]" + modifiers(node.selector.at, node.selector.offset)
        case .subquery(let node):
            "\(text(node.inner))[\(duration(node.window)):\(node.step.map(duration) ?? "")]"
                + modifiers(node.at, node.offset)
        case .call(let node): "\(node.function.rawValue)(\(node.arguments.map(text).joined(separator: ", ")))"
        case .aggregation(let node): aggregation(node)
        case .binary(let node):
            "\(text(node.left)) \(node.operation.rawValue)\(node.returnsBool ? " bool" : "")\(matching(node.matching)) "
                + text(node.right)
        case .unary(let node): (node.isNegation ? "-" : "+") + text(node.operand)
        case .parenthesized(let node): "(\(text(node.inner)))"
        }
    }

    private static func number(_ node: NumberLiteral) -> String {
        let milliseconds = node.value.magnitude * 1000
        // A sign in front would bind more loosely than the operator behind: `+Inf ^ 2`.
        if node.value == .infinity { return "Inf" }
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
        return (node.name ?? "") + "{" + written.joined(separator: ",") + "}"
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
        var text = node.operation.rawValue
        if node.isWithout || !node.grouping.isEmpty {
            text += "\(node.isWithout ? " without" : " by") (\(labels(node.grouping))) "
        }
        return text + "(" + (node.parameter.map { Printer.text($0) + ", " } ?? "") + Printer.text(node.inner) + ")"
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
        names.map(label).joined(separator: ", ")
    }

    /// A label's name, quoted where it is not a plain word.
    private static func label(_ name: String) -> String {
        let isPlain =
            !name.isEmpty && name.utf8.allSatisfy(Lexer.isAlphaNumeric) && name.utf8.first.map(Lexer.isDigit) == false
        // `inf` and `nan` are numbers wherever words are looked up.
        return isPlain && !["inf", "nan"].contains(name.lowercased()) ? name : Quoted.text(name)
    }
}
