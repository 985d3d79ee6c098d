import Glibc
import Placement
import SeededRandom
import Testing

@Suite struct LogarithmTests {
    @Test("golden: powers of two are exact, and these hashes give these bits for ever")
    func golden() {
        for power in 0...63 as ClosedRange<UInt64> {
            #expect(Logarithm.distanceBelowOne(1 << power) == (64 - power) << 32)
        }
        let golden: [(UInt64, UInt64)] = [
            (0x0000000000000003, 268_070_544_839), (0x000000000000000A, 260_610_334_417), (0xFFFFFFFFFFFFFFFF, 1),
            (0x8000000000000001, 4_294_967_296), (0x123456789ABCDEF0, 16_380_065_491),
            (0xC000000000000000, 1_782_572_487),
        ]
        for (hash, expected) in golden { #expect(Logarithm.distanceBelowOne(hash) == expected, "\(hash)") }
        #expect(Logarithm.distanceBelowOne(0) == 64 << 32)
    }

    @Test("it lies within 2^-31 of the logarithm of the C library")
    func accuracy() {
        var random = SplitMix64(seed: 1)
        var worst = 0.0
        for _ in 0..<200_000 {
            let hash = random.next() >> UInt64.random(in: 0..<64, using: &random)
            let exact = 64 - log2(Double(max(hash, 1)))
            worst = max(worst, abs(Double(Logarithm.distanceBelowOne(hash)) / 4_294_967_296 - exact))
        }
        #expect(worst < 1.0 / 2_147_483_648)
    }

    @Test("a greater hash is never further away")
    func monotone() {
        var random = SplitMix64(seed: 2)
        for _ in 0..<100_000 {
            let hash = random.next() >> UInt64.random(in: 0..<63, using: &random)
            let near = hash &+ (random.next() >> UInt64.random(in: 40..<64, using: &random))
            guard near >= hash else { continue }
            if Logarithm.distanceBelowOne(near) > Logarithm.distanceBelowOne(hash) { Issue.record("\(hash), \(near)") }
        }
    }
}
