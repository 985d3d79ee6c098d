internal import ByteCoding
package import MetricModel

/// One server with its tenant.
package struct TenantServer: Hashable, Sendable {
    package var tenant: TenantID
    package var summary: ServerSummary

    package init(tenant: TenantID, summary: ServerSummary) {
        self.tenant = tenant
        self.summary = summary
    }
}

/// What outlives the head without being samples: servers and metadata. One small file, written anew at each seal.
///
/// Source: docs/formats/block.md, section 5.
package struct Catalog: Equatable, Sendable {
    /// The version written here, the only one that is read.
    package static let version: UInt8 = 1
    static let magic: [UInt8] = Array("MCAT".utf8)

    package var servers: [TenantServer]
    package var metadata: [TenantMetadata]

    package init(servers: [TenantServer] = [], metadata: [TenantMetadata] = []) {
        self.servers = servers
        self.metadata = metadata
    }

    init(servers: ServerTable, metadata: MetadataTable) {
        self.metadata = metadata.entries
        self.servers = servers.keys.indices.compactMap { row in
            guard let tenant = servers.keys[row]?.tenant, let summary = servers.summary(row: row) else { return nil }
            return TenantServer(tenant: tenant, summary: summary)
        }
    }

    /// The file's bytes.
    package func encoded() -> [UInt8] {
        var bytes = Self.magic
        bytes.append(Self.version)
        bytes.append(varint: servers.count)
        for entry in servers {
            bytes.append(prefixed: entry.tenant.name)
            bytes.append(prefixed: entry.summary.label)
            bytes.append(prefixed: entry.summary.id)
            bytes.append(zigzag: entry.summary.lastPush)
            bytes.append(varint: entry.summary.seriesCount)
        }
        bytes.append(varint: metadata.count)
        for entry in metadata {
            bytes.append(prefixed: entry.tenant.name)
            bytes.append(prefixed: entry.metadata.metric)
            bytes.append(prefixed: entry.metadata.type)
            bytes.append(prefixed: entry.metadata.unit)
            bytes.append(prefixed: entry.metadata.help)
        }
        bytes.append(littleEndian: CRC32C.of(bytes.rawSpan))
        return bytes
    }

    /// Reads what `encoded` wrote.
    ///
    /// - Throws: `BlockError`: not a catalog, an unknown version, or damaged.
    package init(decoding bytes: [UInt8]) throws(BlockError) {
        guard bytes.count >= 11, Array(bytes[0..<4]) == Self.magic else {
            throw BlockError(.badMagic, offset: 0, found: 0, context: "catalog")
        }
        guard bytes[4] == Self.version else {
            throw BlockError(.unknownVersion, offset: 4, found: UInt64(bytes[4]), context: "catalog")
        }
        let body = bytes.count - 4
        self.init()
        do {
            var tail = ByteReader(bytes.rawSpan.extracting(body..<bytes.count))
            let checksum = try tail.readUInt32()
            guard checksum == CRC32C.of(bytes.rawSpan.extracting(0..<body)) else {
                throw BlockError(.badChecksum, offset: body, found: UInt64(checksum), context: "catalog")
            }
            var reader = ByteReader(bytes.rawSpan.extracting(5..<body))
            for _ in 0..<(try reader.readCount(unit: 5)) {
                let tenant = try TenantID(validating: reader.readString())
                let label = try reader.readString()
                let id = try reader.readString()
                let summary = ServerSummary(
                    id: id, label: label, lastPush: try reader.readZigzag(),
                    seriesCount: Int(truncatingIfNeeded: try reader.readVarint()))
                servers.append(TenantServer(tenant: tenant, summary: summary))
            }
            for _ in 0..<(try reader.readCount(unit: 5)) {
                let tenant = try TenantID(validating: reader.readString())
                let entry = MetricMetadata(
                    metric: try reader.readString(), type: try reader.readString(), unit: try reader.readString(),
                    help: try reader.readString())
                metadata.append(TenantMetadata(tenant: tenant, metadata: entry))
            }
        } catch let error as BlockError {
            throw error
        } catch {
            throw BlockError(.malformed, offset: 5, found: 0, context: "catalog: \(error)")
        }
    }
}
