internal import SeriesEngine
internal import Synchronization

extension SealedCache {
    /// Selections for which a file stays open since one has used it, if a question's files would only take its place.
    fileprivate static let recentSelections = 16

    /// Opens a file that no question can read yet, beside those that are open, so that none has to read it slot by slot: the
    /// files used longest ago make room for it. Nothing happens where nobody has asked since the last file, or while questions
    /// at work hold the room.
    func prepare(_ file: BlockFile) async {
        await withCheckedContinuation { waiter in
            let begins: Bool? = state.withLock { state in
                guard state.clock > state.preparedAt, !state.isClosed else { return nil }
                state.preparedAt = state.clock
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
        guard let (missing, table) = state.withLock({ $0.missing(of: request, bytesMax: bytesMax, now: now()) })
        else { return }
        var read = UnjoinedFiles(beside: table)
        read.read(missing)
        if !read.refused.isEmpty { state.withLock { $0.backoff.failed(read.refused, now: now()) } }
        guard !read.parts.isEmpty, let choice = choose(request, read) else { return }
        switch state.withLock({ $0.makeRoom(for: choice, request, joinedBytesMax: joinedBytesMax, now: now()) }) {
        case .none: return
        case .beside: break
        case .anew(let files): read.read(files)
        }
        let open = joined(read, keeping: choice.kept)
        state.withLock { $0.take(open) }
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
        let recent = others.prefix { clock - lastUse($0) < Self.recentSelections }
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
    case anew([BlockFile])
}

extension SealedCache.State {
    /// What a file's chunks will take, before it is read: its bytes, and of each series places and a chunk.
    private func estimate(of file: BlockFile) -> Int { file.size + file.seriesCount * 64 }

    /// The files that are to be read, and the identities that are known; nil where none are missing, or where they surely have no
    /// room beside those that were used lately, or failed not long ago.
    fileprivate mutating func missing(
        of request: SealedCache.Request, bytesMax: Int, now: Int64
    ) -> ([BlockFile], SealedTable)? {
        let missing = request.files.filter { !open.has($0) }
        guard !missing.isEmpty, !isClosed, !backoff.holdsBack(request.files, now: now) else { return nil }
        let anew = Set(missing.map(\.number))
        let asked = Set(request.files.map(\.number))
        let stay = open.files.filter { file in
            !anew.contains(file.number)
                && (asked.contains(file.number) || request.prepared == nil && isRecent(file.number))
        }
        let known = stay.reduce(0) { $0 + $1.joinedBytes }
        let identities = request.files.reduce(0) { max($0, $1.seriesCount) } * SealedTable.bytesPerSeries
        guard missing.reduce(known + identities, { $0 + estimate(of: $1) }) <= bytesMax else {
            backoff.refused(asked, now: now)
            return nil
        }
        return (missing, open.table)
    }

    private func isRecent(_ number: UInt32) -> Bool {
        clock - (used[number] ?? 0) < SealedCache.recentSelections
    }

    /// Keeps room free for chunks that are to be put together. Where there is too little beside those that are open, and no
    /// question holds them, these make room.
    fileprivate mutating func makeRoom(
        for choice: OpeningChoice, _ request: SealedCache.Request, joinedBytesMax: Int, now: Int64
    ) -> OpeningRoom {
        guard joinedBytes + choice.joinedBytes > joinedBytesMax else {
            reserved = choice.joinedBytes
            return .beside
        }
        guard request.prepared == nil, joinedBytes - open.joinedBytes + choice.joinedBytes <= joinedBytesMax,
            !open.isHeldElsewhere()
        else {
            if request.prepared == nil { backoff.refused(Set(request.files.map(\.number)), now: now) }
            return .none
        }
        let asked = request.files.filter { choice.kept.contains($0.number) }
        let others = choice.kept.subtracting(asked.map(\.number))
        let files = asked + open.files.filter { others.contains($0.number) }.compactMap(\.file)
        open.close()
        reserved = choice.joinedBytes
        return .anew(files)
    }

    fileprivate mutating func take(_ opened: OpenFiles) {
        reserved = 0
        open = opened
        let numbers = Set(opened.files.map(\.number))
        backoff.opened(numbers)
        used = used.filter { numbers.contains($0.key) }
        for number in numbers where used[number] == nil { used[number] = clock }
        generations.removeAll { $0.lifetime == nil }
        generations.append(SealedCache.Generation(lifetime: opened.chunks.lifetime))
    }
}
