internal import ByteCoding
internal import MetricModel

/// One tenant's inverted index: label name → value → postings (ascending series references).
///
/// References only grow, so a new series is appended to its lists. Matchers run on the value dictionaries, never on series.
package struct LabelIndex: Sendable {
    private var names: [ExactString: [ExactString: [UInt32]]] = [:]
    /// The references of all series, ascending.
    package private(set) var all: [UInt32] = []

    /// Number of series.
    var seriesCount: Int { all.count }

    /// Adds a series, whose reference must be greater than any before.
    mutating func insert(_ reference: UInt32, labels: Labels) {
        all.append(reference)
        for label in labels.labels {
            names[ExactString(label.name), default: [:]][ExactString(label.value), default: []].append(reference)
        }
    }

    /// Removes series; `labels` are those of the removed ones, to find the lists that hold them.
    mutating func remove(_ dead: Set<UInt32>, labels: [Labels]) {
        all.removeAll { dead.contains($0) }
        for label in Set(labels.flatMap(\.labels)) {
            let name = ExactString(label.name)
            let value = ExactString(label.value)
            names[name]?[value]?.removeAll { dead.contains($0) }
            if names[name]?[value]?.isEmpty ?? false { names[name]?[value] = nil }
            if names[name]?.isEmpty ?? false { names[name] = nil }
        }
    }

    /// The references of the series that pass every matcher, ascending.
    func matching(_ matchers: [Matcher]) -> [UInt32] {
        var found: [UInt32]?
        for matcher in matchers where !matcher.matchesEmpty {
            let postings = postings(of: matcher)
            found = found.map { Self.intersection($0, postings) } ?? postings
            if found?.isEmpty ?? false { return [] }
        }
        var result = found ?? all
        // A series without the label passes these: take away those that have a value which does not.
        for matcher in matchers where matcher.matchesEmpty {
            let excluded = union(of: matcher.name) { !matcher.matches($0) }
            if !excluded.isEmpty { result = Self.difference(result, excluded) }
        }
        return result
    }

    /// The values of a label that some wanted series has.
    func values(of name: String, where isWanted: (UInt32) -> Bool) -> [String] {
        (names[ExactString(name)] ?? [:]).compactMap { value, postings in
            postings.contains(where: isWanted) ? value.string : nil
        }
    }

    /// The names of labels that some wanted series has.
    func labelNames(where isWanted: (UInt32) -> Bool) -> [String] {
        names.compactMap { name, values in
            values.contains { $0.value.contains(where: isWanted) } ? name.string : nil
        }
    }

    /// Visits each label with its values and the number of series of each.
    func forEachName(_ body: (_ name: String, _ values: [(value: String, count: Int)]) -> Void) {
        for (name, values) in names {
            body(name.string, values.map { ($0.key.string, $0.value.count) })
        }
    }

    /// The series that have a value which passes.
    private func postings(of matcher: Matcher) -> [UInt32] {
        // The commonest matcher by far needs no look at all values.
        if matcher.operation == .equal { return names[ExactString(matcher.name)]?[ExactString(matcher.value)] ?? [] }
        return union(of: matcher.name) { matcher.matches($0) }
    }

    private func union(of name: String, where passes: (String) -> Bool) -> [UInt32] {
        guard let values = names[ExactString(name)] else { return [] }
        var lists: [[UInt32]] = []
        for (value, postings) in values where passes(value.string) { lists.append(postings) }
        if lists.count == 1 { return lists[0] }
        var result: [UInt32] = []
        result.reserveCapacity(lists.reduce(0) { $0 + $1.count })
        for list in lists { result.append(contentsOf: list) }
        result.sort()
        return result
    }

    private static func intersection(_ left: [UInt32], _ right: [UInt32]) -> [UInt32] {
        if left.count > right.count { return intersection(right, left) }
        var result: [UInt32] = []
        if left.count < right.count / 16 {
            for reference in left where contains(right, reference) { result.append(reference) }
            return result
        }
        var i = 0
        var j = 0
        while i < left.count && j < right.count {
            if left[i] == right[j] {
                result.append(left[i])
                i += 1
                j += 1
            } else if left[i] < right[j] {
                i += 1
            } else {
                j += 1
            }
        }
        return result
    }

    private static func contains(_ postings: [UInt32], _ reference: UInt32) -> Bool {
        let place = postings.partition(from: reference)
        return place < postings.count && postings[place] == reference
    }

    private static func difference(_ left: [UInt32], _ right: [UInt32]) -> [UInt32] {
        var result: [UInt32] = []
        result.reserveCapacity(left.count)
        var j = 0
        for reference in left {
            while j < right.count && right[j] < reference { j += 1 }
            if j == right.count || right[j] != reference { result.append(reference) }
        }
        return result
    }
}
