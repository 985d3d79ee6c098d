/// What is still to happen, the earliest first; what is due at one time comes in the order of its ranks, so that a run repeats exactly.
///
/// A heap of four children a node over small keys, and a slab of payloads that the keys point into: nothing is allocated for an event once both
/// have grown.
package struct EventQueue<Payload> {
    /// When, and in which order among equals. Two keys in a queue are never equal.
    package struct Key {
        /// Microseconds.
        package var time: Int64
        /// The order among equal times.
        package var rank: UInt64

        package init(time: Int64, rank: UInt64) {
            self.time = time
            self.rank = rank
        }

        static func < (left: Key, right: Key) -> Bool {
            left.time == right.time ? left.rank < right.rank : left.time < right.time
        }
    }

    private struct Entry {
        var key: Key
        var index: Int
    }

    private var heap = ContiguousArray<Entry>()
    private var payloads = ContiguousArray<Payload?>()
    private var free = ContiguousArray<Int>()

    package init() {}

    /// How many wait.
    package var count: Int { heap.count }

    /// When the next payload is due; nil for none.
    package var nextTime: Int64? { heap.first?.key.time }

    /// Adds a payload.
    ///
    /// - Parameters:
    ///   - payload: what happens.
    ///   - key: when.
    package mutating func push(_ payload: consuming Payload, key: Key) {
        let index: Int
        if let reused = free.popLast() {
            index = reused
            payloads[index] = payload
        } else {
            index = payloads.count
            payloads.append(payload)
        }
        heap.append(Entry(key: key, index: index))
        rise(heap.count - 1)
    }

    /// Takes the first payload out; nil for none.
    package mutating func pop() -> (key: Key, payload: Payload)? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        if !heap.isEmpty {
            heap[0] = last
            sink()
        }
        free.append(first.index)
        guard let payload = payloads[first.index].take() else {
            preconditionFailure("event \(first.index) at \(first.key.time) has no payload")
        }
        return (first.key, payload)
    }

    private mutating func rise(_ start: Int) {
        var index = start
        let entry = heap[index]
        while index > 0 {
            let parent = (index - 1) / 4
            guard entry.key < heap[parent].key else { break }
            heap[index] = heap[parent]
            index = parent
        }
        heap[index] = entry
    }

    private mutating func sink() {
        var index = 0
        let entry = heap[0]
        while true {
            let first = index * 4 + 1
            guard first < heap.count else { break }
            var least = first
            for child in first + 1..<max(first + 1, min(first + 4, heap.count)) where heap[child].key < heap[least].key
            {
                least = child
            }
            guard heap[least].key < entry.key else { break }
            heap[index] = heap[least]
            index = least
        }
        heap[index] = entry
    }
}
