/// Why a request of the HTTP API fails, as the Prometheus envelope tells it.
package struct APIFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// The envelope's `errorType`; each has one status code.
    package enum Kind: String, Sendable, CaseIterable {
        /// A parameter or an expression that is wrong: 400.
        case badData = "bad_data"
        /// The expression is right and cannot be evaluated on this data: 422.
        case execution
        /// The query ran longer than its timeout: 503.
        case timeout
        /// The caller went away or the server stops: 503.
        case canceled
        /// What is asked for cannot be reached now, or the server is busy: 503.
        case unavailable
        /// No such path or object: 404.
        case notFound = "not_found"
        /// A fault of ours: 500.
        case internalFault = "internal"

        /// HTTP status code, as Prometheus' API gives it.
        package var status: Int {
            switch self {
            case .badData: 400
            case .execution: 422
            case .timeout, .canceled, .unavailable: 503
            case .notFound: 404
            case .internalFault: 500
            }
        }
    }

    /// Where in the query text the fault is: UTF-8 bytes from its start.
    package struct Position: Hashable, Sendable {
        /// First byte of the fault, 0 ... length of the text.
        package var offset: Int
        /// Bytes, 0 when the fault is between two characters.
        package var length: Int

        /// A place of `length` bytes at `offset`.
        package init(offset: Int, length: Int) {
            self.offset = offset
            self.length = length
        }
    }

    /// What kind of failure; decides the status code.
    package var kind: Kind
    /// For people; names what was wrong.
    package var message: String
    /// Where in the query, when the query is at fault.
    package var position: Position?
    /// Seconds after which a retry may succeed; sent as `Retry-After`.
    package var retryAfterSeconds: Int?

    /// A failure; `position` only when the query text is at fault.
    package init(_ kind: Kind, _ message: String, position: Position? = nil, retryAfterSeconds: Int? = nil) {
        self.kind = kind
        self.message = message
        self.position = position
        self.retryAfterSeconds = retryAfterSeconds
    }

    /// Any error as a failure: itself, a cancellation, or a fault of ours.
    package init(_ error: any Error) {
        if let failure = error as? APIFailure {
            self = failure
        } else if error is CancellationError {
            self.init(.canceled, "the request was canceled")
        } else {
            self.init(.internalFault, "\(error)")
        }
    }

    /// `errorType: message`.
    package var description: String { "\(kind.rawValue): \(message)" }
}
