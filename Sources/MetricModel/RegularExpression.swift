internal import CRE2

/// A compiled RE2 expression that matches whole strings, as Prometheus anchors its matchers.
///
/// RE2 runs in time linear in the text, so no pattern that a client sends can stall a node.
@safe package final class RegularExpression: Sendable {
    package let pattern: String
    // SAFETY: RE2 objects are safe for concurrent matching; freed once, in deinit.
    private nonisolated(unsafe) let compiled: OpaquePointer

    /// Longest pattern, in bytes.
    package static let patternBytesMax = 16 * 1024
    /// Memory of one compiled program with its caches, in bytes.
    package static let programBytesMax: Int64 = 4 << 20

    /// - Throws: `ModelError.badRegex` with RE2's reason, or `.limit` when the pattern is too long.
    package init(_ pattern: String) throws(ModelError) {
        guard pattern.utf8.count <= RegularExpression.patternBytesMax else {
            throw .limit(
                name: "regex_pattern_bytes_max", maximum: RegularExpression.patternBytesMax, found: pattern.utf8.count)
        }
        var reason = [CChar](repeating: 0, count: 256)
        var text = pattern
        // SAFETY: pattern and reason are alive for the length of the call, with their true sizes.
        let result = text.withUTF8 { utf8 in
            unsafe utf8.withMemoryRebound(to: CChar.self) { bytes in
                unsafe murmur_re2_compile(
                    bytes.baseAddress, bytes.count, RegularExpression.programBytesMax, &reason, reason.count)
            }
        }
        guard let result = unsafe result else {
            let message = String(decoding: reason.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            throw .badRegex(pattern: pattern, reason: message)
        }
        self.pattern = pattern
        unsafe self.compiled = result
    }

    deinit {
        unsafe murmur_re2_free(compiled)
    }

    /// Whether the whole of `text` matches.
    package func matches(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { utf8 in
            // SAFETY: the bytes are alive for the length of the call.
            unsafe utf8.withMemoryRebound(to: CChar.self) { bytes in
                unsafe murmur_re2_full_match(compiled, bytes.baseAddress, bytes.count)
            }
        }
    }

    /// The groups of a match of the whole of `text`, the whole first; nil when it does not match. A group that took no part is empty.
    package func groups(in text: String) -> [String]? {
        let count = Int(unsafe murmur_re2_groups(compiled)) + 1
        var offsets = [Int](repeating: -1, count: 2 * count)
        var text = text
        return text.withUTF8 { utf8 -> [String]? in
            // SAFETY: the text is alive for the length of the call; offsets has room for `count` pairs.
            let matched = unsafe utf8.withMemoryRebound(to: CChar.self) { bytes in
                unsafe murmur_re2_full_match_groups(compiled, bytes.baseAddress, bytes.count, &offsets, Int32(count))
            }
            guard matched else { return nil }
            return (0..<count).map { group in
                let begin = offsets[2 * group]
                guard begin >= 0 else { return "" }
                return unsafe String(decoding: utf8[begin..<offsets[2 * group + 1]], as: UTF8.self)
            }
        }
    }

    /// The name of a group (1 and up), or nil.
    package func groupName(_ group: Int) -> String? {
        // SAFETY: the C string lives as long as the expression and is copied here.
        guard let name = unsafe murmur_re2_group_name(compiled, Int32(group)) else { return nil }
        return unsafe String(cString: name)
    }
}
