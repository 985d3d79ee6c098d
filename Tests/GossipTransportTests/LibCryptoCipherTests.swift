import GossipTransport
import Membership
import Testing

@Suite("Cryptography by libcrypto") struct LibCryptoCipherTests {
    private let cipher = LibCryptoCipher()

    private func bytes(_ hex: String) -> [UInt8] {
        let digits = hex.compactMap { $0.hexDigitValue }
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    @Test("SHA-256 of FIPS 180-4's example")
    func digest() {
        #expect(
            cipher.digest(Array("abc".utf8))
                == bytes("ba7816bf 8f01cfea 414140de 5dae2223 b00361a3 96177a9c b410ff61 f20015ad"))
    }

    @Test("HKDF of RFC 5869, test cases 1 and 3, as far as 32 bytes go")
    func deriveKey() {
        let secret = [UInt8](repeating: 0x0B, count: 22)
        #expect(
            cipher.deriveKey(
                secret: secret, salt: bytes("000102030405060708090a0b0c"), info: bytes("f0f1f2f3f4f5f6f7f8f9"))
                == bytes("3cb25f25faacd57a90434f64d0362f2a 2d2d0a90cf1a5a4c5db02d56ecc4c5bf"))
        #expect(
            cipher.deriveKey(secret: secret, salt: [], info: [])
                == bytes("8da4e775a563c18f715f802a063c5a31 b8a11f5c5ee1879ec3454e5f3c738d2d"))
    }

    @Test("AES-256-GCM of the GCM specification, test cases 13, 14 and 16")
    func seal() {
        let zeroKey = [UInt8](repeating: 0, count: 32)
        let zeroNonce = [UInt8](repeating: 0, count: 12)
        #expect(
            cipher.seal([], key: zeroKey, nonce: zeroNonce, header: []) == bytes("530f8afbc74536b9a963b4f1c4cb738b"))
        #expect(
            cipher.seal([UInt8](repeating: 0, count: 16), key: zeroKey, nonce: zeroNonce, header: [])
                == bytes("cea7403d4d606b6e074ec5d3baf39d18 d0d1c8a799996bf0265b98b5d48ab919"))
        let key = bytes("feffe9928665731c6d6a8f9467308308 feffe9928665731c6d6a8f9467308308")
        let header = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2")
        let contents = bytes(
            """
            d9313225f88406e5a55909c5aff5269a 86a7a9531534f7da2e4c303d8a318a72
            1c3c0c95956809532fcf0e2449a6b525 b16aedf5aa0de657ba637b39
            """)
        let sealed = bytes(
            """
            522dc1f099567d07f47f37a32a84427d 643a8cdcbfe5c0c97598a2bd2555d1aa
            8cb08e48590dbb3da7b08b1056828838 c5f61e6393ba7a0abcc9f662 76fc6ece0f4e1768cddf8853bb2d551b
            """)
        let nonce = bytes("cafebabefacedbaddecaf888")
        #expect(cipher.seal(contents, key: key, nonce: nonce, header: header) == sealed)
        #expect(cipher.open(sealed, key: key, nonce: nonce, header: header) == contents)
    }

    @Test("whatever is changed, the seal does not open")
    func tampered() {
        let key = [UInt8](repeating: 7, count: 32)
        let nonce = [UInt8](repeating: 8, count: 12)
        for contents in [[], [1], Array(0..<100)] as [[UInt8]] {
            let sealed = cipher.seal(contents, key: key, nonce: nonce, header: [9])
            #expect(cipher.open(sealed, key: key, nonce: nonce, header: [9]) == contents)
            #expect(cipher.open(sealed, key: key, nonce: nonce, header: [8]) == nil)
            for bit in 0..<sealed.count * 8 {
                var changed = sealed
                changed[bit / 8] ^= 1 << UInt8(bit % 8)
                #expect(cipher.open(changed, key: key, nonce: nonce, header: [9]) == nil)
            }
            for length in 0..<sealed.count {
                #expect(cipher.open(Array(sealed[..<length]), key: key, nonce: nonce, header: [9]) == nil)
            }
        }
    }
}
