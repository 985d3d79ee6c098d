/// How a body is compressed on its way: the value of `Content-Encoding`.
package enum ContentCoding: String, Sendable, CaseIterable {
    /// RFC 1952.
    case gzip
    /// RFC 1950, zlib's frame, which HTTP calls deflate.
    case deflate

    /// A body of fewer bytes is sent as it is: its frame would eat the gain.
    static let bytesMin = 1_400

    /// What a client wants most, of these, by the header `Accept-Encoding`; nil for a plain body.
    ///
    /// Source: RFC 9110, section 12.5.3. Of equal weights gzip is taken.
    package static func chosen(by accepted: String?) -> ContentCoding? {
        guard let accepted else { return nil }
        var weights: [String: Double] = [:]
        for item in accepted.lowercased().split(separator: ",") {
            let parts = item.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" } }
            guard let name = parts.first else { continue }
            let weight = parts.dropFirst().first { $0.hasPrefix("q=") }.map { Double($0.dropFirst(2)) ?? 0 } ?? 1
            weights[name == "x-gzip" ? "gzip" : name] = weight
        }
        func weight(_ coding: ContentCoding) -> Double { weights[coding.rawValue] ?? weights["*"] ?? 0 }
        let best: ContentCoding = weight(.deflate) > weight(.gzip) ? .deflate : .gzip
        return weight(best) > 0 && weight(best) >= (weights["identity"] ?? 0) ? best : nil
    }
}
