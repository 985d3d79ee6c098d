/// A generator whose whole future is its seed: SplitMix64 (Steele, Lea, Flood 2014).
///
/// Everything random in a simulation comes from one of these, so a seed replays a run to the last event. `fork` gives a part of the
/// simulation a generator of its own: one more draw in one part then moves nothing in the others.
package struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) {
        state = seed
    }

    /// The next 64 bits.
    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A generator that shares no draws with this one.
    package mutating func fork() -> SeededGenerator { SeededGenerator(seed: next() ^ 0x5851_F42D_4C95_7F2D) }

    /// True `perMillion` times in a million.
    package mutating func chance(perMillion: Int) -> Bool {
        perMillion > 0 && Int(next(upperBound: 1_000_000 as UInt64)) < perMillion
    }

    /// A number of a closed range, each as likely.
    package mutating func number(in range: ClosedRange<Int>) -> Int {
        range.lowerBound + Int(next(upperBound: UInt64(range.upperBound - range.lowerBound) + 1))
    }

    /// An element, each as likely; nil of none.
    package mutating func element<Element>(of elements: [Element]) -> Element? {
        elements.isEmpty ? nil : elements[number(in: 0...elements.count - 1)]
    }

    /// The elements in another order, each order as likely (Fisher and Yates).
    package mutating func shuffled<Element>(_ elements: [Element]) -> [Element] {
        var shuffled = elements
        for index in shuffled.indices.dropLast() {
            shuffled.swapAt(index, number(in: index...shuffled.count - 1))
        }
        return shuffled
    }
}
