internal import MetricModel
internal import SeriesEngine

/// Block files that are in memory: the chunks of all of them together, series by series, and the identities of their series. A value: a
/// question keeps the one that it began with.
struct OpenFiles: Sendable {
    struct File: Sendable {
        let number: UInt32
        /// The slots of which it had blocks when it was opened, ascending: fewer are left once slots are dropped.
        let slots: [UInt16]
        /// Bytes that its chunks take among those that are together.
        let joinedBytes: Int
        /// To read it again; whoever drops it does not wait for this.
        weak var file: BlockFile?
    }

    /// By ascending number, the order of sealing.
    private(set) var files: [File] = []
    /// Identities of the files, and of up to as many that were open before.
    private(set) var table = SealedTable()
    private(set) var chunks = SealedChunks([], before: nil)

    init() {}

    /// Some of the files that are open, and others beside them.
    ///
    /// - Parameters:
    ///   - open: what is open.
    ///   - kept: the numbers of those that stay.
    ///   - read: the others, their identities added to those of `open`.
    ///   - bytesMax: what identities and chunks may take where identities that no file has can be left out.
    /// - Complexity: O(bytes) of all of them.
    init(_ open: OpenFiles, keeping kept: Set<UInt32>, and read: UnjoinedFiles, bytesMax: Int) {
        var parts = open.parts.filter { kept.contains($0.file.number) } + read.parts
        parts.sort { $0.file.number < $1.file.number }
        files = parts.map(\.file)
        table = read.table
        chunks = SealedChunks(parts.map(\.source), before: open.chunks)
        let living = chunks.living(count: table.count)
        let count = living.count { $0 }
        if count < table.count / 2 || count < table.count && memorySize > bytesMax {
            table = table.keeping(living)
            chunks.renumber(keeping: living)
        }
    }

    /// All files with their place among the chunks.
    var parts: [UnjoinedFiles.Part] { files.enumerated().map { .init(file: $1, source: .joined($0)) } }

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
        var lost: [UInt16: [Int]] = [:]
        for (file, index) in zip(wanted, indexes) where files[index].slots.count > file.directory.entries.count {
            for slot in files[index].slots where slots?.contains(slot) ?? true && file.entry(ofSlot: slot) == nil {
                lost[slot, default: []].append(index)
            }
        }
        // Slots are mostly lost together, and share what is told of them.
        var shared: [[Int]: [Bool]] = [:]
        let hidden = lost.mapValues { indexes in
            if let known = shared[indexes] { return known }
            var rest = flags
            for index in indexes { rest[index] = false }
            shared[indexes] = rest
            return rest
        }
        return SealedView(table: table, chunks: chunks, wanted: flags, hidden: hidden)
    }

    /// Leaves the chunks to whoever holds them.
    mutating func close() {
        files = []
        chunks = SealedChunks([], before: nil)
    }

    /// Whether somebody holds the chunks in a copy.
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
