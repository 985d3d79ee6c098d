internal import ByteCoding

/// The number of a database that keeps checkpoints, given with its tables: its host may change, and its copy on another host is it.
package struct CheckpointServerID: Hashable, Sendable, Comparable, CustomStringConvertible {
    private let number: BlockID

    package init(high: UInt64, low: UInt64) { number = BlockID(high: high, low: low) }

    /// Takes 16 bytes, big-endian; nil for another length.
    package init?(bytes: [UInt8]) {
        guard let number = BlockID(bytes: bytes) else { return nil }
        self.number = number
    }

    /// Of a store that is never one of several.
    package static let only = CheckpointServerID(high: 0, low: 0)

    /// 16 bytes, big-endian.
    package var bytes: [UInt8] { number.bytes }

    package static func < (left: Self, right: Self) -> Bool { left.number < right.number }

    /// 32 hexadecimal digits.
    package var description: String { number.description }
}

/// Which of several databases keeps which slots: the stored, versioned map.
///
/// It has every database that was ever one of them, with a state that only moves on. So two copies are merged without asking anybody, and no place is the
/// one that decides: each database has a copy, and nodes carry what is new from one to the other. A slot's *home* follows from the databases that
/// are active; blocks lie where the home was when they were written, so a restore asks all that may have some.
package struct CheckpointMap: Hashable, Sendable {
    /// What a database is to the map; the later wins.
    package enum State: UInt8, Sendable, Comparable, CaseIterable {
        /// Slots have their home here.
        case active = 1
        /// No new blocks; what it has is read until retention has passed.
        case retired = 2
        /// Gone with what it had: nobody asks it any more.
        case lost = 3

        package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    }

    /// A database in the map.
    package struct Server: Hashable, Sendable {
        package var id: CheckpointServerID
        package var state: State
        /// When it came to this state, Unix milliseconds; of two claims the earlier.
        package var changedAt: Int64
        /// Where it was seen last, without user and password; for people, and to know it by while it is away.
        package var name: String

        package init(id: CheckpointServerID, state: State, changedAt: Int64, name: String) {
            self.id = id
            self.state = state
            self.changedAt = changedAt
            self.name = name
        }
    }

    private static let retiredSlack: Int64 = 86_400_000

    /// Ascending by ID.
    package private(set) var servers: [Server] = []

    /// Of these databases, each named once.
    package init(_ servers: [Server] = []) {
        for server in servers { merge(server) }
    }

    /// Grows with each change of a state: equal maps have equal versions, and of two that were merged none has a greater one than the result.
    package var version: Int { servers.reduce(0) { $0 + Int($1.state.rawValue) } }

    /// The database of that number.
    package subscript(id: CheckpointServerID) -> Server? { servers.first { $0.id == id } }

    /// Takes over what another copy knows.
    package mutating func merge(_ other: CheckpointMap) {
        for server in other.servers { merge(server) }
    }

    /// Takes over what is known of one database: the later state, and when it came to it first. A name replaces the one before.
    package mutating func merge(_ server: Server) {
        guard let index = servers.firstIndex(where: { $0.id == server.id }) else {
            servers.append(server)
            servers.sort { $0.id < $1.id }
            return
        }
        if !server.name.isEmpty { servers[index].name = server.name }
        if server.state > servers[index].state {
            servers[index].state = server.state
            servers[index].changedAt = server.changedAt
        } else if server.state == servers[index].state {
            servers[index].changedAt = min(servers[index].changedAt, server.changedAt)
        }
    }

    /// Whether another copy says the same of every state; names and times may differ.
    package func agrees(with other: CheckpointMap) -> Bool {
        servers.count == other.servers.count
            && zip(servers, other.servers).allSatisfy { $0.id == $1.id && $0.state == $1.state }
    }

    /// Where a slot's blocks go now; nil while no database is active.
    ///
    /// Rendezvous: the greatest hash of slot and database wins, so a database that comes takes its share from all others, and one that goes leaves it to
    /// them; nothing else moves. Source: Thaler and Ravishankar 1998; docs/formats/checkpoint.md, "Several databases".
    package func home(of slot: UInt16) -> CheckpointServerID? {
        var best: (hash: UInt64, id: CheckpointServerID)?
        for server in servers where server.state == .active {
            let key = server.id.bytes + [UInt8(slot >> 8), UInt8(slot & 0xFF)]
            let hash = XXH3.hash64(key.rawSpan)
            if best.map({ (hash, server.id) > ($0.hash, $0.id) }) ?? true { best = (hash, server.id) }
        }
        return best?.id
    }

    /// The databases that may have blocks within retention, ascending by ID.
    ///
    /// - Parameter since: Unix milliseconds; what ends before is behind retention. No block ends after it is written, so a database that was retired
    ///   before has none any more; a day is left to writers that learn of it late, and to clocks.
    /// - Returns: all that are active, and those that were retired late enough.
    package func mayHaveBlocks(since: Int64) -> [Server] {
        servers.filter { server in
            switch server.state {
            case .active: true
            case .retired: server.changedAt + Self.retiredSlack >= since
            case .lost: false
            }
        }
    }

    /// The databases whose blocks would still be within retention, had they not been lost with them.
    ///
    /// - Parameter since: Unix milliseconds; what ends before is behind retention. The same day is left to writers that learn of it late.
    /// - Returns: ascending by ID.
    package func mayLackBlocks(since: Int64) -> [Server] {
        servers.filter { $0.state == .lost && $0.changedAt + Self.retiredSlack >= since }
    }
}

/// What a database answers when copies of the map are compared.
package struct CheckpointExchange: Hashable, Sendable {
    /// The database's own number.
    package var id: CheckpointServerID
    /// The map as it is there now, what was brought included.
    package var map: CheckpointMap
    /// Slots that were ever written there.
    package var slotCount: Int

    package init(id: CheckpointServerID, map: CheckpointMap, slotCount: Int) {
        self.id = id
        self.map = map
        self.slotCount = slotCount
    }
}
