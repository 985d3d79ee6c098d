/// The news that this member passes on: at most one piece about each subject, the newest.
///
/// What was sent least often goes first, of equals the newest; each piece leaves after a bounded number of transmissions (SWIM, section 4.1).
struct BroadcastQueue: Sendable {
    /// What a piece of news is about; a newer one replaces the older.
    enum Subject: Hashable, Sendable {
        case member(MemberName)
        case settings
    }

    private struct Item: Sendable {
        var subject: Subject
        var bytes: [UInt8]
        var number: UInt64
    }

    /// The number of the newest piece about each subject; others in `levels` are void.
    private var newest: [Subject: UInt64] = [:]
    /// Pieces by the number of their transmissions, the newest last.
    private var levels: [[Item]] = []
    private var lastNumber: UInt64 = 0

    var isEmpty: Bool { newest.isEmpty }
    var count: Int { newest.count }

    /// Adds a piece of news.
    mutating func add(_ claim: Claim) {
        let subject: Subject =
            switch claim {
            case .record(let record): .member(record.name)
            case .suspect(let name, _, _), .dead(let name, _, _): .member(name)
            case .settings: .settings
            }
        lastNumber += 1
        newest[subject] = lastNumber
        if levels.isEmpty { levels.append([]) }
        levels[0].append(Item(subject: subject, bytes: claim.encoded, number: lastNumber))
    }

    /// Forgets what is to be said about a member.
    mutating func remove(_ name: MemberName) { newest[.member(name)] = nil }

    /// Appends news to a datagram's contents while it stays within `bytesMax`, and counts the transmissions.
    mutating func take(into bytes: inout [UInt8], bytesMax: Int, transmissionsMax: Int) {
        if newest.isEmpty { return }
        var sent: [(level: Int, item: Item)] = []
        for level in levels.indices where bytes.count + Self.claimBytesMin <= bytesMax {
            var index = levels[level].count
            // From the newest on; what does not fit keeps its place.
            while index > 0, bytes.count + Self.claimBytesMin <= bytesMax {
                index -= 1
                let item = levels[level][index]
                if newest[item.subject] == item.number {
                    if bytes.count + item.bytes.count > bytesMax { continue }
                    bytes.append(contentsOf: item.bytes)
                    sent.append((level, item))
                }
                levels[level].remove(at: index)
            }
        }
        for (level, item) in sent.reversed() {
            if level + 1 >= transmissionsMax {
                newest[item.subject] = nil
            } else {
                if levels.count == level + 1 { levels.append([]) }
                levels[level + 1].append(item)
            }
        }
    }

    /// No claim is shorter: tag, length, and an accusation between names of one byte.
    private static let claimBytesMin = 7
}
