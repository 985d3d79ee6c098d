import Foundation
import GossipTransport
import HTTPSurface
import Logging
import Membership

extension ClusterMembership {
    /// `join_report_interval`: so often it is said why a process is not part of its cluster yet.
    private static let reportInterval = Duration.seconds(5)
    /// `declined_patience`: seeds that decline for so long will not change their mind.
    private static let declinedPatience = 3

    /// The cluster has let this process in: find out whether it may take part, and begin.
    func enter() async throws {
        let (settings, me) = try await node.read { ($0.settings, $0.me) }
        guard let settings else { preconditionFailure("joined without settings") }
        do {
            let others = try await node.members().filter { $0.record.name != me.name && !$0.record.state.isGone }
            try await check(settings, others: others)
            try configuration.noteIdentity(me.name, me.instance.boot)
            // Killed in the next moment, an aggregator that founded a cluster must not found another one.
            try await node.persist()
        } catch {
            // A newcomer leaves no trace; who had a place in the ring keeps it.
            if me.state == .joining { await node.leave() } else { await node.stop() }
            throw error
        }
        if me.state == .joining {
            try await node.command { try $0.update(now: $1, into: &$2) { $0.state = .active } }
        }
        for line in configuration.wishes.outdated(in: settings) {
            logger.warning(
                "a setting that this process was started with has been changed by a command since",
                metadata: ["setting": "\(line)"])
        }
        await refresh()
        readiness.set(Self.readinessPart, notReadyBecause: nil)
        logger.info("part of the cluster", metadata: ["cluster": "\(settings.name)", "name": "\(me.name)"])
        decide(.success(settings))
    }

    private func check(_ settings: ClusterSettings, others: [MemberView]) async throws {
        let declined = try await node.envelopeCounts().declined
        if declined > 0, others.isEmpty { throw declinedError }
        if declined > 0 { logger.warning("a seed declines this process: another cluster, or other keys") }
        try configuration.wishes.check(against: settings)
        if configuration.isAggregator { try Company.check(configuration.roles, others.map(\.record)) }
    }

    var declinedError: ClusterError {
        let seeds = configuration.seeds.map(\.description).joined(separator: ", ")
        let keys = configuration.keyringFile == nil ? "none are given here" : "the keys of --keyring-file differ"
        let cluster = kept.isKnown ? ", or the data directory belongs to another cluster of that name" : ""
        return ClusterError(
            .declined,
            "the seeds (\(seeds)) do not take this process' messages: they want other keys (\(keys))\(cluster)",
            hint: "give all processes of a cluster the same keys with --keyring-file"
                + (kept.isKnown ? "; to give up what this directory holds, choose a new --data-dir" : ""))
    }

    /// Says why the process is not part of the cluster yet, and gives up where waiting does not help.
    func watchJoining() async throws -> Part {
        var declinedFor = 0
        while !Task.isCancelled, !takesPart {
            do { try await Task.sleep(for: Self.reportInterval) } catch { break }
            guard !takesPart, let counts = try? await node.envelopeCounts() else { continue }
            declinedFor = counts.declined > 0 ? declinedFor + 1 : 0
            let unknown = await namesWithoutAddress()
            let reason =
                counts.declined > 0
                ? "the seeds decline this process: other keys"
                : "no seed that has a cluster answers" + (unknown.isEmpty ? "" : "; no address is known of \(unknown)")
            readiness.set(Self.readinessPart, notReadyBecause: reason)
            let seeds = configuration.seeds.map(\.description).joined(separator: ",")
            logger.warning("not part of the cluster yet", metadata: ["reason": "\(reason)", "seeds": "\(seeds)"])
            if declinedFor >= Self.declinedPatience { throw declinedError }
        }
        return .watching
    }

    /// The names of seeds that the system's resolver finds no address of, with commas.
    private func namesWithoutAddress() async -> String {
        var names: [String] = []
        for seed in configuration.seeds where await HostLookup.addresses(of: [seed]).isEmpty { names.append(seed.host) }
        return names.joined(separator: ", ")
    }

    /// Where others reach the cluster port: as told, or where it is opened, or, opened on all addresses, the host's own.
    func advertisedAddress() async -> NodeAddress? {
        if let advertised = configuration.advertised {
            return await HostLookup.addresses(of: [advertised]).first
        }
        guard let bound = await HostLookup.addresses(of: [configuration.cluster]).first else { return nil }
        guard bound.isUnspecified else { return bound }
        let hostName = ProcessInfo.processInfo.hostName
        let own = SeedName(host: hostName, port: configuration.cluster.port)
        let addresses = await HostLookup.addresses(of: [own])
        if let reachable = addresses.first(where: { !$0.isLoopback }) { return reachable }
        logger.warning(
            "other machines cannot reach this process: its host's name has no address; --advertise gives one",
            metadata: ["host": "\(hostName)"])
        return NodeAddress(v4: 0x7F00_0001, port: configuration.cluster.port)
    }

    /// Where others reach HTTP; nil for a port that is not known before it is open.
    func httpAddress(advertised: NodeAddress?) async -> NodeAddress? {
        guard configuration.http.port > 0 else { return nil }
        guard let bound = await HostLookup.addresses(of: [configuration.http]).first else { return nil }
        guard bound.isUnspecified, let advertised else { return bound }
        return NodeAddress(high: advertised.high, low: advertised.low, port: bound.port)
    }
}

/// A standalone process keeps all slots by itself, and so has no other aggregator beside it.
enum Company {
    /// - Throws: `ClusterError.keepsAlone` when this process or another would not be alone any more.
    static func check(_ roles: MemberRoles, _ others: [MemberRecord]) throws(ClusterError) {
        let aggregators = others.filter { $0.roles.contains(.aggregator) && $0.state != .joining }
        if roles.contains(.router), let first = aggregators.first {
            throw ClusterError(
                .keepsAlone,
                "a standalone process keeps all data by itself, and the cluster has an aggregator, \(first.name)",
                hint: "start it as `murmur aggregator`, or with a --cluster-name of its own")
        }
        if let alone = aggregators.first(where: { $0.roles.contains(.router) }) {
            throw ClusterError(
                .keepsAlone,
                "the cluster's aggregator \(alone.name) is a standalone process, which keeps all data by itself",
                hint:
                    "stop it and start it as `murmur aggregator` with the same --data-dir and a PostgreSQL checkpoint; then others can join"
            )
        }
    }
}

extension NodeAddress {
    /// `0.0.0.0` or `::`: all addresses of the machine, and none that others could use.
    fileprivate var isUnspecified: Bool { v4.map { $0 == 0 } ?? (high == 0 && low == 0) }

    /// An address that means the machine itself.
    fileprivate var isLoopback: Bool { v4.map { $0 >> 24 == 127 } ?? (high == 0 && low == 1) }
}
