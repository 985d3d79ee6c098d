import MetricModel

/// One setting of a command: the same thing as a flag, a variable and a key of the settings file.
package struct Setting: Hashable, Sendable {
    /// What its value may be.
    package enum Kind: Hashable, Sendable {
        /// Any text.
        case text
        /// True or false; as a flag without a value it is true.
        case switched
        /// A whole number.
        case integer(ClosedRange<Int>)
        /// A number.
        case number(ClosedRange<Double>)
        /// A duration such as `90s` or `31d`: milliseconds.
        case duration(ClosedRange<Int64>)
        /// A number of bytes such as `64MiB`.
        case bytes(ClosedRange<Int>)
        /// `HOST:PORT` with a port of these; port 0 takes a free one.
        case address(ports: ClosedRange<Int>)
        /// One of these words.
        case choice([String])
        /// Texts separated by commas.
        case list
        /// `sqlite:PATH` or `postgresql://…`, several of these separated by commas.
        case checkpoint
    }

    /// In the form of the flag, without its dashes: `data-dir`.
    package var name: String
    /// What its value may be.
    package var kind: Kind
    /// Its value when no source gives one; nil for none, or for one that is worked out, as `standardMeans` says.
    package var standard: String?
    /// What happens when there is no value; only where `standard` is nil.
    package var standardMeans: String
    /// One sentence on its effect.
    package var help: String
    /// Whether only a flag or a variable can give it: what must be known before the settings file is read.
    package var isOutsideFile: Bool

    /// A setting.
    package init(
        _ name: String, _ kind: Kind, standard: String? = nil, standardMeans: String = "none",
        outsideFile: Bool = false,
        _ help: String
    ) {
        self.name = name
        self.kind = kind
        self.standard = standard
        self.standardMeans = standardMeans
        self.help = help
        isOutsideFile = outsideFile
    }

    /// As a flag: `--data-dir`.
    package var flag: String { "--" + name }

    /// As a variable: `MURMUR_DATA_DIR`.
    package var variable: String {
        Setting.variablePrefix + name.uppercased().map { $0 == "-" ? "_" : String($0) }.joined()
    }

    /// What every variable of ours begins with.
    package static let variablePrefix = "MURMUR_"
}

/// A value of a setting, read and within its bounds.
package enum SettingValue: Hashable, Sendable {
    /// A text or one of a choice.
    case text(String)
    /// True or false.
    case switched(Bool)
    /// A whole number, or bytes.
    case integer(Int)
    /// A number.
    case number(Double)
    /// Milliseconds.
    case duration(Int64)
    /// An address.
    case address(NetworkAddress)
    /// Texts in order, each once, none empty.
    case list([String])
    /// A checkpoint store.
    case checkpoint(CheckpointChoice)
}

/// A host and a port, for TCP or UDP.
package struct NetworkAddress: Hashable, Sendable, CustomStringConvertible {
    /// Name or address; IPv6 without brackets.
    package var host: String
    /// 0 ... 65535; 0 takes a free one.
    package var port: Int

    /// A host and a port.
    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `HOST:PORT`, `[IPv6]:PORT` or `:PORT`, which means all addresses; nil for anything else.
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (0...65_535).contains(port)
        else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        if host.contains(where: { $0.isWhitespace || $0 == "/" }) { return nil }
        self.init(host: host.isEmpty ? "0.0.0.0" : String(host), port: port)
    }

    /// `HOST:PORT`.
    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// Which store keeps checkpoints.
package enum CheckpointChoice: Hashable, Sendable {
    /// A file of an embedded store.
    case sqlite(path: String)
    /// Connection strings of PostgreSQL servers.
    case postgres([String])
}
