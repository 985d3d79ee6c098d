internal import ByteCoding
internal import SeriesEngine

/// What a file is opened with apart from the cache: where nothing of it has changed meanwhile, the result takes its place.
struct SealedPreparation: Sendable {
    /// Of the cache when the preparation began.
    var revision: Int
    var table: SealedTable
    /// The open files that stay, by ascending number.
    var kept: [UInt32]
    var files: [OpenBlockFile]
    var sources: [SealedChunks.Source]
    var before: SealedChunks?

    /// Reads a file and puts its chunks together with the others'; nil where that cannot be. Blocks on disk, and takes seconds with a million series.
    fileprivate mutating func open(_ file: BlockFile) -> (file: OpenBlockFile, chunks: SealedChunks)? {
        // Whoever reads a damaged file is told so: here it is left alone.
        guard let bytes = try? file.wholeFile(),
            let index = try? SealedFile.read(bytes.rawSpan, entries: file.directory.entries, into: &table),
            sources.count < SealedChunks.filesMax
        else { return nil }
        let chunks = SealedChunks(sources + [.file(index, file.number, bytes)], before: before)
        return (OpenBlockFile(index: index, byteCount: bytes.count), chunks)
    }
}

extension SealedCache {
    /// `preparations_max`: how often a file is opened apart before it is left to the first question that reads it.
    private static let preparationsMax = 2

    /// Opens a file that no question can read yet, beside those that are open: it takes seconds where there are a million series, and no question
    /// waits for them. Nothing happens where nobody has asked since the last file, where there is no room, or where questions open others
    /// all the time; then the first question that reads the file opens it.
    ///
    /// - Parameter file: with a greater number than all that are open.
    @concurrent
    nonisolated func prepare(_ file: BlockFile) async {
        for round in 0..<Self.preparationsMax {
            guard let preparation = await begin(file, again: round > 0) else { return }
            let (made, opened) = await withCheckedContinuation { waiter in
                WorkerThread.start(name: "murmur-open") {
                    var preparation = preparation
                    let opened = preparation.open(file)
                    waiter.resume(returning: (preparation, opened))
                }
            }
            guard await finish(made, file, opened) else { return }
        }
    }
}
