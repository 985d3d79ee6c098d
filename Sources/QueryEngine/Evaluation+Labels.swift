internal import MetricModel
internal import QueryLanguage

// MARK: - label_replace, label_join

extension Evaluation {
    func relabelled(_ change: LabelChange, _ inner: PlanNode, _ grid: TimeGrid) throws(QueryError) -> Frame {
        var result = Frame(steps: grid.count)
        var seen: Set<Labels> = []
        let input = try frame(inner, grid)
        for index in 0..<input.count {
            try checkCancelled()
            let labels = change.applied(to: input.labels[index])
            if !seen.insert(labels).inserted { throw .sameLabelSet }
            result.append(labels, input.row(index))
        }
        return result
    }
}

extension LabelChange {
    func applied(to labels: Labels) -> Labels {
        switch self {
        case .join(let target, let separator, let sources):
            return labels.setting(target, to: sources.map { labels[$0] ?? "" }.joined(separator: separator))
        case .replace(let target, let template, let source, let expression):
            guard let groups = expression.groups(in: labels[source] ?? "") else { return labels }
            return labels.setting(target, to: LabelChange.expanded(template, groups, expression))
        }
    }

    /// Fills `$1`, `${1}`, `$name`, `${name}` and `$$` as Go's `regexp.Expand` does: a name is the longest run of word characters, and
    /// what names no group is empty.
    private static func expanded(_ template: String, _ groups: [String], _ expression: RegularExpression) -> String {
        var result = String.UnicodeScalarView()
        var rest = template.unicodeScalars[...]
        while let dollar = rest.firstIndex(of: "$") {
            result.append(contentsOf: rest[..<dollar])
            rest = rest[rest.index(after: dollar)...]
            if rest.first == "$" {
                result.append("$")
                rest = rest.dropFirst()
                continue
            }
            let isBraced = rest.first == "{"
            let name = (isBraced ? rest.dropFirst() : rest).prefix(while: isWord)
            let after = rest[name.endIndex...]
            if name.isEmpty || (isBraced && after.first != "}") {
                // Malformed: the dollar stands for itself.
                result.append("$")
                continue
            }
            rest = isBraced ? after.dropFirst() : after
            result.append(contentsOf: group(String(name), groups, expression).unicodeScalars)
        }
        result.append(contentsOf: rest)
        return String(result)
    }

    private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "_" || scalar.properties.isAlphabetic || scalar.properties.numericType == .decimal
    }

    private static func group(_ name: String, _ groups: [String], _ expression: RegularExpression) -> String {
        if let number = Int(name) { return groups.indices.contains(number) ? groups[number] : "" }
        for number in groups.indices.dropFirst() where expression.groupName(number) == name && !groups[number].isEmpty {
            return groups[number]
        }
        return ""
    }
}
