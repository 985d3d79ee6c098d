/// All settings of one command. Flags, variables, keys of the settings file, help and docs/operating.md derive from it.
package struct SettingsTable: Sendable {
    /// The command's name.
    package var command: String
    /// What the command does, in one sentence.
    package var summary: String
    /// The words that stand without a flag, such as a query, as the usage line names them; nil for none.
    package var argument: (name: String, help: String)?
    /// The settings, in the order that help lists them.
    package var settings: [Setting]
    /// Lines to try, each with what it does.
    package var examples: [(line: String, effect: String)]

    /// A command with its settings.
    package init(
        command: String, summary: String, argument: (name: String, help: String)? = nil, settings: [Setting],
        examples: [(line: String, effect: String)]
    ) {
        self.command = command
        self.summary = summary
        self.argument = argument
        self.settings = settings
        self.examples = examples
    }

    /// One for each word of the argument's name.
    private var argumentsMax: Int { argument?.name.split(separator: " ").count ?? 0 }

    /// The setting of that name.
    package subscript(name: String) -> Setting? { settings.first { $0.name == name } }

    /// What a command line asks for.
    package enum Request: Sendable {
        /// The help text.
        case help
        /// To run with these.
        case run(SettingValues)
    }

    /// Merges all sources: a flag wins over a variable, over the settings file, over the default. A wrong value is an error
    /// wherever it stands, also where another source wins.
    ///
    /// - Parameters:
    ///   - words: the command line after the command's name.
    ///   - environment: all variables of the process.
    ///   - otherVariables: names of variables that other commands know, which are no error here.
    ///   - readFile: keys and values of the settings file at a path, in their order.
    /// - Returns: the values, or that help is asked for.
    /// - Throws: the first thing that is wrong.
    package func read(
        words: [String], environment: [String: String], otherVariables: Set<String> = [],
        readFile: (String) throws(SettingsError) -> [(key: String, value: String)]
    ) throws(SettingsError) -> Request {
        let line = try commandLine(words)
        if line.asksForHelp { return .help }
        var values = SettingValues(table: self)
        values.arguments = line.arguments
        let variables = try self.variables(environment, otherVariables)
        for (setting, text) in line.flags { try values.check(setting, text, .flag) }
        for (setting, text) in variables { try values.check(setting, text, .variable(setting.variable)) }
        if let config = self["config"] {
            let path = line.flags.last { $0.0 == config }?.1 ?? variables.last { $0.0 == config }?.1
            if let path {
                for (setting, text) in try keys(of: path, readFile) { try values.set(setting, text, .file(path: path)) }
            }
        }
        for (setting, text) in variables { try values.set(setting, text, .variable(setting.variable)) }
        for (setting, text) in line.flags { try values.set(setting, text, .flag) }
        return .run(values)
    }

    private struct CommandLine {
        var flags: [(Setting, String)] = []
        var arguments: [String] = []
        var asksForHelp = false
    }

    private func commandLine(_ words: [String]) throws(SettingsError) -> CommandLine {
        var line = CommandLine()
        var rest = words[...]
        while let word = rest.popFirst() {
            if word == "--help" || word == "-h" {
                line.asksForHelp = true
            } else if word == "--" || !word.hasPrefix("-") || word == "-" {
                guard let text = word == "--" ? rest.popFirst() : word else { continue }
                if line.arguments.count == argumentsMax { throw .unexpectedArgument(text) }
                line.arguments.append(text)
            } else {
                let equals = word.firstIndex(of: "=") ?? word.endIndex
                let flag = String(word[..<equals])
                guard let setting = settings.first(where: { $0.flag == flag }) else {
                    throw .unknown(flag, at: .flag, nearest: Spelling.nearest(to: flag, among: settings.map(\.flag)))
                }
                if line.flags.contains(where: { $0.0 == setting }) { throw .twice(flag) }
                line.flags.append((setting, try value(after: word, equals, setting, &rest)))
            }
        }
        return line
    }

    private func value(
        after word: String, _ equals: String.Index, _ setting: Setting, _ rest: inout ArraySlice<String>
    ) throws(SettingsError) -> String {
        if equals < word.endIndex { return String(word[word.index(after: equals)...]) }
        if setting.kind == .switched { return "true" }
        guard let value = rest.popFirst() else {
            throw .missingValue(flag: setting.flag, expected: setting.allowed)
        }
        return value
    }

    private func variables(
        _ environment: [String: String], _ others: Set<String>
    ) throws(SettingsError) -> [(Setting, String)] {
        var found: [(Setting, String)] = []
        for (name, text) in environment.sorted(by: { $0.key < $1.key }) where name.hasPrefix(Setting.variablePrefix) {
            if let setting = settings.first(where: { $0.variable == name }) {
                found.append((setting, text))
            } else if !others.contains(name) && !Kubernetes.sets(name) {
                let known = settings.map(\.variable) + others.sorted()
                throw .unknown(
                    name, at: .variable(name), nearest: Spelling.nearest(to: name, among: known))
            }
        }
        return found
    }

    private func keys(
        of path: String, _ readFile: (String) throws(SettingsError) -> [(key: String, value: String)]
    ) throws(SettingsError) -> [(Setting, String)] {
        var found: [(Setting, String)] = []
        let known = settings.filter { !$0.isOutsideFile }
        for (key, text) in try readFile(path) {
            guard let setting = known.first(where: { $0.name == key }) else {
                throw .unknown(
                    key, at: .file(path: path), nearest: Spelling.nearest(to: key, among: known.map(\.name)))
            }
            if found.contains(where: { $0.0 == setting }) { throw .twice("the key \(key)") }
            found.append((setting, text))
        }
        return found
    }
}

/// The variables that Kubernetes sets in every container for a service of its own naming.
enum Kubernetes {
    /// Whether a name is one that it makes out of a service called `murmur` or `murmur-…`.
    static func sets(_ name: String) -> Bool {
        if name.hasSuffix("_SERVICE_HOST") || name.hasSuffix("_SERVICE_PORT") || name.hasSuffix("_PORT") { return true }
        if name.contains("_SERVICE_PORT_") { return true }
        // NAME_PORT_80_TCP, NAME_PORT_80_TCP_ADDR and so on.
        let parts = name.split(separator: "_")
        guard let port = parts.lastIndex(of: "PORT"), parts.count > port + 2 || port == parts.count - 1 else {
            return false
        }
        if port == parts.count - 1, let first = parts.firstIndex(of: "PORT"), first < port {
            return Int(parts[first + 1]) != nil
        }
        return Int(parts[port + 1]) != nil && ["TCP", "UDP", "SCTP"].contains(parts[port + 2])
    }
}
