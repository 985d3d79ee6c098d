import ByteCoding

/// Why bytes, a name or a command were refused: what was wrong, and where.
package struct MembershipError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The kinds of fault.
    package enum Code: String, Equatable, Sendable {
        /// The message ends before a field of it does.
        case truncated
        /// A field holds what it cannot hold.
        case malformed
        /// A count or length exceeds a named limit.
        case limitExceeded
        /// Bytes are left behind the last field.
        case trailingBytes
        /// The first bytes are not an envelope's, or it is of a version that is not known here.
        case unknownVersion
        /// The envelope is of another cluster.
        case wrongCluster
        /// The checksum of an envelope that is not sealed does not fit it.
        case damaged
        /// The envelope is not sealed, and only sealed ones are taken.
        case unsealed
        /// No key of the keyring has the envelope's key number.
        case unknownKey
        /// The seal does not fit: a damaged or forged envelope.
        case unauthentic
        /// The envelope was received before, or is too old to tell.
        case replayed
        /// A command names a member that is not known.
        case unknownMember
        /// A command does not fit the member's or the cluster's state.
        case notAllowed
    }

    /// The kind of fault.
    package var code: Code
    /// The message, field or command.
    package var place: String
    /// Bytes from the beginning of the message to the fault; 0 where that says nothing.
    package var offset: Int

    package init(_ code: Code, in place: String, offset: Int = 0) {
        self.code = code
        self.place = place
        self.offset = offset
    }

    /// The fault of bytes that `ByteReader` could not read in `place`.
    init(_ error: ByteError, in place: String) {
        self.init(error.code == .truncated ? .truncated : .malformed, in: place, offset: error.offset)
    }

    package var description: String { "\(code.rawValue) in \(place), offset \(offset)" }
}
