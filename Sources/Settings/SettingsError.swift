/// Why the settings of a command cannot be taken; each names what is wrong, where it stands, and what would be right.
package enum SettingsError: Error, Hashable, Sendable, CustomStringConvertible {
    /// No such flag, variable or key.
    case unknown(String, at: SettingOrigin, nearest: String?)
    /// The value cannot be read or is out of bounds.
    case badValue(setting: String, value: String, from: SettingOrigin, expected: String)
    /// A flag has no value after it.
    case missingValue(flag: String, expected: String)
    /// A flag or key stands twice.
    case twice(String)
    /// The command needs a setting that no source gives.
    case required(String, expected: String)
    /// An argument where none is expected.
    case unexpectedArgument(String)
    /// The settings file cannot be read, or is not a list of keys and values.
    case badFile(path: String, reason: String)

    /// One line.
    package var description: String {
        switch self {
        case .unknown(let name, let origin, let nearest):
            "unknown \(origin.noun) \"\(name)\"\(origin.place)" + (nearest.map { "; did you mean \($0)?" } ?? "")
        case .badValue(let setting, let value, let origin, let expected):
            "\(setting): \"\(value)\" (\(origin.description)) is not valid; expected \(expected)"
        case .missingValue(let flag, let expected): "\(flag) needs a value: \(expected)"
        case .twice(let name): "\(name) is given twice"
        case .required(let name, let expected): "--\(name) is needed: \(expected)"
        case .unexpectedArgument(let text): "unexpected argument \"\(text)\""
        case .badFile(let path, let reason): "settings file \(path): \(reason)"
        }
    }
}

/// Where a value comes from; later ones win over earlier ones.
package enum SettingOrigin: Hashable, Sendable, CustomStringConvertible {
    /// Nobody gave one.
    case standard
    /// A key of the settings file.
    case file(path: String)
    /// A variable of the environment.
    case variable(String)
    /// A flag of the command line.
    case flag

    /// For people.
    package var description: String {
        switch self {
        case .standard: "the default"
        case .file(let path): "from \(path)"
        case .variable(let name): "from the variable \(name)"
        case .flag: "from the command line"
        }
    }

    fileprivate var noun: String {
        switch self {
        case .standard, .file: "key"
        case .variable: "variable"
        case .flag: "flag"
        }
    }

    fileprivate var place: String {
        switch self {
        case .file(let path): " in \(path)"
        case .standard, .variable, .flag: ""
        }
    }
}
