extension RawSpan {
    /// The 8 bytes from `offset` on as a little-endian word, at any alignment: what bit-packed runs are read with.
    ///
    /// - Parameter offset: 0 ... byteCount - 8; anything else is a broken invariant and traps.
    /// - Returns: the word.
    @inlinable
    @inline(__always)
    package func littleEndianWord(at offset: Int) -> UInt64 {
        precondition(offset >= 0 && offset <= byteCount &- 8, "word outside the span")
        // SAFETY: the line above proved that 8 bytes exist at `offset`; an integer accepts any bits.
        return UInt64(littleEndian: unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self))
    }

    /// The byte at `offset`, which is in 0 ..< byteCount: anything else is a broken invariant and traps.
    @inlinable
    @inline(__always)
    package func byte(at offset: Int) -> UInt8 {
        precondition(offset >= 0 && offset < byteCount, "byte outside the span")
        // SAFETY: the line above proved that the byte exists.
        return unsafe unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
    }

    /// Whether `isFine` answers true for all words of the span: 8 bytes each, what is left over filled up with `filler`.
    @inlinable
    @inline(__always)
    func allWords(filler: UInt8, _ isFine: (UInt64) -> Bool) -> Bool {
        var at = 0
        while at &+ 8 <= byteCount {
            if !isFine(littleEndianWord(at: at)) { return false }
            at &+= 8
        }
        if at == byteCount { return true }
        var rest = Bytes.repeated(filler)
        while at < byteCount {
            rest = rest &<< 8 | UInt64(byte(at: at))
            at &+= 1
        }
        return isFine(rest)
    }

    /// Whether no byte has its highest bit set.
    @inlinable
    package var isASCII: Bool { allWords(filler: 0x20) { $0 & Bytes.highBits == 0 } }

    /// Whether every byte is ASCII, none a control character below 0x20, and none of them one of two others.
    @inlinable
    package func isPlain(without first: UInt8, _ second: UInt8) -> Bool {
        let first = Bytes.repeated(first)
        let second = Bytes.repeated(second)
        // A byte is zero where subtracting 1 borrows into its highest bit, which was not set before. What is above such a byte may be
        // flagged too, but then the answer is no already. Source: S. Anderson, "Bit Twiddling Hacks", "haszero" and "hasless".
        return allWords(filler: 0x20) { word in
            let control = (word &- Bytes.repeated(0x20)) & ~word
            let one = ((word ^ first) &- Bytes.repeated(1)) & ~(word ^ first)
            let other = ((word ^ second) &- Bytes.repeated(1)) & ~(word ^ second)
            return (word | control | one | other) & Bytes.highBits == 0
        }
    }

    /// Whether both hold the same bytes.
    @inlinable
    package func isEqual(to other: RawSpan) -> Bool {
        guard byteCount == other.byteCount else { return false }
        return commonPrefix(with: other) == byteCount
    }

    /// How many bytes both begin with alike.
    @inlinable
    package func commonPrefix(with other: RawSpan) -> Int {
        let count = Swift.min(byteCount, other.byteCount)
        var at = 0
        while at &+ 8 <= count {
            let difference = littleEndianWord(at: at) ^ other.littleEndianWord(at: at)
            if difference != 0 { return at &+ difference.trailingZeroBitCount >> 3 }
            at &+= 8
        }
        while at < count, byte(at: at) == other.byte(at: at) { at &+= 1 }
        return at
    }

    /// Whether these bytes come before the others in the order of bytes.
    @inlinable
    package func precedes(_ other: RawSpan) -> Bool {
        let common = commonPrefix(with: other)
        if common == byteCount || common == other.byteCount { return byteCount < other.byteCount }
        return byte(at: common) < other.byte(at: common)
    }
}

/// Words that have the same in each byte.
@usableFromInline
enum Bytes {
    @inlinable
    @inline(__always)
    static func repeated(_ byte: UInt8) -> UInt64 { UInt64(byte) &* 0x0101_0101_0101_0101 }

    @inlinable
    static var highBits: UInt64 {
        @inline(__always) get { 0x8080_8080_8080_8080 }
    }
}

extension Hasher {
    /// Feeds bytes without their count, in one piece.
    package mutating func combine(span: RawSpan) {
        // SAFETY: the span is alive for the length of this call.
        unsafe span.withUnsafeBytes { unsafe combine(bytes: $0) }
    }
}

extension MutableSpan where Element: BitwiseCopyable {
    /// Overwrites the elements from `start` on with others, in one copy.
    ///
    /// - Parameters:
    ///   - start: where the first goes.
    ///   - source: no more than there are from `start` on; else a broken invariant, which traps.
    @inlinable
    @_lifetime(self: copy self)
    package mutating func replace(from start: Int, with source: Span<Element>) {
        precondition(start >= 0 && start <= count && source.count <= count &- start, "elements outside the span")
        unsafe withUnsafeMutableBufferPointer { target in
            unsafe source.withUnsafeBufferPointer { source in
                guard let to = target.baseAddress, let from = source.baseAddress else { return }
                // SAFETY: the precondition proved that so many elements exist from `start` on; the two cannot overlap, for one is
                // borrowed and the other exclusive.
                unsafe (to + start).update(from: from, count: source.count)
            }
        }
    }
}
