internal import ByteCoding
internal import SeriesEngine

/// Block files that were read whole, on their way to be open together.
struct UnjoinedFiles {
    struct Part {
        let file: OpenFiles.File
        let source: SealedChunks.Source
    }

    /// Identities of their series, beside those that it began with.
    private(set) var table: SealedTable
    /// In the order of reading.
    private(set) var parts: [Part] = []
    /// Numbers of the files that could not be read: damaged, of which whoever reads them slot by slot is told, or with a fingerprint that
    /// stands for two series.
    private(set) var refused: Set<UInt32> = []

    init(beside table: SealedTable) {
        self.table = table
    }

    /// - Complexity: O(bytes); blocks on disk.
    mutating func read(_ files: [BlockFile]) {
        for file in files {
            guard let bytes = try? file.wholeFile(),
                let found = try? SealedFile.read(bytes.rawSpan, entries: file.directory.entries, into: &table)
            else {
                refused.insert(file.number)
                continue
            }
            let slots = file.directory.entries.map(\.slot)
            let open = OpenFiles.File(
                number: file.number, slots: slots, joinedBytes: found.joinedBytes, file: file)
            parts.append(Part(file: open, source: .file(found, file.number, bytes)))
        }
    }

    /// How many files, those first that matter most, can be open together.
    ///
    /// - Parameters:
    ///   - order: of these and of those that are open.
    ///   - open: what is open.
    ///   - bytesMax: of chunks and identities.
    /// - Returns: how many, and at most how many bytes their chunks take before identities that none of them has are left out.
    func fitting(_ order: [Part], beside open: OpenFiles, bytesMax: Int) -> (count: Int, joinedBytes: Int) {
        let additions = SealedChunks.additions(order.map(\.source), before: open.chunks, count: table.count)
        var count = 0
        var bytes = SealedChunks.bytesOf(numbers: 0)
        var living = 0
        for (part, added) in zip(order, additions).prefix(SealedChunks.filesMax) {
            let identities = (living + added) * SealedTable.bytesPerSeries
            guard bytes + part.file.joinedBytes + SealedChunks.bytesOf(numbers: living + added) + identities <= bytesMax
            else { break }
            bytes += part.file.joinedBytes
            living += added
            count += 1
        }
        return (count, bytes + SealedChunks.bytesOf(numbers: table.count))
    }
}
