internal import ByteCoding
internal import MetricModel

/// Orders label sets name by name and value by value, which the canonical bytes, prefixed with lengths, would not.
struct LabelOrder {
    /// Of each set the names and values, each with a zero byte behind it, one set after the other.
    private var bytes: [UInt8] = []
    /// Where each set begins, with the end behind the last.
    private var starts: [Int] = [0]

    /// The indices of label sets in their order; equal ones keep theirs.
    static func sorted(_ sets: [Labels]) -> [Int] {
        var order = LabelOrder()
        order.bytes.reserveCapacity(sets.reduce(0) { $0 + $1.bytes.count + 8 })
        for set in sets { order.append(set.bytes) }
        // A word may be read at the last byte.
        order.bytes.append(littleEndian: 0 as UInt64)
        var indices = Array(sets.indices)
        order.sort(&indices, 0..<indices.count, from: 0)
        return indices
    }

    /// Adds a set, each length before a field turned into the zero behind the field before.
    private mutating func append(_ canonical: [UInt8]) {
        let start = bytes.count
        let all = canonical.rawSpan
        var at = 0
        while at < all.byteCount {
            let length = Int(all.byte(at: at))
            guard length < 0x80 else { return append(withLongFields: canonical, from: start) }
            if at == 0 {
                bytes.append(span: all.extracting(1..<all.byteCount))
                bytes.append(0)
            } else {
                bytes[start + at - 1] = 0
            }
            at += 1 + length
        }
        starts.append(bytes.count)
    }

    /// The same where a length takes several bytes.
    private mutating func append(withLongFields canonical: [UInt8], from start: Int) {
        bytes.removeSubrange(start...)
        Labels(canonicalBytes: canonical).forEach { name, value in
            bytes.append(span: name)
            bytes.append(0)
            bytes.append(span: value)
            bytes.append(0)
        }
        starts.append(bytes.count)
    }

    /// Sorts sets that agree in their first `depth` bytes: eight bytes at a time as one number, and what is equal in those again.
    private func sort(_ indices: inout [Int], _ range: Range<Int>, from depth: Int) {
        var pending = [(range, depth)]
        while let (range, depth) = pending.popLast() {
            var keyed = range.map { (key(indices[$0], depth), indices[$0]) }
            // Names and the beginnings of values are the same in most sets: nothing to sort then.
            if keyed.contains(where: { $0.0 != keyed[0].0 }) { keyed.sort { $0 < $1 } }
            var first = 0
            var hasMore = false
            for (offset, entry) in keyed.enumerated() {
                indices[range.lowerBound + offset] = entry.1
                if starts[entry.1] + depth + 8 < starts[entry.1 + 1] { hasMore = true }
                if offset + 1 < keyed.count && keyed[offset + 1].0 == entry.0 { continue }
                if offset > first && hasMore {
                    pending.append((range.lowerBound + first..<range.lowerBound + offset + 1, depth + 8))
                }
                first = offset + 1
                hasMore = false
            }
        }
    }

    /// Eight bytes of a set, the first the most significant; zeros behind its end.
    private func key(_ set: Int, _ depth: Int) -> UInt64 {
        let at = starts[set] + depth
        let rest = starts[set + 1] - at
        if rest <= 0 { return 0 }
        let word = bytes.rawSpan.littleEndianWord(at: at).byteSwapped
        return rest >= 8 ? word : word & ~(UInt64.max >> UInt64(8 * rest))
    }
}
