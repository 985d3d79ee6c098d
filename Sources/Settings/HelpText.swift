extension SettingsTable {
    /// The text of `murmur COMMAND --help`: at most 100 columns.
    package var helpText: String {
        var text = "\(summary)\n\nUSAGE: murmur \(command)"
        if let argument { text += " \(argument.name)" }
        text += " [flags]\n"
        if let argument { text += "\n  \(argument.name)\n" + HelpText.wrapped(argument.help, indent: 6) }
        text += "\nFLAGS\n"
        for setting in settings {
            text += "  \(setting.flag)" + (setting.placeholder.map { " \($0)" } ?? "") + "\n"
            text += HelpText.wrapped(setting.help + " " + HelpText.standard(of: setting), indent: 6)
        }
        text += "  --help, -h\n" + HelpText.wrapped("Show this text.", indent: 6)
        text += "\nEach flag is also a variable (--\(example.name): \(example.variable))"
        text += self["config"] == nil ? ".\n" : " and a key of the\nsettings file (\(example.name): …); "
        if self["config"] != nil { text += "a flag wins over a variable, over the file, over the default.\n" }
        text += "\nEXAMPLES\n"
        for example in examples { text += HelpText.wrapped(example.effect, indent: 2) + "    \(example.line)\n" }
        return text
    }

    private var example: Setting { settings.first { $0.name.contains("-") } ?? settings[0] }
}

/// Pieces of help texts.
enum HelpText {
    /// The default in brackets; nothing for a switch that is off.
    static func standard(of setting: Setting) -> String {
        if setting.kind == .switched, setting.standard == nil { return "" }
        return "[default: \(setting.standard ?? setting.standardMeans)]"
    }

    /// Words on lines of at most 100 columns.
    static func wrapped(_ text: String, indent: Int) -> String {
        let margin = String(repeating: " ", count: indent)
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            if !line.isEmpty && indent + line.count + 1 + word.count > 100 {
                lines.append(margin + line)
                line = ""
            }
            line += line.isEmpty ? String(word) : " " + word
        }
        return (lines + [margin + line]).joined(separator: "\n") + "\n"
    }
}
