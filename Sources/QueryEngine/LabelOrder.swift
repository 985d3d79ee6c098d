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
        for set in sets {
            set.forEach { name, value in
                order.bytes.append(span: name)
                order.bytes.append(0)
                order.bytes.append(span: value)
                order.bytes.append(0)
            }
            order.starts.append(order.bytes.count)
        }
        var indices = Array(sets.indices)
        order.sort(&indices, 0..<indices.count, from: 0)
        return indices
    }

    /// Sorts sets that agree in their first `depth` bytes: eight bytes at a time as one number, and what is equal in those again.
    private func sort(_ indices: inout [Int], _ range: Range<Int>, from depth: Int) {
        var pending = [(range, depth)]
        while let (range, depth) = pending.popLast() {
            let keyed = range.map { (key(indices[$0], depth), indices[$0]) }.sorted { $0 < $1 }
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
        var key: UInt64 = 0
        for place in starts[set] + depth..<starts[set] + depth + 8 {
            key = key << 8 | (place < starts[set + 1] ? UInt64(bytes[place]) : 0)
        }
        return key
    }
}
