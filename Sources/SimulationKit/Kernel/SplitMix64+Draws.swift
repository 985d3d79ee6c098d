package import SeededRandom

/// The draws of a simulation.
///
/// Everything random in one comes from these, so a seed replays a run to the last event. `fork` gives a part of the
/// simulation a generator of its own: one more draw in one part then moves nothing in the others.
extension SplitMix64 {
    /// A generator that shares no draws with this one.
    package mutating func fork() -> SplitMix64 { SplitMix64(seed: next() ^ 0x5851_F42D_4C95_7F2D) }

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
