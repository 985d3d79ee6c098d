import ByteCoding
package import MetricModel

/// The labels that name a server, in order of preference: a series is placed by the first that it has.
///
/// What arrives is a series' labels; what leaves is its `PlacementKey`, whose upper bits are the slot. Which members own the slot is
/// the ring's business (`Ring.swift`). A cluster setting: two nodes with different lists would place one server twice.
package struct PlacementLabels: Hashable, Sendable {
    /// Label names, the most preferred first.
    package let names: [String]

    /// The list of a cluster that sets none.
    package static let `default` = PlacementLabels(unchecked: [
        "server_id", "instance", "host", "hostname", "host_name",
    ])

    /// The longest list, below `PlacementKey.wholeLabelSet`.
    package static let countMax = 16

    /// Hashes of server IDs and of whole label sets differ in their seed, so that neither imitates the other.
    private static let serverSeed: UInt64 = 0
    private static let labelSetSeed: UInt64 = 1

    private init(unchecked names: [String]) {
        self.names = names
    }

    /// - Parameter names: 1 ... `countMax` different, non-empty label names.
    /// - Throws: `PlacementError.badPlacementLabels` with the reason.
    package init(_ names: [String]) throws(PlacementError) {
        guard !names.isEmpty, names.count <= Self.countMax else {
            throw .badPlacementLabels("\(names.count) labels, 1 to \(Self.countMax) are possible")
        }
        for (index, name) in names.enumerated() {
            if name.isEmpty { throw .badPlacementLabels("label \(index + 1) is empty") }
            if names[..<index].contains(name) { throw .badPlacementLabels("label \(name) occurs twice") }
        }
        self.init(unchecked: names)
    }

    /// Where a series of these labels is placed: by the first placement label it has, else by its whole label set.
    package func placement(of labels: Labels, tenant: TenantID) -> PlacementKey {
        for (index, name) in names.enumerated() {
            guard let server = labels[name] else { continue }
            return PlacementKey(
                hash: Self.hash(tenant, [UInt8](server.utf8), seed: Self.serverSeed), labelIndex: UInt8(index))
        }
        return PlacementKey(
            hash: Self.hash(tenant, labels.bytes, seed: Self.labelSetSeed), labelIndex: PlacementKey.wholeLabelSet)
    }

    /// Where the series of a server are placed whose ID is the value of `names[labelIndex]`.
    package func placement(ofServer id: String, labelIndex: Int, tenant: TenantID) -> PlacementKey {
        precondition(names.indices.contains(labelIndex), "placement label \(labelIndex) of \(names.count)")
        return PlacementKey(
            hash: Self.hash(tenant, [UInt8](id.utf8), seed: Self.serverSeed), labelIndex: UInt8(labelIndex))
    }

    /// XXH3 over both parts with their lengths, so that no two pairs give the same bytes; its upper 32 bits.
    private static func hash(_ tenant: TenantID, _ part: [UInt8], seed: UInt64) -> UInt32 {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(tenant.name.utf8.count + part.count + 4)
        bytes.append(prefixed: tenant.name)
        bytes.append(prefixed: part)
        return UInt32(truncatingIfNeeded: XXH3.hash64(bytes.rawSpan, seed: seed) >> 32)
    }
}
