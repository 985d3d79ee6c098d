internal import Glibc
internal import SeriesEngine
internal import Synchronization

/// The log's files: `wal/0000000001.wal` and so on; the last is written. Owned by the engine's thread.
struct WALWriter: ~Copyable {
    private let folder: String
    private let generation: UInt64
    /// Of the segments that are begun from now on.
    var version: UInt8
    private let durability: Durability
    /// What the interval's sync works on.
    let target: SyncTarget
    private var file: FileDescriptor?
    /// Number of the segment that is written; 0 before the first.
    private(set) var number: UInt32
    /// Bytes in it that are known to be good.
    private(set) var size = 0
    /// A sync failed, so acknowledged records may not be on disk, and only a block of what is in memory makes them durable.
    /// Whoever has frozen the head takes this back.
    var mustSeal = false

    /// - Parameters:
    ///   - folder: where the segments lie.
    ///   - generation: written into each header.
    ///   - version: of the segments.
    ///   - durability: when the segments are synced.
    ///   - last: the greatest segment number ever used here.
    init(folder: String, generation: UInt64, version: UInt8, durability: Durability, after last: UInt32) {
        self.folder = folder
        self.generation = generation
        self.version = version
        self.durability = durability
        self.number = last
        self.target = SyncTarget()
    }

    /// Whether there is a segment to write to; if not, `beginSegment` first.
    var isOpen: Bool { file != nil }

    /// Syncs the segment that is written, or sees to it that it `mustSeal`, and begins the next.
    ///
    /// - Throws: `FileError`; then there is no open segment, and the number is free for the next attempt.
    mutating func beginSegment(now: Int64) throws(FileError) {
        endSegment()
        let path = Self.path(folder, number + 1)
        do throws(FileError) {
            let next = try FileDescriptor.create(path)
            var header: [UInt8] = []
            let begin = WALSegmentHeader(
                number: number + 1, generation: generation, createdAt: now, version: version)
            begin.encode(into: &header)
            try next.write(header, at: 0)
            if durability != .memory {
                try next.sync()
                try SystemCalls.syncDirectory(folder)
            }
            file = next
            size = header.count
            number += 1
            target.set(next)
        } catch {
            // What remains of it is replaced by the next attempt, and an incomplete header is a torn tail to a replay.
            try? SystemCalls.remove(path)
            throw error
        }
    }

    /// Writes records behind the last good ones; on an error nothing of them stays, and the segment is given up.
    mutating func append(_ records: [UInt8]) throws(FileError) {
        guard let file else {
            throw FileError(operation: "write to the log: no segment is open", path: folder, number: EIO)
        }
        do throws(FileError) {
            try file.write(records, at: size)
            if durability == .fsync { try file.syncData() }
        } catch {
            // Whatever remains is a torn tail, which replay drops: a failure to cut it changes nothing that was promised.
            try? file.truncate(to: size)
            endSegment()
            throw error
        }
        size += records.count
        if durability == .interval { target.markDirty() }
    }

    /// Writes no more to the open segment. Nobody syncs it later, so what was acknowledged since the last sync is synced now.
    private mutating func endSegment() {
        // With `fsync` each acknowledged record is synced already.
        if durability == .interval { try? sync() }
        file = nil
        target.set(nil)
    }

    /// Syncs what is written; sets `mustSeal` when that fails.
    mutating func sync() throws(FileError) {
        guard let file else { return }
        do throws(FileError) { try target.sync(file) } catch {
            mustSeal = true
            throw error
        }
    }

    /// The numbers of the segments in a folder, ascending.
    static func segments(in folder: String) throws(FileError) -> [UInt32] {
        try SystemCalls.list(folder).compactMap { name in
            name.hasSuffix(".wal") ? UInt32(name.dropLast(4)) : nil
        }.sorted()
    }

    /// The path of a segment.
    static func path(_ folder: String, _ number: UInt32) -> String {
        let digits = String(number)
        return folder + "/" + String(repeating: "0", count: max(0, 10 - digits.count)) + digits + ".wal"
    }
}

/// The file that the interval's sync works on, handed over by the engine's thread.
final class SyncTarget: Sendable {
    private struct State {
        var file: FileDescriptor?
        var isDirty = false
    }

    private let state = Mutex(State())
    /// Why a sync of the file failed. Held during a sync: the kernel tells a failure once, to one of those who sync, and the other
    /// must not take the silence after it for success.
    private let failure = Mutex<FileError?>(nil)

    func set(_ file: FileDescriptor?) {
        state.withLock { $0 = State(file: file, isDirty: false) }
        failure.withLock { $0 = nil }
    }

    func markDirty() {
        state.withLock { $0.isDirty = true }
    }

    /// Syncs if anything was written since; the lock is not held meanwhile.
    ///
    /// - Throws: only what is new: whoever met a failure first has told of it, and it stands until there is another file.
    func syncIfDirty() throws(FileError) {
        let file = state.withLock { state -> FileDescriptor? in
            defer { state.isDirty = false }
            return state.isDirty ? state.file : nil
        }
        guard let file, failure.withLock({ $0 == nil }) else { return }
        try sync(file)
    }

    /// Syncs the file, which fails for good once it has failed.
    func sync(_ file: FileDescriptor) throws(FileError) {
        try failure.withLock { failure throws(FileError) in
            if let failure { throw failure }
            do throws(FileError) { try file.syncData() } catch {
                failure = error
                throw error
            }
        }
    }
}
