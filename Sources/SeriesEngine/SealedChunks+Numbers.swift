extension SealedChunks {
    /// What it costs to keep files beside those that matter more.
    ///
    /// - Parameters:
    ///   - sources: files, the most important first.
    ///   - before: what those that were joined are together in.
    ///   - count: more than the greatest number of a series.
    /// - Returns: of each file, how many series it has that none before it has.
    /// - Complexity: O(chunks + count).
    package static func additions(_ sources: [Source], before: SealedChunks, count: Int) -> [Int] {
        let none = UInt32.max
        var best = [UInt32](repeating: none, count: count)
        var ranks = [UInt32](repeating: none, count: before.fileNumbers.count)
        for (rank, source) in sources.enumerated() {
            switch source {
            case .joined(let index): ranks[index] = UInt32(rank)
            case .file(let file, _, _):
                for position in 0..<file.seriesCount {
                    let number = Int(file.number(at: position))
                    best[number] = min(best[number], UInt32(rank))
                }
            }
        }
        for number in 0..<before.numberLimit {
            for chunk in before.chunks[before.range(of: UInt32(number))] {
                best[number] = min(best[number], ranks[Int(chunk.file)])
            }
        }
        for (number, parts) in before.histograms {
            for part in parts { best[Int(number)] = min(best[Int(number)], ranks[Int(part.file)]) }
        }
        var additions = [Int](repeating: 0, count: sources.count)
        for rank in best where rank != none { additions[Int(rank)] += 1 }
        return additions
    }

    /// Of each of so many numbers, whether it has chunks.
    package func living(count: Int) -> [Bool] {
        var living = [Bool](repeating: false, count: count)
        for number in 0..<numberLimit where !range(of: UInt32(number)).isEmpty { living[number] = true }
        for number in histograms.keys { living[Int(number)] = true }
        return living
    }

    /// Leaves out the numbers that have no chunks, as `SealedTable.keeping` does: the others move up.
    ///
    /// - Parameter living: of each number, whether it stays.
    package mutating func renumber(keeping living: [Bool]) {
        var kept: [UInt32] = []
        kept.reserveCapacity(places.count)
        for number in 0..<numberLimit where living[number] { kept.append(places[number]) }
        kept.append(UInt32(chunks.count) << 1)
        places = kept
        if !histograms.isEmpty {
            var moved: [UInt32: [HistogramPart]] = [:]
            var next: UInt32 = 0
            for (number, isLiving) in living.enumerated() where isLiving {
                if let parts = histograms[UInt32(number)] { moved[next] = parts }
                next += 1
            }
            histograms = moved
        }
        measure()
    }
}
