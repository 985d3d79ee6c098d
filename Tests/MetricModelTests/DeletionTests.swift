import MetricModel
import Testing

/// A deletion of `cpu` in a tenant, created long after it ends unless a test says so.
private func deletion(
    _ start: Int64, _ end: Int64, name: String = "cpu", tenant: String = "a", created: Int64 = 1_000_000
) throws -> Deletion {
    try Deletion(
        tenant: try TenantID(validating: tenant), matchers: [Matcher(equal: "__name__", name)], start: start, end: end,
        created: created)
}

@Suite("Deletions")
struct DeletionTests {
    @Test("a deletion ends at the moment at which it is asked for, whatever it asks for")
    func cap() throws {
        #expect(try deletion(0, .max / 4, created: 500).end == 500)
        #expect(try deletion(0, 499, created: 500).end == 499)
        #expect(try deletion(501, .max / 4, created: 500).isEmpty)
        #expect(try !deletion(500, .max / 4, created: 500).isEmpty)
    }

    @Test("matchers in another order, or twice, are the same deletion")
    func order() throws {
        let (one, two) = (Matcher(equal: "a", "b"), try Matcher("c", .regex, "d.*"))
        let tenant = TenantID.default
        let first = try Deletion(tenant: tenant, matchers: [one, two], start: 1, end: 2, created: 9)
        let second = try Deletion(tenant: tenant, matchers: [two, one, two], start: 1, end: 2, created: 9)
        #expect(first == second && first.matchers.count == 2)
        #expect(try Deletion(tenant: tenant, matchers: [one], start: 1, end: 2, created: 9) != first)
    }

    @Test("names that look alike and differ in their bytes are different series")
    func bytes() throws {
        let (composed, decomposed) = ("\u{E9}", "e\u{301}")
        let one = try deletion(0, 9, name: composed)
        #expect(composed == decomposed)
        #expect(try one != deletion(0, 9, name: decomposed) && !one.covers(deletion(0, 9, name: decomposed)))
        #expect(one.concerns(try Labels([Label("__name__", composed)])))
        #expect(!one.concerns(try Labels([Label("__name__", decomposed)])))
    }

    @Test("its bytes are read again, and refused when they are cut or without what it needs")
    func roundTrip() throws {
        let matchers = [
            Matcher(equal: "__name__", "ü"), try Matcher("x", .notRegex, "y|z"), try Matcher("empty", .notEqual, ""),
        ]
        let one = try Deletion(
            tenant: try TenantID(validating: "team-a"), matchers: matchers, start: -5, end: 7, created: 8)
        let again = try Deletion(validating: one.bytes)
        #expect(
            again == one && again.start == -5 && again.end == 7 && again.created == 8 && again.tenant.name == "team-a")
        #expect(again.matchers == one.matchers)
        for length in 0..<one.bytes.count {
            // Cut between two fields it may be another one, but never this one.
            #expect((try? Deletion(validating: Array(one.bytes.prefix(length)))) != one)
        }
        #expect(throws: ModelError.self) { try Deletion(validating: []) }
    }

    @Test("one that is too long names its limit")
    func tooLong() throws {
        #expect(throws: ModelError.limit(name: "deletion_bytes_max", maximum: 4_096, found: 5_027)) {
            try deletion(0, 1, name: String(repeating: "n", count: 5_000))
        }
    }
}

@Suite("Sets of deletions")
struct DeletionSetTests {
    @Test("united in any order and grouping, with repetitions, the set and its digest are the same")
    func union() throws {
        let all = try [
            deletion(0, 10), deletion(5, 20), deletion(0, 20), deletion(0, 20, created: 1_000_001),
            deletion(0, 10, tenant: "b"), deletion(0, 10, name: "mem"), deletion(30, 40),
        ]
        let expected = DeletionSet(all)
        #expect(expected.count == 4 && expected.digest != 0)
        // The one over 0 ... 20 that is older covers three others.
        #expect(expected.of(try TenantID(validating: "a")).contains(all[2]))
        for shift in all.indices {
            for cut in all.indices {
                let turned = Array(all[shift...] + all[..<shift])
                var left = DeletionSet(Array(turned[..<cut]))
                let right = DeletionSet(Array(turned[cut...].reversed()))
                left.unite(right.all)
                left.unite(left.all)
                #expect(left == expected && left.digest == expected.digest)
            }
        }
        #expect(DeletionSet().digest == 0)
    }

    @Test("a deletion of the same series over more time takes the place of those that it covers")
    func covered() throws {
        var set = DeletionSet([try deletion(0, 10), try deletion(20, 30)])
        set.unite([try deletion(2, 8)])
        #expect(set.count == 2)
        set.unite([try deletion(0, 100)])
        #expect(set.all == [try deletion(0, 100)])
    }

