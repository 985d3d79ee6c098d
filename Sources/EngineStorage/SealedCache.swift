internal import ByteCoding
internal import MetricModel
internal import SeriesEngine
internal import Synchronization

/// A block file whose chunks are in memory, found by series number.
final class OpenBlockFile: Sendable {
    let index: SealedFile
    /// Bytes of the file.
    private let byteCount: Int

    init(index: SealedFile, byteCount: Int) {
        self.index = index
        self.byteCount = byteCount
    }

    var memorySize: Int { byteCount + index.memorySize }
}

/// What a question finds in block files that are open: their identities as of then, and the files.
struct SealedView: Sendable {
    let labels: [Labels]
    let placements: [PlacementKey]
    /// Numbers of the series that pass the matchers, ascending; the files need not have all of them.
    let numbers: [UInt32]
    /// Of several files, all that the question reads among them.
    let chunks: SealedChunks
    /// Of each of these files, whether the question reads it.
    let wanted: [Bool]
    /// The numbers of the series of the head, as far as they have one; in the head's order.
    let headNumbers: [UInt32?]
}

/// Block files lately used, whole and indexed by series across files, within a number of bytes.
///
/// A question whose files do not fit together is answered slot by slot (`BlockCache`): slower, but it needs one slot's blocks at a time.
/// So is one for which the chunks would have to be put together once more while questions at work hold too many that were before.
/// An actor because opening takes a while: questions that wait for it want the same files, and hold no thread. Files that have just been sealed are
/// opened before they can be asked for (`SealedCache+Preparing.swift`).
actor SealedCache {
    private struct Entry {
        var file: OpenBlockFile
        /// The whole file, until its chunks are put together with the others'.
        var bytes: [UInt8]?
        /// Slot blocks of it that were there: fewer once slots are dropped.
        var slotBlocks: Int
        /// When it was used last, counted in questions.
        var used: Int
    }

    private struct Joined {
        var files: [OpenBlockFile]
        var chunks: SealedChunks
        /// Whether some of the files are not open any more.
        var isStale = false
    }

    private struct Generation {
        weak var lifetime: SealedChunks.Lifetime?
    }

    private var table = SealedTable()
    private var entries: [UInt32: Entry] = [:]
    private var bytes = 0
    private var clock = 0
    /// The clock when a file was prepared last.
    private var preparedAt = 0
    /// Counts what changes entries, table or the chunks that are together.
    private var revision = 0
    /// What a file that is being prepared will take: with its index, and as chunks that are put together.
    private var reserved = (bytes: 0, joined: 0)
    /// How many of the table's identities open files have, at a revision.
    private var live = (revision: -1, count: 0)
    /// The chunks of open files together; put together anew when a question reads others, or some of them were evicted.
    private var joined: Joined?
    /// All that were put together and are in memory still: the newest, and those before that questions at work hold.
    private var generations: [Generation] = []
    /// Files that cannot be opened beside the others, because of a fingerprint that stands for two series.
    private var excluded: Set<UInt32> = []
    private let bytesMax: Int
    private let joinedBytesMax: Int

    /// - Parameters:
    ///   - bytesMax: bytes of files and their indexes.
    ///   - joinedBytesMax: bytes of chunks that were put together, for whomever.
    init(bytesMax: Int, joinedBytesMax: Int) {
        self.bytesMax = bytesMax
        self.joinedBytesMax = joinedBytesMax
    }

    /// Bytes of chunks that are put together, those included that only questions at work hold.
    var joinedBytes: Int { generations.reduce(0) { $0 + ($1.lifetime?.memorySize ?? 0) } }

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
        guard let (chunks, wanted) = try together(files, opening: opening) else { return nil }
        return SealedView(
            labels: table.labels, placements: table.placements,
            numbers: table.matching(tenant: tenant, matchers), chunks: chunks, wanted: wanted,
            headNumbers: head.map { table.number($0) })
    }

    /// The chunks of these files and of others, and which of them are wanted; nil where there are too many, or no room.
    private func together(_ files: [BlockFile], opening: Bool) throws -> (chunks: SealedChunks, wanted: [Bool])? {
        guard let open = try open(files, opening: opening) else { return nil }
        if let joined, !joined.isStale || !hasRoomToJoin, let flags = Self.flags(of: open, among: joined.files) {
            return (joined.chunks, flags)
        }
        if hasRoomToJoin { return join(open) }
        // Where no question holds the chunks that are together, they make room: what is wanted is read again.
        guard opening, giveUpJoined(), let again = try self.open(files, opening: true), hasRoomToJoin else {
            return nil
        }
        return join(again)
    }

    private var hasRoomToJoin: Bool {
        let chunks = entries.values.reduce(0) { $0 + $1.file.index.joinedBytes }
        return joinedBytes + reserved.joined + chunks + (table.count + 1) * 4 <= joinedBytesMax
    }

    /// Forgets the chunks that are together, and the files that are nowhere else, if that frees their memory.
    private func giveUpJoined() -> Bool {
        guard joined?.chunks.isHeldElsewhere() == false else { return false }
        joined = nil
        for (number, entry) in entries where entry.bytes == nil { close(number) }
        return true
    }

    /// The chunks of all open files, and which of these files are wanted; nil when there are too many.
    private func join(_ wanted: [OpenBlockFile]) -> (SealedChunks, [Bool])? {
        let numbers = entries.keys.sorted()
        let files = numbers.compactMap { entries[$0]?.file }
        guard files.count <= SealedChunks.filesMax, let flags = Self.flags(of: wanted, among: files) else { return nil }
        let chunks = SealedChunks(sources(of: numbers), before: joined?.chunks)
        use(chunks, of: files)
        return (chunks, flags)
    }

    /// Where the chunks of open files are.
    private func sources(of numbers: [UInt32]) -> [SealedChunks.Source] {
        var before: [ObjectIdentifier: Int] = [:]
        for (index, file) in (joined?.files ?? []).enumerated() { before[ObjectIdentifier(file)] = index }
        return numbers.map { number in
            guard let entry = entries[number] else { preconditionFailure("block \(number) is not open") }
            if let bytes = entry.bytes { return .file(entry.file.index, number, bytes) }
            guard let index = before[ObjectIdentifier(entry.file)] else {
                preconditionFailure("block \(number) is open, but its bytes are nowhere")
            }
            return .joined(index)
        }
    }

    /// From now on these are the chunks of all open files.
    private func use(_ chunks: SealedChunks, of files: [OpenBlockFile]) {
        revision += 1
        joined = Joined(files: files, chunks: chunks)
        generations.removeAll { $0.lifetime == nil }
        generations.append(Generation(lifetime: chunks.lifetime))
        for number in entries.keys { entries[number]?.bytes = nil }
    }

    // MARK: - Preparing

    /// What a file is opened with apart; nil where it should not be, or cannot. `finish` follows, and another try, `again`, where something has changed.
    func begin(_ file: BlockFile, again: Bool) -> SealedPreparation? {
        guard again || clock > preparedAt else { return nil }
        preparedAt = clock
        let size = Self.estimate(of: file)
        let identities = max(table.count, file.seriesCount) * SealedTable.bytesPerSeries
        var kept = entries.keys.sorted { entries[$0]?.used ?? 0 < entries[$1]?.used ?? 0 }
        var keptBytes = 0
        var keptChunks = size
        for number in kept {
            guard let index = entries[number]?.file else { continue }
            keptBytes += index.memorySize + index.index.chunkBytes
            keptChunks += index.index.joinedBytes
        }
        // Those that were used longest ago go, until there is room for the rest twice: as it is, and as it will be.
        while keptBytes + size + identities > bytesMax
            || joinedBytes + keptChunks + (table.count + file.seriesCount) * 4 > joinedBytesMax
        {
            guard let oldest = kept.first, let file = entries[oldest]?.file else { return nil }
            kept.removeFirst()
            keptBytes -= file.memorySize + file.index.chunkBytes
            keptChunks -= file.index.joinedBytes
        }
        kept.sort()
        guard kept.last ?? 0 < file.number else { return nil }
        reserved = (size, keptChunks + (table.count + file.seriesCount) * 4)
        return SealedPreparation(
            revision: revision, table: table, kept: kept, files: kept.compactMap { entries[$0]?.file },
            sources: sources(of: kept), before: joined?.chunks)
    }

    /// Takes over what was opened apart, and its chunks together with those of the files that stay; nil where it could not be opened.
    ///
    /// - Returns: whether to try again: nothing is taken over where something has changed meanwhile.
    func finish(
        _ preparation: SealedPreparation, _ file: BlockFile, _ opened: (file: OpenBlockFile, chunks: SealedChunks)?
    ) -> Bool {
        reserved = (0, 0)
        guard let (opened, chunks) = opened else { return false }
        guard preparation.revision == revision else { return true }
        let files = preparation.files + [opened]
        let size = files.reduce(0) { $0 + $1.memorySize + $1.index.chunkBytes }
        guard size + preparation.table.memorySize <= bytesMax else { return false }
        let kept = Set(preparation.kept)
        for number in entries.keys where !kept.contains(number) { close(number) }
        table = preparation.table
        entries[file.number] = Entry(
            file: opened, bytes: nil, slotBlocks: file.directory.entries.count, used: clock)
        bytes += opened.memorySize
        use(chunks, of: files)
        return false
    }

    /// Of each of `files`, whether it is wanted; nil when not all that are wanted are among them. Both are in order of sealing.
    private static func flags(of wanted: [OpenBlockFile], among files: [OpenBlockFile]) -> [Bool]? {
        var rest = wanted[...]
        let flags = files.map { file in
            guard let first = rest.first, first === file else { return false }
            rest.removeFirst()
            return true
        }
        return rest.isEmpty ? flags : nil
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
        guard wanted.isDisjoint(with: excluded) else { return nil }
        // Identities outlive their files: where those that no file has are the most of it, everything begins anew.
        if table.memorySize > bytesMax / 2, liveCount < table.count / 2 { forget() }
        let identities = files.reduce(table.count) { max($0, $1.seriesCount) } * SealedTable.bytesPerSeries
        guard files.reduce(identities, { $0 + Self.estimate(of: $1) }) <= bytesMax else { return nil }
        if !opening && !files.allSatisfy(isOpen) { return nil }
        for file in files where !isOpen(file) {
            try Task.checkCancellation()
            guard let opened = try read(file) else {
                excluded.insert(file.number)
                return nil
            }
            close(file.number)
            entries[file.number] = Entry(
                file: opened.file, bytes: opened.bytes, slotBlocks: file.directory.entries.count, used: clock)
            bytes += opened.file.memorySize
            revision += 1
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

    /// How many of the table's identities open files have.
    private var liveCount: Int {
        if live.revision != revision { live = (revision, SealedFile.seriesCount(in: entries.values.map(\.file.index))) }
        return live.count
    }

    /// What a file will take beside identities: its bytes, and for each series places and a chunk twice.
    private static func estimate(of file: BlockFile) -> Int {
        file.size + file.seriesCount * 112
    }

    private func evict(keeping wanted: Set<UInt32>) {
        while bytes + reserved.bytes + table.memorySize + chunkBytes > bytesMax {
            let others = entries.filter { !wanted.contains($0.key) }
            guard let oldest = others.min(by: { $0.value.used < $1.value.used }) else { return }
            close(oldest.key)
        }
    }

    private func close(_ number: UInt32) {
        guard let entry = entries.removeValue(forKey: number) else { return }
        revision += 1
        bytes -= entry.file.memorySize
        if entry.bytes == nil { joined?.isStale = true }
    }

    private func forget() {
        revision += 1
        table = SealedTable()
        entries = [:]
        joined = nil
        excluded = []
        bytes = 0
    }

    private func read(_ file: BlockFile) throws(EngineError) -> (file: OpenBlockFile, bytes: [UInt8])? {
        do {
            let bytes = try file.wholeFile()
            let index = try SealedFile.read(bytes.rawSpan, entries: file.directory.entries, into: &table)
            return index.map { (OpenBlockFile(index: $0, byteCount: bytes.count), bytes) }
        } catch {
            throw EngineError(.blockUnreadable, "block \(file.path): \(error)")
        }
    }
}
