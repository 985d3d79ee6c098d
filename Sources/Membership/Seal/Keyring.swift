/// The cluster's secrets: several are accepted, one is used to send. Rotated live: add the new one everywhere, use it everywhere, remove the
/// old one everywhere.
package struct Keyring: Equatable, Sendable {
    /// One secret.
    package struct Key: Hashable, Sendable {
        /// 32 bytes.
        package let secret: [UInt8]

        /// - Parameter secret: 32 bytes.
        /// - Throws: `MembershipError.malformed` for another length.
        package init(secret: [UInt8]) throws(MembershipError) {
            guard secret.count == 32 else {
                throw MembershipError(.malformed, in: "key of \(secret.count) bytes, not 32")
            }
            self.secret = secret
        }
    }

    /// `keyring_keys_max`
    package static let keysMax = 8

    /// Accepted keys; the first one seals.
    package private(set) var keys: [Key]
    /// Whether envelopes are sealed; without keys they cannot be.
    package var sealsOutgoing: Bool
    /// Whether envelopes that are not sealed are taken, as while a cluster changes over.
    package var acceptsUnsealed: Bool

    /// A keyring.
    ///
    /// - Parameter keys: the first one seals; none for a cluster without seals.
    /// - Throws: `MembershipError.limitExceeded` for more than `keysMax`.
    package init(keys: [Key] = []) throws(MembershipError) {
        guard keys.count <= Self.keysMax else { throw MembershipError(.limitExceeded, in: "keyring") }
        self.keys = keys
        sealsOutgoing = !keys.isEmpty
        acceptsUnsealed = keys.isEmpty
    }

    /// Accepts a further key; it does not seal yet, unless it is the only one.
    ///
    /// - Throws: `MembershipError.limitExceeded` when there are `keysMax`.
    package mutating func add(_ key: Key) throws(MembershipError) {
        guard !keys.contains(key) else { return }
        guard keys.count < Self.keysMax else { throw MembershipError(.limitExceeded, in: "keyring") }
        keys.append(key)
    }

    /// Seals with an accepted key from now on.
    ///
    /// - Throws: `MembershipError.unknownKey` for one that was not added.
    package mutating func use(_ key: Key) throws(MembershipError) {
        guard let index = keys.firstIndex(of: key) else { throw MembershipError(.unknownKey, in: "keyring") }
        keys.swapAt(0, index)
    }

    /// No longer accepts a key.
    ///
    /// - Throws: `MembershipError.notAllowed` for the one that seals.
    package mutating func remove(_ key: Key) throws(MembershipError) {
        guard keys.first != key else { throw MembershipError(.notAllowed, in: "keyring: the key seals") }
        keys.removeAll { $0 == key }
    }
}
