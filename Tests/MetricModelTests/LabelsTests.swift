import ByteCoding
import MetricModel
import Testing

@Suite("Labels")
struct LabelsTests {
    @Test("the order in which labels arrive does not matter")
    func canonicalOrder() throws {
        let one = try Labels([Label("b", "2"), Label("__name__", "up"), Label("a", "1")])
        let other = try Labels([Label("a", "1"), Label("b", "2"), Label("__name__", "up")])
        #expect(one == other)
        #expect(one.bytes == other.bytes)
        #expect(one.labels.map(\.name) == ["__name__", "a", "b"])
        #expect(one.description == #"up{a="1", b="2"}"#)
    }

    @Test("an empty value is the same as no label")
    func emptyValues() throws {
        #expect(try Labels([Label("a", ""), Label("b", "x")]) == Labels([Label("b", "x")]))
    }

    @Test("a name that occurs twice is refused")
    func duplicates() {
        #expect(throws: ModelError.duplicateLabel(name: "a")) { try Labels([Label("a", "1"), Label("a", "2")]) }
    }

    @Test("canonically equivalent strings are different labels")
    func bytesNotScalars() throws {
        let composed = try Labels([Label("a", "\u{E9}")])
        let decomposed = try Labels([Label("a", "e\u{301}")])
        #expect(composed != decomposed)
        #expect(!Matcher(equal: "a", "\u{E9}").matches("e\u{301}"))
    }

    @Test("bytes from outside are taken only when canonical")
    func validation() throws {
        let good = try Labels([Label("a", "1"), Label("b", "2")])
        #expect(try Labels(validating: good.bytes) == good)
        for length in 1..<good.bytes.count where length != 4 {
            #expect(throws: ModelError.self) { try Labels(validating: Array(good.bytes[..<length])) }
        }
        var swapped: [UInt8] = []
        for text in ["b", "2", "a", "1"] { swapped.append(prefixed: text) }
        #expect(throws: ModelError.self) { try Labels(validating: swapped) }
        var empty: [UInt8] = []
        for text in ["a", ""] { empty.append(prefixed: text) }
        #expect(throws: ModelError.self) { try Labels(validating: empty) }
        var twice: [UInt8] = []
        for text in ["a", "1", "a", "2"] { twice.append(prefixed: text) }
        #expect(throws: ModelError.self) { try Labels(validating: twice) }
    }

    @Test("values are found, kept, dropped and set by name")
    func access() throws {
        let labels = try Labels([Label("__name__", "up"), Label("job", "node"), Label("instance", "web-1")])
        #expect(labels["job"] == "node")
        #expect(labels["jo"] == nil)
        #expect(labels.metricName == "up")
        #expect(labels.count == 3)
        #expect(labels.keeping(["job"]) == (try Labels([Label("job", "node")])))
        #expect(labels.dropping(["__name__", "job"]) == (try Labels([Label("instance", "web-1")])))
        #expect(labels.setting("job", to: "")["job"] == nil)
        #expect(labels.setting("zone", to: "a")["zone"] == "a")
    }

    @Test("two tenants' equal labels have different fingerprints")
    func fingerprints() throws {
        let labels = try Labels([Label("__name__", "up")])
        let other = try TenantID(validating: "other")
        #expect(Fingerprint(tenant: .default, labels: labels) != Fingerprint(tenant: other, labels: labels))
    }
}

@Suite("Tenants")
struct TenantTests {
    @Test(
        "names outside the allowed set are refused",
        arguments: ["", ".", "..", "a b", "a/b", "ü", String(repeating: "x", count: 151)])
    func refused(name: String) {
        #expect(throws: ModelError.self) { try TenantID(validating: name) }
    }

    @Test("names inside it are kept", arguments: ["default", "team-a_1.prod!*'()", String(repeating: "x", count: 150)])
    func allowed(name: String) throws {
        #expect(try TenantID(validating: name).name == name)
    }
}

@Suite("Two values for one moment")
struct SampleResolutionTests {
    static let values: [Double] = [
        -.infinity, -1, -0.0, 0.0, 1, .infinity, StaleMarker.value,
        Double(bitPattern: 0x7FF8_0000_0000_0001), Double(bitPattern: 0xFFF8_0000_0000_0002),
    ]

    @Test("the winner does not depend on the order of arrival")
    func commutativeAndAssociative() {
        for a in Self.values {
            for b in Self.values {
                let winner = SampleResolution.winner(a, b)
                #expect(winner.bitPattern == SampleResolution.winner(b, a).bitPattern)
                #expect(winner.bitPattern == a.bitPattern || winner.bitPattern == b.bitPattern)
                for c in Self.values {
                    let left = SampleResolution.winner(SampleResolution.winner(a, b), c)
                    let right = SampleResolution.winner(a, SampleResolution.winner(b, c))
                    #expect(left.bitPattern == right.bitPattern)
                }
            }
        }
    }

    @Test("a number beats a stale marker, and the greater number wins")
    func rules() {
        #expect(SampleResolution.winner(StaleMarker.value, -.infinity) == -.infinity)
        #expect(SampleResolution.winner(1, 2) == 2)
        #expect(SampleResolution.winner(-0.0, 0.0).sign == .plus)
    }
}

@Suite("Matchers")
struct MatcherTests {
    @Test(
        "each operation decides as PromQL does",
        arguments: [
            (Matcher.Operation.equal, "a", "a", true), (.equal, "a", "", false), (.notEqual, "a", "", true),
            (.regex, "a|b", "b", true), (.regex, "a|b", "ab", false), (.regex, "a.c", "a\nc", true),
            (.regex, ".*", "", true),
            (.notRegex, "a.*", "abc", false), (.notRegex, "a.*", "b", true),
        ])
    func decides(operation: Matcher.Operation, value: String, candidate: String, expected: Bool) throws {
        #expect(try Matcher("l", operation, value).matches(candidate) == expected)
    }

    @Test("an expression that does not compile says why")
    func badRegex() {
        #expect(throws: ModelError.badRegex(pattern: "(", reason: "missing ): (")) { try Matcher("l", .regex, "(") }
    }

    @Test("an expression too long to be meant is refused by name")
    func longRegex() {
        let pattern = String(repeating: "a", count: RegularExpression.patternBytesMax + 1)
        #expect(throws: ModelError.self) { try Matcher("l", .regex, pattern) }
    }

    @Test("groups of a match come with their names")
    func groups() throws {
        let expression = try RegularExpression("(?P<host>[^:]+):(\\d+)?")
        #expect(expression.groups(in: "web:80") == ["web:80", "web", "80"])
        #expect(expression.groups(in: "web:") == ["web:", "web", ""])
        #expect(expression.groups(in: "web") == nil)
        #expect(expression.groupName(1) == "host")
        #expect(expression.groupName(2) == nil)
    }
}
