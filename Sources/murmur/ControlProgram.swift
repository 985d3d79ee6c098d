import Foundation
import HTTPSurface
import Settings

/// `murmur ctl`: asks a process of the cluster over HTTP, and prints what it says in words.
enum ControlProgram {
    static func run(_ values: SettingValues) async throws {
        guard let word = values.argument else {
            throw UsageError(message: "a command is needed: \(commands)", help: "murmur ctl --help")
        }
        guard let command = ControlCommand(rawValue: word) else {
            let nearest = Spelling.nearest(to: word, among: ControlCommand.allCases.map(\.rawValue))
            throw UsageError(
                message: "unknown command \"\(word)\"; "
                    + (nearest.map { "did you mean \($0)?" } ?? "known are \(commands)"),
                help: "murmur ctl --help")
        }
        let operand = values.arguments.dropFirst().first
        if let operand, command != .forget, command != .drain, !(command == .keyring && operand == "reload") {
            throw UsageError(message: "unexpected argument \"\(operand)\"", help: "murmur ctl --help")
        }
        let client = try ControlClient(endpoint: values.text("endpoint"), milliseconds: values.milliseconds("timeout"))
        let isJSON = values.isOn("json")
        switch command {
        case .status: try await show(client.get("status", ClusterStatus.self), isJSON) { ControlTexts.status($0) }
        case .members:
            try await show(client.get("members", [ClusterMemberStatus].self), isJSON) { ControlTexts.members($0) }
        case .settings:
            try await show(client.get("settings", ClusterSettingsStatus.self), isJSON) { ControlTexts.settings($0) }
        case .keyring where operand == "reload":
            try await show(client.post("keyring/reload", [:], KeyringStatus.self), isJSON) { ControlTexts.keyring($0) }
        case .keyring: try await show(client.get("keyring", KeyringStatus.self), isJSON) { ControlTexts.keyring($0) }
        case .forget:
            guard let operand else {
                throw UsageError(message: "a name is needed: murmur ctl forget NAME", help: "murmur ctl --help")
            }
            try await show(client.post("forget", ["name": operand], ForgetRequest.self), isJSON) {
                "\($0.name) is forgotten; it may join again at any time\n"
            }
        case .drain:
            guard let operand else {
                throw UsageError(message: "a name is needed: murmur ctl drain NAME", help: "murmur ctl --help")
            }
            try await Drain(name: operand, milliseconds: values.milliseconds("timeout")).run(client, isJSON: isJSON)
        case .doctor:
            let findings = try await Doctor.examine(client)
            Terminal.print(isJSON ? try json(findings) : ControlTexts.findings(findings))
            if findings.contains(where: { !$0.isFine }) { exit(1) }
        }
    }

    private static var commands: String { ControlCommand.allCases.map(\.usage).joined(separator: ", ") }

    private static func show<Value: Codable>(_ value: Value, _ isJSON: Bool, _ text: (Value) -> String) throws {
        Terminal.print(isJSON ? try json(value) : text(value))
    }

    static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
    }
}

/// Asks one process about the cluster.
struct ControlClient {
    let endpoint: String
    private let client: HTTPPushClient
    private let timeout: Duration

    /// - Throws: `CommandFailure` for what is no address.
    init(endpoint: String, milliseconds: Int64) throws {
        self.endpoint = endpoint
        timeout = .milliseconds(milliseconds)
        do {
            client = try HTTPPushClient(url: endpoint)
        } catch {
            throw Self.failure(error)
        }
    }

    /// Ends the connection.
    func close() async { await client.close() }

    /// The answer to `GET /api/v1/cluster/PAGE`.
    func get<Value: Codable & Sendable>(_ page: String, _ type: Value.Type) async throws -> Value {
        try await value { try await client.get(path: "/api/v1/cluster/\(page)", timeout: timeout) }
    }

    /// The answer to `POST /api/v1/cluster/COMMAND`.
    func post<Value: Codable & Sendable>(
        _ command: String, _ body: [String: String], _ type: Value.Type
    ) async throws -> Value {
        let bytes = [UInt8](try JSONEncoder().encode(body))
        return try await value {
            try await client.post(
                path: "/api/v1/cluster/\(command)", headers: [("content-type", "application/json")], body: bytes,
                timeout: timeout)
        }
    }

    private func value<Value: Codable & Sendable>(
        _ ask: () async throws -> HTTPPushClient.Reply
    ) async throws -> Value {
        let reply: HTTPPushClient.Reply
        do {
            reply = try await ask()
        } catch let error as HTTPClientError {
            throw Self.failure(error)
        }
        guard let answer = try? JSONDecoder().decode(ClusterReply<Value>.self, from: Data(reply.body)) else {
            throw CommandFailure(
                message: "\(endpoint) does not answer as a process of a cluster does (status \(reply.status))",
                hint: "name the HTTP address of a router, aggregator, coordinator or standalone with --endpoint")
        }
        guard let data = answer.data else {
            let hint =
                switch reply.status {
                case 400: "murmur ctl members shows everybody, and whether they answer"
                case 404: "murmur ctl members shows the names"
                default: "try again, or ask another process with --endpoint"
                }
            throw CommandFailure(message: answer.error ?? "status \(reply.status)", hint: hint)
        }
        return data
    }

    private static func failure(_ error: HTTPClientError) -> CommandFailure {
        CommandFailure(
            message: error.description,
            hint: "name the HTTP address of any process of the cluster with --endpoint http://HOST:PORT")
    }
}
