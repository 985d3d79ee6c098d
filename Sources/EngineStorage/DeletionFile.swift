internal import ByteCoding
package import MetricModel

/// The deletions that a node keeps, in its data directory: `DIR/deletions`, replaced as a whole. Bytes: docs/formats/deletions.md.
package struct DeletionFile: Sendable {
    private static let magic: [UInt8] = Array("MDEL".utf8)
    private static let version: UInt8 = 1
    private let path: String

    /// The file of a data directory, there or not.
    package init(in directory: DataDirectory) {
        path = directory.path + "/deletions"
    }

    /// Reads the file; none is an empty set.
    ///
    /// - Throws: `EngineError`: `.unknownVersion` for a file of a later version, `.directoryUnusable` for one that cannot be read or is damaged.
    ///   Without it samples that were deleted would be seen again, so nobody goes on without it in silence.
    package func read() throws(EngineError) -> DeletionSet {
        let bytes: [UInt8]
        do throws(FileError) {
            guard try SystemCalls.exists(path) else { return DeletionSet() }
            bytes = try FileDescriptor.contents(of: path)
        } catch {
            throw EngineError(.directoryUnusable, "\(error)")
        }
        if bytes.count > 4, bytes.starts(with: Self.magic), bytes[4] != Self.version {
            throw EngineError(.unknownVersion, "\(path): format version \(bytes[4]) is not known here")
        }
        guard let set = Self.set(of: bytes) else {
            throw EngineError(
                .directoryUnusable,
                "\(path) is damaged; move it away, and the node takes the deletions that the other aggregators have")
        }
        return set
    }

    /// Replaces the file; when it returns the set is durable.
    ///
    /// - Throws: `EngineError.directoryUnusable`; what was there before is there then.
    package func write(_ set: DeletionSet) throws(EngineError) {
        var bytes = Self.magic
        bytes.append(Self.version)
        bytes.append(varint: set.count)
        for deletion in set.all { bytes.append(prefixed: deletion.bytes) }
        bytes.append(littleEndian: CRC32C.of(bytes.rawSpan))
        do throws(FileError) { try FileDescriptor.replace(path, with: bytes) } catch {
            throw EngineError(.directoryUnusable, "\(error)")
        }
    }

    /// The set that whole bytes hold; nil for what is none.
    private static func set(of bytes: [UInt8]) -> DeletionSet? {
        guard bytes.count > magic.count + 4, bytes.starts(with: magic) else { return nil }
        let body = Array(bytes.dropLast(4))
        do {
            var tail = ByteReader(bytes.rawSpan)
            try tail.skip(body.count)
            guard try tail.readUInt32() == CRC32C.of(body.rawSpan) else { return nil }
            var reader = ByteReader(body.rawSpan)
            try reader.skip(magic.count + 1)
            let count = try reader.readCount()
            guard count <= DeletionSet.unionMax else { return nil }
            var deletions: [Deletion] = []
            for _ in 0..<count {
                deletions.append(try Deletion(validating: try reader.readPrefixedBytes()))
            }
            return reader.isAtEnd ? DeletionSet(deletions) : nil
        } catch {
            return nil
        }
    }
}
