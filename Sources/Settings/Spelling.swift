/// Finds what was probably meant.
package enum Spelling {
    /// The name with the fewest changes from `word`, when they are few for its length; the first of equals.
    package static func nearest(to word: String, among names: [String]) -> String? {
        let limit = max(1, min(4, word.count / 3))
        var best: (name: String, distance: Int)?
        for name in names {
            let distance = distance(Array(word), Array(name))
            if distance <= limit, distance < best?.distance ?? Int.max { best = (name, distance) }
        }
        return best?.name
    }

    /// Fewest insertions, removals, replacements and swaps of neighbours that make one word of the other.
    ///
    /// Optimal string alignment: L. Boytsov, "Indexing methods for approximate dictionary searching" (2011), section 2.
    private static func distance(_ left: [Character], _ right: [Character]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for i in 1...max(1, left.count) where i <= left.count {
            var row = [i]
            for j in 1...max(1, right.count) where j <= right.count {
                let change = left[i - 1] == right[j - 1] ? 0 : 1
                var least = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + change)
                if i > 1, j > 1, left[i - 1] == right[j - 2], left[i - 2] == right[j - 1] {
                    least = min(least, beforeLast[j - 2] + 1)
                }
                row.append(least)
            }
            beforeLast = last
            last = row
        }
        return last[right.count]
    }
}
