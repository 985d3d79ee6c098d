/// The values of a command's settings after all sources were merged.
///
/// The getters take the name of a setting of the table and its kind; asking for another is a fault in the program.
package struct SettingValues: Sendable {
    /// The words without a flag, as many as the command takes.
    package internal(set) var arguments: [String] = []
    /// The first of them.
    package var argument: String? { arguments.first }

    private let table: SettingsTable
    private var values: [String: SettingValue] = [:]
    private var origins: [String: SettingOrigin] = [:]

    init(table: SettingsTable) {
        self.table = table
        for setting in table.settings {
            guard let standard = setting.standard else { continue }
            guard let value = setting.value(of: standard) else {
                preconditionFailure("the default of \(setting.flag) is not valid: \(standard)")
            }
            values[setting.name] = value
        }
    }

    func check(_ setting: Setting, _ text: String, _ origin: SettingOrigin) throws(SettingsError) {
        if setting.value(of: text) == nil {
            throw .badValue(setting: setting.name, value: text, from: origin, expected: setting.allowed)
        }
    }

    mutating func set(_ setting: Setting, _ text: String, _ origin: SettingOrigin) throws(SettingsError) {
        try check(setting, text, origin)
        values[setting.name] = setting.value(of: text)
        origins[setting.name] = origin
    }

    /// Each setting of the command with its value.
    var all: [(setting: Setting, value: SettingValue?)] { table.settings.map { ($0, values[$0.name]) } }

    /// Names of the settings that some source gave.
    package var given: Set<String> { Set(origins.keys) }

    /// The values of these settings as those of a table that has more, which are at their defaults.
    func widened(to wide: SettingsTable) -> SettingValues {
        var result = SettingValues(table: wide)
        for setting in wide.settings {
            if let value = values[setting.name] { result.values[setting.name] = value }
        }
        return result
    }

    /// Where a setting's value comes from.
    package func origin(of name: String) -> SettingOrigin { origins[name] ?? .standard }

    /// A text or a choice; nil when there is none.
    package func optionalText(_ name: String) -> String? {
        guard case .text(let text)? = value(name) else { return nil }
        return text
    }

    /// A text or a choice that has a default.
    package func text(_ name: String) -> String {
        guard let text = optionalText(name) else { preconditionFailure("\(name) has no text") }
        return text
    }

    /// A text that the command cannot do without.
    package func requiredText(_ name: String) throws(SettingsError) -> String {
        guard let text = optionalText(name) else {
            throw .required(name, expected: table[name]?.help ?? "")
        }
        return text
    }

    /// A switch; off when nothing turns it on.
    package func isOn(_ name: String) -> Bool {
        guard case .switched(let isOn)? = value(name) else { return false }
        return isOn
    }

    /// A whole number or a number of bytes; nil when there is none.
    package func optionalInteger(_ name: String) -> Int? {
        guard case .integer(let integer)? = value(name) else { return nil }
        return integer
    }

    /// A whole number or a number of bytes that has a default.
    package func integer(_ name: String) -> Int {
        guard let integer = optionalInteger(name) else { preconditionFailure("\(name) has no integer") }
        return integer
    }

    /// A number.
    package func number(_ name: String) -> Double {
        guard case .number(let number)? = value(name) else { preconditionFailure("\(name) has no number") }
        return number
    }

    /// A duration in milliseconds; nil when there is none.
    package func optionalMilliseconds(_ name: String) -> Int64? {
        guard case .duration(let milliseconds)? = value(name) else { return nil }
        return milliseconds
    }

    /// A duration in milliseconds that has a default.
    package func milliseconds(_ name: String) -> Int64 {
        guard let milliseconds = optionalMilliseconds(name) else { preconditionFailure("\(name) has no duration") }
        return milliseconds
    }

    /// An address that has a default.
    package func address(_ name: String) -> NetworkAddress {
        guard case .address(let address)? = value(name) else { preconditionFailure("\(name) has no address") }
        return address
    }

    /// A list; nil when there is none.
    package func optionalList(_ name: String) -> [String]? {
        guard case .list(let list)? = value(name) else { return nil }
        return list
    }

    /// A list that has a default.
    package func list(_ name: String) -> [String] {
        guard let list = optionalList(name) else { preconditionFailure("\(name) has no list") }
        return list
    }

    /// A checkpoint store; nil when there is none.
    package func checkpoint(_ name: String) -> CheckpointChoice? {
        guard case .checkpoint(let choice)? = value(name) else { return nil }
        return choice
    }

    private func value(_ name: String) -> SettingValue? {
        precondition(table[name] != nil, "\(table.command) has no setting \(name)")
        return values[name]
    }
}
