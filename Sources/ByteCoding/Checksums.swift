internal import CIntrinsics
internal import CXXHash

/// CRC-32C (Castagnoli, RFC 3720), the checksum of frames, log records and blocks.
package enum CRC32C {
    /// The checksum of `bytes`, continuing from that of what came before (0 to begin).
    package static func of(_ bytes: RawSpan, continuing crc: UInt32 = 0) -> UInt32 {
        // SAFETY: the span is alive for the length of this call, and the C function reads exactly `count` bytes.
        unsafe bytes.withUnsafeBytes { unsafe murmur_crc32c(crc, $0.baseAddress, $0.count) }
    }

    /// The same by table, as on machines without the instruction.
    package static func byTable(_ bytes: RawSpan, continuing crc: UInt32 = 0) -> UInt32 {
        // SAFETY: as in `of`.
        unsafe bytes.withUnsafeBytes { unsafe murmur_crc32c_table(crc, $0.baseAddress, $0.count) }
    }
}

/// XXH3, the hash of series identities and of placement.
package enum XXH3 {
    /// 128 bits as two words.
    package struct Hash128: Hashable, Sendable, BitwiseCopyable {
        package var high: UInt64
        package var low: UInt64

        package init(high: UInt64, low: UInt64) {
            self.high = high
            self.low = low
        }
    }

    /// The seeded 128-bit hash of `bytes`.
    package static func hash128(_ bytes: RawSpan, seed: UInt64 = 0) -> Hash128 {
        // SAFETY: the span is alive for the length of this call, and the C function reads exactly `count` bytes.
        let hash = unsafe bytes.withUnsafeBytes { unsafe murmur_xxh3_128($0.baseAddress, $0.count, seed) }
        return Hash128(high: hash.high, low: hash.low)
    }

    /// The 128-bit hash of 32 bytes: four words, each little-endian. No bytes are put together in memory for it.
    package static func hash128(words a: UInt64, _ b: UInt64, _ c: UInt64, _ d: UInt64) -> Hash128 {
        let hash = murmur_xxh3_128_words(a, b, c, d)
        return Hash128(high: hash.high, low: hash.low)
    }

    /// The seeded 64-bit hash of `bytes`.
    package static func hash64(_ bytes: RawSpan, seed: UInt64 = 0) -> UInt64 {
        // SAFETY: as in `hash128`.
        unsafe bytes.withUnsafeBytes { unsafe murmur_xxh3_64($0.baseAddress, $0.count, seed) }
    }
}

/// Hints to the processor's caches.
package enum Prefetch {
    /// Asks for the cache line of `array[index]` ahead of its use; out-of-range indices do nothing.
    @inlinable
    package static func line<T: BitwiseCopyable>(of array: borrowing [T], at index: Int) {
        guard index >= 0, index < array.count else { return }
        // SAFETY: the address is in bounds, and a prefetch reads nothing.
        unsafe array.withUnsafeBytes { unsafe fetch($0.baseAddress, offset: index &* MemoryLayout<T>.stride) }
    }

    /// Asks for the first lines of the memory that `array[index]` refers to, where a reference is all that an element is; out-of-range indices do
    /// nothing.
    @inlinable
    package static func object<T>(of array: borrowing [T], at index: Int) {
        guard MemoryLayout<T>.size == MemoryLayout<UInt>.size, index >= 0, index < array.count else { return }
        // SAFETY: the word is in bounds and read as a number; a prefetch of any address reads nothing.
        unsafe array.withUnsafeBytes { words in
            let address = unsafe words.loadUnaligned(fromByteOffset: index &* MemoryLayout<T>.stride, as: UInt.self)
            let object = unsafe UnsafeRawPointer(bitPattern: address)
            for line in 0..<3 { unsafe fetch(object, offset: line &* 64) }
        }
    }

    @usableFromInline
    static func fetch(_ base: UnsafeRawPointer?, offset: Int) {
        // SAFETY: as above.
        if let base = unsafe base { unsafe murmur_prefetch(base + offset) }
    }
}
