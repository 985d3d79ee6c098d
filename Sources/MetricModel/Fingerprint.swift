package import ByteCoding

/// The 128-bit hash of a series' identity: tenant and canonical labels. Equality of labels is checked when a series is defined.
package struct Fingerprint: Hashable, Sendable, BitwiseCopyable {
    package var hash: XXH3.Hash128

    /// XXH3 over the varint-prefixed tenant followed by the canonical label bytes.
    package init(tenant: TenantID, labels: Labels) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(tenant.name.utf8.count + 2 + labels.bytes.count)
        bytes.append(prefixed: tenant.name)
        bytes.append(contentsOf: labels.bytes)
        hash = XXH3.hash128(bytes.rawSpan)
    }

    package init(hash: XXH3.Hash128) {
        self.hash = hash
    }
}
