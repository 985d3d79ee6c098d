package import ByteCoding

/// The records of a log as bytes, with names in the place of numbers: what a process calls a member is not what the next one does.
///
/// Batches and drops have record kinds of their own, since the log's owner must understand them. Source: docs/formats/wal.md, section 7.
extension MovementRecord {
    /// Slots are below this.
    private static var slotLimit: Int { 1 << 16 }

    private enum Kind: UInt8 {
        case owed = 1
        case owedAll = 2
        case settled = 3
        case settledAll = 4
        case unsound = 5
        case sound = 6
        case known = 7
        case restoring = 8
        case restored = 9
    }

    /// The record's bytes; nil for a batch and for dropped slots.
    ///
    /// - Parameter name: of a member.
    /// - Returns: what `init(decoding:number:)` reads.
    package func encoded(name: (NodeID) -> String) -> [UInt8]? {
        var bytes: [UInt8] = []
        func begin(_ kind: Kind) { bytes.append(kind.rawValue) }
        switch self {
        case .batch, .dropped: return nil
        case .owed(let slots, let number, let nodes):
            begin(.owed)
            bytes.append(littleEndian: number)
            bytes.append(ascending: slots)
            bytes.append(varint: nodes.count)
            for node in nodes { bytes.append(prefixed: name(node)) }
        case .owedAll(let slots, let node):
            begin(.owedAll)
            bytes.append(ascending: slots)
            bytes.append(prefixed: name(node))
        case .settled(let parts, let node):
            begin(.settled)
            bytes.append(prefixed: name(node))
            bytes.append(varint: parts.count)
            for part in parts {
                bytes.append(littleEndian: part.number)
                bytes.append(ascending: part.slots)
            }
        case .settledAll(let slots, let node):
            begin(.settledAll)
            bytes.append(ascending: slots)
            bytes.append(prefixed: name(node))
        case .unsound: begin(.unsound)
        case .sound(let slots):
            begin(.sound)
            bytes.append(ascending: slots)
        case .known(let node, let boot):
            begin(.known)
            bytes.append(prefixed: name(node))
            bytes.append(littleEndian: boot)
        case .restoring(let slots):
            begin(.restoring)
            bytes.append(ascending: slots)
        case .restored(let slot):
            begin(.restored)
            bytes.append(ascending: [slot])
        }
        return bytes
    }

    /// Reads a record's bytes.
    ///
    /// - Parameters:
    ///   - bytes: exactly one record.
    ///   - number: of a member, by its name.
    /// - Throws: `ByteError`.
    package init(decoding bytes: RawSpan, number: (String) -> NodeID) throws(ByteError) {
        var reader = ByteReader(bytes)
        let limit = Self.slotLimit
        guard let kind = Kind(rawValue: try reader.readUInt8()) else { throw ByteError(.badTag, offset: 0, needed: 0) }
        switch kind {
        case .owed:
            let batch = try reader.readUInt64()
            let slots = try reader.readAscending(below: limit)
            var nodes: [NodeID] = []
            for _ in 0..<(try reader.readCount()) { nodes.append(number(try reader.readString())) }
            self = .owed(slots: slots, number: batch, to: nodes)
        case .owedAll:
            self = .owedAll(slots: try reader.readAscending(below: limit), to: number(try reader.readString()))
        case .settled:
            let node = number(try reader.readString())
            var parts: [BatchPart] = []
            for _ in 0..<(try reader.readCount(unit: 9)) {
                let batch = try reader.readUInt64()
                parts.append(BatchPart(number: batch, slots: try reader.readAscending(below: limit)))
            }
            self = .settled(parts, with: node)
        case .settledAll:
            self = .settledAll(slots: try reader.readAscending(below: limit), with: number(try reader.readString()))
        case .unsound: self = .unsound
        case .sound: self = .sound(slots: try reader.readAscending(below: limit))
        case .known: self = .known(by: number(try reader.readString()), boot: try reader.readUInt32())
        case .restoring: self = .restoring(slots: try reader.readAscending(below: limit))
        case .restored:
            guard let slot = try reader.readAscending(below: limit).first else {
                throw ByteError(.truncated, offset: 1, needed: 1)
            }
            self = .restored(slot: slot)
        }
        guard reader.isAtEnd else { throw ByteError(.truncated, offset: reader.offset, needed: 0) }
    }
}
