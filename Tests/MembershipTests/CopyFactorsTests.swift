import Membership
import Testing

@Suite("Changing how many copies there are") struct CopyFactorsTests {
    @Test("a greater number is placed at once, and relied on once everything is there")
    func raise() {
        var copies = CopyFactors(wanted: 1, placed: 1, assured: 1)
        copies.want(3)
        #expect(copies == CopyFactors(wanted: 3, placed: 3, assured: 1))
        #expect(!copies.isReached(members: 4))
        expect(copies.advance(members: 4, areInformed: true, areSettled: false), false)
        expect(copies.advance(members: 4, areInformed: true, areSettled: true), true)
        #expect(copies == CopyFactors(wanted: 3, placed: 3, assured: 3) && copies.isReached(members: 4))
    }

    @Test("a smaller one is relied on at once, and placed once everybody knows")
    func lower() {
        var copies = CopyFactors(wanted: 3, placed: 3, assured: 3)
        copies.want(1)
        #expect(copies == CopyFactors(wanted: 1, placed: 3, assured: 1))
        expect(copies.advance(members: 4, areInformed: false, areSettled: true), false)
        expect(copies.advance(members: 4, areInformed: true, areSettled: false), true)
        #expect(copies == CopyFactors(wanted: 1, placed: 1, assured: 1) && copies.isReached(members: 4))
        expect(copies.advance(members: 4, areInformed: true, areSettled: true), false)
    }

    @Test("a second change in the middle of the first goes on from where that one is")
    func twice() {
        var copies = CopyFactors(wanted: 3, placed: 3, assured: 3)
        copies.want(2)
        copies.want(4)
        #expect(copies == CopyFactors(wanted: 4, placed: 4, assured: 2))
        expect(copies.advance(members: 5, areInformed: true, areSettled: true), true)
        #expect(copies.assured == 4)
    }

    @Test("no more copies are relied on than there are members, also when more join again")
    func members() {
        var copies = CopyFactors(wanted: 2)
        #expect(copies.assured == 1 && copies.isReached(members: 1) && !copies.isReached(members: 2))
        expect(copies.advance(members: 3, areInformed: false, areSettled: true), true)
        #expect(copies.assured == 2)
        expect(copies.advance(members: 1, areInformed: false, areSettled: false), true)
        #expect(copies.assured == 1)
        expect(copies.advance(members: 3, areInformed: true, areSettled: false), false)
    }
}

/// A mutating call cannot stand in `#expect`.
private func expect(_ hasAdvanced: Bool, _ expected: Bool, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(hasAdvanced == expected, sourceLocation: sourceLocation)
}
