/// Writes a tree as a query on as many lines as it needs, each level indented by two spaces.
///
/// What fits a line stays on it as `Printer` writes it. The layout is that of Prometheus' `format_query`, byte for byte (source: its
/// promql/parser/prettier.go).
package struct PrettyPrinter {
    /// Bytes that an expression may have on one line.
    private let lineBytesMax: Int

    /// The query's text, in lines of 100 bytes where they can be had.
    package static func text(_ expression: Expression) -> String {
        PrettyPrinter(lineBytesMax: 100).text(expression, level: 0)
    }

    /// A printer of shorter or longer lines.
    package init(lineBytesMax: Int) {
        self.lineBytesMax = lineBytesMax
    }

    /// The query's text.
    ///
    /// - Parameters:
    ///   - expression: what to write.
    ///   - level: how deep it stands: its lines begin with so many indents.
    /// - Returns: lines separated by `\n`; they parse to an equal tree.
    package func text(_ expression: Expression, level: Int) -> String {
        let line = Printer.text(expression)
        let fits = line.utf8.count <= lineBytesMax
        let indent = String(repeating: "  ", count: level)
        switch expression {
        // Prometheus indents neither a subquery that fits nor the first line of a sign's operand.
        case .subquery where fits: return line
        case .subquery(let node): return text(node.inner, level: level) + Printer.suffix(node)
        case .unary(let node):
            let operand = text(node.operand, level: level).drop { $0 == " " }
            return indent + (node.isNegation ? "-" : "+") + operand
        case .call(let node) where !fits:
            return indent + node.function.rawValue + enclosed(node.arguments, level: level)
        case .aggregation(let node) where !fits:
            let arguments = (node.parameter.map { [$0] } ?? []) + [node.inner]
            return indent + Printer.head(node) + enclosed(arguments, level: level)
        case .parenthesized(let node) where !fits: return indent + enclosed([node.inner], level: level)
        case .binary(let node) where !fits:
            let operation = indent + Printer.operation(node)
            return left(node, level: level + 1) + "\n" + operation + "\n" + text(node.right, level: level + 1)
        case .number, .string, .vectorSelector, .matrixSelector, .call, .aggregation, .parenthesized, .binary:
            return indent + line
        }
    }

    private func left(_ node: BinaryExpression, level: Int) -> String {
        if case .number = node.left { return String(repeating: "  ", count: level) + Printer.left(node) }
        return text(node.left, level: level)
    }

    private func enclosed(_ arguments: [Expression], level: Int) -> String {
        let lines = arguments.map { text($0, level: level + 1) }.joined(separator: ",\n")
        return "(\n" + lines + "\n" + String(repeating: "  ", count: level) + ")"
    }
}
