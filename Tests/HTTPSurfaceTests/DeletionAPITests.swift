import HTTPSurface
import HTTPTypes
import MetricModel
import Synchronization
import Testing

/// Takes down what is to be deleted.
private final class RecordingDeletions: DeletionService {
    private let state = Mutex<[DeletionRequest]>([])

    var requests: [DeletionRequest] { state.withLock { $0 } }

    func delete(_ request: DeletionRequest) async throws {
        if request.selectors == ["busy"] { throw APIFailure(.unavailable, "later", retryAfterSeconds: 1) }
        state.withLock { $0.append(request) }
    }
}

@Suite struct DeletionAPI {
    private static let path = "/api/v1/admin/tsdb/delete_series"

    private func bench(isOn: Bool = true) -> (SurfaceResponder, RecordingDeletions) {
        let deletions = RecordingDeletions()
        var services = testServices()
        services.deletions = deletions
        return (responder(services) { $0.adminAPI = isOn }, deletions)
    }

    @Test("POST and PUT, by URL and by form, delete, and are answered without a body")
    func deletes() async throws {
        let (responder, deletions) = bench()
        let url = try await ask(responder, .post, Self.path + "?match[]=up&match[]=down&start=1.5&end=2&tenant=red")
        #expect(url.status == 204 && url.body.isEmpty)
        let put = try await ask(responder, .put, Self.path, headers: form, body: "match[]=up&end=1970-01-01T00:00:03Z")
        #expect(put.status == 204)
        let red = try TenantID(validating: "red")
        #expect(
            deletions.requests == [
                DeletionRequest(tenant: red, selectors: ["up", "down"], start: 1_500, end: 2_000, client: "unknown"),
                DeletionRequest(
                    tenant: .default, selectors: ["up"], start: .min / 4, end: 3_000, client: "unknown"),
            ])
    }

    @Test(
        "what is wrong is told in the envelope and deletes nothing",
        arguments: [
            ("", 400, "bad_data"), ("?match[]=up&start=x", 400, "bad_data"), ("?match[]=up&end=x", 400, "bad_data"),
            ("?match[]=busy", 503, "unavailable"), ("?match[]=up&tenant=a/b", 400, "bad_data"),
        ])
    func failures(parameters: String, status: Int, type: String) async throws {
        let (responder, deletions) = bench()
        let seen = try await ask(responder, .post, Self.path + parameters)
        #expect(seen.status == status && seen.body.hasPrefix(#"{"status":"error","errorType":"\#(type)","error":"#))
        #expect(deletions.requests.isEmpty)
    }

    @Test(
        "without the setting it answers as Prometheus without its flag, and a process without queries has nothing there"
    )
    func off() async throws {
        let (responder, deletions) = bench(isOn: false)
        let seen = try await ask(responder, .post, Self.path + "?match[]=up")
        #expect(seen.status == 500)
        #expect(seen.body == #"{"status":"error","errorType":"unavailable","error":"admin APIs disabled"}"#)
        #expect(deletions.requests.isEmpty)
        let bare = try await ask(HTTPSurfaceTests.responder(), .post, Self.path + "?match[]=up")
        #expect(bare.status == 404)
    }

    @Test("a page of another origin may not delete, one of this process may")
    func origins() async throws {
        let (responder, deletions) = bench()
        for origin in ["http://there:1", "null", "http://here:2"] {
            let seen = try await ask(responder, .post, Self.path + "?match[]=up", headers: [.origin: origin])
            #expect(seen.status == 403)
        }
        #expect(deletions.requests.isEmpty)
        let own = try await ask(responder, .post, Self.path + "?match[]=up", headers: [.origin: "http://HERE:1"])
        #expect(own.status == 204 && deletions.requests.count == 1)
    }
}
