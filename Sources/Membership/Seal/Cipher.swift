/// The cryptography that sealed envelopes need; a shell conforms with a library.
package protocol GossipCipher: Sendable {
    /// HKDF with SHA-256 (RFC 5869).
    ///
    /// - Parameters:
    ///   - secret: the input key material.
    ///   - salt: of any length.
    ///   - info: of any length.
    /// - Returns: 32 bytes.
    func deriveKey(secret: [UInt8], salt: [UInt8], info: [UInt8]) -> [UInt8]

    /// SHA-256.
    ///
    /// - Returns: 32 bytes.
    func digest(_ bytes: [UInt8]) -> [UInt8]

    /// AES-256-GCM (NIST SP 800-38D).
    ///
    /// - Parameters:
    ///   - contents: to be hidden.
    ///   - key: 32 bytes.
    ///   - nonce: 12 bytes, never used twice with a key.
    ///   - header: authenticated with the contents.
    /// - Returns: as many bytes as `contents`, and a tag of 16.
    func seal(_ contents: [UInt8], key: [UInt8], nonce: [UInt8], header: [UInt8]) -> [UInt8]

    /// The inverse of `seal`.
    ///
    /// - Returns: the contents; nil when the tag does not fit.
    func open(_ sealed: [UInt8], key: [UInt8], nonce: [UInt8], header: [UInt8]) -> [UInt8]?
}
