import MetricModel
import QueryLanguage
import SeededRandom
import Testing

/// What a text parses to, as the printer writes it back.
struct Accepted: Sendable, CustomTestStringConvertible {
    let text: String
    let printed: String

    init(_ text: String, _ printed: String? = nil) {
        self.text = text
        self.printed = printed ?? text
    }

    var testDescription: String { text }
}

@Suite("Parser: what it accepts")
struct ParserAcceptTests {
    static let numbers: [Accepted] = [
        Accepted("1"), Accepted("Inf", "+Inf"), Accepted("-inf", "-Inf"), Accepted("NaN"), Accepted("nAn", "NaN"),
        Accepted(".5", "0.5"), Accepted("5.", "5"), Accepted("123.4567"), Accepted("5e-3", "0.005"),
        Accepted("5e3", "5000"),
        Accepted("1e300", "1" + String(repeating: "0", count: 300)), Accepted("0xc", "12"),
        Accepted("0Xff_ff", "65535"),
        Accepted("0755", "493"), Accepted("08", "8"), Accepted("1_000_000", "1000000"),
        Accepted(".123_456", "0.123456"),
        Accepted("+5.5e-3", "0.0055"), Accepted("-0755", "-493"), Accepted("--1", "1"), Accepted("- -1", "1"),
        Accepted("4h30m"), Accepted("90m", "1h30m"), Accepted("1d3h30m"), Accepted("-5m"), Accepted("1w"),
        Accepted("365d", "1y"),
        Accepted("1e-7", "0.0000001"), Accepted("9007199254740993", "9007199254740992"),
    ]

    static let operators: [Accepted] = [
        Accepted("1+1", "1 + 1"), Accepted("1 + 2 * 3"), Accepted("(1 + 2) * 3"), Accepted("2 ^ 3 ^ 4"),
        Accepted("-1 ^ 2"),
        Accepted("-a*b", "-a * b"), Accepted("2 ^ -a"), Accepted("1 < bool 2 - 1 * 2"), Accepted("+some_metric"),
        Accepted("a and b or c unless d"), Accepted("a AND b", "a and b"), Accepted("a atan2 b"), Accepted("a % b"),
        Accepted("a == bool on (x) b"), Accepted("a * on(x,y) group_left(z) b", "a * on (x, y) group_left (z) b"),
        Accepted("a * ignoring(x) group_right b", "a * ignoring (x) group_right () b"),
        Accepted("a / on() b", "a / on () b"),
        Accepted("a / ignoring() b", "a / b"), Accepted("1 / on() 2", "1 / 2"),
        Accepted("foo > on(test,) b", "foo > on (test) b"), Accepted("a + on(sum,by,start,end,bool,atan2,\"x.y\") b"),
        Accepted("a + ignoring () group_left (x) b"),
    ].map {
        $0.printed.contains("\"x.y\"") ? Accepted($0.text, "a + on (sum, by, start, end, bool, atan2, \"x.y\") b") : $0
    }

