/// Where a client connects to: `http://HOST[:PORT][/PATH]`.
package struct HTTPEndpoint: Hashable, Sendable {
    /// Name or address, without the brackets of IPv6.
    package var host: String
    /// 1 ... 65535; 80 when the URL has none.
    package var port: Int
    /// As given, without a slash at its end; empty for none.
    package var path: String

    /// Reads a URL.
    ///
    /// - Throws: `HTTPClientError.badURL`, which says what is wrong with it.
    package init(url: String) throws(HTTPClientError) {
        if url.hasPrefix("https://") { throw .badURL(url, reason: "https is not supported yet; use http") }
        guard url.hasPrefix("http://") else { throw .badURL(url, reason: "it must begin with http://") }
        let rest = url.dropFirst("http://".count)
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let path = rest[authority.endIndex...]
        if path.contains("?") || path.contains("#") { throw .badURL(url, reason: "it must end with its path") }
        if authority.contains("@") { throw .badURL(url, reason: "user and password in it are not supported") }
        var host = authority
        var port = 80
        if let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") {
            guard let number = Int(authority[authority.index(after: colon)...]), (1...65_535).contains(number) else {
                throw .badURL(url, reason: "the port must be 1 to 65535")
            }
            host = authority[..<colon]
            port = number
        }
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        if host.isEmpty { throw .badURL(url, reason: "there is no host in it") }
        self.host = String(host)
        self.port = port
        self.path = String(path.hasSuffix("/") ? path.dropLast() : path)
    }

    /// `HOST:PORT`, as the `Host` header has it.
    package var authority: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// Why a request of ours failed before it had a whole reply.
package enum HTTPClientError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The URL is not one that we can use.
    case badURL(String, reason: String)
    /// No connection: refused, unreachable, unknown host.
    case notConnected(to: String, reason: String)
    /// The connection ended before the reply did; the request may have been carried out.
    case connectionClosed(by: String)
    /// No whole reply in time; the request may have been carried out.
    case timeout(from: String, milliseconds: Int64)
    /// The reply's body is over the client's limit.
    case replyTooLarge(from: String, bytesMax: Int)
    /// As many requests as the client may have connections are under way.
    case busy(connectionsMax: Int)
    /// The client was closed.
    case closed

    /// One line that names the peer.
    package var description: String {
        switch self {
        case .badURL(let url, let reason): "URL \"\(url)\": \(reason)"
        case .notConnected(let peer, let reason): "cannot connect to \(peer): \(reason)"
        case .connectionClosed(let peer): "\(peer) closed the connection before its reply was complete"
        case .timeout(let peer, let milliseconds): "no reply from \(peer) within \(milliseconds) ms"
        case .replyTooLarge(let peer, let bytesMax): "the reply of \(peer) is larger than \(bytesMax) bytes"
        case .busy(let connectionsMax): "\(connectionsMax) requests are under way already"
        case .closed: "the client is closed"
        }
    }
}
