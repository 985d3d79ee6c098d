/// The deletions that may hide samples of one selection: worked out once, applied to each series that was read.
package struct SelectionMask: Sendable {
    private let deletions: [Deletion]

    /// Of some deletions those that may concern a selection: of its tenant, within its time, and with no matcher that contradicts one of its.
    package init(_ selection: SeriesSelection, _ deletions: [Deletion]) {
        self.deletions = deletions.filter { deletion in
            !deletion.isEmpty && deletion.tenant == selection.tenant
                && deletion.start <= selection.end && deletion.end >= selection.start
                && !deletion.matchers.contains { matcher in
                    selection.matchers.contains { $0.excludes(matcher) }
                }
        }
    }

    /// Whether it hides nothing of any series.
    package var isEmpty: Bool { deletions.isEmpty }

    /// A series without the samples that are hidden.
    package func apply(to series: SeriesColumns) -> SeriesColumns {
        if deletions.isEmpty { return series }
        var result = series
        for deletion in deletions where deletion.concerns(series.labels) {
            result.remove(deletion.start...deletion.end)
        }
        return result
    }
}

extension Deletion {
    /// Whether a series of the deletion's tenant passes all its matchers.
    package func concerns(_ labels: Labels) -> Bool {
        matchers.allSatisfy { $0.matches(labels[$0.name] ?? "") }
    }
}

extension SeriesExemplars {
    /// The same without those that deletions of its tenant hide; nil when none is left.
    package func without(_ deletions: [Deletion]) -> SeriesExemplars? {
        let hiding = deletions.filter { $0.concerns(labels) }
        if hiding.isEmpty { return self }
        let shown = exemplars.filter { exemplar in
            !hiding.contains { exemplar.timestamp >= $0.start && exemplar.timestamp <= $0.end }
        }
        return shown.isEmpty ? nil : SeriesExemplars(labels: labels, exemplars: shown)
    }
}

extension Matcher {
    /// Whether no series passes both: both want one value, and not the same.
    fileprivate func excludes(_ other: Matcher) -> Bool {
        operation == .equal && other.operation == .equal && name.hasSameBytes(as: other.name)
            && !value.hasSameBytes(as: other.value)
    }
}

extension SeriesColumns {
    /// Takes out the samples of a time range, both ends included.
    package mutating func remove(_ range: ClosedRange<Int64>) {
        histograms.remove(range)
        let first = timestamps.partition(from: range.lowerBound)
        let end = range.upperBound == .max ? timestamps.count : timestamps.partition(from: range.upperBound + 1)
        guard first < end else { return }
        timestamps.removeSubrange(first..<end)
        values.removeSubrange(first..<end)
    }
}