    static let selectors: [Accepted] = [
        Accepted("foo"), Accepted("foo:bar:baz"), Accepted("foo{}", "foo"), Accepted("foo{a=\"b\",}", "foo{a=\"b\"}"),
        Accepted(
            "foo{ a = 'b' , c != `d\\` , e =~ \"f.*\", g!~\"h\" }", "foo{a=\"b\",c!=\"d\\\\\",e=~\"f.*\",g!~\"h\"}"),
        Accepted("{\"my.metric\", \"label.name\"=\"x\"}", "{\"label.name\"=\"x\",__name__=\"my.metric\"}"),
        Accepted("{__name__=~\"a|b\"}"),
        Accepted("foo{by=\"x\",on=\"y\",offset=\"z\",inf=\"1\"}", "foo{by=\"x\",inf=\"1\",offset=\"z\",on=\"y\"}"),
        Accepted("foo{a=\"\\u00e9\\x41\\101\\n\"}", "foo{a=\"éAA\\n\"}"), Accepted("foo{a=\"🦜\"}"),
        Accepted("sum"), Accepted("sum{a=\"b\"}"), Accepted("offset"), Accepted("start"), Accepted("by"),
        Accepted("and"),
        Accepted("offset offset 5m"), Accepted("foo offset 5m"), Accepted("foo offset -7m"),
        Accepted("foo offset 300", "foo offset 5m"),
        Accepted("foo offset +1h30m", "foo offset 1h30m"), Accepted("foo @ 1.5", "foo @ 1.500"),
        Accepted("foo @ -10", "foo @ -10.000"), Accepted("foo @ 1h", "foo @ 3600.000"),
        Accepted("foo @ -1m30s", "foo @ -90.000"),
        Accepted("{\"foo\",__name__=\"bar\"}", "{__name__=\"bar\",__name__=\"foo\"}"),
        Accepted("foo @ start() offset 1m"), Accepted("foo offset 1m @ end()", "foo @ end() offset 1m"),
        Accepted("foo[5m]"), Accepted("foo[ 300 ]", "foo[5m]"),
        Accepted("foo{a=\"b\"}[1h30m] @ 0 offset 1d", "foo{a=\"b\"}[1h30m] @ 0.000 offset 1d"),
        Accepted("foo[5m:1m]"), Accepted("foo[5m:]"), Accepted("foo[5m :1m]", "foo[5m:1m]"),
        Accepted("(a + b)[1h:5m] offset 1m"),
        Accepted("rate(foo[5m])[1h:]"), Accepted("foo # a comment\n", "foo"),
        Accepted("# first\nfoo{ # here\na=\"b\"}", "foo{a=\"b\"}"),
        Accepted("foo[1.5]", "foo[1s500ms]"), Accepted("foo{\"a\"=\"b\"}", "foo{a=\"b\"}"), Accepted("Inf_total"),
    ]

    static let calls: [Accepted] = [
        Accepted("sum(a)"), Accepted("sum by (x,y)(a)", "sum by (x, y) (a)"),
        Accepted("sum(a) by (x)", "sum by (x) (a)"),
        Accepted("SUM BY(x)(a)", "sum by (x) (a)"), Accepted("avg without () (a)"), Accepted("sum by () (a)", "sum(a)"),
        Accepted("topk(5, a)"), Accepted("count_values(\"v\", a)"), Accepted("quantile(0.9, a)"),
        Accepted("sum by (\"a.b\", job) (a)"), Accepted("rate(a[5m])"), Accepted("time()"), Accepted("round(a, 5)"),
        Accepted("round(a)"),
        Accepted("hour()"), Accepted("label_join(a, \"d\", \"-\")"),
        Accepted("label_join(a, \"d\", \"-\", \"x\", \"y\")"),
        Accepted("label_replace(a, \"d\", \"$1\", \"s\", \"(.*)\")"),
        Accepted("histogram_quantile(0.9, sum by (le) (rate(a[5m])))"),
        Accepted("clamp(a, 0, 1)"), Accepted("vector(1)"), Accepted("scalar(a) + 1"), Accepted("\"a string\""),
        Accepted("`raw\\n`", "\"raw\\\\n\""),
        Accepted("absent_over_time(a[5m])"), Accepted("sum(a) + sum(b) by (c)", "sum(a) + sum by (c) (b)"),
    ]

    @Test(
        "an accepted text prints as expected, and what is printed parses to the same",
        arguments: numbers + operators + selectors + calls)
    func accepted(_ example: Accepted) throws {
        let tree = try Parser.parse(example.text)
        let printed = Printer.text(tree)
        #expect(printed == example.printed)
        let again = try Parser.parse(printed)
        #expect(Shape.text(again) == Shape.text(tree))
    }

