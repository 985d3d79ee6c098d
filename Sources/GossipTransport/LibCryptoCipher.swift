import CLibCrypto
import Membership

/// The envelopes' cryptography by OpenSSL's libcrypto: SHA-256, HKDF over HMAC, AES-256-GCM.
///
/// Without state: a context is made for each call, about a microsecond, and a member seals tens of datagrams a second.
/// A failure of the library itself (no memory, a build without AES) is a broken invariant and traps.
package struct LibCryptoCipher: GossipCipher {
    private static let tagSize = 16
    private static let hashSize = 32

    package init() {}

    package func digest(_ bytes: [UInt8]) -> [UInt8] {
        var hash = [UInt8](repeating: 0, count: Self.hashSize)
        // SAFETY: SHA256 reads `bytes.count` bytes and writes 32, the size of `hash`; both arrays live for the call.
        let made = unsafe bytes.withUnsafeBufferPointer { from in
            unsafe hash.withUnsafeMutableBufferPointer { to in
                unsafe SHA256(from.baseAddress, from.count, to.baseAddress) != nil
            }
        }
        precondition(made, "SHA256 failed")
        return hash
    }

    /// HKDF of RFC 5869 for 32 bytes: extract, and the first block of expand.
    package func deriveKey(secret: [UInt8], salt: [UInt8], info: [UInt8]) -> [UInt8] {
        authenticate(info + [1], key: authenticate(secret, key: salt))
    }

    /// HMAC with SHA-256 (RFC 2104).
    func authenticate(_ bytes: [UInt8], key: [UInt8]) -> [UInt8] {
        var code = [UInt8](repeating: 0, count: Self.hashSize)
        var length: UInt32 = 0
        // SAFETY: HMAC reads `key.count` and `bytes.count` bytes and writes 32, the size of `code`; all arrays live for the call.
        let made = unsafe key.withUnsafeBytes { key in
            unsafe bytes.withUnsafeBufferPointer { from in
                unsafe code.withUnsafeMutableBufferPointer { to in
                    unsafe HMAC(
                        EVP_sha256(), key.baseAddress, Int32(key.count), from.baseAddress, from.count, to.baseAddress,
                        &length) != nil
                }
            }
        }
        precondition(made && length == UInt32(Self.hashSize), "HMAC failed")
        return code
    }

    package func seal(_ contents: [UInt8], key: [UInt8], nonce: [UInt8], header: [UInt8]) -> [UInt8] {
        precondition(key.count == 32 && nonce.count == 12, "a key of \(key.count), a nonce of \(nonce.count) bytes")
        var sealed = [UInt8](repeating: 0, count: contents.count + Self.tagSize)
        let made = unsafe withContext { context in
            var written: Int32 = 0
            var end: Int32 = 0
            // SAFETY: AES-256-GCM reads the key's 32 and the nonce's 12 bytes, checked above, writes as many bytes as it reads into
            // `sealed`, which has room for them and the tag behind; all arrays live for the call, and a context is used by one call.
            return unsafe sealed.withUnsafeMutableBufferPointer { to in
                guard let base = to.baseAddress else { return false }
                return unsafe EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), nil, key, nonce) == 1
                    && EVP_EncryptUpdate(context, nil, &written, header, Int32(header.count)) == 1
                    && EVP_EncryptUpdate(context, base, &written, contents, Int32(contents.count)) == 1
                    && Int(written) == contents.count
                    && EVP_EncryptFinal_ex(context, base + contents.count, &end) == 1
                    && EVP_CIPHER_CTX_ctrl(
                        context, EVP_CTRL_AEAD_GET_TAG, Int32(Self.tagSize), base + contents.count) == 1
            }
        }
        precondition(made, "AES-256-GCM failed")
        return sealed
    }

    package func open(_ sealed: [UInt8], key: [UInt8], nonce: [UInt8], header: [UInt8]) -> [UInt8]? {
        precondition(key.count == 32 && nonce.count == 12, "a key of \(key.count), a nonce of \(nonce.count) bytes")
        let count = sealed.count - Self.tagSize
        guard count >= 0 else { return nil }
        // One byte more than is written, so that an empty message has an address to be written to.
        var contents = [UInt8](repeating: 0, count: count + 1)
        var tag = Array(sealed[count...])
        let isAuthentic = unsafe withContext { context in
            var written: Int32 = 0
            var end: Int32 = 0
            // SAFETY: as in `seal`; `count` bytes of `sealed` are read, as many written to `contents`, and the tag's 16 read.
            return unsafe contents.withUnsafeMutableBufferPointer { to in
                guard let base = to.baseAddress else { return false }
                return unsafe EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), nil, key, nonce) == 1
                    && EVP_DecryptUpdate(context, nil, &written, header, Int32(header.count)) == 1
                    && EVP_DecryptUpdate(context, base, &written, sealed, Int32(count)) == 1
                    && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(Self.tagSize), &tag) == 1
                    && EVP_DecryptFinal_ex(context, base + count, &end) == 1
            }
        }
        guard isAuthentic else { return nil }
        contents.removeLast()
        return contents
    }

    private func withContext(_ body: (OpaquePointer) -> Bool) -> Bool {
        // SAFETY: the context is made here, used by `body` alone, and freed once.
        guard let context = unsafe EVP_CIPHER_CTX_new() else { return false }
        defer { unsafe EVP_CIPHER_CTX_free(context) }
        return unsafe body(context)
    }
}
