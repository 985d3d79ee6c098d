internal import ByteCoding
internal import MetricModel
internal import SeriesEngine
internal import Synchronization

/// A whole block file in memory, found by series number.
final class OpenBlockFile: Sendable {
    let index: SealedFile
    let bytes: [UInt8]

    init(index: SealedFile, bytes: [UInt8]) {
        self.index = index
        self.bytes = bytes
    }

    var memorySize: Int { bytes.count + index.memorySize }
}

/// What a question finds in block files that are open: their identities as of then, and the files.
struct SealedView: Sendable {
    let labels: [Labels]
    let placements: [PlacementKey]
    /// Numbers of the series that pass the matchers, ascending; the files need not have all of them.
    let numbers: [UInt32]
    /// Of all open files.
    let chunks: SealedChunks
    /// The bytes of each of them; empty for those that the question does not read.
    let data: [[UInt8]]
    /// The numbers of the series of the head, as far as they have one; in the head's order.
    let headNumbers: [UInt32?]
}

/// Block files lately used, whole and indexed by series across files, within a number of bytes.
///
/// A question whose files do not fit together is answered slot by slot (`BlockCache`): slower, but it needs one slot's blocks at a time.
/// An actor because opening takes a while: questions that wait for it want the same files, and hold no thread.
actor SealedCache {
    private struct Entry {
        var file: OpenBlockFile
        /// Slot blocks of it that were there: fewer once slots are dropped.
        var slotBlocks: Int
        /// When it was used last, counted in questions.
        var used: Int
    }

    private var table = SealedTable()
    private var entries: [UInt32: Entry] = [:]
    private var bytes = 0
    private var clock = 0
    /// The chunks of all open files together, and which these are; made anew when a question finds others.
    private var joined: (files: [OpenBlockFile], chunks: SealedChunks)?
    /// Files that cannot be opened beside the others, because of a fingerprint that stands for two series.
    private var excluded: Set<UInt32> = []
    private let bytesMax: Int

    /// - Parameter bytesMax: bytes of files and their indexes.
    init(bytesMax: Int) {
        self.bytesMax = bytesMax
    }

    /// Matches in all files at once.
    ///
    /// - Parameters:
    ///   - files: what the question reads.
    ///   - opening: whether files that are not open are opened for it.
    ///   - tenant: whose series.
    ///   - matchers: what they must pass.
    ///   - head: the head's series that it found, to be found again among those of the files.
    /// - Returns: nil when the files do not fit, or are not open and should not be.
    /// - Throws: `EngineError.blockUnreadable` naming the file, `CancellationError`.
    func view(
        _ files: [BlockFile], opening: Bool, tenant: TenantID, matchers: [Matcher], head: [Fingerprint]
    ) throws -> SealedView? {
        guard let open = try open(files, opening: opening), let (chunks, data) = join(open) else { return nil }
        return SealedView(
            labels: table.labels, placements: table.placements,
            numbers: table.matching(tenant: tenant, matchers), chunks: chunks, data: data,
            headNumbers: head.map { table.number($0) })
    }

    /// The chunks of all open files, and the bytes of those that are wanted; nil when there are too many.
    private func join(_ wanted: [OpenBlockFile]) -> (SealedChunks, [[UInt8]])? {
        if let joined, let data = Self.data(of: wanted, among: joined.files) { return (joined.chunks, data) }
        let files = entries.keys.sorted().compactMap { entries[$0]?.file }
        guard files.count <= SealedChunks.filesMax, let data = Self.data(of: wanted, among: files) else { return nil }
        let chunks = SealedChunks(files.map(\.index))
        joined = (files, chunks)
        return (chunks, data)
    }

    /// The bytes of each of `files`, empty for those that are not wanted; nil when not all that are wanted are among them. Both are in
    /// order of sealing.
    private static func data(of wanted: [OpenBlockFile], among files: [OpenBlockFile]) -> [[UInt8]]? {
        var rest = wanted[...]
        let data = files.map { file in
            guard let first = rest.first, first === file else { return [UInt8]() }
            rest.removeFirst()
            return file.bytes
        }
        return rest.isEmpty ? data : nil
    }

    /// Asks the table and the open files; nil when they do not fit.
    func ask<Result: Sendable>(
        _ files: [BlockFile], _ question: @Sendable (SealedTable, [OpenBlockFile]) -> Result
    ) throws -> Result? {
        guard let open = try open(files, opening: true) else { return nil }
        return question(table, open)
    }

    private func open(_ files: [BlockFile], opening: Bool) throws -> [OpenBlockFile]? {
        clock += 1
        let wanted = Set(files.map(\.number))
        guard files.reduce(0, { $0 + Self.estimate(of: $1) }) <= bytesMax, wanted.isDisjoint(with: excluded) else {
            return nil
        }
        if !opening && !files.allSatisfy(isOpen) { return nil }
        // Identities outlive their files: where they have become the most of it, everything begins anew.
        if table.memorySize > bytesMax / 2 { forget() }
        for file in files where !isOpen(file) {
            try Task.checkCancellation()
            guard let opened = try read(file) else {
                excluded.insert(file.number)
                return nil
            }
            joined = nil
            bytes -= entries[file.number]?.file.memorySize ?? 0
            entries[file.number] = Entry(
                file: opened, slotBlocks: file.directory.entries.count, used: clock)
            bytes += opened.memorySize
            evict(keeping: wanted)
        }
        return files.compactMap { file in
            entries[file.number]?.used = clock
            return entries[file.number]?.file
        }
    }

    /// What the chunks of all open files take together.
    private var chunkBytes: Int { entries.values.reduce(0) { $0 + $1.file.index.chunkBytes } }

    private func isOpen(_ file: BlockFile) -> Bool {
        entries[file.number]?.slotBlocks == file.directory.entries.count
    }

    /// What a file will take: its bytes, and for each series places, a chunk twice and an identity.
    private static func estimate(of file: BlockFile) -> Int {
        file.size + file.seriesCount * 112
    }

    private func evict(keeping wanted: Set<UInt32>) {
        while bytes + table.memorySize + chunkBytes > bytesMax {
            let others = entries.filter { !wanted.contains($0.key) }
            guard let oldest = others.min(by: { $0.value.used < $1.value.used }) else { return }
            joined = nil
            bytes -= oldest.value.file.memorySize
            entries[oldest.key] = nil
        }
    }

    private func forget() {
        table = SealedTable()
        entries = [:]
        joined = nil
        excluded = []
        bytes = 0
    }

    private func read(_ file: BlockFile) throws(EngineError) -> OpenBlockFile? {
        do {
            let bytes = try file.wholeFile()
            let index = try SealedFile.read(bytes.rawSpan, entries: file.directory.entries, into: &table)
            return index.map { OpenBlockFile(index: $0, bytes: bytes) }
        } catch {
            throw EngineError(.blockUnreadable, "block \(file.path): \(error)")
        }
    }
}
