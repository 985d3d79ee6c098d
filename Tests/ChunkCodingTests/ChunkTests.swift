import ByteCoding
import ChunkCoding
import SeededRandom
import Testing

/// One chunk's bytes, written by an encoder of its own.
func encoded(_ timestamps: [Int64], _ values: [Double]) -> [UInt8] {
    var encoder = ChunkEncoder()
    var bytes: [UInt8] = []
    encoder.encode(timestamps: timestamps.span, values: values.span, into: &bytes)
    return bytes
}

/// Checks that a chunk of these columns gives them back to the bit.
func expectRoundTrip(
    _ timestamps: [Int64], _ values: [Double], location: SourceLocation = #_sourceLocation
) throws {
    let bytes = encoded(timestamps, values)
    let header = try ChunkHeader(decoding: bytes.rawSpan)
    #expect(header.count == timestamps.count, sourceLocation: location)
    #expect(header.firstTime == timestamps.first && header.lastTime == timestamps.last, sourceLocation: location)
    var times: [Int64] = [-7]
    var decoded: [Double] = [-7]
    try ChunkDecoder.decode(bytes.rawSpan, timestamps: &times, values: &decoded)
    #expect(times == [-7] + timestamps, sourceLocation: location)
    #expect(decoded.map(\.bitPattern) == ([-7] + values).map(\.bitPattern), sourceLocation: location)
}

@Suite struct ChunkTests {
    @Test(
        "every shape of values comes back to the bit at every length around the sub-blocks", arguments: Shape.allCases)
    func shapes(shape: Shape) throws {
        for count in [1, 2, 3, 5, 63, 64, 65, 66, 120, 128, 129, 130, 600, 4_000] {
            for seed in 1...3 as ClosedRange<UInt64> {
                let times = Clock.regular.timestamps(count, seed: seed)
                try expectRoundTrip(times, shape.values(count, seed: seed &* 31 &+ UInt64(count)))
            }
        }
    }

    @Test("every kind of clock comes back exactly", arguments: Clock.allCases)
    func clocks(clock: Clock) throws {
        for count in [1, 2, 3, 17, 64, 65, 66, 129, 600] {
            for seed in 1...10 as ClosedRange<UInt64> {
                try expectRoundTrip(
                    clock.timestamps(count, seed: seed &+ UInt64(count)), Shape.counter.values(count, seed: seed))
            }
        }
    }

    @Test("the longest chunk, and the widest times, come back")
    func extremes() throws {
        let count = Chunk.sampleCountMax
        try expectRoundTrip(Clock.jittered.timestamps(count, seed: 1), Shape.walkOfTwoDecimals.values(count, seed: 2))
        try expectRoundTrip([.min, .max], [1, 2])
        try expectRoundTrip([.min, -1, 0, 1, .max], [1, 2, .nan, 4, 5])
        try expectRoundTrip([.min, .min + 1, .max - 1, .max], [0, 0, 0, 1])
        try expectRoundTrip([-5], [-0.0])
    }

    @Test("differences that straddle every bit width come back, as values and as times", arguments: 0...63)
    func widths(width: Int) throws {
        let edge = (1 as UInt64) << UInt64(width)
        var random = SplitMix64(seed: UInt64(width))
        for count in [7, 64, 65, 100] {
            let bits = (0..<count).map { _ in [edge &- 1, edge, edge &+ 1, 0][Int.random(in: 0..<4, using: &random)] }
            // As values: integers of this width, both signs, and the same bits taken as doubles.
            let times = Clock.regular.timestamps(count, seed: 1)
            try expectRoundTrip(times, bits.map { Double(Int64(bitPattern: $0)) })
            try expectRoundTrip(times, bits.enumerated().map { Double($1) * ($0 % 2 == 0 ? 1 : -1) })
            try expectRoundTrip(times, bits.map { Double($0) / 1_000 })
            try expectRoundTrip(times, bits.map { Double(bitPattern: $0) })
            // As times: steps of this width while they fit.
            guard width < 55 else { continue }
            var time: Int64 = -1_000
            try expectRoundTrip(
                bits.map { step in
                    time += Int64(step) + 1
                    return time
                }, Shape.constant.values(count, seed: 1))
        }
    }

    @Test("decimals of every number of digits come back", arguments: 0...12)
    func decimals(digits: Int) throws {
        var random = SplitMix64(seed: UInt64(digits))
        var power = 1.0
        for _ in 0..<digits { power *= 10 }
        let values = (0..<500).map { _ in Double(Int64.random(in: -1_000_000...1_000_000, using: &random)) / power }
        try expectRoundTrip(Clock.regular.timestamps(500, seed: 1), values)
    }

    @Test("a constant interval costs nothing beside the header, however many samples there are")
    func constantIntervalIsFree() {
        let short = encoded(Clock.regular.timestamps(10, seed: 1), Shape.constant.values(10, seed: 1))
        let long = encoded(Clock.regular.timestamps(10_000, seed: 1), Shape.constant.values(10_000, seed: 1))
        #expect(long.count - short.count <= 3)
    }

    @Test("stale markers cost a few bytes each and leave the rest of the chunk in scaled integers")
    func staleMarkersAreExceptions() {
        var values = Shape.walkOfTwoDecimals.values(600, seed: 5)
        let times = Clock.regular.timestamps(600, seed: 5)
        let without = encoded(times, values).count
        for index in [0, 100, 101, 102, 300, 599] { values[index] = Double(bitPattern: 0x7FF0_0000_0000_0002) }
        #expect(encoded(times, values).count <= without + 4 * 4 + 2)
    }

    @Test("an encoder used again writes what a new one writes, behind what already stands there")
    func reuse() {
        var encoder = ChunkEncoder()
        var bytes: [UInt8] = [1, 2, 3]
        var expected: [UInt8] = [1, 2, 3]
        for (number, shape) in (Shape.allCases + Shape.allCases.reversed()).enumerated() {
            let count = 50 + number * 13
            let times = Clock.allCases[number % Clock.allCases.count].timestamps(count, seed: 9)
            let values = shape.values(count, seed: UInt64(number))
            encoder.encode(timestamps: times.span, values: values.span, into: &bytes)
            expected += encoded(times, values)
        }
        #expect(bytes == expected)
    }

    @Test("any mixture of shapes within a chunk comes back")
    func mixtures() throws {
        var random = SplitMix64(seed: 77)
        for round in 0..<400 as Range<UInt64> {
            var values: [Double] = []
            for _ in 0..<Int.random(in: 1...5, using: &random) {
                let shape = Shape.allCases.randomElement(using: &random) ?? .constant
                values += shape.values(Int.random(in: 1...90, using: &random), seed: random.next())
            }
            let clock = Clock.allCases.randomElement(using: &random) ?? .regular
            try expectRoundTrip(clock.timestamps(values.count, seed: round), values)
        }
    }
}
