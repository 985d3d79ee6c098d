import ClusterView
import EngineStorage
import Foundation
import GossipTransport
import Membership
import Placement
import Settings
import WireProtocol

extension NodeSettings {
    /// The process' part in its cluster.
    ///
    /// - Parameters:
    ///   - roles: what it does.
    ///   - command: what it was started as.
    ///   - directory: its data directory; nil when it has none, and each of its starts is a new one.
    /// - Returns: what the membership is told.
    /// - Throws: `UsageError` or `CommandFailure` naming the setting that cannot be.
    func member(roles: MemberRoles, command: String, directory: DataDirectory?) throws -> MemberConfiguration {
        if roles.contains(.aggregator) { _ = try PlacementLabels(placementLabels) }
        var wishes = MemberConfiguration.Wishes(clusterName: clusterName)
        wishes.replicationFactor = replicationFactor
        wishes.placementLabels = placementLabels
        wishes.lateWindow = lateWindow
        guard replacementDelay == 0 || replacementDelay >= ClusterAdministration.replacementDelayMin else {
            throw UsageError(
                message: "replacement-delay: expected 0 for never, or 30s or more", help: "murmur \(command) --help")
        }
        wishes.replacementDelay = replacementDelay
        wishes.given = roles.contains(.aggregator) ? given : []
        let instance =
            if let directory {
                try MemberInstance(uuid: directory.nodeID, boot: directory.bootNumber)
            } else {
                MemberInstance(high: .random(in: .min ... .max), low: .random(in: .min ... .max), boot: 1)
            }
        var member = MemberConfiguration(
            name: try memberName(directory), instance: instance, roles: roles, cluster: SeedName(cluster),
            http: SeedName(http), wishes: wishes)
        member.zone = zone
        member.weight = UInt32((weight * 1_000).rounded())
        member.advertised = try advertised(command)
        member.seeds = try join.map { text in
            do { return try SeedName(text) } catch {
                throw UsageError(
                    message: "join: \"\(text)\" is not HOST:PORT of a cluster port", help: "murmur \(command) --help")
            }
        }
        member.founders = founders
        member.keyringFile = keyringFile
        if withheldFeature == "fragments" { member.features.remove(.fragments) }
        if withheldFeature == "histograms" { member.features.remove(.histograms) }
        if withheldFeature == "deletions" { member.features.remove(.deletions) }
        if withheldFeature == "changes" { member.features.remove(.changes) }
        member.directory = directory?.path
        if let directory {
            member.noteIdentity = { name, boot in try directory.take(name: name.text, boot: boot) }
        }
        return member
    }

    /// As given, else as the directory was called before, else the host's.
    private func memberName(_ directory: DataDirectory?) throws -> MemberName {
        let text = name ?? directory?.nodeName ?? ProcessInfo.processInfo.hostName
        do {
            return try MemberName(text)
        } catch {
            throw CommandFailure(
                message: "\"\(text)\" cannot be a node's name",
                hint: "--name takes 1 to \(MemberName.bytesMax) visible ASCII characters without spaces")
        }
    }

    private func advertised(_ command: String) throws -> SeedName? {
        guard let advertise else { return nil }
        if let whole = try? SeedName(advertise) { return whole }
        guard !advertise.contains("/"), let host = NetworkAddress("\(advertise):\(cluster.port)") else {
            throw UsageError(
                message: "advertise: \"\(advertise)\" is neither HOST nor HOST:PORT",
                help: "murmur \(command) --help")
        }
        return SeedName(host)
    }
}

extension SeedName {
    /// An address of the settings.
    init(_ address: NetworkAddress) {
        self.init(host: address.host, port: UInt16(clamping: address.port))
    }
}
