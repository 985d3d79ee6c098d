package import Membership

/// Somebody whose datagrams no key here opens: other keys, or none.
package struct OtherKeys: Hashable, Sendable {
    /// Where they come from, as they say: nothing in them is authenticated.
    package var sender: NodeAddress
    /// How long ago the last one came, monotonic.
    package var microsecondsAgo: Int64
}

/// The addresses whose datagrams no key here opens. One datagram says nothing: anybody can send it in another's name.
struct SealStrangers {
    /// `seal_strangers_max`: addresses that are remembered.
    private static let strangersMax = 16
    /// `seal_refusals_told`: datagrams of an address, none of them opened since, that are worth a word.
    private static let refusalsTold = 3
    /// `seal_strangers_told`: for so long after the last one. Microseconds.
    private static let toldFor: Int64 = 60_000_000

    private var refusals: [NodeAddress: (count: Int, last: Int64)] = [:]

    /// A datagram was refused for its seal.
    mutating func refused(from sender: NodeAddress, at now: Int64) {
        if refusals[sender] == nil, refusals.count >= Self.strangersMax {
            guard let oldest = refusals.min(by: { $0.value.last < $1.value.last }) else { return }
            refusals[oldest.key] = nil
        }
        refusals[sender] = ((refusals[sender]?.count ?? 0) + 1, now)
    }

    /// A datagram was opened: its sender has the key by now.
    mutating func opened(from sender: NodeAddress) {
        if !refusals.isEmpty { refusals[sender] = nil }
    }

    /// Who was refused last; nil while nobody is worth a word.
    func last(at now: Int64) -> OtherKeys? {
        let told = refusals.filter { $0.value.count >= Self.refusalsTold && now - $0.value.last < Self.toldFor }
        return told.max { $0.value.last < $1.value.last }.map {
            OtherKeys(sender: $0.key, microsecondsAgo: now - $0.value.last)
        }
    }
}
