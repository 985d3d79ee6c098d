/// The setting `checkpoint`, parsed: which database keeps the blocks.
package enum CheckpointConfiguration: Hashable, Sendable, CustomStringConvertible {
    /// A file of our own, created where there is none: for standalone.
    case sqlite(path: String)
    /// A PostgreSQL database, by its connection URI.
    case postgres(PostgresURI)

    /// - Parameter setting: `sqlite:PATH`, or `postgresql://…` (also `postgres://…`) as libpq reads it.
    /// - Throws: `CheckpointError.badConfiguration` with the reason, in which no password occurs.
    package init(parsing setting: String) throws(CheckpointError) {
        if let path = Self.rest(of: setting, after: "sqlite:") {
            guard !path.isEmpty else { throw .badConfiguration(reason: "sqlite: needs a path behind the colon") }
            guard !path.utf8.contains(0) else { throw .badConfiguration(reason: "the path has a zero byte") }
            self = .sqlite(path: path)
        } else if Self.rest(of: setting, after: "postgresql://") ?? Self.rest(of: setting, after: "postgres://") != nil
        {
            self = .postgres(try PostgresURI(setting))
        } else {
            let scheme = setting.prefix { $0 != ":" && $0 != "/" }.prefix(20)
            throw .badConfiguration(
                reason: "\"\(scheme)…\" is not known; use sqlite:PATH or postgresql://user:password@host/database")
        }
    }

    static func rest(of text: String, after prefix: String) -> String? {
        text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : nil
    }

    /// The setting without a password.
    package var description: String {
        switch self {
        case .sqlite(let path): "sqlite:\(path)"
        case .postgres(let uri): uri.description
        }
    }
}

/// One of several databases, as the setting `checkpoint` lists it: `postgresql://…`, `retired:postgresql://…` or `lost:postgresql://…`.
package struct ListedCheckpoint: Hashable, Sendable {
    /// Where it is.
    package let uri: PostgresURI
    /// What it shall be to the map.
    package let state: CheckpointMap.State

    /// - Parameter text: one item of the setting.
    /// - Throws: `CheckpointError.badConfiguration` with the reason, in which no password occurs.
    package init(parsing text: String) throws(CheckpointError) {
        var (rest, state) = (text, CheckpointMap.State.active)
        if let uri = CheckpointConfiguration.rest(of: text, after: "retired:") { (rest, state) = (uri, .retired) }
        if let uri = CheckpointConfiguration.rest(of: text, after: "lost:") { (rest, state) = (uri, .lost) }
        guard case .postgres(let uri) = try CheckpointConfiguration(parsing: rest) else {
            throw .badConfiguration(reason: "only PostgreSQL databases can be several")
        }
        self.uri = uri
        self.state = state
    }
}

/// A connection URI of PostgreSQL (libpq documentation, 34.1.1.2), checked for its shape alone: libpq judges the rest.
package struct PostgresURI: Hashable, Sendable, CustomStringConvertible {
    /// The URI with its password, for libpq.
    package let secret: String
    /// The URI with `***` in the place of passwords, for logs and errors.
    package let description: String

    fileprivate init(_ uri: String) throws(CheckpointError) {
        guard !uri.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F }) else {
            throw .badConfiguration(reason: "the PostgreSQL URI has a space or a control character; write it as %20")
        }
        guard uri.split(separator: "://", omittingEmptySubsequences: false).count == 2 else {
            throw .badConfiguration(reason: "a PostgreSQL URI has one scheme; several databases are a list of URIs")
        }
        secret = uri
        description = Self.redacted(uri)
    }

    /// Where the database is, without user, password and parameters: `HOST:PORT/DATABASE`.
    package var place: String {
        let rest = description[description.range(of: "://").upperBound...].prefix { $0 != "?" }
        let place = rest.lastIndex(of: "@").map { rest[rest.index(after: $0)...] } ?? rest
        // A URI may name its host among the parameters alone.
        guard place.first == "/", let start = description.lastIndex(of: "?") else { return String(place) }
        let parameters = description[description.index(after: start)...].split(separator: "&")
        let host = parameters.last { $0.hasPrefix("host=") }.map { $0.dropFirst("host=".count) } ?? ""
        return String(host + place)
    }

    /// Hides `user:PASSWORD@` and `password=`, `sslpassword=` among the parameters; rather too much than too little, since a password may
    /// hold characters that should have been percent-encoded.
    private static func redacted(_ uri: String) -> String {
        var shown = uri
        let schemeEnd = uri.range(of: "://").upperBound
        if let at = uri.lastIndex(of: "@"), let colon = uri[schemeEnd..<max(at, schemeEnd)].firstIndex(of: ":") {
            shown.replaceSubrange(colon..<at, with: ":***")
        }
        var parts = shown.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        if parts.count == 2 {
            parts[1] = parts[1].split(separator: "&", omittingEmptySubsequences: false).map { parameter in
                let name = parameter.prefix { $0 != "=" }
                return name.hasSuffix("password") ? "\(name)=***" : String(parameter)
            }.joined(separator: "&")
        }
        return parts.joined(separator: "?")
    }
}

extension String {
    /// The first place of a text that is known to occur.
    fileprivate func range(of text: String) -> Range<String.Index> {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return endIndex..<endIndex
    }
}