    @Test("precedence and associativity shape the tree")
    func precedence() throws {
        func shape(_ text: String) throws -> String { Shape.text(try Parser.parse(text)) }
        #expect(try shape("a + b * c") == "(+ a (* b c))")
        #expect(try shape("a - b - c") == "(- (- a b) c)")
        #expect(try shape("a ^ b ^ c") == "(^ a (^ b c))")
        #expect(try shape("-a ^ b") == "(neg (^ a b))")
        #expect(try shape("-a * b") == "(* (neg a) b)")
        #expect(try shape("a ^ -b * c") == "(* (^ a (neg b)) c)")
        #expect(try shape("a or b and c == d") == "(or a (and b (== c d)))")
        #expect(try shape("a unless b and c") == "(and (unless a b) c)")
        #expect(try shape("-a offset 5m") == "(neg a offset 300000)")
        #expect(try shape("a * b offset 5m") == "(* a b offset 300000)")
        #expect(try shape("-1 ^ 2") == "(neg (^ 1.0 2.0))")
    }

    @Test("ranges point at the bytes of each node")
    func ranges() throws {
        let text = "sum by (x) (rate(föö[5m] offset 1m)) + 1"
        #expect(throws: ParseError.self) { try Parser.parse(text) }
        let ascii = "sum by (x) (rate(foo[5m] offset 1m)) + 1"
        guard case .binary(let sum) = try Parser.parse(ascii), case .aggregation(let left) = sum.left,
            case .call(let rate) = left.inner, case .matrixSelector(let matrix) = rate.arguments[0]
        else {
            Issue.record("not the tree that was written")
            return
        }
        func slice(_ range: SourceRange) -> String {
            String(decoding: Array(ascii.utf8)[range.start..<range.end], as: UTF8.self)
        }
        #expect(slice(sum.range) == ascii)
        #expect(slice(sum.operatorRange) == "+")
        #expect(slice(left.range) == "sum by (x) (rate(foo[5m] offset 1m))")
        #expect(slice(rate.range) == "rate(foo[5m] offset 1m)")
        #expect(slice(matrix.range) == "foo[5m] offset 1m")
        #expect(slice(matrix.selector.range) == "foo")
        #expect(slice(sum.right.range) == "1")
    }

    @Test("experimental parts are accepted when they are switched on")
    func experimental() throws {
        var options = ParserOptions()
        options.experimentalFunctions = true
        options.experimentalDurationExpressions = true
        #expect(Printer.text(try Parser.parse("limitk(2, a)", options: options)) == "limitk(2, a)")
        #expect(Printer.text(try Parser.parse("mad_over_time(a[5m])", options: options)) == "mad_over_time(a[5m])")
        #expect(
            Printer.text(try Parser.parse("a[5m * 2 + 1] offset -(1m / 2)", options: options)) == "a[10m1s] offset -30s"
        )
        #expect(Printer.text(try Parser.parse("info(a, {x=~\".*\"})", options: options)) == "info(a, {x=~\".*\"})")
    }

    @Test("a selector alone gives its matchers")
    func selector() throws {
        let matchers = try Parser.parseSelector("up{job=~\"a.*\"}")
        #expect(matchers == [try Matcher("job", .regex, "a.*"), Matcher(equal: "__name__", "up")])
        for text in ["", "{}", "up[5m]", "up offset 1m", "up + 1", "rate(up[1m])", "1"] {
            #expect(throws: ParseError.self, "\(text)") { try Parser.parseSelector(text) }
        }
    }

    @Test("plain decimals read back as the same number")
    func plainDecimals() {
        var random = SplitMix64(seed: 7)
        for _ in 0..<20_000 {
            let value = Double(bitPattern: random.next())
            if value.isNaN { continue }
            #expect(Double(PlainDecimal.text(value)) == value)
            #expect(!PlainDecimal.text(value).contains("e"))
        }
        #expect(PlainDecimal.text(0.1) == "0.1")
        #expect(PlainDecimal.text(-0.0) == "-0")
        #expect(PlainDecimal.text(1e21) == "1000000000000000000000")
        #expect(PlainDecimal.text(1.5e-7) == "0.00000015")
        #expect(PlainDecimal.text(123456789.125) == "123456789.125")
    }
}
