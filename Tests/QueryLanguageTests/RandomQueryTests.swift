import MetricModel
import QueryLanguage
import SeededRandom
import Testing

@Suite("Parser and printer on random input")
struct RandomQueryTests {
    @Test("a random query prints and parses back to the same tree", arguments: 1...4)
    func roundTrip(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for _ in 0..<1_500 {
            let text = RandomQuery.vector(&random, depth: 4)
            let tree = try Parser.parse(text)
            let printed = Printer.text(tree)
            let again = try Parser.parse(printed)
            #expect(Shape.text(again) == Shape.text(tree), "\(text) printed as \(printed)")
            #expect(Printer.text(again) == printed)
            for width in [1, 20, 100] {
                let pretty = PrettyPrinter(lineBytesMax: width).text(tree, level: 0)
                #expect(Shape.text(try Parser.parse(pretty)) == Shape.text(tree), "\(text) printed as \(pretty)")
            }
        }
    }

    @Test("random bytes, token soup and damaged queries never trap", arguments: 1...4)
    func hostile(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let soup = [
            "sum", "by", "(", ")", "{", "}", "[", "]", "a", "\"x\"", "'", "=", "=~", "!=", "5m", "1", "@", "offset",
            "-", "+", "^", "and", "on",
            "group_left", "bool", ",", ":", "rate", " ", "\n", "#", "start", "end", "\\", "`", "é", "0x", "1e", "inf",
            "without", "topk", "\u{0}",
        ]
        for round in 0..<6_000 {
            let text: String
            switch round % 3 {
            case 0:
                text = String(
                    decoding: (0..<random.below(40)).map { _ in UInt8(truncatingIfNeeded: random.next()) },
                    as: UTF8.self)
            case 1: text = (0..<random.below(25)).map { _ in soup[random.below(soup.count)] }.joined()
            default:
                var bytes = Array(RandomQuery.vector(&random, depth: 3).utf8)
                bytes[random.below(bytes.count)] = UInt8(truncatingIfNeeded: random.next())
                if random.below(2) == 0 { bytes.removeLast(random.below(bytes.count)) }
                text = String(decoding: bytes, as: UTF8.self)
            }
            do throws(ParseError) {
                let tree = try Parser.parse(text)
                let printed = Printer.text(tree)
                #expect(
                    (try? Parser.parse(printed)).map(Shape.text) == Shape.text(tree), "\(text) printed as \(printed)")
            } catch {
                #expect(error.range.start <= text.utf8.count, "\(text): \(error)")
            }
        }
    }
}

/// Writes random valid queries, with random spacing and keyword case.
enum RandomQuery {
    static func vector(_ random: inout SplitMix64, depth: Int) -> String {
        if depth == 0 { return selector(&random) }
        switch random.below(10) {
        case 0: return selector(&random)
        case 1:
            let function = pick(["rate", "increase", "sum_over_time", "last_over_time", "absent_over_time"], &random)
            return "\(function)(\(matrix(&random, depth: depth - 1)))"
        case 2:
            return
                "\(pick(["abs", "ceil", "sort", "timestamp", "absent"], &random))(\(vector(&random, depth: depth - 1)))"
        case 3: return aggregation(&random, depth: depth)
        case 4, 5: return binary(&random, depth: depth)
        case 6: return "(" + vector(&random, depth: depth - 1) + ")"
        case 7: return pick(["-", "+", "- "], &random) + "(" + vector(&random, depth: depth - 1) + ")"
        case 8: return "label_replace(\(vector(&random, depth: depth - 1)), \"d\\u00e9\", '$1', `s`, \"(.*)\")"
        default: return "clamp_min(\(vector(&random, depth: depth - 1)), \(scalar(&random, depth: depth - 1)))"
        }
    }

    static func scalar(_ random: inout SplitMix64, depth: Int) -> String {
        if depth <= 0 {
            return pick(["1", "0x1F", "5m", "-Inf", "NaN", ".5", "1e-9", "017", "-90s", "1_0", "1e300"], &random)
        }
        switch random.below(4) {
        case 0: return "time()"
        case 1: return "scalar(\(vector(&random, depth: depth - 1)))"
        case 2:
            return
                "(\(scalar(&random, depth: depth - 1)) \(pick(["+", "-", "*", "^", "%", "< bool"], &random)) \(scalar(&random, depth: 0)))"
        default: return scalar(&random, depth: 0)
        }
    }

    static func selector(_ random: inout SplitMix64) -> String {
        let name = pick(["up", "a:b", "sum", "start", "by", "offset", "metric_total", ""], &random)
        var text = name
        if name.isEmpty || random.below(2) == 0 {
            let matchers = ["job=\"a\"", "x!~'b.*'", "\"y.z\"=~`c|d`", "by != \"\\\\q\"", "le=\"+Inf\""]
            text +=
                "{" + matchers.prefix(1 + random.below(4)).joined(separator: pick([",", " , "], &random))
                + pick(["", ","], &random) + "}"
        }
        return text + modifiers(&random)
    }

