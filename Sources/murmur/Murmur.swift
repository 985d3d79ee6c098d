import Foundation
import Membership
import Settings

/// The program: one binary, whose first word says which command it runs.
///
/// `murmur standalone` is composed in `NodeProcess.swift`; each other command is a file of its own. Exit codes: 0 done, 1 it
/// failed while it ran, 2 it was called wrongly.
@main
enum Murmur {
    /// As told by `--version`.
    static let version = "0.1.0"

    static func main() async {
        let words = Array(CommandLine.arguments.dropFirst())
        do {
            try await run(words)
        } catch let error as UsageError {
            Terminal.fail(error.message, hint: "see \(error.help)")
            exit(2)
        } catch let error as CommandFailure {
            Terminal.fail(error.message, hint: error.hint)
            exit(1)
        } catch {
            Terminal.fail("\(error)", hint: nil)
            exit(1)
        }
    }

    private static func run(_ words: [String]) async throws {
        let name = words.first ?? "--help"
        let rest = Array(words.dropFirst())
        switch name {
        case "--help", "-h", "help": Terminal.print(overview)
        case "--version", "-V": Terminal.print("murmur \(version)\n")
        default:
            guard let table = SettingsTable.all.first(where: { $0.command == name }) else {
                let nearest = Spelling.nearest(to: name, among: SettingsTable.all.map(\.command))
                throw UsageError(
                    message: "unknown command \"\(name)\"" + (nearest.map { "; did you mean \($0)?" } ?? ""),
                    help: "murmur --help")
            }
            guard let values = try read(table, rest) else { return Terminal.print(table.helpText) }
            try await run(table, values)
        }
    }

    private static func run(_ table: SettingsTable, _ values: SettingValues) async throws {
        switch table.command {
        case SettingsTable.standalone.command:
            try await NodeCommand.run(values, command: table.command, roles: [.router, .aggregator, .coordinator])
        case SettingsTable.router.command: try await NodeCommand.run(values, command: table.command, roles: .router)
        case SettingsTable.aggregator.command:
            try await NodeCommand.run(values, command: table.command, roles: .aggregator)
        case SettingsTable.coordinator.command:
            try await NodeCommand.run(values, command: table.command, roles: .coordinator)
        case SettingsTable.ctl.command: try await ControlProgram.run(values)
        case SettingsTable.agent.command: try await AgentCommand.run(values)
        case SettingsTable.loadgen.command: try await LoadgenCommand.run(values)
        case SettingsTable.query.command: try await QueryCommand.run(values)
        default: preconditionFailure("no command runs \(table.command)")
        }
    }

    /// The settings of a command from all sources; nil when help is asked for.
    private static func read(_ table: SettingsTable, _ words: [String]) throws -> SettingValues? {
        let others = SettingsTable.all.flatMap(\.settings).map(\.variable)
        do {
            let request = try table.read(
                words: words, environment: ProcessInfo.processInfo.environment, otherVariables: Set(others),
                readFile: SettingsFile.read)
            switch request {
            case .help: return nil
            case .run(let values): return values
            }
        } catch {
            throw UsageError(message: error.description, help: "murmur \(table.command) --help")
        }
    }

    private static var overview: String {
        var text = "Murmuration, a metrics cluster for large fleets.\n\nUSAGE: murmur COMMAND [flags]\n\nCOMMANDS\n"
        let width = SettingsTable.all.map(\.command.count).max() ?? 0
        for table in SettingsTable.all {
            text +=
                "  \(table.command)\(String(repeating: " ", count: width + 2 - table.command.count))\(table.summary)\n"
        }
        text += "\nmurmur COMMAND --help tells a command's flags, with examples; murmur --version the version.\n"
        text += "\nEXAMPLES\n"
        for table in SettingsTable.all { text += table.examples.first.map { "  \($0.line)\n" } ?? "" }
        return text
    }
}

/// The program was called wrongly: exit code 2.
struct UsageError: Error {
    var message: String
    /// The command line that helps.
    var help: String

    init(message: String, help: String) {
        self.message = message
        self.help = help
    }

    /// A setting that a command misses.
    init(_ error: SettingsError, command: String) {
        self.init(message: error.description, help: "murmur \(command) --help")
    }
}

/// A command failed while it ran: exit code 1.
struct CommandFailure: Error {
    var message: String
    /// What to do next; nil when the message says it.
    var hint: String?
    /// Whether the process that was asked refused what the command said, not that it was done now.
    var isOfValue = false
}
