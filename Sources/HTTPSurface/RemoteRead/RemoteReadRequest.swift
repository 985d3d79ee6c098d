import ByteCoding
package import MetricModel

/// What a client asks for under `/api/v1/read`: Prometheus' `prometheus.ReadRequest`.
///
/// Source: Prometheus' prompb/remote.proto. Hints are not read: all samples of the range are answered.
package struct RemoteReadRequest: Equatable, Sendable {
    /// How the answer is to be written.
    package enum ResponseType: Equatable, Sendable {
        /// One message with all samples, snappy compressed.
        case samples
        /// A stream of messages with chunks.
        case streamedChunks
    }

    /// One selection.
    package struct Query: Equatable, Sendable {
        /// First time, Unix milliseconds, inclusive.
        package var start: Int64 = 0
        /// Last time, Unix milliseconds, inclusive.
        package var end: Int64 = 0
        /// What a series must pass.
        package var matchers: [Matcher] = []
    }

    /// The selections, each answered on its own.
    package var queries: [Query] = []
    /// The first form that the client takes and that we have.
    package var responseType = ResponseType.samples

    /// Most selections in one request.
    package static let queriesMax = 64
    /// Most matchers in one selection.
    package static let matchersMax = 256

    /// Reads a message, already unpacked.
    ///
    /// - Throws: `bad_data` saying what is wrong with it.
    package init(_ message: [UInt8]) throws(APIFailure) {
        do {
            try self.init(reading: message)
        } catch let failure as APIFailure {
            throw failure
        } catch {
            throw APIFailure(.badData, "the body is not a prometheus.ReadRequest: \(error)")
        }
    }

    private init(reading message: [UInt8]) throws {
        var reader = ProtobufReader(message.rawSpan)
        var accepted: [UInt64] = []
        while let field = try reader.nextField() {
            switch (field.number, field.type) {
            case (1, .bytes):
                if queries.count == Self.queriesMax { throw Self.tooMany("queries", Self.queriesMax) }
                queries.append(try Self.query(try reader.readSpan()))
            case (2, .varint): accepted.append(try reader.readVarint())
            case (2, .bytes):
                var packed = ByteReader(try reader.readSpan())
                while !packed.isAtEnd { accepted.append(try packed.readVarint()) }
            default: try reader.skip(field.type)
            }
        }
        if accepted.isEmpty { return }
        guard let first = accepted.first(where: { $0 <= 1 }) else {
            throw APIFailure(.badData, "none of the accepted response types is SAMPLES or STREAMED_XOR_CHUNKS")
        }
        responseType = first == 1 ? .streamedChunks : .samples
    }

    private static func query(_ message: RawSpan) throws -> Query {
        var reader = ProtobufReader(message)
        var query = Query()
        while let field = try reader.nextField() {
            switch (field.number, field.type) {
            case (1, .varint): query.start = try reader.readInt64()
            case (2, .varint): query.end = try reader.readInt64()
            case (3, .bytes):
                if query.matchers.count == matchersMax { throw tooMany("matchers", matchersMax) }
                query.matchers.append(try matcher(try reader.readSpan()))
            default: try reader.skip(field.type)
            }
        }
        return query
    }

    private static func matcher(_ message: RawSpan) throws -> Matcher {
        var reader = ProtobufReader(message)
        var (type, name, value) = (UInt64(0), "", "")
        while let field = try reader.nextField() {
            switch (field.number, field.type) {
            case (1, .varint): type = try reader.readVarint()
            case (2, .bytes): name = try reader.readString()
            case (3, .bytes): value = try reader.readString()
            default: try reader.skip(field.type)
            }
        }
        guard let operation = Matcher.Operation(rawValue: UInt8(clamping: type)) else {
            throw APIFailure(.badData, "there is no matcher type \(type)")
        }
        do throws(ModelError) {
            return try Matcher(name, operation, value)
        } catch {
            throw APIFailure(.badData, "matcher of \"\(name)\": \(error)")
        }
    }

    private static func tooMany(_ what: String, _ limit: Int) -> APIFailure {
        APIFailure(.badData, "more than \(limit) \(what) in a remote read")
    }
}
