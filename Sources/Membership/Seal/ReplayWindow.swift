/// Which counters of one sender were seen: those in a window below the greatest (RFC 4303, section 3.4.3).
struct ReplayWindow: Sendable {
    /// Counters below the greatest that are still told apart; datagrams overtaken by more are dropped.
    static let size = 1_024

    private var greatest: UInt64 = 0
    private var seen = [UInt64](repeating: 0, count: size / 64)

    /// Notes a counter.
    ///
    /// - Returns: false when it was seen before, is too old to tell, or is 0.
    mutating func take(_ counter: UInt64) -> Bool {
        guard counter > 0 else { return false }
        if counter > greatest {
            let steps = counter - greatest
            if steps >= UInt64(Self.size) {
                for word in seen.indices { seen[word] = 0 }
            } else {
                for passed in greatest + 1...counter { clear(passed) }
            }
            greatest = counter
        } else if greatest - counter >= UInt64(Self.size) || isSet(counter) {
            return false
        }
        set(counter)
        return true
    }

    private func place(_ counter: UInt64) -> (word: Int, bit: UInt64) {
        let position = Int(counter % UInt64(Self.size))
        return (position / 64, 1 << UInt64(position % 64))
    }

    private func isSet(_ counter: UInt64) -> Bool {
        let (word, bit) = place(counter)
        return seen[word] & bit != 0
    }

    private mutating func set(_ counter: UInt64) {
        let (word, bit) = place(counter)
        seen[word] |= bit
    }

    private mutating func clear(_ counter: UInt64) {
        let (word, bit) = place(counter)
        seen[word] &= ~bit
    }
}
