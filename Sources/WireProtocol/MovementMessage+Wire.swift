import ByteCoding
import SlotMovement

// The wire forms of what keepers of slots say to each other: docs/protocol.md, "Movement packet".

/// What a message is. Raw values are wire values and never reused.
private enum MovementKind: UInt8 {
    case asks = 1
    case answers = 2
    case copy = 3
    case page = 4
    case pay = 5
    case paid = 6
    case windowDigests = 7
    case seriesDigests = 8
    case repair = 9
}

extension MovementMessage {
    func encode(into bytes: inout [UInt8]) {
        switch self {
        case .asks(let asks):
            bytes.append(MovementKind.asks.rawValue)
            for field in [UInt64(asks.boot), asks.serial, UInt64(asks.round)] { bytes.append(varint: field) }
            SlotRowColumn.encode(asks.rows, into: &bytes)
        case .answers(let answers):
            bytes.append(MovementKind.answers.rawValue)
            for field in [UInt64(answers.boot), answers.serial, UInt64(answers.askerBoot), UInt64(answers.round)] {
                bytes.append(varint: field)
            }
            SlotRowColumn.encode(answers.rows, answers.peerCounts, answers.peers, into: &bytes)
        case .copy(let slot, let stake, let cursor):
            bytes.append(.copy, slot: slot)
            stake.encode(into: &bytes)
            bytes.append(zigzag: Int64(cursor))
        case .page(let slot, let from, let isWhole, let stake, let cursor, let next):
            bytes.append(.page, slot: slot)
            from.encode(into: &bytes)
            bytes.append(flag: isWhole)
            stake.encode(into: &bytes)
            bytes.append(zigzag: Int64(cursor))
            bytes.append(flag: next != nil)
            if let next { bytes.append(zigzag: Int64(next)) }
        case .pay(let parts):
            bytes.append(MovementKind.pay.rawValue)
            bytes.append(parts: parts)
        case .paid(let parts):
            bytes.append(MovementKind.paid.rawValue)
            bytes.append(parts: parts)
        case .windowDigests(let slot, let before, let digests):
            bytes.append(.windowDigests, slot: slot)
            bytes.append(zigzag: before)
            bytes.append(digests: digests)
        case .seriesDigests(let slot, let window, let digests):
            bytes.append(.seriesDigests, slot: slot)
            bytes.append(zigzag: window)
            bytes.append(digests: digests)
        case .repair(let slot, let window, let series, let wantsBack):
            bytes.append(.repair, slot: slot)
            bytes.append(zigzag: window)
            bytes.append(varint: series.count)
            for one in series { bytes.append(littleEndian: one) }
            bytes.append(flag: wantsBack)
        }
    }

    init(from reader: inout WireReader, _ names: [String]) throws(WireError) {
        let number = try reader.uint8()
        guard let kind = MovementKind(rawValue: number) else { throw reader.malformed("kind", found: UInt64(number)) }
        switch kind {
        case .asks:
            let boot = try reader.uint32Varint("boot")
            let (serial, round) = (try reader.varint(), try reader.uint32Varint("round"))
            let column = try SlotRowColumn(from: &reader, names, hasPeers: false)
            self = .asks(SlotAsks(boot: boot, serial: serial, round: round, rows: column.rows))
        case .answers:
            let (boot, serial) = (try reader.uint32Varint("boot"), try reader.varint())
            let (askerBoot, round) = (try reader.uint32Varint("askerBoot"), try reader.uint32Varint("round"))
            let column = try SlotRowColumn(from: &reader, names, hasPeers: true)
            self = .answers(
                SlotAnswers(
                    boot: boot, serial: serial, askerBoot: askerBoot, round: round, rows: column.rows,
                    peerCounts: column.peerCounts, peers: column.peers))
        case .copy:
            self = .copy(
                slot: try reader.slot(), for: try Stake(from: &reader, names), cursor: try reader.cursor())
        case .page: self = try Self.page(from: &reader, names)
        case .pay: self = .pay(try reader.parts())
        case .paid: self = .paid(try reader.parts())
        case .windowDigests:
            self = .windowDigests(slot: try reader.slot(), before: try reader.zigzag(), try reader.digests())
        case .seriesDigests:
            self = .seriesDigests(slot: try reader.slot(), window: try reader.zigzag(), try reader.digests())
        case .repair:
            let (slot, window) = (try reader.slot(), try reader.zigzag())
            let count = try reader.varint()
            var series: [UInt64] = []
            for _ in 0..<count { series.append(try reader.uint64()) }
            self = .repair(slot: slot, window: window, series: series, wantsBack: try reader.flag("wantsBack"))
        }
    }

