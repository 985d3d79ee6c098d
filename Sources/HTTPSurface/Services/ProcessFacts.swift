/// What a process says about itself under `status/…`: no secrets.
package struct ProcessFacts: Sendable {
    /// Every setting by its flag's name with its value, passwords left out, in the order of the help text.
    package var settings: [(name: String, value: String)]
    /// When it started, Unix milliseconds.
    package var startTime: Int64
    /// Name of its machine.
    package var hostName: String
    /// Directory it was started in.
    package var workingDirectory: String
    /// Processors it uses.
    package var processors: Int
    /// How long samples are kept, as the setting has it.
    package var retention: String

    /// Facts about a process; by default none.
    package init(
        settings: [(name: String, value: String)] = [], startTime: Int64 = 0, hostName: String = "",
        workingDirectory: String = "", processors: Int = 0, retention: String = ""
    ) {
        self.settings = settings
        self.startTime = startTime
        self.hostName = hostName
        self.workingDirectory = workingDirectory
        self.processors = processors
        self.retention = retention
    }

    /// The settings as a settings file has them: a key and a quoted text on each line.
    var yaml: String {
        var text = JSONText()
        for setting in settings {
            text.raw(setting.name + ": ")
            // A JSON string is one of YAML too.
            text.string(setting.value)
            text.raw("\n")
        }
        return String(decoding: text.bytes, as: UTF8.self)
    }
}
