internal import SeriesEngine
internal import Synchronization

/// Which files are opened, and which stay open beside them.
private struct OpeningPlan {
    /// What is open.
    let open: OpenFiles
    /// What is opened.
    let missing: [BlockFile]
    /// Numbers of the files that stay.
    let kept: Set<UInt32>
    /// Whether identities begin anew.
    let isAnew: Bool
    /// What the chunks are expected to take together.
    let joinedBytes: Int
}

extension SealedCache {
    /// Questions for which a file stays open since one has used it, if others would only take its place; and questions before files are asked for again
    /// that could not be opened.
    static let recentQuestions = 16

    /// Opens a file that no question can read yet, beside those that are open, so that none has to read it slot by slot. Nothing happens where
    /// nobody has asked since the last file, or where there is no room.
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

    private func open(_ request: Request) {
        let plan = state.withLock { state in
            let plan = state.plan(request, bytesMax: bytesMax, joinedBytesMax: joinedBytesMax)
            if plan == nil, request.prepared == nil, !request.files.allSatisfy(state.open.has) {
                state.retryAt = state.clock + Self.recentQuestions
            }
            return plan
        }
        guard let plan else { return }
        let (open, refused) = plan.open.opening(plan.missing, keeping: plan.kept, anew: plan.isAnew)
        state.withLock { state in
            state.reserved = 0
            state.refused.formUnion(refused)
            state.scale = max(state.scale, Double(open.joinedBytes) / Double(max(plan.joinedBytes, 1)) * state.scale)
            if open.memorySize <= bytesMax, state.joinedBytes + open.joinedBytes <= joinedBytesMax {
                state.take(open)
            } else {
                state.retryAt = state.clock + Self.recentQuestions
            }
        }
    }
}

extension SealedCache.State {
    /// What a file's chunks will take: its bytes, and of each series places and a chunk.
    private func estimate(of file: BlockFile) -> Int {
        Int(Double(file.size + file.seriesCount * 64) * scale)
    }

    /// How these files come to be open; nil where they are, or have no room, or one of them cannot be opened.
    fileprivate mutating func plan(
        _ request: SealedCache.Request, bytesMax: Int, joinedBytesMax: Int
    ) -> OpeningPlan? {
        var missing = request.files.filter { !open.has($0) }
        guard !missing.isEmpty, !missing.contains(where: { refused.contains($0.number) }) else { return nil }
        // Identities outlive their files: where those that no file has are the most of it, they begin anew.
        let isAnew = open.table.memorySize > bytesMax / 2 && open.liveCount < open.table.count / 2
        let known = isAnew ? 0 : open.table.count
        let identities = request.files.reduce(known) { max($0, $1.seriesCount) } * SealedTable.bytesPerSeries
        var kept = isAnew ? [] : open.files.filter { file in !missing.contains { $0.number == file.number } }
        if isAnew { missing = request.files }
        var bytes = missing.reduce(kept.reduce(0) { $0 + $1.joinedBytes }) { $0 + estimate(of: $1) }
        let wanted = Set(request.files.map(\.number))
        // Those that were used longest ago go first, of several those that were sealed first.
        var others = kept.filter { !wanted.contains($0.number) }
            .sorted { (used[$0.number] ?? 0, $0.number) < (used[$1.number] ?? 0, $1.number) }[...]
        while bytes + identities > bytesMax || joinedBytes + bytes > joinedBytesMax, let oldest = others.first {
            if request.prepared == nil, clock - (used[oldest.number] ?? 0) < SealedCache.recentQuestions { return nil }
            others.removeFirst()
            kept.removeAll { $0.number == oldest.number }
            bytes -= oldest.joinedBytes
        }
        guard bytes + identities <= bytesMax else { return nil }
        if joinedBytes + bytes > joinedBytesMax {
            // Where no question holds the chunks that are together, they make room: what is wanted is read again.
            guard request.prepared == nil, !open.isHeldElsewhere() else { return nil }
            open.close()
            kept = []
            missing = request.files
            bytes = missing.reduce(0) { $0 + estimate(of: $1) }
            guard joinedBytes + bytes <= joinedBytesMax else { return nil }
        }
        reserved = bytes
        return OpeningPlan(
            open: open, missing: missing, kept: Set(kept.map(\.number)), isAnew: isAnew, joinedBytes: bytes)
    }

    fileprivate mutating func take(_ opened: OpenFiles) {
        open = opened
        let numbers = Set(opened.files.map(\.number))
        used = used.filter { numbers.contains($0.key) }
        for number in numbers where used[number] == nil { used[number] = clock }
        generations.removeAll { $0.lifetime == nil }
        generations.append(SealedCache.Generation(lifetime: opened.chunks.lifetime))
    }
}
