internal import CIntrinsics

/// The operating system's errors.
package enum SystemError {
    /// The system's words for an error number.
    package static func text(_ number: Int32) -> String {
        // SAFETY: it returns a NUL-terminated string that lives at least until the next call on this thread.
        unsafe String(cString: murmur_error_text(number))
    }
}
