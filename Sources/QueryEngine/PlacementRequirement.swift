package import MetricModel
internal import QueryLanguage

/// How the series that a fragment reads must have been placed for its parts to make up the whole.
///
/// Uniting selectors' rows is right for any placement. An operation in which series meet (matching, complete groups, label sets that become
/// equal) is right only where series that meet lie together: they were placed by a label whose value they share.
package struct PlacementRequirement: Hashable, Sendable {
    /// How every series may have been placed.
    package var allowed: PlacementKinds
    /// Whether all must have been placed by one and the same label.
    package var isUniform: Bool

    /// No requirement.
    static let none = PlacementRequirement(allowed: .all, isUniform: false)
    /// Series that differ in no placement label meet: each must have one.
    static let anyLabel = PlacementRequirement(allowed: .anyLabel, isUniform: false)

    /// Whether series that were placed so fulfil it.
    package func isFulfilled(by found: PlacementKinds) -> Bool {
        allowed.isSuperset(of: found) && (!isUniform || found.count <= 1)
    }

    /// Both.
    func and(_ other: PlacementRequirement) -> PlacementRequirement {
        PlacementRequirement(
            allowed: allowed.intersection(other.allowed), isUniform: isUniform || other.isUniform)
    }
}

/// Where a query's fragments may be cut.
package enum Distribution: Hashable, Sendable {
    /// One node has all the data: everything up to the query's order runs there.
    case onePart
    /// Several nodes have parts, servers whole: what keeps the placement labels runs there, provided that the series turn out to be placed so.
    case byServer(placementLabels: [String])
    /// Several nodes have parts, and nothing is known of how the series fall to them.
    case anyParts

    /// What must hold for `expression` to be evaluated on each part alone and its rows united; nil when nothing makes that right, or when
    /// there is nothing to read.
    func requirement(_ expression: Expression) -> PlacementRequirement? {
        guard expression.type == .vector, expression.hasSelector else { return nil }
        if self == .onePart { return PlacementRequirement.none }
        return LocalityRules(names: placementLabels).vector(expression)
    }

    /// Whether the scalar (or text) is the same wherever it is evaluated.
    func isTheSameEverywhere(_ scalar: Expression?) -> Bool {
        guard let scalar else { return true }
        return scalar.type == .string || LocalityRules.isFixed(scalar)
    }

    private var placementLabels: [String]? {
        guard case .byServer(let names) = self else { return nil }
        return names
    }
}