    static func modifiers(_ random: inout SplitMix64) -> String {
        pick(
            [
                "", "", "", " offset 5m", " OFFSET -1h30m", " @ 1.5", " @ start()", " @ end() offset 300",
                " offset 1d @ -7",
            ], &random)
    }

    static func matrix(_ random: inout SplitMix64, depth: Int) -> String {
        if random.below(3) == 0 {
            return "(\(vector(&random, depth: max(0, depth - 1))))[\(pick(["1h:", "1d:5m", "60 : 10"], &random))]"
                + modifiers(&random)
        }
        return "m\(pick(["", "{a=\"b\"}"], &random))[\(pick(["5m", "1h30m", "300", "0.5", "1w"], &random))]"
            + modifiers(&random)
    }

    static func aggregation(_ random: inout SplitMix64, depth: Int) -> String {
        let clause = pick(["", "by (a, \"b.c\")", "BY(sum)", "without ()", "without(le,)"], &random)
        let inner = vector(&random, depth: depth - 1)
        let (name, parameter) = pick(
            [
                ("sum", ""), ("AVG", ""), ("topk", "3, "), ("quantile", "0.5, "), ("count_values", "\"v\", "),
                ("stddev", ""),
            ], &random)
        return random.below(2) == 0
            ? "\(name) \(clause) (\(parameter)\(inner))" : "\(name)(\(parameter)\(inner)) \(clause)"
    }

    static func binary(_ random: inout SplitMix64, depth: Int) -> String {
        let left = vector(&random, depth: depth - 1)
        let right = vector(&random, depth: depth - 1)
        switch random.below(4) {
        case 0: return "\(left) \(pick(["and", "or", "unless", "AND on (a)", "unless ignoring(b)"], &random)) \(right)"
        case 1:
            return "(\(left) \(pick(["==", "!= bool", ">", "<=bool"], &random)) \(scalar(&random, depth: depth - 1)))"
        default:
            let matching = pick(
                ["", "on(a)", "ignoring (b, \"c.d\")", "on (a) group_left (x)", "ignoring() group_right ()"], &random)
            return "\(left) \(pick(["+", "-", "*", "/", "%", "^", "atan2", "> bool"], &random)) \(matching) \(right)"
        }
    }

    static func pick<T>(_ choices: [T], _ random: inout SplitMix64) -> T { choices[random.below(choices.count)] }
}

/// A tree as an S-expression without its source ranges: two trees are equal when their shapes are.
enum Shape {
    static func text(_ expression: Expression) -> String {
        switch expression {
        case .number(let node): node.value.isNaN ? "nan" : "\(node.value)"
        case .string(let node): "\"\(node.value)\""
        case .vectorSelector(let node): selector(node)
        case .matrixSelector(let node): "(window \(node.window) \(selector(node.selector)))"
        case .subquery(let node):
            "(subquery \(node.window) \(node.step ?? -1) \(text(node.inner)) \(modifiers(node.at, node.offset)))"
        case .call(let node): "(\(node.function.rawValue) \(node.arguments.map(text).joined(separator: " ")))"
        case .aggregation(let node):
            "(\(node.operation.rawValue) \(node.isWithout) \(node.grouping) \(node.parameter.map(text) ?? "") \(text(node.inner)))"
        case .binary(let node): binary(node)
        case .unary(let node): "(\(node.isNegation ? "neg" : "pos") \(text(node.operand)))"
        case .parenthesized(let node): "(group \(text(node.inner)))"
        }
    }

    private static func selector(_ node: VectorSelector) -> String {
        // Their order has no meaning, and the printer sorts them.
        let rest = node.matchers.dropLast(node.name == nil ? 0 : 1).map(\.description).sorted()
        return (node.name ?? "") + (rest.isEmpty ? "" : "\(rest)") + modifiers(node.at, node.offset)
    }

    private static func modifiers(_ at: AtModifier?, _ offset: Int64) -> String {
        (at.map { " at \($0)" } ?? "") + (offset == 0 ? "" : " offset \(offset)")
    }

    private static func binary(_ node: BinaryExpression) -> String {
        var matching = ""
        if let found = node.matching,
            found.isOn || !found.labels.isEmpty || found.cardinality == .manyToOne || found.cardinality == .oneToMany
        {
            matching = " [\(found.cardinality) \(found.isOn) \(found.labels) \(found.include)]"
        }
        return
            "(\(node.operation.rawValue)\(node.returnsBool ? "bool" : "") \(text(node.left)) \(text(node.right))\(matching))"
    }
}

extension SplitMix64 {
    /// A number in 0 ..< bound, 0 when the bound is 0.
    mutating func below(_ bound: Int) -> Int { bound == 0 ? 0 : Int(next() % UInt64(bound)) }
}
