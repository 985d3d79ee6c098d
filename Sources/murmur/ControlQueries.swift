import Foundation
import HTTPSurface

/// What a coordinator tells of its queries; see `GET /api/v1/status/queries`.
struct QueryList: Codable, Sendable {
    /// One that runs or waits.
    struct AtWork: Codable, Sendable {
        var id: UInt64
        var kind: String
        var query: String
        var state: String
        var seconds: Double
    }

    /// One that has ended.
    struct Finished: Codable, Sendable {
        var kind: String
        var query: String
        var seconds: Double
        var waitedSeconds: Double
        var failure: String?
    }

    /// The coordinator; not part of its own answer.
    var node: String?
    var atWork: [AtWork]
    var slowest: [Finished]
}

/// `murmur ctl queries`: what coordinators are at, and the end of one query.
struct ControlQueries {
    let client: ControlClient
    let tenant: String?
    let milliseconds: Int64

    private var headers: [(String, String)] { tenant.map { [("x-scope-orgid", $0)] } ?? [] }

    /// Of the process that is asked, if it is a coordinator, and otherwise of all of them.
    ///
    /// - Throws: `CommandFailure` when no coordinator answers.
    func list() async throws -> [QueryList] {
        var lists: [QueryList] = []
        for (node, coordinator) in try await coordinators() {
            guard var list = try? await coordinator.fetch("/api/v1/status/queries", headers, QueryList.self) else {
                continue
            }
            list.node = node
            lists.append(list)
        }
        guard !lists.isEmpty else { throw Self.nobody }
        return lists
    }

    /// Ends a query of the process that is asked, or of the only coordinator.
    ///
    /// - Throws: `CommandFailure` when it is not at work, or it is not clear whose it is.
    func kill(_ id: String) async throws {
        let coordinators = try await coordinators()
        guard let (_, coordinator) = coordinators.first else { throw Self.nobody }
        guard coordinators.count == 1 else {
            throw CommandFailure(
                message: "there are \(coordinators.count) coordinators, each with numbers of its own",
                hint: "name the coordinator's HTTP address with --endpoint")
        }
        guard let number = UInt64(id) else {
            throw CommandFailure(
                message: "\"\(id)\" is not the number of a query", hint: "murmur ctl queries lists them")
        }
        do {
            try await coordinator.order("/api/v1/status/queries/kill?id=\(number)", headers)
        } catch let failure as CommandFailure {
            throw CommandFailure(message: failure.message, hint: "murmur ctl queries lists them; --tenant says whose")
        }
    }

    private static let nobody = CommandFailure(
        message: "no coordinator answers", hint: "name one's HTTP address with --endpoint http://HOST:PORT")

    private func coordinators() async throws -> [(String, ControlClient)] {
        let status = try await client.get("status", ClusterStatus.self)
        if status.roles.contains("coordinator") { return [(status.node, client)] }
        let members = try await client.get("members", [ClusterMemberStatus].self)
        return try members.filter { $0.roles.contains("coordinator") && $0.liveness == "alive" }.compactMap { member in
            guard let http = member.http else { return nil }
            return (member.name, try ControlClient(endpoint: "http://\(http)", milliseconds: milliseconds))
        }
    }
}
