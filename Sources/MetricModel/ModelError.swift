/// Why something is not valid in the data model.
package enum ModelError: Error, Equatable, Sendable, CustomStringConvertible {
    case duplicateLabel(name: String)
    case notCanonical(String)
    case badTenant(String, reason: String)
    case badRegex(pattern: String, reason: String)
    case limit(name: String, maximum: Int, found: Int)

    package var description: String {
        switch self {
        case .duplicateLabel(let name): "label \"\(name)\" occurs twice"
        case .notCanonical(let reason): "label set is not canonical: \(reason)"
        case .badTenant(let tenant, let reason): "invalid tenant \"\(tenant)\": \(reason)"
        case .badRegex(let pattern, let reason): "invalid regular expression \"\(pattern)\": \(reason)"
        case .limit(let name, let maximum, let found): "\(name) is \(maximum), found \(found)"
        }
    }
}
