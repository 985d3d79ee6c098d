import Foundation
package import Membership

/// A file with the cluster's secrets, one a line: 64 hexadecimal digits, the first one seals. `#` begins a comment; the line `accept-unsealed` takes
/// messages without a seal too, `send-unsealed` sends them, as while a cluster changes over.
package enum KeyringFile {
    /// `keyring_file_bytes_max`
    private static let bytesMax = 64 << 10

    /// Reads a keyring.
    ///
    /// - Throws: `ClusterError.badKeyring` with the line; a secret is never told.
    package static func read(path: String) throws(ClusterError) -> Keyring {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw fault(path, "it does not exist or cannot be read")
        }
        guard data.count <= bytesMax, let text = String(validating: data, as: UTF8.self) else {
            throw fault(path, "it is not a text of at most \(bytesMax) bytes")
        }
        return try parse(text, path: path)
    }

    /// Reads a keyring from its text.
    ///
    /// - Throws: as `read`.
    package static func parse(_ text: String, path: String) throws(ClusterError) -> Keyring {
        var keys: [Keyring.Key] = []
        var acceptsUnsealed = false
        var sendsUnsealed = false
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace)
            guard let word = words.first else { continue }
            guard words.count == 1 else { throw fault(path, "line \(index + 1) is more than one word") }
            switch word {
            case "accept-unsealed": acceptsUnsealed = true
            case "send-unsealed": sendsUnsealed = true
            default:
                guard let secret = bytes(ofHexadecimal: word), let key = try? Keyring.Key(secret: secret) else {
                    throw fault(path, "line \(index + 1) is not a key of 64 hexadecimal digits")
                }
                keys.append(key)
            }
        }
        guard !keys.isEmpty else { throw fault(path, "it has no key") }
        guard var keyring = try? Keyring(keys: keys) else {
            throw fault(path, "it has \(keys.count) keys, at most \(Keyring.keysMax) are possible (keyring_keys_max)")
        }
        keyring.acceptsUnsealed = acceptsUnsealed
        keyring.sealsOutgoing = !sendsUnsealed
        return keyring
    }

    private static func bytes(ofHexadecimal text: Substring) -> [UInt8]? {
        let digits = text.utf8.map { Character(Unicode.Scalar($0)).hexDigitValue }
        guard digits.count.isMultiple(of: 2), !digits.contains(nil) else { return nil }
        let values = digits.compactMap(\.self)
        return stride(from: 0, to: values.count, by: 2).map { UInt8(values[$0] << 4 | values[$0 + 1]) }
    }

    private static func fault(_ path: String, _ reason: String) -> ClusterError {
        ClusterError(
            .badKeyring, "keyring file \(path): \(reason)", hint: "make a key with: openssl rand -hex 32 > \(path)")
    }
}
