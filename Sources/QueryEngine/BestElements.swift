internal import MetricModel

/// The k best of a group at one step, the worst of them on top of a binary heap. NaN is worse than any number; of equals the one whose
/// labels come later is worse, so that the choice depends neither on the order of the series nor on how they are spread over nodes.
struct BestElements: Sendable {
    struct Element: Sendable {
        /// By which it is ranked.
        var key: Double
        var value: Double
        /// Number of the series among the aggregation's input.
        var row: Int
    }

    /// What makes one element better than another.
    struct Ranking {
        let wantsLargest: Bool
        /// Labels of the aggregation's input, by row.
        var inputs: [Labels] = []

        init(wantsLargest: Bool) {
            self.wantsLargest = wantsLargest
        }

        @inline(__always)
        func isWorse(_ left: Element, _ right: Element) -> Bool {
            if left.key < right.key { return wantsLargest }
            if left.key > right.key { return !wantsLargest }
            if left.key.isNaN != right.key.isNaN { return left.key.isNaN }
            return comesLater(left.row, right.row)
        }

        private func comesLater(_ left: Int, _ right: Int) -> Bool {
            inputs[right].bytes.lexicographicallyPrecedes(inputs[left].bytes)
        }
    }

    private var heap: [Element] = []

    @inline(__always)
    mutating func offer(_ element: Element, atMost k: Int, _ ranking: Ranking) {
        if heap.count < k {
            heap.append(element)
            rise(ranking)
        } else if ranking.isWorse(heap[0], element) {
            heap[0] = element
            sink(ranking)
        }
    }

    /// The key that another must reach to be among the k best; NaN where every key is.
    @inline(__always)
    func bar(atMost k: Int) -> Double { heap.count < k ? .nan : heap[0].key }

    private mutating func rise(_ ranking: Ranking) {
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            if !ranking.isWorse(heap[child], heap[parent]) { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    private mutating func sink(_ ranking: Ranking) {
        var parent = 0
        while true {
            var worst = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
                if ranking.isWorse(heap[child], heap[worst]) { worst = child }
            }
            if worst == parent { return }
            heap.swapAt(parent, worst)
            parent = worst
        }
    }

    /// The elements, best first.
    func ordered(_ ranking: Ranking) -> [Element] {
        heap.sorted { ranking.isWorse($1, $0) }
    }
}