    @Test("deletions go when retention is certain to have dropped the last sample, and never without retention")
    func expiry() throws {
        let day: Int64 = 86_400_000
        #expect(DeletionSet.oldestNeeded(retention: 0, now: 100 * day) == nil)
        #expect(DeletionSet.oldestNeeded(retention: 10 * day, now: 100 * day) == 79 * day)
        var set = DeletionSet([try deletion(0, 10), try deletion(0, 11, name: "mem")])
        set.expire(before: 10)
        #expect(set.count == 2)
        set.expire(before: 11)
        #expect(set.all == [try deletion(0, 11, name: "mem")])
        set.expire(before: 12)
        #expect(set == DeletionSet() && set.digest == 0)
    }

    @Test("one more than a tenant may have, or all together, names the limit; what is covered needs no room")
    func bounds() throws {
        var set = DeletionSet(try (0..<DeletionSet.tenantMax).map { try deletion(0, 10, name: "m\($0)") })
        #expect(throws: ModelError.limit(name: "deletions_tenant_max", maximum: 256, found: 257)) {
            try set.admit([try deletion(0, 10)])
        }
        try set.admit([try deletion(3, 4, name: "m7"), try deletion(0, 99, name: "m8")])
        for tenant in 0..<3 {
            set.unite(try (0..<DeletionSet.tenantMax).map { try deletion(0, 10, name: "m\($0)", tenant: "t\(tenant)") })
        }
        #expect(throws: ModelError.limit(name: "deletions_max", maximum: 1_024, found: 1_025)) {
            try set.admit([try deletion(0, 10, tenant: "z")])
        }
    }
}

@Suite("What deletions hide")
struct SelectionMaskTests {
    private func mask(_ deletions: [Deletion], _ matchers: [Matcher] = [], _ range: ClosedRange<Int64> = 0...100) throws
        -> SelectionMask
    {
        SelectionMask(
            SeriesSelection(
                tenant: try TenantID(validating: "a"), matchers: matchers, start: range.lowerBound,
                end: range.upperBound),
            deletions)
    }

    private func series(_ name: String, _ times: [Int64]) throws -> SeriesColumns {
        SeriesColumns(
            labels: try Labels([Label("__name__", name), Label("instance", "i")]), timestamps: times,
            values: times.map(Double.init))
    }

    @Test("samples from the first to the last time are left out, of series that pass every matcher")
    func hidden() throws {
        let mask = try mask([try deletion(10, 20), try deletion(40, 40)])
        let times: [Int64] = [9, 10, 15, 20, 21, 39, 40, 41]
        let shown = mask.apply(to: try series("cpu", times))
        #expect(shown.timestamps == [9, 21, 39, 41] && shown.values == [9, 21, 39, 41])
        #expect(mask.apply(to: try series("mem", times)).timestamps == times)
        #expect(mask.apply(to: try series("cpu", [10, 20])).timestamps.isEmpty)
        #expect(mask.apply(to: try series("cpu", [])).timestamps.isEmpty)
    }

    @Test("a matcher of a label that a series does not have compares with the empty value")
    func absent() throws {
        let absent = try Deletion(
            tenant: try TenantID(validating: "a"),
            matchers: [try Matcher("zone", .equal, ""), Matcher(equal: "instance", "i")],
            start: 0, end: 100, created: 100)
        #expect(try mask([absent]).apply(to: series("cpu", [1])).timestamps.isEmpty)
        var other = try series("cpu", [1])
        other.labels = try Labels([Label("instance", "i"), Label("zone", "z")])
        #expect(try mask([absent]).apply(to: other).timestamps == [1])
    }

    @Test(
        "another tenant's deletions, those of another time and those that the matchers contradict concern no selection")
    func unconcerned() throws {
        #expect(try mask([deletion(10, 20, tenant: "b")]).isEmpty)
        #expect(try mask([deletion(10, 20)], [], 21...30).isEmpty)
        #expect(try mask([deletion(10, 20)], [], 0...9).isEmpty)
        #expect(try !mask([deletion(10, 20)], [], 20...30).isEmpty)
        #expect(try mask([deletion(10, 20)], [Matcher(equal: "__name__", "mem")]).isEmpty)
        #expect(try !mask([deletion(10, 20)], [Matcher(equal: "instance", "mem")]).isEmpty)
        #expect(try !mask([deletion(10, 20)], [Matcher("__name__", .regex, "mem")]).isEmpty)
    }

    @Test("the ends of time do not overflow")
    func extremes() throws {
        var one = try series("cpu", [.min, 0, .max])
        one.remove(.min ... .max)
        #expect(one.timestamps.isEmpty)
        one = try series("cpu", [.min, 0, .max])
        one.remove(1 ... .max)
        #expect(one.timestamps == [.min, 0])
    }

    @Test("exemplars are hidden as samples are")
    func exemplars() throws {
        let labels = try Labels([Label("__name__", "cpu")])
        let all = [9, 10, 20, 21].map { Exemplar(labels: .empty, value: 1, timestamp: $0) }
        let one = SeriesExemplars(labels: labels, exemplars: all)
        #expect(one.without([try deletion(10, 20)])?.exemplars.map(\.timestamp) == [9, 21])
        #expect(one.without([try deletion(0, 30)]) == nil)
        #expect(one.without([try deletion(0, 30, name: "mem")]) == one)
    }
}
