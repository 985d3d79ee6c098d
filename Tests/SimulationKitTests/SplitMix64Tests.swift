import SeededRandom
import SimulationKit
import Testing

/// `#expect` takes no mutating calls; a function's arguments do.
func expect<Value: Equatable>(
    _ found: Value, _ expected: Value, sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(found == expected, sourceLocation: sourceLocation)
}

@Suite struct SplitMix64Tests {
    @Test("the generator is SplitMix64, to the bit")
    func golden() {
        // The first outputs for seed 1234567, as the reference implementation gives them.
        var random = SplitMix64(seed: 1_234_567)
        expect(random.next(), 6_457_827_717_110_365_317)
        expect(random.next(), 3_203_168_211_198_807_973)
        expect(random.next(), 9_817_491_932_198_370_423)
    }

    @Test("numbers fill their range, shuffling keeps the elements, a fork is another sequence")
    func draws() {
        var random = SplitMix64(seed: 1)
        expect(Set((0..<200).map { _ in random.number(in: -2...2) }), [-2, -1, 0, 1, 2])
        expect(random.shuffled(Array(0..<50)).sorted(), Array(0..<50))
        expect(random.element(of: [Int]()), nil)
        expect(random.element(of: [3]), 3)
        var fork = random.fork()
        let (left, right) = (fork.next(), random.next())
        #expect(left != right)
        expect(random.chance(perMillion: 0), false)
        expect(random.chance(perMillion: 1_000_000), true)
    }
}
