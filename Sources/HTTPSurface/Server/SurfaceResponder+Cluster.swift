import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore

extension SurfaceResponder {
    /// `cluster_command_bytes_max`
    private static let commandBytesMax = 64 << 10

    /// A page about the cluster.
    func cluster(_ page: ClusterPage, for request: Request) async throws -> Response {
        let service = try clusterService()
        return switch page {
        case .status: try json(try await service.status(), for: request)
        case .members: try json(try await service.members(), for: request)
        case .node: try json(try await service.node(), for: request)
        case .overview: try json(try await service.overview(), for: request)
        case .ring: try json(try await service.ring(), for: request)
        case .movements: try json(try await service.movements(), for: request)
        case .settings: try json(try await service.settings(), for: request)
        case .keyring: try json(try await service.keyring(), for: request)
        }
    }

    /// A change of the cluster. Its body says that it is JSON, which no page of another origin can say without being asked for permission.
    func cluster(_ command: ClusterCommand, for request: Request) async throws -> Response {
        let service = try clusterService()
        let type = request.headers[.contentType]?.lowercased() ?? ""
        guard type.hasPrefix("application/json") else {
            throw APIFailure(.badData, "a command is sent as application/json")
        }
        let body: ByteBuffer
        do {
            body = try await request.body.collect(upTo: Self.commandBytesMax)
        } catch is NIOTooManyBytesError {
            throw APIFailure(.badData, "a command has at most \(Self.commandBytesMax) bytes")
        }
        switch command {
        case .drain:
            let wanted: DrainRequest = try parsed(body, expected: "{} or {\"force\":\"true\"}")
            try await service.drain(force: wanted.force == "true")
            return try json(try await service.status(), for: request)
        case .undrain:
            try await service.undrain()
            return try json(try await service.status(), for: request)
        case .changeSettings:
            let change: SettingChange = try parsed(body, expected: "{\"name\":\"…\",\"value\":\"…\"}")
            return try json(try await service.change(change), for: request)
        case .reloadKeyring: return try json(try await service.reloadKeyring(), for: request)
        case .forget:
            let wanted: ForgetRequest = try parsed(body, expected: "{\"name\":\"…\"}")
            try await service.forget(wanted.name)
            return try json(wanted, for: request)
        }
    }

    private func parsed<Value: Decodable>(_ body: ByteBuffer, expected: String) throws(APIFailure) -> Value {
        let bytes = Data(body.readableBytesView)
        guard let value = try? JSONDecoder().decode(Value.self, from: bytes) else {
            throw APIFailure(.badData, "expected \(expected)")
        }
        return value
    }

    private func clusterService() throws(APIFailure) -> any ClusterService {
        guard let service = services.cluster else { throw APIFailure(.notFound, "this node is in no cluster") }
        return service
    }

    private func json(_ value: some Codable & Sendable, for request: Request) throws -> Response {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return json(Envelope.fixed(String(decoding: try encoder.encode(value), as: UTF8.self)), for: request)
    }
}
