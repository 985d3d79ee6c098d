internal import ByteCoding
internal import Glibc
internal import SeriesEngine
internal import Synchronization

/// One block file and its directory, shared by queries. A dropped file stays on disk until its last reader lets go.
final class BlockFile: Sendable {
    let number: UInt32
    let path: String
    let directory: BlockDirectory
    /// Bytes of the file.
    let size: Int
    let minTime: Int64
    let maxTime: Int64
    /// Series in all slot blocks.
    let seriesCount: Int
    /// The file itself, where this is what is left of it without hidden slots.
    private let origin: BlockFile?
    private let isDropped = Atomic<Bool>(false)

    private init(number: UInt32, path: String, directory: BlockDirectory, size: Int, origin: BlockFile? = nil) {
        self.number = number
        self.path = path
        self.directory = directory
        self.size = size
        self.origin = origin
        minTime = directory.minTime
        maxTime = directory.maxTime
        seriesCount = directory.entries.reduce(0) { $0 + $1.seriesCount }
    }

    deinit {
        guard isDropped.load(ordering: .acquiring) else { return }
        // The marks first: alone they would tell that the file was lost. What cannot be removed now is dropped again after the
        // next start.
        let marks = [LocalMark.name(of: path), Self.uploadedPath(path), DamageMark.name(of: path)]
        guard marks.allSatisfy({ (try? SystemCalls.remove($0)) != nil }) else { return }
        try? SystemCalls.remove(path)
    }

    /// The file with all its slots, also those that are hidden.
    var whole: BlockFile { origin ?? self }

    /// The same file without the blocks of some slots; itself when it has none of them.
    func hiding(_ isHidden: (UInt16) -> Bool) -> BlockFile {
        let entries = directory.entries.filter { !isHidden($0.slot) }
        if entries.count == directory.entries.count { return self }
        var rest = directory
        rest.entries = entries
        return BlockFile(number: number, path: path, directory: rest, size: size, origin: whole)
    }

    /// What the file has of a slot.
    func entry(ofSlot slot: UInt16) -> BlockDirectoryEntry? {
        let entries = directory.entries
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].slot < slot { low = middle + 1 } else { high = middle }
        }
        return low < entries.count && entries[low].slot == slot ? entries[low] : nil
    }

    /// Opens a file and reads its directory.
    ///
    /// - Throws: `FileError`, or `BlockError` about the directory.
    convenience init(opening path: String, number: UInt32) throws {
        let file = try FileDescriptor.read(path)
        let size = try file.size()
        guard size >= BlockDirectory.headerSize + BlockDirectory.trailerSize else {
            throw BlockError(.truncated, offset: size, found: UInt64(size), context: path)
        }
        let header = try file.read(count: BlockDirectory.headerSize, at: 0)
        try BlockDirectory.check(header: header.rawSpan)
        let trailer = try file.read(count: BlockDirectory.trailerSize, at: size - BlockDirectory.trailerSize)
        let length = try BlockDirectory.length(trailer: trailer.rawSpan)
        let start = size - BlockDirectory.trailerSize - length
        guard start >= BlockDirectory.headerSize else {
            throw BlockError(.malformed, offset: 0, found: UInt64(length), context: path)
        }
        let bytes = try file.read(count: size - start, at: start)
        let directory = try BlockDirectory(decoding: bytes.rawSpan, fileSize: size)
        self.init(number: number, path: path, directory: directory, size: size)
    }

    /// Writes a file from slot blocks that `next` hands out until nil: temporary name, sync, rename, sync of the folder.
    ///
    /// - Throws: `FileError`; nothing but a temporary file may remain, which the next start removes.
    static func write(
        folder: String, number: UInt32, coversSegmentsBefore: UInt32, createdAt: Int64,
        next: () throws -> EncodedSlotBlock?
    ) throws -> BlockFile {
        let path = Self.path(folder, number)
        let temporary = path + ".tmp"
        var entries: [BlockDirectoryEntry] = []
        var offset = 0
        do {
            let file = try FileDescriptor.create(temporary)
            var buffer = BlockDirectory.fileHeader
            while let block = try next() {
                entries.append(BlockDirectoryEntry(block.header, offset: offset + buffer.count))
                buffer.append(contentsOf: block.bytes)
                if buffer.count >= writeBufferBytes {
                    try file.write(buffer, at: offset)
                    offset += buffer.count
                    buffer.removeAll(keepingCapacity: true)
                }
            }
            let directory = BlockDirectory(
                coversSegmentsBefore: coversSegmentsBefore, createdAt: createdAt, entries: entries)
            buffer.append(contentsOf: directory.encoded())
            try file.write(buffer, at: offset)
            try file.sync()
            try SystemCalls.rename(temporary, to: path)
            try SystemCalls.syncDirectory(folder)
            return BlockFile(number: number, path: path, directory: directory, size: offset + buffer.count)
        } catch {
            // Give the space back at once: the disk may be full.
            try? SystemCalls.remove(temporary)
            throw error
        }
    }

    /// Whether bytes of a file are wrong or cannot be had from its disk; what else may fail, such as opening one file too many, passes.
    static func isDamage(_ error: any Error) -> Bool {
        switch error {
        case let error as BlockError: error.code != .unknownVersion
        case let error as FileError: error.number == EIO
        default: false
        }
    }

    /// Reads the whole of one slot block.
    func bytes(of entry: BlockDirectoryEntry) throws(FileError) -> [UInt8] {
        try FileDescriptor.read(path).read(count: entry.length, at: entry.offset)
    }

    /// Reads the whole file.
    func wholeFile() throws(FileError) -> [UInt8] {
        try FileDescriptor.read(path).read(count: size, at: 0)
    }

    /// Removes the file once nobody reads it any more.
    func drop() { whole.isDropped.store(true, ordering: .releasing) }

    /// Whether the checkpoint has the file's slot blocks.
    var isUploaded: Bool { Self.hasUploadedMark(path) }

    /// Whether the checkpoint has the slot blocks of the file at `path`, be it readable or not.
    static func hasUploadedMark(_ path: String) -> Bool { (try? FileDescriptor.read(uploadedPath(path))) != nil }

    /// Notes durably that the checkpoint has the file's slot blocks.
    func markUploaded() throws(FileError) {
        try FileDescriptor.replace(Self.uploadedPath(path), with: [])
        // Where both marks stay, this one counts.
        try SystemCalls.remove(LocalMark.name(of: path))
    }

    private static let writeBufferBytes = 4 << 20

    private static let uploadedSuffix = ".uploaded"

    private static func uploadedPath(_ path: String) -> String { path + uploadedSuffix }

    /// The path of the block file that a mark says is uploaded.
    static func path(ofUploadedMark path: String) -> String { String(path.dropLast(uploadedSuffix.count)) }

    /// The marks of uploaded files that are not there: a drop removes the mark first, so these files were lost.
    static func orphanMarks(in folder: String) throws(FileError) -> [String] {
        let names = try SystemCalls.list(folder)
        let all = Set(names)
        return names.filter {
            $0.hasSuffix(uploadedSuffix) && !all.contains(path(ofUploadedMark: $0))
        }
    }

    /// The path of a block file.
    static func path(_ folder: String, _ number: UInt32) -> String { folder + "/" + name(number) }

    /// The name of a block file.
    static func name(_ number: UInt32) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 10 - digits.count)) + digits + ".block"
    }
}
