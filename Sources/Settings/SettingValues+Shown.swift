internal import MetricModel

extension SettingValues {
    /// Every setting of the command with its value as a settings file would have it, in the table's order; passwords are left out.
    ///
    /// A setting without a value, whose effect is worked out, is empty.
    package var shown: [(name: String, value: String)] {
        all.map { setting, value in (setting.name, value.map { SettingValues.text(of: $0, setting.kind) } ?? "") }
    }

    private static func text(of value: SettingValue, _ kind: Setting.Kind) -> String {
        switch value {
        case .text(let text): text
        case .switched(let isOn): "\(isOn)"
        case .integer(let integer):
            if case .bytes = kind { Setting.sizeText(integer) } else { "\(integer)" }
        case .number(let number): number.rounded() == number ? "\(Int(number))" : "\(number)"
        case .duration(let milliseconds): DurationText.text(milliseconds: milliseconds)
        case .address(let address): address.description
        case .list(let items): items.joined(separator: ",")
        case .checkpoint(.sqlite(let path)): "sqlite:" + path
        case .checkpoint(.postgres(let servers)): servers.map(withoutSecrets).joined(separator: ",")
        }
    }

    /// A connection string with `<secret>` for every password in it. In doubt about where one ends, more than the password is hidden.
    static func withoutSecrets(_ uri: String) -> String {
        var uri = uri[...]
        var shown = ""
        if let scheme = uri.firstRange(of: "://") {
            shown += uri[..<scheme.upperBound]
            uri = uri[scheme.upperBound...]
        }
        if let at = uri.lastIndex(of: "@") {
            let user = uri[..<at].prefix { $0 != ":" }
            shown += user.count == uri[..<at].count ? user : user + ":<secret>"
            uri = uri[at...]
        }
        let parts = uri.split(separator: "&", omittingEmptySubsequences: false).map { part in
            let name = part.prefix { $0 != "=" }
            return name.lowercased().hasSuffix("password") ? name + "=<secret>" : part
        }
        return shown + parts.joined(separator: "&")
    }
}
