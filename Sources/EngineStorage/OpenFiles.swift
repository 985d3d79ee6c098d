internal import ByteCoding
internal import MetricModel
internal import SeriesEngine

/// Block files that are in memory: the chunks of all of them together, series by series, and the identities of all series met in them. A value: a
/// question keeps the one that it began with.
struct OpenFiles: Sendable {
    struct File: Sendable {
        let number: UInt32
        /// The slots of which it had blocks when it was opened, ascending: fewer are left once slots are dropped.
        let slots: [UInt16]
        /// Bytes that its chunks take among those that are together.
        let joinedBytes: Int
    }

    /// By ascending number, the order of sealing.
    private(set) var files: [File] = []
    private(set) var table = SealedTable()
    private(set) var chunks = SealedChunks([], before: nil)

    /// Bytes of the chunks.
    var joinedBytes: Int { chunks.lifetime.memorySize }
    /// Bytes of chunks and identities, roughly.
    var memorySize: Int { table.memorySize + joinedBytes }

    /// Whether a file is here, with all the slots that it still has.
    func has(_ file: BlockFile) -> Bool {
        guard let index = index(of: file.number) else { return false }
        return files[index].slots.count >= file.directory.entries.count
    }

    /// What a question finds in some of the files.
    ///
    /// - Parameters:
    ///   - wanted: what it reads.
    ///   - slots: the slots that it reads of them; nil for all.
    /// - Returns: nil where not all of the files are here.
    func view(of wanted: [BlockFile], slots: SlotSet?) -> SealedView? {
        guard wanted.allSatisfy(has) else { return nil }
        let indexes = wanted.compactMap { index(of: $0.number) }
        var flags = [Bool](repeating: false, count: files.count)
        for index in indexes { flags[index] = true }
        var hidden: [UInt16: [Bool]] = [:]
        for (file, index) in zip(wanted, indexes) where files[index].slots.count > file.directory.entries.count {
            for slot in files[index].slots where file.entry(ofSlot: slot) == nil && slots?.contains(slot) ?? true {
                hidden[slot, default: flags][index] = false
            }
        }
        return SealedView(table: table, chunks: chunks, wanted: flags, hidden: hidden)
    }

    /// These and other files, without some.
    ///
    /// - Parameters:
    ///   - others: what is not here yet.
    ///   - kept: the numbers of those that stay.
    ///   - anew: whether identities begin anew; then none stays.
    /// - Returns: the files that are open then, and the numbers of those that could not be opened: damaged, of which whoever reads them slot by
    ///   slot is told, or with a fingerprint that stands for two series.
    /// - Complexity: O(bytes) of all of them; blocks on disk.
    func opening(
        _ others: [BlockFile], keeping kept: Set<UInt32>, anew: Bool
    ) -> (open: OpenFiles, refused: [UInt32]) {
        var result = OpenFiles()
        if !anew { result.table = table }
        var parts: [(file: File, source: SealedChunks.Source)] = []
        for (index, file) in files.enumerated() where kept.contains(file.number) {
            parts.append((file, .joined(index)))
        }
        var refused: [UInt32] = []
        for file in others {
            guard parts.count < SealedChunks.filesMax, let bytes = try? file.wholeFile(),
                let found = try? SealedFile.read(
                    bytes.rawSpan, entries: file.directory.entries, into: &result.table)
            else {
                refused.append(file.number)
                continue
            }
            let slots = file.directory.entries.map(\.slot)
            parts.append(
                (
                    File(number: file.number, slots: slots, joinedBytes: found.joinedBytes),
                    .file(found, file.number, bytes)
                ))
        }
        parts.sort { $0.file.number < $1.file.number }
        result.files = parts.map(\.file)
        result.chunks = SealedChunks(parts.map(\.source), before: kept.isEmpty ? nil : chunks)
        return (result, refused)
    }

    /// Leaves the chunks to whoever holds them.
    mutating func close() {
        files = []
        chunks = SealedChunks([], before: nil)
    }

    /// How many of the identities the files have.
    ///
    /// - Complexity: O(identities).
    var liveCount: Int { chunks.seriesCount }

    /// Whether a question holds the chunks.
    mutating func isHeldElsewhere() -> Bool { chunks.isHeldElsewhere() }

    private func index(of number: UInt32) -> Int? {
        var low = 0
        var high = files.count
        while low < high {
            let middle = (low + high) / 2
            if files[middle].number < number { low = middle + 1 } else { high = middle }
        }
        return low < files.count && files[low].number == number ? low : nil
    }
}

/// What a question finds in block files that are open, as of then.
struct SealedView: Sendable {
    /// Identities of the files, and of others.
    let table: SealedTable
    /// Of several files, all that the question reads among them.
    let chunks: SealedChunks
    /// Of each of these files, whether the question reads it.
    let wanted: [Bool]
    /// The same for slots that some of the files held and do not count for any more.
    let hidden: [UInt16: [Bool]]
}
