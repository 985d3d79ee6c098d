import QueryLanguage
import Testing

/// A text and what the parser says of it.
struct Rejected: Sendable, CustomTestStringConvertible {
    let text: String
    let message: String

    init(_ text: String, _ message: String) {
        self.text = text
        self.message = message
    }

    var testDescription: String { text }
}

@Suite("Parser: what it rejects, and where")
struct ParserRejectTests {
    static let syntax: [Rejected] = [
        Rejected("", "1:1: parse error: no expression found in input"),
        Rejected("# only a comment\n\n", "1:1: parse error: no expression found in input"),
        Rejected("1+", "1:3: parse error: unexpected end of input"),
        Rejected("1 *\n  * 2", "2:3: parse error: unexpected <op:*>"),
        Rejected(".", "1:1: parse error: unexpected character: '.'"),
        Rejected("2.5.", "1:1: parse error: bad number or duration syntax: \"2.5\""),
        Rejected("100..4", "1:1: parse error: bad number or duration syntax: \"100.\""),
        Rejected("0deadbeef", "1:1: parse error: bad number or duration syntax: \"0deadbeef\""),
        Rejected("0x", "1:1: parse error: bad number or duration syntax: \"0x\""),
        Rejected("1_", "1:1: parse error: bad number or duration syntax: \"1_\""),
        Rejected("1__0", "1:1: parse error: bad number or duration syntax: \"1__0\""),
        Rejected("5e", "1:1: parse error: bad number or duration syntax: \"5e\""),
        Rejected("5m3h", "1:1: parse error: not a valid duration string: \"5m3h\""),
        Rejected("a b", "1:3: parse error: unexpected identifier \"b\""),
        Rejected("1 !~ 1", "1:3: parse error: unexpected character after '!': '~'"),
        Rejected("1 =~ 1", "1:3: parse error: unexpected character after '=': '~'"),
        Rejected("a = b", "1:3: parse error: unexpected \"=\""),
        Rejected("*1", "1:1: parse error: unexpected <op:*>"),
        Rejected("(1))", "1:4: parse error: unexpected right parenthesis ')'"),
        Rejected("((1)", "1:5: parse error: unclosed left parenthesis"),
        Rejected("(", "1:2: parse error: unclosed left parenthesis"),
        Rejected("()", "1:2: parse error: unexpected \")\""),
        Rejected("$", "1:1: parse error: unexpected character: '$'"),
        Rejected("a + é", "1:5: parse error: unexpected character: 'é'"),
        Rejected("a]", "1:2: parse error: unexpected right bracket ']'"),
        Rejected("a{", "1:3: parse error: unexpected end of input inside braces"),
        Rejected("a{b", "1:4: parse error: unexpected end of input inside braces"),
        Rejected("a{b=}", "1:5: parse error: unexpected \"}\" in label matching, expected string"),
        Rejected("a{b}", "1:4: parse error: unexpected \"}\" in label matching, expected label matching operator"),
        Rejected("a{1}", "1:3: parse error: unexpected character inside braces: '1'"),
        Rejected("a{=\"x\"}", "1:3: parse error: unexpected \"=\" in label matching, expected identifier or \"}\""),
        Rejected(
            "a{b=\"x\" c=\"y\"}",
            "1:9: parse error: unexpected identifier \"c\" in label matching, expected \",\" or \"}\""),
        Rejected("a{b==\"x\"}", "1:5: parse error: unexpected \"=\" in label matching, expected string"),
        Rejected("a{{", "1:3: parse error: unexpected left brace '{'"),
        Rejected("a{b!x}", "1:4: parse error: unexpected character after '!' inside braces: 'x'"),
        Rejected("a}", "1:2: parse error: unexpected character: '}'"),
        Rejected("a[5m", "1:5: parse error: unexpected end of input in duration expression"),
        Rejected(
            "a[]", "1:3: parse error: unexpected \"]\" in subquery or range selector, expected number or duration"),
        Rejected("a[x]", "1:3: parse error: unexpected character in duration expression: 'x'"),
        Rejected("a[:1m]", "1:3: parse error: unexpected colon before duration in duration expression"),
        Rejected("a[5m:1m:2m]", "1:8: parse error: unexpected repeated colon in duration expression"),
        Rejected("a[0]", "1:3: parse error: duration must be greater than 0"),
        Rejected("a[5m:0s]", "1:6: parse error: duration must be greater than 0"),
        Rejected("a[-5m]", "1:3: parse error: duration must be greater than 0"),
        Rejected(
            "a[5m * 2]",
            "1:6: parse error: experimental duration expression is not enabled: it needs the setting promql-duration-expressions"
        ),
        Rejected("a[300y]", "1:3: parse error: duration out of range"),
        Rejected("a offset", "1:9: parse error: unexpected end of input in offset, expected number or duration"),
        Rejected("a @", "1:4: parse error: unexpected end of input in @, expected timestamp"),
        Rejected("a @ Inf", "1:1: parse error: timestamp out of bounds for @ modifier: +Inf"),
        Rejected("\"abc", "1:1: parse error: unterminated quoted string"),
        Rejected("`abc", "1:1: parse error: unterminated raw string"),
        Rejected("\"a\nb\"", "1:1: parse error: unterminated quoted string"),
        Rejected("\"\\q\"", "1:1: parse error: unknown escape sequence U+0071 'q'"),
        Rejected("\"\\xg0\"", "1:1: parse error: illegal character U+0067 'g' in escape sequence"),
        Rejected("\"\\ud800\"", "1:1: parse error: escape sequence is an invalid Unicode code point"),
        Rejected("\"\\xff\"", "1:1: parse error: string literal is not valid UTF-8"),
        Rejected("a{b=~\"(\"}", ""),
        Rejected("sum by x (a)", "1:8: parse error: unexpected identifier \"x\" in grouping opts, expected \"(\""),
        Rejected("sum without (==) (a)", "1:14: parse error: unexpected <op:==> in grouping opts, expected label"),
        Rejected(
            "sum by (a b) (c)",
            "1:11: parse error: unexpected identifier \"b\" in grouping opts, expected \",\" or \")\""),
        Rejected("sum (a) without (x) by (y)", "1:21: parse error: unexpected <by>"),
        Rejected("sum some_metric", "1:5: parse error: unexpected identifier \"some_metric\""),
        Rejected("sum by (x) a", "1:12: parse error: unexpected identifier \"a\" in aggregation"),
        Rejected("rate(a[5m],)", "1:11: parse error: trailing commas not allowed in function call args"),
        Rejected("rate(a[5m] b)", "1:12: parse error: unexpected identifier \"b\""),
        Rejected("a group_left b", "1:3: parse error: unexpected <group_left>"),
        Rejected("a + group_left b", "1:5: parse error: unexpected <group_left>"),
        Rejected("bool", "1:1: parse error: unexpected <bool>"),
        Rejected("nonexistent(a)", "1:1: parse error: unknown function with name \"nonexistent\""),
        Rejected("RATE(a[5m])", "1:1: parse error: unknown function with name \"RATE\""),
        Rejected(
            "mad_over_time(a[5m])",
            "1:1: parse error: function \"mad_over_time\" is not enabled: it is experimental and needs the setting promql-experimental-functions"
        ),
    ]

