package import QueryLanguage

/// Why a query that parsed has no result.
package struct QueryError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What kind of failure it is; the HTTP surface chooses the error type and status by it.
    package enum Code: Sendable {
        /// The request itself makes no sense: a bad step, a range vector in a range query.
        case badRequest
        /// The data does not allow the operation: duplicate matches, equal label sets.
        case execution
        /// A named limit was reached.
        case limit
        /// Whoever asked went away.
        case cancelled
        /// The samples cannot be read.
        case source
    }

    /// What kind of failure it is.
    package let code: Code
    /// What was wrong, in Prometheus' words where it has some.
    package let message: String
    /// The part of the query that it is about, when there is one.
    package let range: SourceRange?

    package init(_ code: Code, _ message: String, _ range: SourceRange? = nil) {
        self.code = code
        self.message = message
        self.range = range
    }

    package var description: String { message }

    static let sameLabelSet = QueryError(.execution, "vector cannot contain metrics with the same labelset")
}
