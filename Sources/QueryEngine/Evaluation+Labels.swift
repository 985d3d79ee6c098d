internal import MetricModel
internal import QueryLanguage

// MARK: - label_replace, label_join

extension Evaluation {
    func relabelled(_ change: LabelChange, _ inner: PlanNode, _ grid: TimeGrid) throws(QueryError) -> Frame {
        var result = Frame(steps: grid.count)
        var seen: Set<Labels> = []
        let input = try frame(inner, grid)
        var bytes = 0
        for index in 0..<input.count {
            try checkCancelled()
            let labels = try change.applied(to: input.labels[index], bytesMax: plan.options.labelBytesMax)
            // Texts that grow from call to call are memory as cells are.
            bytes += labels.bytes.count
            if bytes / MemoryLayout<Double>.size > plan.options.samplesMax { throw .tooManySamples(plan.options) }
            if !seen.insert(labels).inserted { throw .sameLabelSet }
            result.append(labels, input.row(index))
        }
        return result
    }
}

extension LabelChange {
    /// The labels with the change made.
    ///
    /// - Throws: `QueryError` when a value would be longer than `bytesMax`; at most twice as much is made.
    func applied(to labels: Labels, bytesMax: Int) throws(QueryError) -> Labels {
        switch self {
        case .join(let target, let separator, let sources):
            let parts = sources.map { labels[$0] ?? "" }
            let length = parts.reduce(separator.utf8.count * max(0, parts.count - 1)) { $0 + $1.utf8.count }
            if length > bytesMax { throw LabelChange.tooLong(target, bytesMax) }
            return labels.setting(target, to: parts.joined(separator: separator))
        case .replace(let target, let template, let source, let expression):
            guard let groups = expression.groups(in: labels[source] ?? "") else { return labels }
            let value = LabelChange.expanded(template, groups, expression, bytesMax: bytesMax)
            guard let value else { throw LabelChange.tooLong(target, bytesMax) }
            return labels.setting(target, to: value)
        }
    }

    private static func tooLong(_ target: String, _ bytesMax: Int) -> QueryError {
        QueryError(.limit, "label \(target) would be longer than query_label_bytes_max (\(bytesMax)) bytes")
    }

    /// Fills `$1`, `${1}`, `$name`, `${name}` and `$$` as Go's `regexp.Expand` does: a name is the longest run of word characters, and
    /// what names no group is empty. Nil where that is longer than `bytesMax`.
    private static func expanded(
        _ template: String, _ groups: [String], _ expression: RegularExpression, bytesMax: Int
    ) -> String? {
        var result = String.UnicodeScalarView()
        var bytes = 0
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
            let value = group(String(name), groups, expression)
            bytes += value.utf8.count
            if bytes > bytesMax { return nil }
            result.append(contentsOf: value.unicodeScalars)
        }
        result.append(contentsOf: rest)
        let expanded = String(result)
        return expanded.utf8.count > bytesMax ? nil : expanded
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
