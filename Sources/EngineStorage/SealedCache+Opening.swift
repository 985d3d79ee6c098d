internal import SeriesEngine
internal import Synchronization

extension SealedCache {
    /// Selections for which a file stays open since one has used it, if a question's files would only take its place.
    fileprivate static let recentSelections = 16

    /// What questions ask most about: milliseconds before the newest sample.
    fileprivate static let newestSpan: Int64 = 3_600_000

    /// Opens the newest of the files that a start found, those of the last hour as far as they fit even if no two have a series
    /// in common, so that the first questions need not read them slot by slot.
    func prepareNewest(_ files: [BlockFile]) {
        let oldest = (files.lazy.map(\.maxTime).max() ?? 0) - Self.newestSpan
        var room = bytesMax
        let newest = files.reversed().filter { $0.maxTime >= oldest }.prefix { file in
            let series = file.seriesCount
            room -= file.size + SealedChunks.bytesOf(numbers: series) + series * SealedTable.bytesPerSeries
            return room >= 0
        }
        guard !newest.isEmpty, state.withLock({ $0.add(Request(files: Array(newest), prepared: {})) }) else { return }
        startOpening()
    }

    /// Opens a file that no question can read yet, beside those that are open, so that none has to read it slot by slot: the
    /// files used longest ago make room for it. Nothing happens where the chunks cannot be put together anew beside those that
    /// are: the next question has that done.
    func prepare(_ file: BlockFile) async {
        await withCheckedContinuation { waiter in
            let begins: Bool? = state.withLock { state in
                guard !state.isClosed else { return nil }
                return state.add(Request(files: [file], prepared: { waiter.resume() }))
            }
            guard let begins else { return waiter.resume() }
            if begins { startOpening() }
        }
    }

    func startOpening() {
        WorkerThread.start(name: "murmur-open") { [self] in
            while let request = next() {
                open(request)
                request.prepared?()
            }
        }
    }

    private func next() -> Request? {
        state.withLock { state in
            if state.requests.isEmpty {
                state.isOpening = false
                return nil
            }
            return state.requests.removeFirst()
        }
    }

    /// Only this thread changes what is open.
    private func open(_ request: Request) {
        guard let (missing, table) = state.withLock({ $0.missing(of: request, in: self) }) else { return }
        var read = UnjoinedFiles(beside: table)
        read.read(missing)
        state.withLock { state in
            state.reads.files += missing.count
            for number in read.refused { state.backoff.failed([number], now: now()) }
        }
        guard !read.parts.isEmpty, let choice = choose(request, read) else { return }
        switch state.withLock({ $0.makeRoom(for: choice, request, in: self) }) {
        case .none: return
        case .beside: break
        case .anew(let files, let former):
            // Freed here, where nobody waits for the lock.
            _ = consume former
            read.read(files)
            state.withLock { $0.reads.files += files.count }
        }
        let open = joined(read, keeping: choice.kept)
        _ = state.withLock { $0.take(open, for: request) }
    }

    /// Which of the open files stay beside those that were read; nil where there is no room.
    private func choose(_ request: Request, _ read: UnjoinedFiles) -> OpeningChoice? {
        let (open, used, clock) = state.withLock { ($0.open, $0.used, $0.clock) }
        let anew = Set(read.parts.map(\.file.number))
        let asked = Set(request.files.map(\.number))
        let kept = open.parts.filter { !anew.contains($0.file.number) }
        let wanted = kept.filter { asked.contains($0.file.number) } + read.parts
        func lastUse(_ part: UnjoinedFiles.Part) -> Int { used[part.file.number] ?? 0 }
        // Those that were used longest ago go first, of several those that were sealed first.
        let others = kept.filter { !asked.contains($0.file.number) }
            .sorted { (lastUse($0), $0.file.number) > (lastUse($1), $1.file.number) }
        let recent = others.prefix { used[$0.file.number].map { clock - $0 < Self.recentSelections } ?? false }
        let (count, bytes) = read.fitting(wanted + others, beside: open, bytesMax: bytesMax)
        guard count >= wanted.count + (request.prepared == nil ? recent.count : 0) else {
            state.withLock { $0.backoff.failed(asked, now: now()) }
            return nil
        }
        let stay = (wanted + others).prefix(count).map(\.file.number)
        return OpeningChoice(kept: Set(stay).subtracting(anew), joinedBytes: bytes)
    }

