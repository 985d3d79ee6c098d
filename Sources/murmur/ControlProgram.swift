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
        let operands = Array(values.arguments.dropFirst())
        let operand = operands.first
        if let unexpected = operands.dropFirst(command.operandsMax(operand)).first {
            throw UsageError(message: "unexpected argument \"\(unexpected)\"", help: "murmur ctl --help")
        }
        for flag in values.given.sorted() where values.origin(of: flag) == .flag {
            guard let owner = ControlCommand.owner(ofFlag: flag), owner != command else { continue }
            throw UsageError(
                message: "murmur ctl \(word) takes no --\(flag): it is for murmur ctl \(owner.rawValue)",
                help: "murmur ctl --help")
        }
        if command.takesName, operand == nil {
            throw UsageError(message: "a name is needed: murmur ctl \(word) NAME", help: "murmur ctl --help")
        }
        let client = try ControlClient(endpoint: values.text("endpoint"), milliseconds: values.milliseconds("timeout"))
        let isJSON = values.isOn("json")
        switch command {
        case .status: try await status(client, isJSON)
        case .ring: try await show(client.get("ring", ClusterRing.self), isJSON) { ControlTexts.ring($0) }
        case .movements: try await movements(client, isJSON: isJSON, watches: values.isOn("watch"))
        case .queries: try await queries(operands, values, client)
        case .members:
            try await show(client.get("members", [ClusterMemberStatus].self), isJSON) { ControlTexts.members($0) }
        case .settings: try await settings(operands, values, client)
        case .keyring where operand == "reload":
            try await show(client.post("keyring/reload", [:], KeyringStatus.self), isJSON) { ControlTexts.keyring($0) }
        case .keyring: try await show(client.get("keyring", KeyringStatus.self), isJSON) { ControlTexts.keyring($0) }
        case .forget:
            let body = ["name": operand ?? ""]
            try await show(client.post("forget", body, ForgetRequest.self), isJSON) {
                "\($0.name) is forgotten; it may join again at any time\n"
            }
        case .drain:
            try await Drain(
                name: operand ?? "", isForced: values.isOn("force"), milliseconds: values.milliseconds("timeout")
            ).run(client, isJSON: isJSON)
        case .undrain:
            let member = try await ControlledMember(operand ?? "", milliseconds: values.milliseconds("timeout"), client)
            try await show(member.client.post("undrain", [:], ClusterStatus.self), isJSON) {
                "\($0.node) stays, and takes its slots back\n"
            }
        case .doctor:
            let findings = try await Doctor.examine(client)
            Terminal.print(isJSON ? try json(findings) : ControlTexts.findings(findings))
            if findings.contains(where: { !$0.isFine }) { exit(1) }
        }
    }

    private static var commands: String { ControlCommand.allCases.map(\.usage).joined(separator: ", ") }

    private static func show<Value: Encodable>(_ value: Value, _ isJSON: Bool, _ text: (Value) -> String) throws {
        Terminal.print(isJSON ? try json(value) : text(value))
    }

    private static func status(_ client: ControlClient, _ isJSON: Bool) async throws {
        let status = try await client.get("status", ClusterStatus.self)
        // A process of an earlier version has no such page.
        let overview = try? await client.get("overview", ClusterOverview.self)
        try show(StatusAndOverview(status: status, overview: overview), isJSON) {
            ControlTexts.status($0.status, hasWarnings: $0.overview?.warnings.isEmpty == false)
                + ($0.overview.map { ControlTexts.overview($0) } ?? "")
        }
    }

    private static func queries(_ operands: [String], _ values: SettingValues, _ client: ControlClient) async throws {
        let queries = ControlQueries(
            client: client, tenant: values.optionalText("tenant"), milliseconds: values.milliseconds("timeout"))
        guard operands.first == "kill" else {
            return try await show(queries.list(), values.isOn("json")) { ControlTexts.queries($0) }
        }
        guard operands.count == 2 else {
            throw UsageError(message: "a number is needed: murmur ctl queries kill ID", help: "murmur ctl --help")
        }
        try await queries.kill(operands[1])
        try show(["killed": operands[1]], values.isOn("json")) { _ in "query \(operands[1]) is ended\n" }
    }

    private static func settings(_ operands: [String], _ values: SettingValues, _ client: ControlClient) async throws {
        guard operands.first == "set" else {
            let settings = try await client.get("settings", ClusterSettingsStatus.self)
            return try show(settings, values.isOn("json")) { ControlTexts.settings($0) }
        }
        guard operands.count == 3 else {
            throw UsageError(
                message: "a setting and its value are needed: murmur ctl settings set replication-factor 2",
                help: "murmur ctl --help")
        }
        try await SettingsChange(name: operands[1], value: operands[2], waits: !values.isOn("no-wait"))
            .run(client, isJSON: values.isOn("json"))
    }

    /// Once, or each second until Ctrl-C.
    private static func movements(_ client: ControlClient, isJSON: Bool, watches: Bool) async throws {
        repeat {
            let movements = try await client.get("movements", ClusterMovements.self)
            let text = isJSON ? try json(movements) : ControlTexts.movements(movements)
            Terminal.print(watches && Terminal.isTerminal ? Terminal.clear + text : text)
            if watches { try await Task.sleep(for: .seconds(1)) }
        } while watches
    }

    static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
    }
}

/// The cluster in brief, and beside it what everybody says.
private struct StatusAndOverview: Encodable {
    private enum Keys: CodingKey {
        case overview
    }

    let status: ClusterStatus
    let overview: ClusterOverview?

    /// The status' own members, and one more.
    func encode(to encoder: any Encoder) throws {
        try status.encode(to: encoder)
        var container = encoder.container(keyedBy: Keys.self)
        try container.encodeIfPresent(overview, forKey: .overview)
    }
}

/// Asks one process about the cluster.
struct ControlClient {
    let endpoint: String
    private let client: HTTPPushClient
    private let timeout: Duration

    /// - Throws: `UsageError` for what is no address.
    init(endpoint: String, milliseconds: Int64) throws {
        self.endpoint = endpoint
        timeout = .milliseconds(milliseconds)
        do {
            client = try HTTPPushClient(url: endpoint)
        } catch {
            throw UsageError(message: "endpoint: \(error)", help: "murmur ctl --help")
        }
    }

    /// Ends the connection.
    func close() async { await client.close() }

    /// The answer to `GET /api/v1/cluster/PAGE`.
    func get<Value: Codable & Sendable>(_ page: String, _ type: Value.Type) async throws -> Value {
        try await value { try await client.get(path: "/api/v1/cluster/\(page)", timeout: timeout) }
    }

    /// The answer to `GET PATH`.
    func fetch<Value: Codable & Sendable>(
        _ path: String, _ headers: [(String, String)], _ type: Value.Type
    ) async throws -> Value {
        try await value { try await client.get(path: path, headers: headers, timeout: timeout) }
    }

    /// Posts to `PATH`, whose answer says only that it is done.
    func order(_ path: String, _ headers: [(String, String)]) async throws {
        _ =
            try await value {
                try await client.post(path: path, headers: headers, body: [], timeout: timeout)
            } as [String: UInt64]
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
            throw CommandFailure(
                message: answer.error ?? "status \(reply.status)", hint: hint, isOfValue: reply.status == 400)
        }
        return data
    }

    private static func failure(_ error: HTTPClientError) -> CommandFailure {
        CommandFailure(
            message: error.description,
            hint: "name the HTTP address of any process of the cluster with --endpoint http://HOST:PORT")
    }
}
