extension Array where Element: FixedWidthInteger {
    /// Of ascending integers, the index of the first that is not below one.
    ///
    /// - Parameter wanted: need not be among them.
    /// - Returns: `count` where all are below it.
    /// - Complexity: O(log n).
    @inlinable
    package func partition(from wanted: Element) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low &+ high) / 2
            if self[middle] < wanted { low = middle &+ 1 } else { high = middle }
        }
        return low
    }
}
