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
}

extension SealedCache {
    /// Opens a file that no question can read yet, beside those that are open: it takes seconds where there are a million series, and no question
    /// waits for them. Nothing happens where nobody has asked since the last file, or where there is no room; then the first
    /// question that reads the file opens it.
    ///
    /// - Parameter file: with a greater number than all that are open.
    @concurrent
    nonisolated func prepare(_ file: BlockFile) async {
        guard var preparation = await begin(file) else { return }
        guard let bytes = try? file.wholeFile(),
            let index = try? SealedFile.read(
                bytes.rawSpan, entries: file.directory.entries, into: &preparation.table)
        else { return }
        // Whoever reads a damaged file is told so: here it is left alone.
        preparation.sources.append(.file(index, file.number, bytes))
        guard preparation.sources.count <= SealedChunks.filesMax else { return }
        let chunks = SealedChunks(preparation.sources, before: preparation.before)
        await finish(preparation, file, OpenBlockFile(index: index, byteCount: bytes.count), chunks)
    }
}
