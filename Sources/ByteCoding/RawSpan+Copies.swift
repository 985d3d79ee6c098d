extension RawSpan {
    /// The bytes as an array of their own.
    package func copied() -> [UInt8] {
        // SAFETY: the span is alive for the length of this call; the array owns its copy.
        unsafe withUnsafeBytes { unsafe [UInt8]($0) }
    }

    /// The bytes as a string, or nil when they are not UTF-8.
    package func string() -> String? {
        // SAFETY: the span is alive for the length of this call; the string owns its copy.
        unsafe withUnsafeBytes { bytes in
            // The validating initialiser is generic and costs some ten times as much; most texts are ASCII.
            isASCII ? unsafe String(decoding: bytes, as: UTF8.self) : unsafe String(validating: bytes, as: UTF8.self)
        }
    }
}

extension String {
    /// Calls `body` with the string's UTF-8, borrowed.
    ///
    /// - Returns: what `body` returns.
    package func withRawSpan<Result>(_ body: (RawSpan) -> Result) -> Result {
        var text = self
        return text.withUTF8 { utf8 in
            // SAFETY: `withUTF8` keeps the bytes alive for the length of this closure.
            unsafe body(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(utf8)))
        }
    }
}

extension [UInt8] {
    /// The array's bytes, borrowed.
    @inlinable
    package var rawSpan: RawSpan {
        @_lifetime(borrow self)
        get {
            // SAFETY: bytes have no padding.
            unsafe span.bytes
        }
    }
}
