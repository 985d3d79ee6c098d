import Foundation
import HTTPSurface
import HTTPTypes
import Testing

/// A cluster of one that remembers what was forgotten.
private struct SmallCluster: ClusterService {
    func status() async throws -> ClusterStatus {
        ClusterStatus(node: "a/b", roles: ["router"], version: "1", isReady: true, waitingFor: [], time: 7)
    }

    func members() async throws -> [ClusterMemberStatus] { [] }

    func settings() async throws -> ClusterSettingsStatus {
        throw APIFailure(.unavailable, "not yet", retryAfterSeconds: 1)
    }

    func node() async throws -> NodeReport {
        var report = NodeReport(
            name: "a", roles: ["aggregator"], version: "1", isReady: true, waitingFor: [], seconds: 3, time: 7)
        report.states = SlotLetters(Array("wwwc..".utf8))
        return report
    }

    func overview() async throws -> ClusterOverview {
        ClusterOverview(
            cluster: nil, node: "a", time: 7, replicationFactor: 2, replication: nil, nodes: [],
            movements: try await movements(), warnings: [.init("look")], ringStamp: "0")
    }

    func ring() async throws -> ClusterRing { throw APIFailure(.unavailable, "no ring", retryAfterSeconds: 1) }

    func movements() async throws -> ClusterMovements {
        ClusterMovements(movements: [], silent: ["b"], isSettled: true)
    }

    func keyring() async throws -> KeyringStatus {
        KeyringStatus(keys: ["01020304"], seals: true, acceptsUnsealed: false, node: "a")
    }

    func reloadKeyring() async throws -> KeyringStatus { try await keyring() }

    func drain(force: Bool) async throws { throw APIFailure(.badData, force ? "never the last" : "a is the only one") }

    func undrain() async throws {}

    func change(_ change: SettingChange) async throws -> ClusterSettingsStatus {
        throw APIFailure(.badData, "\(change.name) cannot be \(change.value)")
    }

    func forget(_ name: String) async throws {
        if name != "dead" { throw APIFailure(.notFound, "no member is called \(name)") }
    }
}

@Suite struct ClusterAPI {
    private func answer(
        _ method: HTTPRequest.Method, _ path: String, cluster: (any ClusterService)? = SmallCluster(),
        headers: HTTPFields = [:], body: String = ""
    ) async throws -> Seen {
        var services = testServices()
        services.cluster = cluster
        return try await ask(responder(services), method, path, headers: headers, body: body)
    }

    @Test("pages come in the envelope, and read back as what was told")
    func pages() async throws {
        let status = try await answer(.get, "/api/v1/cluster/status")
        #expect(status.status == 200 && status.body.contains("\"node\":\"a/b\""))
        let read = try JSONDecoder().decode(ClusterReply<ClusterStatus>.self, from: Data(status.bytes))
        #expect(try await read.data == SmallCluster().status())
        #expect(try await answer(.get, "/api/v1/cluster/members").body == #"{"status":"success","data":[]}"#)
        #expect(try await answer(.get, "/api/v1/cluster/settings").status == 503)
        let node = try await answer(.get, "/api/v1/cluster/node")
        #expect(node.body.contains(#""states":"3wc2.""#))
        let report = try JSONDecoder().decode(ClusterReply<NodeReport>.self, from: Data(node.bytes)).data
        #expect(try await report == SmallCluster().node())
        #expect(
            try await answer(.get, "/api/v1/cluster/overview").body.contains(
                #""warnings":[{"advice":"","text":"look"}]"#))
        #expect(try await answer(.get, "/api/v1/cluster/movements").body.contains(#""silent":["b"]"#))
        #expect(try await answer(.get, "/api/v1/cluster/ring").status == 503)
        #expect(try await answer(.get, "/api/v1/cluster/keyring").body.contains("01020304"))
        #expect(try await answer(.get, "/api/v1/cluster/status", cluster: nil).status == 404)
    }

    @Test("letters of slots come back out of their runs", arguments: ["", "w", "3w.2c", "16384w", "12ab."])
    func letters(runs: String) throws {
        #expect(try SlotLetters(runs: runs).runs == runs)
    }

    @Test(
        "what is no run, or too long a one, is refused",
        arguments: ["3", "w2", "0w", "65537w", "99999999999999999999w"])
    func brokenLetters(runs: String) {
        #expect(throws: SlotLetters.Failure.malformed) { try SlotLetters(runs: runs) }
    }

    @Test("a command is JSON and says so")
    func commands() async throws {
        let json: HTTPFields = [.contentType: "application/json; charset=utf-8"]
        let path = "/api/v1/cluster/forget"
        #expect(try await answer(.post, path, headers: json, body: #"{"name":"dead"}"#).status == 200)
        #expect(try await answer(.post, path, headers: json, body: #"{"name":"x"}"#).status == 404)
        #expect(try await answer(.post, path, headers: json, body: "dead").status == 400)
        #expect(try await answer(.post, path, headers: json, body: String(repeating: " ", count: 70_000)).status == 400)
        #expect(try await answer(.post, path, body: #"{"name":"dead"}"#).status == 400)
        #expect(try await answer(.get, path, headers: json).status == 405)
        let drain = "/api/v1/cluster/drain"
        #expect(try await answer(.post, drain, headers: json, body: "{}").body.contains("the only one"))
        #expect(
            try await answer(.post, drain, headers: json, body: #"{"force":"true"}"#).body.contains("never the last"))
        #expect(try await answer(.post, drain, headers: json, body: "[]").status == 400)
        #expect(try await answer(.post, "/api/v1/cluster/undrain", headers: json, body: "{}").status == 200)
        let set = "/api/v1/cluster/settings/set"
        #expect(
            try await answer(.post, set, headers: json, body: #"{"name":"a","value":"b"}"#).body.contains(
                "a cannot be b"))
        #expect(try await answer(.post, set, headers: json, body: #"{"name":"a"}"#).status == 400)
        #expect(try await answer(.get, set, headers: json).status == 405)
        #expect(try await answer(.post, "/api/v1/cluster/keyring/reload", headers: json).status == 200)
    }
}