    private func joined(_ read: UnjoinedFiles, keeping kept: Set<UInt32>) -> OpenFiles {
        OpenFiles(state.withLock { $0.open }, keeping: kept, and: read, bytesMax: bytesMax)
    }
}

/// Files that can be open together with some that were read.
private struct OpeningChoice {
    /// Numbers of those that stay open.
    let kept: Set<UInt32>
    /// What the chunks of all take.
    let joinedBytes: Int
}

/// How chunks come to be put together.
private enum OpeningRoom {
    case none
    /// Beside those that are open.
    case beside
    /// Those that were open are gone, and these files are read again.
    case anew([BlockFile], former: OpenFiles)
}

extension SealedCache.State {
    /// The files that are to be read, and the identities that are known.
    ///
    /// - Returns: nil where none are missing, where they failed not long ago, or where they seem to have no room: a file's chunks take about
    ///   as much in memory as the whole file on disk.
    fileprivate mutating func missing(
        of request: SealedCache.Request, in cache: SealedCache
    ) -> ([BlockFile], SealedTable)? {
        let missing = request.files.filter { !open.has($0) }
        let asked = Set(request.files.map(\.number))
        guard !missing.isEmpty, !isClosed, !backoff.holdsBack(asked, now: cache.now()) else { return nil }
        let anew = Set(missing.map(\.number))
        let bytes = missing.reduce(0) { $0 + $1.size }
        if joinedBytes + min(open.joinedBytes + bytes, cache.bytesMax) > cache.joinedBytesMax {
            if request.prepared != nil { return nil }
            if open.isHeldElsewhere() {
                backoff.refused(asked, now: cache.now())
                return nil
            }
        }
        let stay = open.files.filter { file in
            !anew.contains(file.number)
                && (asked.contains(file.number) || request.prepared == nil && isRecent(file.number))
        }
        let known = stay.reduce(0) { $0 + $1.joinedBytes }
        let identities = request.files.reduce(0) { max($0, $1.seriesCount) } * SealedTable.bytesPerSeries
        guard known + bytes + identities <= cache.bytesMax else {
            backoff.refused(asked, now: cache.now())
            return nil
        }
        return (missing, open.table)
    }

    private func isRecent(_ number: UInt32) -> Bool {
        used[number].map { clock - $0 < SealedCache.recentSelections } ?? false
    }

    /// Keeps room free for chunks that are to be put together. Where there is too little beside those that are open, and no
    /// question holds them, these make room.
    fileprivate mutating func makeRoom(
        for choice: OpeningChoice, _ request: SealedCache.Request, in cache: SealedCache
    ) -> OpeningRoom {
        guard joinedBytes + choice.joinedBytes > cache.joinedBytesMax else {
            reserved = choice.joinedBytes
            return .beside
        }
        guard request.prepared == nil, joinedBytes - open.joinedBytes + choice.joinedBytes <= cache.joinedBytesMax,
            !open.isHeldElsewhere()
        else {
            // Questions at work do not hold what is open for long.
            if request.prepared == nil { backoff.refused(Set(request.files.map(\.number)), now: cache.now()) }
            return .none
        }
        let asked = request.files.filter { choice.kept.contains($0.number) }
        let others = choice.kept.subtracting(asked.map(\.number))
        let files = asked + open.files.filter { others.contains($0.number) }.compactMap(\.file)
        let former = open
        open.close()
        reserved = choice.joinedBytes
        return .anew(files, former: former)
    }

    /// Makes these the open ones.
    ///
    /// - Returns: those that were, to be let go outside the lock.
    fileprivate mutating func take(_ opened: OpenFiles, for request: SealedCache.Request) -> OpenFiles {
        defer { open = opened }
        reserved = 0
        let numbers = Set(opened.files.map(\.number))
        backoff.opened(numbers)
        used = used.filter { numbers.contains($0.key) }
        if request.prepared == nil {
            for file in request.files where numbers.contains(file.number) { used[file.number] = clock }
        }
        generations.removeAll { $0.lifetime == nil }
        generations.append(SealedCache.Generation(lifetime: opened.chunks.lifetime))
        return open
    }
}
