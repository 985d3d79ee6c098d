private import CZlib
import NIOCore

/// Compresses one body piece by piece, with zlib. This file is the only one here that touches raw memory.
///
/// Owner: the task that writes the body; nobody else sees it.
@safe final class DeflateStream: @unchecked Sendable {
    /// zlib's fastest: an answer is compressed while it is made, and text shrinks to a tenth all the same.
    private static let level: Int32 = 1
    /// zlib's own default: 256 KiB for a stream.
    private static let memoryLevel: Int32 = 8
    /// Bytes by which a compressed piece's buffer grows.
    private static let outputBytes = 16 << 10

    /// zlib keeps this address, so that it may not move.
    private let stream: UnsafeMutablePointer<z_stream>

    /// A stream at its beginning.
    init(_ coding: ContentCoding) {
        // 15 bits of window; 16 more ask for gzip's frame in place of zlib's, which HTTP calls deflate.
        let windowBits: Int32 = coding == .gzip ? 31 : 15
        // SAFETY: the memory is of this object alone, and set before zlib sees it; the version and size are those of the header that
        // this was compiled with, which zlib checks.
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        let status = unsafe deflateInit2_(
            stream, DeflateStream.level, Z_DEFLATED, windowBits, DeflateStream.memoryLevel, Z_DEFAULT_STRATEGY,
            ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        precondition(status == Z_OK, "zlib does not begin a stream: \(status)")
    }

    deinit {
        // SAFETY: `init` set the stream up, and nothing uses it after this.
        unsafe deflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// Compresses a piece whole, so that the client can read all of it when it gets the result.
    ///
    /// - Parameters:
    ///   - piece: what follows in the body; may be empty.
    ///   - isLast: ends the stream, after which there are no more pieces.
    /// - Returns: what to send; empty when there is nothing to send yet.
    func compress(_ piece: ByteBuffer, isLast: Bool) -> ByteBuffer {
        var output = ByteBuffer()
        // SAFETY: zlib reads the piece's bytes and writes the output's, each within the length that is passed beside its address, and
        // only inside `deflate`, while both closures keep them alive; the addresses are not used afterwards.
        unsafe piece.withUnsafeReadableBytes { source in
            unsafe stream.pointee.next_in = UnsafeMutablePointer(
                mutating: source.bindMemory(to: Bytef.self).baseAddress)
            unsafe stream.pointee.avail_in = UInt32(source.count)
            repeat {
                _ = unsafe output.writeWithUnsafeMutableBytes(minimumWritableBytes: DeflateStream.outputBytes) {
                    target in
                    unsafe stream.pointee.next_out = target.bindMemory(to: Bytef.self).baseAddress
                    unsafe stream.pointee.avail_out = UInt32(target.count)
                    _ = unsafe deflate(stream, isLast ? Z_FINISH : Z_SYNC_FLUSH)
                    return unsafe target.count - Int(stream.pointee.avail_out)
                }
            } while unsafe stream.pointee.avail_out == 0
        }
        return output
    }
}
