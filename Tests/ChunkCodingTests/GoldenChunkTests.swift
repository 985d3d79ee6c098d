import ChunkCoding
import Testing

@Suite struct GoldenChunkTests {
    private static let start: Int64 = 1_763_000_000_000
    private static let seconds = (0..<5).map { start + Int64($0) * 1_000 }

    /// The examples of docs/formats/chunk.md, which explains each byte: they change only together with `Chunk.version`.
    private static let golden: [(name: String, times: [Int64], values: [Double], bytes: String)] = [
        ("one sample", [start], [0], "01000180f8e8afcf660000"),
        ("constant", seconds, [1, 1, 1, 1, 1], "01000580f8e8afcf66a01fbfe003"),
        ("counter", seconds, [100, 110, 121, 130, 141], "01100580f8e8afcf66a01f00c801821289"),
        (
            "decimals with a stale marker", seconds,
            [12.5, 12.75, Double(bitPattern: 0x7FF0_0000_0000_0002), 12.5, 13],
            "01100580f8e8afcf66a01f22c4130102018731b20c6009"
        ),
        (
            "pages of memory", seconds, [40_960, 45_056, 40_960, 49_152, 45_056],
            "01100580f8e8afcf66a01f108080050c820132"
        ),
        (
            "fractions", seconds, [1.0 / 3, 2.0 / 3, 2.0 / 3, 1.0 / 7, 0.1 / 3],
            "01200580f8e8afcf66a01f555555555555d53f370000000000000030000000000000c0711cc7711cc769b0066bb0066b0c"
        ),
        (
            "jitter", [start, start + 1_001, start + 1_999, start + 3_000, start + 4_002], [1, 1, 1, 1, 1],
            "01020580f8e8afcf66a21f83cc0fc308bfe003"
        ),
        (
            "a pause", (0..<20).map { start + Int64($0) * 1_000 + ($0 >= 10 ? 30_000 : 0) },
            Array(repeating: 1, count: 20),
            "01011480f8e8afcf66e8fe02e8070109e0d403bfe003"
        ),
    ]

    @Test("golden: these samples are these bytes")
    func bytes() throws {
        for example in Self.golden {
            let found = encoded(example.times, example.values).map { byte in
                String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
            }.joined()
            #expect(found == example.bytes, "\(example.name)")
            try expectRoundTrip(example.times, example.values)
        }
    }
}