    private static func page(from reader: inout WireReader, _ names: [String]) throws(WireError) -> MovementMessage {
        let slot = try reader.slot()
        let from = try Stake(from: &reader, names)
        let isWhole = try reader.flag("isWhole")
        let stake = try Stake(from: &reader, names)
        let cursor = try reader.cursor()
        let next = try reader.flag("next") ? try reader.cursor() : nil
        return .page(slot: slot, from: from, isWhole: isWhole, for: stake, cursor: cursor, next: next)
    }

    func renumbered(_ number: (NodeID) -> NodeID) -> MovementMessage {
        switch self {
        case .answers(var answers):
            answers.peers = answers.peers.map { $0.renumbered(number) }
            return .answers(answers)
        case .copy(let slot, let stake, let cursor):
            return .copy(slot: slot, for: stake.renumbered(number), cursor: cursor)
        case .page(let slot, let from, let isWhole, let stake, let cursor, let next):
            return .page(
                slot: slot, from: from.renumbered(number), isWhole: isWhole, for: stake.renumbered(number),
                cursor: cursor, next: next)
        case .asks, .pay, .paid, .windowDigests, .seriesDigests, .repair: return self
        }
    }
}

/// The two keys that digests have: a window's start, a series' number.
private protocol DigestKey: Hashable, Comparable {
    var word: UInt64 { get }
    init(word: UInt64)
}

extension Int64: DigestKey {
    fileprivate var word: UInt64 { UInt64(bitPattern: self) }
    fileprivate init(word: UInt64) { self.init(bitPattern: word) }
}

extension UInt64: DigestKey {
    fileprivate var word: UInt64 { self }
    fileprivate init(word: UInt64) { self = word }
}

extension [UInt8] {
    fileprivate mutating func append(_ kind: MovementKind, slot: Int) {
        append(kind.rawValue)
        append(varint: slot)
    }

    fileprivate mutating func append(flag: Bool) { append(flag ? 1 : 0) }

    fileprivate mutating func append(parts: [BatchPart]) {
        append(varint: parts.count)
        for part in parts {
            append(varint: part.number)
            SlotColumn.encode(part.slots, into: &self)
        }
    }

    fileprivate mutating func append<Key: DigestKey>(digests: [Key: WindowDigest]) {
        append(varint: digests.count)
        for (key, digest) in digests.sorted(by: { $0.key < $1.key }) {
            append(littleEndian: key.word)
            append(littleEndian: digest.high)
            append(littleEndian: digest.low)
            append(varint: digest.count)
        }
    }
}

extension WireReader {
    @_lifetime(self: copy self)
    fileprivate mutating func slot() throws(WireError) -> Int { try number("slot", below: SlotColumn.slotsMax) }

    @_lifetime(self: copy self)
    fileprivate mutating func cursor() throws(WireError) -> Int { Int(try zigzag()) }

    @_lifetime(self: copy self)
    fileprivate mutating func flag(_ field: String) throws(WireError) -> Bool {
        let value = try uint8()
        guard value <= 1 else { throw malformed(field, found: UInt64(value), expected: 1) }
        return value == 1
    }

    @_lifetime(self: copy self)
    fileprivate mutating func parts() throws(WireError) -> [BatchPart] {
        let count = try varint()
        var parts: [BatchPart] = []
        for _ in 0..<count {
            parts.append(BatchPart(number: try varint(), slots: try SlotColumn.decode(from: &self)))
        }
        return parts
    }

    @_lifetime(self: copy self)
    fileprivate mutating func digests<Key: DigestKey>() throws(WireError) -> [Key: WindowDigest] {
        let count = try varint()
        var digests: [Key: WindowDigest] = [:]
        for _ in 0..<count {
            let key = Key(word: try uint64())
            let (high, low) = (try uint64(), try uint64())
            let samples = try number("digests", below: .max)
            guard digests.updateValue(WindowDigest(high: high, low: low, count: samples), forKey: key) == nil else {
                throw malformed("digests", found: key.word)
            }
        }
        return digests
    }
}
