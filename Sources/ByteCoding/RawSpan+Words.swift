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
}
