private import CSnappy

/// The snappy block format, which remote write compresses its bodies with.
///
/// Source: google/snappy, format_description.txt. The framed ("streaming") form is a different one and is refused as corrupt.
/// This file is the only one here that touches raw memory: it passes arrays to the C library and nothing else.
package enum SnappyBlock {
    /// Why a block could not be unpacked.
    package enum Failure: Error, Equatable, Sendable {
        /// Not a snappy block, or one that is cut off or damaged.
        case corrupt
        /// The block says it unpacks to more bytes than the caller takes; nothing was allocated.
        case tooLarge(declared: Int)
    }

    /// Unpacks one block.
    ///
    /// - Parameters:
    ///   - block: the whole compressed body.
    ///   - bytesMax: the most bytes to unpack to; checked against the length that the block declares, before allocating.
    /// - Returns: the unpacked bytes.
    /// - Throws: `Failure`; nothing was allocated for a block that is too large.
    package static func decompress(_ block: [UInt8], bytesMax: Int) throws(Failure) -> [UInt8] {
        let declared = try declaredLength(of: block)
        guard declared <= bytesMax else { throw .tooLarge(declared: declared) }
        var status = SNAPPY_OK
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: declared) { target, filled in
            // SAFETY: the target holds `declared` bytes and the library writes no more than `length`, which says so; it reads
            // only the block, whose length is passed beside its address. Both outlive the call. The library does not look
            // inside bytes that it has not been given, and it fills all of `declared` when it answers OK.
            unsafe block.withUnsafeBytes { source in
                var length = declared
                status = unsafe snappy_uncompress(
                    source.baseAddress?.assumingMemoryBound(to: CChar.self), source.count,
                    UnsafeMutableRawPointer(target.baseAddress)?.assumingMemoryBound(to: CChar.self), &length)
                filled = status == SNAPPY_OK ? length : 0
            }
        }
        guard status == SNAPPY_OK else { throw .corrupt }
        return bytes
    }

    /// Packs `bytes` into one block.
    package static func compress(_ bytes: [UInt8]) -> [UInt8] {
        let capacity = snappy_max_compressed_length(bytes.count)
        return unsafe [UInt8](unsafeUninitializedCapacity: capacity) { target, filled in
            // SAFETY: the target holds the most bytes that the library says it may need for this input; input and target are
            // alive for the length of the call.
            unsafe bytes.withUnsafeBytes { source in
                var length = capacity
                let status = unsafe snappy_compress(
                    source.baseAddress?.assumingMemoryBound(to: CChar.self), source.count,
                    UnsafeMutableRawPointer(target.baseAddress)?.assumingMemoryBound(to: CChar.self), &length)
                precondition(status == SNAPPY_OK, "snappy refused a buffer of the size it asked for")
                filled = length
            }
        }
    }

    /// Bytes at a block's beginning that hold the length it unpacks to: a varint of 32 bits.
    package static let headBytesMax = 5

    /// The length that a block says it unpacks to, from its first `headBytesMax` bytes.
    ///
    /// - Throws: `Failure.corrupt` when these are no such length.
    package static func declaredLength(of block: [UInt8]) throws(Failure) -> Int {
        var declared = 0
        // SAFETY: the library reads at most `count` bytes of the block, which is alive for the length of the call.
        let status = unsafe block.withUnsafeBytes { source in
            unsafe snappy_uncompressed_length(
                source.baseAddress?.assumingMemoryBound(to: CChar.self), source.count, &declared)
        }
        guard status == SNAPPY_OK, declared >= 0 else { throw .corrupt }
        return declared
    }
}