    static let types: [Rejected] = [
        Rejected("1 == 1", "1:3: parse error: comparisons between scalars must use BOOL modifier"),
        Rejected("1 and 1", "1:1: parse error: set operator \"and\" not allowed in binary scalar expression"),
        Rejected("a or 1", "1:1: parse error: set operator \"or\" not allowed in binary scalar expression"),
        Rejected("a + bool b", "1:3: parse error: bool modifier can only be used on comparison operators"),
        Rejected("a + \"x\"", "1:5: parse error: binary expression must contain only scalar and instant vector types"),
        Rejected("a[5m] + 1", "1:1: parse error: binary expression must contain only scalar and instant vector types"),
        Rejected("1 / on(x) a", "1:1: parse error: vector matching only allowed between instant vectors"),
        Rejected("a and on(x) group_left(y) b", "1:1: parse error: no grouping allowed for \"and\" operation"),
        Rejected(
            "a * on(x) group_left(x) b", "1:3: parse error: label \"x\" must not occur in ON and GROUP clause at once"),
        Rejected(
            "-\"x\"",
            "1:1: parse error: unary expression only allowed on expressions of type scalar or instant vector, got \"string\""
        ),
        Rejected(
            "-a[5m]",
            "1:1: parse error: unary expression only allowed on expressions of type scalar or instant vector, got \"range vector\""
        ),
        Rejected("sum(1)", "1:5: parse error: expected type instant vector in aggregation expression, got scalar"),
        Rejected("topk(a, b)", "1:6: parse error: expected type scalar in aggregation parameter, got instant vector"),
        Rejected("count_values(5, b)", "1:14: parse error: expected type string in aggregation parameter, got scalar"),
        Rejected(
            "topk(a)",
            "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, got 1"),
        Rejected(
            "sum(a, b)",
            "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 1, got 2"),
        Rejected("sum()", "1:1: parse error: no arguments for aggregate expression provided"),
        Rejected(
            "limitk(1, a)",
            "1:1: parse error: limitk() is experimental and needs the setting promql-experimental-functions"
        ),
        Rejected(
            "rate(a)", "1:6: parse error: expected type range vector in call to function \"rate\", got instant vector"),
        Rejected("abs()", "1:1: parse error: expected 1 argument(s) in call to \"abs\", got 0"),
        Rejected("round()", "1:1: parse error: expected at least 1 argument(s) in call to \"round\", got 0"),
        Rejected("round(a, 1, 2)", "1:1: parse error: expected at most 2 argument(s) in call to \"round\", got 3"),
        Rejected(
            "label_join(a, \"x\", \"y\", b)",
            "1:25: parse error: expected type string in call to function \"label_join\", got instant vector"),
        Rejected("{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        Rejected("{a=~\".*\"}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        Rejected("{a=\"\"}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        Rejected("foo{__name__=\"bar\"}", "1:1: parse error: metric name must not be set twice: \"foo\" or \"bar\""),
        Rejected("foo{\"bar\"}", "1:1: parse error: metric name must not be set twice: \"foo\" or \"bar\""),
        Rejected(
            "-1e1000",
            "1:2: parse error: error parsing number: strconv.ParseFloat: parsing \"1e1000\": value out of range"),
        Rejected("1[5m]", "1:2: parse error: ranges only allowed for vector selectors"),
        Rejected("a[5m][5m]", "1:6: parse error: ranges only allowed for vector selectors"),
        Rejected("(a)[5m]", "1:4: parse error: ranges only allowed for vector selectors"),
        Rejected("a offset 5m [1m]", "1:13: parse error: no offset modifiers allowed before range"),
        Rejected("a @ 5 [1m]", "1:7: parse error: no @ modifiers allowed before range"),
        Rejected("a offset 5m offset 6m", "1:1: parse error: offset may not be set multiple times"),
        Rejected("a @ 5 @ 6", "1:1: parse error: @ <timestamp> may not be set multiple times"),
        Rejected(
            "1 offset 5m",
            "1:1: parse error: offset modifier must be preceded by an instant vector selector or range vector selector or a subquery"
        ),
        Rejected(
            "sum(a) @ 5",
            "1:1: parse error: @ modifier must be preceded by an instant vector selector or range vector selector or a subquery"
        ),
        Rejected("a[5m][5m:]", "1:1: parse error: subquery is only allowed on instant vector, got matrix instead"),
        Rejected("1[5m:]", "1:1: parse error: subquery is only allowed on instant vector, got scalar instead"),
    ]

    @Test("a rejected text is answered with Prometheus' words and the place", arguments: syntax + types)
    func rejected(_ example: Rejected) {
        do throws(ParseError) {
            let tree = try Parser.parse(example.text)
            Issue.record("accepted as \(Printer.text(tree))")
        } catch {
            if !example.message.isEmpty { #expect(error.description == example.message) }
            #expect(error.range.start >= 0 && error.range.start <= error.range.end)
            #expect(error.range.end <= max(example.text.utf8.count, error.range.start))
        }
    }

    @Test("depth is limited by name, in every direction the grammar can recurse")
    func depth() {
        let many = 9_000
        let deep: [String] = [
            String(repeating: "(", count: many) + "1" + String(repeating: ")", count: many),
            String(repeating: "-", count: many) + "a",
            String(repeating: "abs(", count: many) + "a" + String(repeating: ")", count: many),
            String(repeating: "sum(", count: many) + "a",
            "a" + String(repeating: "+a", count: many),
            "a" + String(repeating: "^a", count: many),
            "a" + String(repeating: "[5m:]", count: many / 2),
            "a offset " + String(repeating: "-", count: many) + "1m",
            String(repeating: "1+(", count: many),
        ]
        for text in deep {
            do throws(ParseError) {
                _ = try Parser.parse(text)
                Issue.record("accepted \(text.prefix(20))…")
            } catch {
                #expect(error.message.contains("query_depth_max (256)"), "\(text.prefix(20)): \(error)")
            }
        }
        #expect(throws: Never.self) { try Parser.parse("a" + String(repeating: "+a", count: 200)) }
    }

    @Test("length is limited by name")
    func length() {
        let text = "a" + String(repeating: " ", count: 64 * 1024)
        do throws(ParseError) {
            _ = try Parser.parse(text)
            Issue.record("accepted")
        } catch {
            #expect(error.message == "expression of 65537 bytes is longer than query_bytes_max (65536)")
        }
    }
}
