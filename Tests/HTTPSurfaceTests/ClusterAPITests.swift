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

    func keyring() async throws -> KeyringStatus {
        KeyringStatus(keys: ["01020304"], seals: true, acceptsUnsealed: false, node: "a")
    }

    func reloadKeyring() async throws -> KeyringStatus { try await keyring() }

    func drain() async throws { throw APIFailure(.badData, "a is the only aggregator") }

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
        #expect(try await answer(.get, "/api/v1/cluster/keyring").body.contains("01020304"))
        #expect(try await answer(.get, "/api/v1/cluster/status", cluster: nil).status == 404)
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
        #expect(try await answer(.post, "/api/v1/cluster/drain", headers: json).body.contains("only aggregator"))
        #expect(try await answer(.post, "/api/v1/cluster/keyring/reload", headers: json).status == 200)
    }
}
