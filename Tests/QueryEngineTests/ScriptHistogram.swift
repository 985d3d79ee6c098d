import MetricModel

/// One sample of a script.
enum ScriptSample {
    case number(Double)
    case histogram(NativeHistogram)
}

/// Native histograms as Prometheus' `promqltest` writes them:
/// `{{schema:1 count:4 sum:5 z_bucket:1 z_bucket_w:0.1 offset:2 buckets:[1 2] n_offset:0 n_buckets:[1] custom_values:[1 5] counter_reset_hint:gauge}}`.
/// All is optional; buckets begin at index 0 unless an offset is given.
enum ScriptHistogram {
    static func parse(_ text: Substring) throws -> NativeHistogram {
        var members: [String: String] = [:]
        var rest = text.dropFirst(2).dropLast(2)
        while let colon = rest.firstIndex(of: ":") {
            let name = rest[..<colon].filter { $0 != " " }
            rest = rest[rest.index(after: colon)...]
            let isList = rest.first == "["
            let end = rest.firstIndex(of: isList ? "]" : " ") ?? rest.endIndex
            members[String(name)] = String(rest[(isList ? rest.index(after: rest.startIndex) : rest.startIndex)..<end])
            rest = isList ? rest[rest.index(after: end)...] : rest[end...]
        }
        func number(_ name: String) throws -> Double {
            guard let member = members.removeValue(forKey: name) else { return 0 }
            guard let number = Double(member) else { throw Script.SyntaxError(description: "\(name) of \(text)") }
            return number
        }
        func list(_ name: String) throws -> [Double] {
            try (members.removeValue(forKey: name) ?? "").split(separator: " ").map { word in
                guard let number = Double(word) else { throw Script.SyntaxError(description: "\(name) of \(text)") }
                return number
            }
        }
        func buckets(_ prefix: String) throws -> NativeHistogram.Buckets {
            let offset = Int32(try number(prefix + "offset"))
            return NativeHistogram.Buckets(
                indexed: try list(prefix + "buckets").enumerated().map { (Int32($0.offset) + offset, $0.element) })
        }
        let hints = ["unknown": 0, "reset": 1, "not_reset": 2, "gauge": 3]
        let hint = hints[members.removeValue(forKey: "counter_reset_hint") ?? "unknown"]
        let histogram = NativeHistogram(
            schema: Int8(try number("schema")),
            counterResetHint: hint.flatMap { NativeHistogram.CounterResetHint(rawValue: UInt8($0)) } ?? .unknown,
            count: try number("count"), sum: try number("sum"), zeroThreshold: try number("z_bucket_w"),
            zeroCount: try number("z_bucket"), positive: try buckets(""), negative: try buckets("n_"),
            customValues: try list("custom_values"))
        if hint == nil || !members.isEmpty { throw Script.SyntaxError(description: "\(members) of \(text)") }
        return histogram
    }

    /// `{{…}}`, `{{…}}x3`, `{{…}}+{{…}}x3` and `{{…}}-{{…}}x3`.
    static func values(_ word: Substring) throws -> [NativeHistogram] {
        guard let end = word.firstRange(of: "}}")?.upperBound else { throw Script.SyntaxError(description: "\(word)") }
        let first = try parse(word[..<end])
        let rest = word[end...]
        let count = rest.split(separator: "x").last.flatMap { Int($0) } ?? 0
        guard let sign = rest.first, sign == "+" || sign == "-" else {
            return [NativeHistogram](repeating: first, count: count + 1)
        }
        guard let last = rest.firstRange(of: "}}")?.upperBound else { throw Script.SyntaxError(description: "\(word)") }
        let added = try parse(rest.dropFirst()[..<last])
        var value = first
        return (0...count).map { index in
            if index > 0 { value = sum(value, added, sign == "+" ? 1 : -1) }
            return value
        }
    }

    /// The sum of two with the same schema, zero threshold and bounds.
    private static func sum(_ left: NativeHistogram, _ right: NativeHistogram, _ sign: Double) -> NativeHistogram {
        var result = left
        result.count += sign * right.count
        result.sum += sign * right.sum
        result.zeroCount += sign * right.zeroCount
        result.positive = sum(left.positive, right.positive, sign)
        result.negative = sum(left.negative, right.negative, sign)
        return result
    }

    private static func sum(
        _ left: NativeHistogram.Buckets, _ right: NativeHistogram.Buckets, _ sign: Double
    ) -> NativeHistogram.Buckets {
        var counts = counts(left)
        for (index, count) in self.counts(right) { counts[index, default: 0] += sign * count }
        return NativeHistogram.Buckets(indexed: counts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
    }

    private static func counts(_ buckets: NativeHistogram.Buckets) -> [Int32: Double] {
        var counts: [Int32: Double] = [:]
        buckets.forEach { index, count in counts[index] = count }
        return counts
    }

    /// The same but for the last bits, empty buckets and hints: what an answer of the API tells of them.
    static func isEqual(_ left: NativeHistogram, _ right: NativeHistogram) -> Bool {
        let (left, right) = (numbers(left), numbers(right))
        return left.count == right.count && zip(left, right).allSatisfy(Script.isEqual)
    }

    private static func numbers(_ histogram: NativeHistogram) -> [Double] {
        let buckets = histogram.ascendingBuckets.filter { $0.count != 0 }
        return [histogram.count, histogram.sum] + buckets.flatMap { [$0.lower, $0.upper, $0.count] }
    }

    static func text(_ histogram: NativeHistogram) -> String {
        func list(_ buckets: NativeHistogram.Buckets) -> String {
            counts(buckets).sorted { $0.key < $1.key }.map { "\($0.key):\($0.value)" }.joined(separator: " ")
        }
        return "{{schema:\(histogram.schema) count:\(histogram.count) sum:\(histogram.sum) "
            + "zero:\(histogram.zeroCount)±\(histogram.zeroThreshold) custom:\(histogram.customValues) "
            + "positive:[\(list(histogram.positive))] negative:[\(list(histogram.negative))]}}"
    }
}
