package import CheckpointPlan
package import Logging
internal import Synchronization

/// The databases that keep this node's checkpoints: which is which, where each slot's blocks go, and who is away.
///
/// What arrives is the setting's list; `refresh` asks each database for its number and its copy of the map (`CheckpointMap`), carries what one knows to the
/// others, and adds what the list says anew. Nothing is decided in one place: a database that is away is brought up to date when it is back. Who
/// writes to them is `CheckpointUploader`, who fetches from them `CheckpointServers+Fetching.swift`.
package actor CheckpointServers {
    /// A database as the setting lists it.
    package struct Listed: Sendable {
        package var store: any CheckpointStore
        /// Where it is, without secrets.
        package var name: String
        /// What it shall be to the map.
        package var state: CheckpointMap.State

        package init(store: any CheckpointStore, name: String, state: CheckpointMap.State = .active) {
            self.store = store
            self.name = name
            self.state = state
        }
    }

    /// What is known of a listed database.
    struct Entry {
        let listed: Listed
        /// Nil before it has answered once, unless the map knows its name.
        var id: CheckpointServerID?
        /// Whether the number is its own word, not the map's.
        var isKnown = false
        var slotCount = 0
        /// Its copy of the map when it answered last; nil when it is to be told of something.
        var copy: CheckpointMap?
        var failure: CheckpointError?
        var ownership = Ownership()
        /// Whether it is the database of an earlier place in the list, which stands for it.
        var isTwice = false
    }

    /// Whether a database is this cluster's.
    struct Ownership {
        /// Nil before it has said.
        var isOurs: Bool?
        /// What is seen of the other cluster whose it is.
        var watch = OwnerWatch()
        /// The beat that told last: of two under way at once the later one counts.
        var beat = 0
    }

    /// `checkpoint_map_interval`: how often copies of the map are compared. Milliseconds.
    static let refreshInterval: Int64 = 10_000

    private(set) var entries: [Entry]
    private(set) var map = CheckpointMap()
    private var refreshedAt: Int64?
    private var told: Set<String> = []
    private var refreshing: Task<Void, Never>?
    private var owner: CheckpointOwner?
    private var ownerPatience: Int64 = 0
    private var beats = 0
    private let logger: Logger
    /// Unix milliseconds.
    private let wallClock: @Sendable () -> Int64
    /// Monotonic milliseconds.
    private let clock: @Sendable () -> Int64
    private nonisolated let board = Mutex<[CheckpointServerStatus]>([])

    /// - Parameters:
    ///   - listed: in the setting's order, 1 or more.
    ///   - logger: for what happens to them.
    ///   - wallClock: Unix milliseconds.
    ///   - clock: monotonic milliseconds.
    package init(
        _ listed: [Listed], logger: Logger, wallClock: @escaping @Sendable () -> Int64 = { WallClock.now() },
        clock: @escaping @Sendable () -> Int64 = { MonotonicClock.now() }
    ) {
        precondition(!listed.isEmpty, "no checkpoint store")
        entries = listed.map { Entry(listed: $0) }
        self.logger = logger
        self.wallClock = wallClock
        self.clock = clock
        board.withLock { board in board = listed.map { CheckpointServerStatus(name: $0.name) } }
    }

    /// One store that is never one of several.
    package init(only store: any CheckpointStore, logger: Logger) {
        self.init([Listed(store: store, name: "checkpoint")], logger: logger)
    }

    /// Keeps one cluster's checkpoint from now on: databases of others are left alone.
    ///
    /// - Parameters:
    ///   - owner: the cluster.
    ///   - patience: how long the database of a cluster of the same name must be without a sign of it to go over to this one, milliseconds.
    package func belong(to owner: CheckpointOwner, patience: Int64) {
        self.owner = owner
        ownerPatience = patience
    }

    /// Says until the task is cancelled that this cluster lives: to each database apart, for one that hangs must not make it look dead to the others.
    package func beat() async {
        if owner == nil { return }
        await withTaskGroup { group in
            for index in entries.indices where entries[index].listed.state != .lost {
                group.addTask { [clock] in
                    while !Task.isCancelled {
                        let begun = clock()
                        try? await self.beat(index)
                        try? await Task.sleep(for: .milliseconds(max(0, OwnerWatch.interval - (clock() - begun))))
                    }
                }
            }
        }
    }

    /// Says once to each database that this cluster lives.
    ///
    /// - Throws: why one of them is not known to be this cluster's.
    package func beatOnce() async throws(CheckpointError) {
        for index in entries.indices where entries[index].listed.state != .lost { try await beat(index) }
    }

    /// - Throws: why the database is not known to be this cluster's.
    private func beat(_ index: Int) async throws(CheckpointError) {
        guard let owner else { return }
        beats += 1
        let number = beats
        let (store, name) = (entries[index].listed.store, entries[index].listed.name)
        do throws(CheckpointError) {
            if let former = entries[index].ownership.watch.over(for: owner, patience: ownerPatience),
                try await store.follow(former, as: owner)
            {
                logger.warning(
                    "checkpoint server taken over from a cluster that is gone",
                    metadata: ["server": "\(name)", "cluster": "\(former.owner.name)", "id": "\(former.owner.cluster)"])
            }
            let found = try await store.beat(owner)
            let isOurs = found.owner.isSame(as: owner)
            if number > entries[index].ownership.beat {
                entries[index].ownership.beat = number
                entries[index].ownership.isOurs = isOurs
                if isOurs { entries[index].ownership.watch.reset() }
            }
            guard isOurs else { throw .otherOwner(found) }
        } catch {
            fail(index, error)
            publish()
            throw error
        }
    }

    /// How each listed database stands, in the setting's order.
    package nonisolated var status: [CheckpointServerStatus] { board.withLock { $0 } }

    nonisolated func note(_ index: Int, _ change: (inout CheckpointServerStatus) -> Void) {
        board.withLock { change(&$0[index]) }
    }

    /// Compares copies of the map when the last time is long enough ago.
    ///
    /// - Parameter now: monotonic milliseconds.
    package func refresh(ifDueAt now: Int64) async {
        if let refreshedAt, now < refreshedAt + Self.refreshInterval { return }
        refreshedAt = now
        await refresh()
    }

    /// Asks every listed database, and brings what is new to all that answer; whoever calls while that is under way waits for it.
    package func refresh() async {
        if let refreshing { return await refreshing.value }
        let task = Task { await lookAtAll() }
        refreshing = task
        await task.value
        refreshing = nil
    }

    private func lookAtAll() async {
        // What is given up is not waited for.
        let asked = entries.indices.filter { entries[$0].listed.state != .lost }
        await exchange(among: asked)
        adopt()
        // Whoever has another map than this one now is told.
        let behind = asked.filter { index in
            entries[index].failure == nil && !(entries[index].copy?.agrees(with: map) ?? false)
        }
        await exchange(among: behind)
        publish()
    }

    /// What a database said.
    private struct Answer: Sendable {
        let index: Int
        let result: Result<CheckpointExchange, CheckpointError>
    }

    /// All at once, so that this takes as long as the slowest; what they say is taken in the list's order.
    private func exchange(among indices: [Int]) async {
        let map = map
        let answers = await withTaskGroup(of: Answer.self, returning: [Answer].self) { group in
            for index in indices {
                let (store, isOurs) = (entries[index].listed.store, entries[index].ownership.isOurs)
                group.addTask {
                    do throws(CheckpointError) {
                        if isOurs != true { try await self.beat(index) }
                        return Answer(index: index, result: .success(try await store.exchange(map)))
                    } catch {
                        return Answer(index: index, result: .failure(error))
                    }
                }
            }
            var answers: [Answer] = []
            for await answer in group { answers.append(answer) }
            return answers.sorted { $0.index < $1.index }
        }
        for answer in answers {
            switch answer.result {
            case .success(let exchange):
                // It may have been lost to another cluster meanwhile.
                if owner == nil || entries[answer.index].ownership.isOurs == true { take(exchange, from: answer.index) }
            case .failure(let error): fail(answer.index, error)
            }
        }
    }

    private func take(_ exchange: CheckpointExchange, from index: Int) {
        let same = entries.indices.filter { entries[$0].isKnown && entries[$0].id == exchange.id }
        if same.contains(where: { $0 < index }) { return leaveOut(index) }
        // The earlier place may have been away until now.
        for other in same where other > index { leaveOut(other) }
        if entries[index].failure != nil {
            logger.info("checkpoint server answers again", metadata: ["server": "\(entries[index].listed.name)"])
        }
        entries[index].id = exchange.id
        entries[index].isKnown = true
        entries[index].slotCount = exchange.slotCount
        entries[index].failure = nil
        entries[index].copy = exchange.map
        entries[index].isTwice = false
        map.merge(exchange.map)
    }

    /// Of two places in the list that are one database the first is used.
    private func leaveOut(_ index: Int) {
        entries[index].id = nil
        entries[index].isKnown = false
        entries[index].isTwice = true
        fail(index, .badConfiguration(reason: "the same database is listed twice"))
    }

    private func fail(_ index: Int, _ error: CheckpointError) {
        if entries[index].failure.map({ $0.isOtherOwner != error.isOtherOwner }) ?? true {
            logger.warning(
                "checkpoint server cannot be used",
                metadata: ["server": "\(entries[index].listed.name)", "error": "\(error)"])
        }
        if case .otherOwner(let ownership) = error {
            // Whatever was known of it was its former self's.
            entries[index].isKnown = false
            entries[index].ownership.watch.note(ownership, now: clock())
        } else {
            entries[index].ownership.watch.reset()
        }
        entries[index].failure = error
    }

    /// What the list says, in the map.
    private func adopt() {
        let before = map.version
        for index in entries.indices {
            let listed = entries[index].listed
            if entries[index].isTwice { continue }
            if entries[index].id == nil {
                // It has not answered since the start: the map may know its place.
                let found = map.servers.filter { $0.name.utf8.elementsEqual(listed.name.utf8) }
                if found.count == 1 { entries[index].id = found[0].id }
            }
            guard let id = entries[index].id else { continue }
            let known = map[id]
            // Who was retired stays so: an old list does not bring it back.
            if let known, known.state >= listed.state {
                if entries[index].isKnown, !known.name.utf8.elementsEqual(listed.name.utf8) {
                    map.merge(.init(id: id, state: known.state, changedAt: known.changedAt, name: listed.name))
                    entries[index].copy = nil
                }
                continue
            }
            map.merge(.init(id: id, state: listed.state, changedAt: wallClock(), name: listed.name))
        }
        if map.version != before {
            logger.info(
                "checkpoint map", metadata: ["version": "\(map.version)", "servers": "\(map.servers.map(Self.text))"])
        }
        for server in unlisted where told.insert("\(server.id)").inserted {
            logger.error(
                "the checkpoint map names a server that this node's setting checkpoint lacks; its slots wait",
                metadata: ["server": "\(server.name)", "id": "\(server.id)"])
        }
    }

    private static func text(_ server: CheckpointMap.Server) -> String { "\(server.name) \(server.state)" }

    /// Servers that the map counts with and the list does not have.
    var unlisted: [CheckpointMap.Server] {
        let listed = Set(entries.compactMap(\.id))
        return map.servers.filter { $0.state == .active && !listed.contains($0.id) }
    }

    /// Whether slots have their home at a listed database, so that it is written to.
    func isActive(_ index: Int) -> Bool {
        entries[index].isKnown && entries[index].id.flatMap { map[$0]?.state } == .active
    }

    /// Whether slots have their home at a listed database, or will have once it answers.
    func isWanted(_ index: Int) -> Bool {
        !entries[index].isTwice
            && (entries[index].id.flatMap { map[$0]?.state } ?? entries[index].listed.state) == .active
    }

    /// Whether what a listed database has still counts.
    func isKept(_ index: Int) -> Bool {
        entries[index].isKnown && entries[index].id.flatMap { map[$0]?.state } != .lost
    }

    /// Databases whose blocks within retention may be nowhere but on local disks; `since` is Unix milliseconds, what ends before is behind retention.
    func lost(since: Int64) -> Set<CheckpointServerID> { Set(map.mayLackBlocks(since: since).map(\.id)) }

    /// A listed database.
    func store(_ index: Int) -> any CheckpointStore { entries[index].listed.store }

    /// Of some slots those that have their home in a listed database.
    func slots(_ slots: Set<UInt16>, at index: Int) -> Set<UInt16> {
        guard let id = entries[index].id else { return [] }
        return slots.filter { map.home(of: $0) == id }
    }

    /// The listed databases that are homes of some slots; nil among them for a home that the list does not have, or for none.
    func homes(of slots: Set<UInt16>) -> Set<Int?> {
        let numbers = Dictionary(
            entries.indices.compactMap { index in entries[index].id.map { ($0, index) } }, uniquingKeysWith: min)
        return Set(slots.map { slot in map.home(of: slot).flatMap { numbers[$0] } })
    }

    private func publish() {
        let (entries, map) = (entries, map)
        board.withLock { board in
            for index in entries.indices {
                let entry = entries[index]
                board[index].id = entry.id.map { "\($0)" }
                board[index].state = entry.id.flatMap { map[$0]?.state } ?? entry.listed.state
                board[index].isAway = !entry.isKnown || entry.failure != nil
                board[index].reason = entry.failure.map { "\($0)" }
                board[index].isOthers = entry.failure?.isOtherOwner ?? false
                board[index].slotCount = entry.slotCount
                board[index].mapVersion = map.version
            }
        }
    }

    /// Opens all of them once, and brings their tables up to date.
    package func prepare() async throws(CheckpointError) {
        for entry in entries { try await entry.listed.store.prepare() }
    }

    /// Closes all of them.
    package func close() async {
        for entry in entries { await entry.listed.store.close() }
    }
}

/// How one database of the checkpoint stands, as a node sees it.
package struct CheckpointServerStatus: Sendable, Equatable {
    /// Where it is, without secrets.
    package var name: String
    /// Its number; nil before it is known.
    package var id: String?
    /// What it is to the map.
    package var state = CheckpointMap.State.active
    /// Whether it cannot be used, and why not.
    package var isAway = true
    package var reason: String?
    /// Whether that is because it keeps another cluster's checkpoint.
    package var isOthers = false
    /// Slots that were ever written there: whose history, or a part of it, it has.
    package var slotCount = 0
    /// Files that wait for it here, and their bytes.
    package var pendingFiles = 0
    package var pendingBytes = 0
    /// When the oldest file that waits for it here was sealed, Unix milliseconds; nil while none does. Blocks that came from elsewhere do not say when.
    package var behindSince: Int64?
    /// The map's version.
    package var mapVersion = 0

    package init(name: String) { self.name = name }

    /// How long the oldest file has waited at a time, Unix milliseconds; 0 while none waits.
    package func lagSeconds(at time: Int64) -> Double {
        behindSince.map { Double(max(0, time - $0)) / 1_000 } ?? 0
    }
}
