import ByteCoding
import SeededRandom
import Testing

@Suite("What is asked of bytes eight at a time")
struct WordTests {
    @Test("one byte at any place decides whether bytes are ASCII, and whether they are plain")
    func plain() {
        for length in 0..<20 {
            for place in 0..<max(length, 1) {
                for byte in UInt8.min...UInt8.max {
                    var bytes = [UInt8](repeating: 0x41, count: length)
                    if length > 0 { bytes[place] = byte }
                    let span = bytes.rawSpan
                    let isPlain = bytes.allSatisfy { $0 >= 0x20 && $0 < 0x80 && $0 != 0x22 && $0 != 0x5C }
                    let same = span.isPlain(without: 0x22, 0x5C) == isPlain
                    let ascii = span.isASCII == bytes.allSatisfy { $0 < 0x80 }
                    #expect(same && ascii, "byte \(byte) at \(place) of \(length)")
                }
            }
        }
    }

    @Test("bytes are compared, and their common beginning measured, as byte by byte")
    func order() {
        var random = SplitMix64(seed: 1)
        for _ in 0..<4_000 {
            let left = (0..<Int.random(in: 0..<24, using: &random)).map { _ in UInt8.random(in: 0..<2, using: &random) }
            var right = left
            if Bool.random(using: &random), !right.isEmpty { right[right.count - 1] ^= 0x80 }
            while Int.random(in: 0..<3, using: &random) == 0, !right.isEmpty { right.removeLast() }
            let (one, other) = (left.rawSpan, right.rawSpan)
            #expect(one.precedes(other) == left.lexicographicallyPrecedes(right))
            #expect(other.precedes(one) == right.lexicographicallyPrecedes(left))
            #expect(one.isEqual(to: other) == (left == right))
            let common = zip(left, right).prefix { $0 == $1 }.count
            #expect(one.commonPrefix(with: other) == common)
        }
    }

    @Test("a column takes others from a place on")
    func replace() {
        var column: [Int64] = [1, 2, 3, 4, 5]
        let others: [Int64] = [7, 8]
        var span = column.mutableSpan
        span.replace(from: 3, with: others.span)
        span.replace(from: 5, with: others.span.extracting(0..<0))
        #expect(column == [1, 2, 3, 7, 8])
    }
}
