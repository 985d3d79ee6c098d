import SlotMovement
import Testing

@Suite struct ReplacementGuardTests {
    /// `zones[i]` is the zone of member i; those of `dead` have been so since 0.
    private func verdict(
        zones: String, dead: Set<Int>, removed: Int = 0, assured: Int = 3, delay: Int64 = 100, now: Int64 = 100,
        hasRoom: Bool = true
    ) -> ReplacementGuard.Verdict {
        let members = zones.enumerated().map { index, zone in
            ReplacementGuard.Member(
                node: NodeID(UInt32(index)), zone: String(zone), deadSince: dead.contains(index) ? 0 : nil)
        }
        return ReplacementGuard.verdict(
            members, removed: removed, assured: assured, delay: delay, hasRoom: hasRoom, now: now)
    }

    @Test("one that is dead for long enough is replaced")
    func one() {
        #expect(verdict(zones: "aab", dead: []) == .nothing)
        #expect(verdict(zones: "aab", dead: [0]) == .replace([NodeID(0)]))
        #expect(verdict(zones: "aab", dead: [0], now: 99) == .wait(.notLongEnough(until: 100)))
    }

    @Test("more than a tenth, a whole zone, a minority or too little room make it wait")
    func rules() {
        #expect(verdict(zones: "aaabbb", dead: [0, 3]) == .wait(.tooManyDead(2, allowed: 1)))
        #expect(verdict(zones: String(repeating: "a", count: 20), dead: [0, 3]) == .replace([NodeID(0), NodeID(3)]))
        #expect(verdict(zones: "aab", dead: [2]) == .wait(.zoneDead("b")))
        #expect(verdict(zones: "aa", dead: [1]) == .wait(.noMajority(alive: 1, of: 2)))
        #expect(verdict(zones: "aab", dead: [0], hasRoom: false) == .wait(.noRoom))
    }

    @Test("nobody goes by himself who may have the only copy of something")
    func copies() {
        #expect(verdict(zones: "aab", dead: [0], assured: 1) == .wait(.onlyCopy))
        #expect(verdict(zones: "aab", dead: [0], assured: 2) == .replace([NodeID(0)]))
        let many = String(repeating: "a", count: 20)
        #expect(verdict(zones: many, dead: [0, 3], assured: 2) == .wait(.onlyCopy))
        #expect(verdict(zones: many, dead: [0], removed: 1, assured: 2) == .wait(.onlyCopy))
    }

    @Test("after one removal the next one waits, and counts those removed when it asks for a majority")
    func removals() {
        #expect(verdict(zones: "aaa", dead: [], removed: 1) == .nothing)
        #expect(verdict(zones: "aaaa", dead: [0], removed: 1) == .wait(.anotherReplaced))
        #expect(verdict(zones: "aa", dead: [0], removed: 1) == .wait(.noMajority(alive: 1, of: 3)))
        #expect(verdict(zones: String(repeating: "a", count: 18), dead: [0], removed: 1) == .wait(.anotherReplaced))
        #expect(verdict(zones: String(repeating: "a", count: 19), dead: [0], removed: 1) == .replace([NodeID(0)]))
    }

    @Test("a delay of nothing replaces nobody, and every reason has a word")
    func words() {
        #expect(verdict(zones: "aaa", dead: [0], delay: 0) == .wait(.switchedOff))
        let reasons: [ReplacementGuard.Reason] = [
            .notLongEnough(until: 1), .tooManyDead(2, allowed: 1), .zoneDead("a"), .noMajority(alive: 1, of: 2),
            .noRoom, .onlyCopy, .anotherReplaced, .switchedOff,
        ]
        #expect(reasons.map(\.word) == ReplacementGuard.Reason.words)
    }
}
