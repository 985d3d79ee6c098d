import HTTPSurface
import MetricModel
import QueryEngine
import QueryLanguage
import WireProtocol

extension APIFailure {
    /// Runs `work`; what it throws comes out as the failure that the API tells.
    ///
    /// - Parameters:
    ///   - query: the expression at work, for places in it.
    ///   - work: what may fail.
    /// - Returns: what `work` returns.
    /// - Throws: what `work` throws, as the API tells it.
    static func naming<Result>(
        query: String? = nil, _ work: () async throws -> Result
    ) async throws(APIFailure) -> Result {
        do { return try await work() } catch { throw APIFailure(query: query, error) }
    }

    /// As above, for work that does not wait.
    static func naming<Result>(
        query: String? = nil, _ work: () throws -> Result
    ) throws(APIFailure) -> Result {
        do { return try work() } catch { throw APIFailure(query: query, error) }
    }

    private init(query: String?, _ error: any Error) {
        switch error {
        case let error as ParseError:
            self.init(
                .badData, query == nil ? "invalid parameter \"match[]\": \(error)" : "\(error)",
                position: Position(error.range))
        case let error as QueryError:
            self.init(error)
        case let error as TypedError:
            self.init(error)
        default:
            self.init(error)
        }
    }

    private init(_ error: QueryError) {
        let kind: Kind =
            switch error.code {
            case .badRequest: .badData
            case .execution, .limit: .execution
            case .cancelled: .canceled
            case .source: .internalFault
            }
        self.init(kind, error.message, position: error.range.map(Position.init))
    }

    /// What an aggregator answered, or what kept it from answering.
    private init(_ error: TypedError) {
        let kind: Kind =
            switch error.code {
            case .badRequest, .versionMismatch, .unknownReference, .internal: .internalFault
            case .notFound: .notFound
            case .tooLarge, .evaluation: .execution
            case .overloaded, .unavailable: .unavailable
            case .deadlineExceeded: .timeout
            case .cancelled: .canceled
            }
        let wait = error.retryAfterMilliseconds.map { Int(($0 + 999) / 1000) }
        self.init(kind, error.message, retryAfterSeconds: kind == .unavailable ? wait ?? 1 : wait)
    }
}

extension APIFailure.Position {
    init(_ range: SourceRange) {
        self.init(offset: range.start, length: range.end - range.start)
    }
}
