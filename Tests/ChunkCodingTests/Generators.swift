import SeededRandom

extension SplitMix64 {
    /// Roughly normal, mean 0, deviation 1: the sum of twelve uniforms.
    mutating func nextNormal() -> Double {
        var sum = -6.0
        for _ in 0..<12 { sum += Double.random(in: 0..<1, using: &self) }
        return sum
    }
}

/// Columns of the kinds that servers push.
enum Shape: String, CaseIterable, Sendable {
    case walkOfTwoDecimals, counter, counterWithResets, byteGauge, computedGauge, constant, zeroOrOne, noiseOfOneDecimal
    case staleInDecimals, nanPayloads, infinities, negativeZero, anyBits, hugeIntegers, slowSteps

    func values(_ count: Int, seed: UInt64) -> [Double] {
        var random = SplitMix64(seed: seed)
        var level = 50.0
        var total: Int64 = 1_000_000
        return (0..<count).map { index in
            switch self {
            case .walkOfTwoDecimals:
                level += random.nextNormal() * 0.5
                return (level * 100).rounded() / 100
            case .counter:
                total += 1_000 + Int64(random.nextNormal() * 30)
                return Double(total)
            case .counterWithResets:
                total =
                    Int.random(in: 0..<100, using: &random) == 0 ? 0 : total + Int64.random(in: 0..<50, using: &random)
                return Double(total)
            case .byteGauge:
                total += Int64(random.nextNormal() * 200)
                return Double(total * 4096)
            case .computedGauge:
                level += random.nextNormal()
                return level / 3
            case .constant: return 17.25
            case .zeroOrOne: return Int.random(in: 0..<20, using: &random) == 0 ? 1 : 0
            case .noiseOfOneDecimal: return (random.nextNormal() * 200).rounded() / 10
            case .staleInDecimals:
                level += random.nextNormal()
                return Int.random(in: 0..<25, using: &random) == 0
                    ? Double(bitPattern: 0x7FF0_0000_0000_0002) : (level * 10).rounded() / 10
            case .nanPayloads:
                return index % 3 == 0 ? 1.5 : Double(bitPattern: 0x7FF8_0000_0000_0000 | random.next() >> 13)
            case .infinities: return [1, .infinity, -.infinity, 2.5][Int.random(in: 0..<4, using: &random)]
            case .negativeZero: return [0, -0.0, 0.1][Int.random(in: 0..<3, using: &random)]
            case .anyBits: return Double(bitPattern: random.next())
            case .hugeIntegers:
                return Double(Int64(bitPattern: random.next() >> UInt64.random(in: 1..<60, using: &random)))
            case .slowSteps: return Double(index / 37)
            }
        }
    }
}

/// Timestamps as senders make them.
enum Clock: String, CaseIterable, Sendable {
    case regular, jittered, pausing, pausingJittered, anySteps

    func timestamps(_ count: Int, seed: UInt64) -> [Int64] {
        var random = SplitMix64(seed: seed)
        var time: Int64 = 1_763_000_000_000
        return (0..<count).map { index in
            switch self {
            case .regular: time += 1_000
            case .jittered: time += 10_000 + Int64(random.nextNormal() * 5)
            case .pausing: time += Int.random(in: 0..<60, using: &random) == 0 ? 45_000 : 15_000
            case .pausingJittered:
                time += Int.random(in: 0..<60, using: &random) == 0 ? 45_000 : 15_000 + Int64(random.nextNormal() * 3)
            case .anySteps: time += Int64(random.next() >> UInt64.random(in: 20..<64, using: &random)) + 1
            }
            return time
        }
    }
}
