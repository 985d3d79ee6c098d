import Foundation
import MetricModel
import Settings
import Testing

/// Reads settings of a small table as a command does.
private func read(
    _ words: [String] = [], variables: [String: String] = [:], file: [(key: String, value: String)] = [],
    others: Set<String> = [], table: SettingsTable = small
) throws(SettingsError) -> SettingValues {
    let request = try table.read(words: words, environment: variables, otherVariables: others) { _ in file }
    guard case .run(let values) = request else { preconditionFailure("help was not asked for") }
    return values
}

private let small = SettingsTable(
    command: "small", summary: "A table for tests.", argument: ("WORD", "A word."),
    settings: [
        Setting("data-dir", .text, standard: "./data", "A directory."),
        Setting("retention", .duration(0...86_400_000), standard: "1h", "A duration."),
        Setting("share", .number(0...1), standard: "0.5", "A number."),
        Setting("size", .bytes(1...(1 << 30)), standard: "1KiB", "A size."),
        Setting("http", .address(ports: 0...65_535), standard: "127.0.0.1:80", "An address."),
        Setting("mode", .choice(["fast", "slow"]), standard: "fast", "A choice."),
        Setting("labels", .list, standard: "a,b", "A list."),
        Setting("store", .checkpoint, "A store."),
        Setting("count", .integer(1...10), standard: "3", "A count."),
        Setting("json", .switched, "A switch."),
        Setting("config", .text, outsideFile: true, "A file."),
    ],
    examples: [])

@Suite struct SettingsLayers {
    @Test("a flag wins over a variable, over the file, over the default")
    func precedence() throws {
        let file = [(key: "mode", value: "slow"), (key: "count", value: "4"), (key: "share", value: "0.25")]
        let variables = ["MURMUR_COUNT": "5", "MURMUR_SHARE": "0.75", "MURMUR_CONFIG": "x.yaml"]
        let values = try read(["--share", "1"], variables: variables, file: file)
        #expect(values.number("share") == 1)
        #expect(values.integer("count") == 5)
        #expect(values.text("mode") == "slow")
        #expect(values.text("data-dir") == "./data")
        #expect(values.origin(of: "share") == .flag)
        #expect(values.origin(of: "count") == .variable("MURMUR_COUNT"))
        #expect(values.origin(of: "mode") == .file(path: "x.yaml"))
        #expect(values.origin(of: "data-dir") == .standard)
    }

    @Test("the file is read only when a flag or a variable names it, and the flag names it first")
    func fileIsNamed() throws {
        let asked = try small.read(words: [], environment: [:]) { _ in [(key: "count", value: "4")] }
        guard case .run(let values) = asked else { return #expect(Bool(false)) }
        #expect(values.integer("count") == 3)
        var path = ""
        _ = try small.read(words: ["--config=flag.yaml"], environment: ["MURMUR_CONFIG": "variable.yaml"]) { name in
            path = name
            return []
        }
        #expect(path == "flag.yaml")
    }

    @Test("a wrong value is an error also where another source wins")
    func wrongValueBehindAnother() {
        #expect(
            throws: SettingsError.badValue(
                setting: "count", value: "eleven", from: .variable("MURMUR_COUNT"),
                expected: "a whole number from 1 to 10")
        ) { try read(["--count", "4"], variables: ["MURMUR_COUNT": "eleven"]) }
        #expect(throws: SettingsError.self) {
            try read(["--count", "4", "--config", "f"], file: [("count", "eleven")])
        }
    }

    @Test("an unknown name is an error that says where it stands and what was meant")
    func unknownNames() {
        #expect(throws: SettingsError.unknown("--data-dri", at: .flag, nearest: "--data-dir")) {
            try read(["--data-dri", "x"])
        }
        #expect(
            throws: SettingsError.unknown(
                "MURMUR_RETENTOIN", at: .variable("MURMUR_RETENTOIN"), nearest: "MURMUR_RETENTION")
        ) { try read(variables: ["MURMUR_RETENTOIN": "1h"]) }
        #expect(throws: SettingsError.unknown("mod", at: .file(path: "f"), nearest: "mode")) {
            try read(["--config", "f"], file: [("mod", "slow")])
        }
        #expect(throws: SettingsError.unknown("--zzzzzz", at: .flag, nearest: nil)) { try read(["--zzzzzz"]) }
    }

    @Test("the settings file cannot name a settings file")
    func fileInFile() {
        #expect(throws: SettingsError.self) { try read(["--config", "f"], file: [("config", "g")]) }
    }

    @Test("variables of other commands, of others and of Kubernetes are no error")
    func foreignVariables() throws {
        let kubernetes = [
            "MURMUR_PORT": "tcp://10.0.0.1:7480", "MURMUR_SERVICE_HOST": "10.0.0.1", "MURMUR_SERVICE_PORT": "7480",
            "MURMUR_SERVICE_PORT_HTTP": "7480", "MURMUR_PORT_7480_TCP": "tcp://10.0.0.1:7480",
            "MURMUR_PORT_7480_TCP_PROTO": "tcp", "MURMUR_PORT_7480_TCP_PORT": "7480",
            "MURMUR_PORT_7480_TCP_ADDR": "10.0.0.1", "MURMUR_ROUTER_SERVICE_HOST": "10.0.0.2", "PATH": "/bin",
            "MURMUR_PUSH": "http://x",
        ]
        _ = try read(variables: kubernetes, others: ["MURMUR_PUSH"])
    }

    @Test("a flag twice, without its value, or a word too many is an error")
    func brokenLines() {
        #expect(throws: SettingsError.twice("--count")) { try read(["--count", "1", "--count=2"]) }
        #expect(throws: SettingsError.missingValue(flag: "--mode", expected: "fast or slow")) { try read(["--mode"]) }
        #expect(throws: SettingsError.unexpectedArgument("two")) { try read(["one", "two"]) }
        #expect(throws: SettingsError.twice("the key count")) {
            try read(["--config", "f"], file: [("count", "1"), ("count", "2")])
        }
    }

    @Test("a word stands anywhere, also after -- when it begins with a dash")
    func argument() throws {
        #expect(try read(["up", "--json"]).argument == "up")
        #expect(try read(["--json", "--", "-up"]).argument == "-up")
        #expect(try read(["--json"]).isOn("json"))
        #expect(try !read(["--json=false"]).isOn("json"))
        #expect(try !read([]).isOn("json"))
    }

    @Test("--help wins over values that are wrong")
    func help() throws {
        let request = try small.read(words: ["--count", "99", "-h"], environment: [:]) { _ in [] }
        guard case .help = request else { return #expect(Bool(false)) }
    }
}

@Suite struct SettingKinds {
    @Test(
        "a value of its kind is read",
        arguments: [
            ("retention", "90s", SettingValue.duration(90_000)), ("retention", "0", .duration(0)),
            ("retention", "1h30m", .duration(5_400_000)), ("size", "64KiB", .integer(65_536)),
            ("size", "10", .integer(10)), ("size", "2MB", .integer(2_000_000)),
            ("http", "[::1]:0", .address(NetworkAddress(host: "::1", port: 0))),
            ("http", ":9090", .address(NetworkAddress(host: "0.0.0.0", port: 9090))),
            ("labels", "x, y,z", .list(["x", "y", "z"])),
            ("store", "sqlite:/tmp/x.db", .checkpoint(.sqlite(path: "/tmp/x.db"))),
            (
                "store", "postgresql://a/db,postgresql://b/db",
                .checkpoint(.postgres(["postgresql://a/db", "postgresql://b/db"]))
            ),
            (
                "store", "postgresql://a:1,b:2/db, retired:postgres://c/db,lost:postgresql://d/db",
                .checkpoint(
                    .postgres(["postgresql://a:1,b:2/db", "retired:postgres://c/db", "lost:postgresql://d/db"]))
            ),
        ])
    func good(name: String, text: String, expected: SettingValue) throws {
        let values = try read(["--\(name)", text])
        switch expected {
        case .duration(let milliseconds): #expect(values.milliseconds(name) == milliseconds)
        case .integer(let integer): #expect(values.integer(name) == integer)
        case .address(let address): #expect(values.address(name) == address)
        case .list(let list): #expect(values.list(name) == list)
        case .checkpoint(let choice): #expect(values.checkpoint(name) == choice)
        case .text, .switched, .number: #expect(Bool(false))
        }
    }

    @Test(
        "what is not of its kind is an error that names setting and value",
        arguments: [
            ("retention", "soon"), ("retention", "-2h"), ("retention", "2d"), ("retention", "1m1h"), ("retention", ""),
            ("share", "2"), ("share", "nan"), ("size", "0"), ("size", "1.5MiB"), ("size", "9999999999999999999TiB"),
            ("http", "nowhere"), ("http", "127.0.0.1"), ("http", "127.0.0.1:99999"), ("http", "::1:80"),
            ("http", "http://x:80"), ("mode", "medium"), ("labels", "a,,b"), ("labels", "a,a"), ("labels", ""),
            ("store", "oracle:/x"), ("store", "sqlite:"), ("count", "0"), ("count", "3.5"), ("json", "perhaps"),
            ("data-dir", ""),
        ])
    func bad(name: String, text: String) {
        do throws(SettingsError) {
            _ = try read(["--\(name)=\(text)"])
            Issue.record("\(name) took \(text)")
        } catch {
            guard case .badValue(let setting, let value, .flag, let expected) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(setting == name && value == text && !expected.isEmpty)
            #expect(error.description.contains(name))
        }
    }
}

@Suite struct CommandTables {
    @Test(
        "names are unique, defaults are valid, and every setting is told about",
        arguments: SettingsTable.all.map(\.command))
    func sound(command: String) throws {
        let table = try #require(SettingsTable.all.first { $0.command == command })
        #expect(Set(table.settings.map(\.name)).count == table.settings.count)
        for setting in table.settings {
            #expect(setting.help.hasSuffix("."), "\(setting.name)")
            #expect(table.helpText.contains("  \(setting.flag)"), "\(setting.name)")
            #expect(setting.name == setting.name.lowercased())
        }
        // Reading nothing reads every default.
        _ = try read(table: table)
        for line in table.helpText.split(separator: "\n") where !line.contains("murmur ") {
            #expect(line.count <= 100, "\(line)")
        }
        #expect(table.helpText.contains("USAGE: murmur \(command)"))
        #expect(!table.examples.isEmpty)
    }

    @Test("a setting that several commands know is of one kind in all of them, for it is one variable")
    func sharedVariables() {
        var kinds: [String: Setting.Kind] = [:]
        for setting in SettingsTable.all.flatMap(\.settings) where setting.name != "interval" {
            if let known = kinds[setting.name] { #expect(known == setting.kind, "\(setting.name)") }
            kinds[setting.name] = setting.kind
        }
    }

    @Test("the defaults of standalone are those that the design fixes")
    func standaloneDefaults() throws {
        let settings = NodeSettings(try read(table: .standalone))
        #expect(settings.http.description == "127.0.0.1:7480")
        #expect(settings.cluster.description == "127.0.0.1:7481")
        #expect(settings.dataDirectory == "./data")
        #expect(settings.checkpoint == .sqlite(path: "./data/checkpoint.db"))
        #expect(settings.durability == .interval)
        #expect(settings.retention == 31 * 86_400_000)
        #expect(settings.lateWindow == 7_200_000)
        #expect(settings.placementLabels == ["server_id", "instance", "host", "hostname", "host_name"])
        #expect(settings.limits.ingestBodyBytesMax == 16 << 20)
        #expect(settings.limits.queryStepsMax == 11_000)
    }

    @Test(
        "what could not work is refused: a cluster port that nobody knows, a push that the log cannot hold",
        arguments: [
            ("cluster", "127.0.0.1:0", "a port from 1 to 65535"),
            ("ingest-decoded-bytes-max", "129MiB", "1KiB to 128MiB"),
            ("ingest-body-bytes-max", "129MiB", "1KiB to 128MiB"),
        ])
    func unworkable(name: String, text: String, expected: String) throws {
        do throws(SettingsError) {
            _ = try read(["--\(name)", text], table: .standalone)
            Issue.record("\(name) took \(text)")
        } catch {
            #expect(error.description.contains(name) && error.description.contains(expected))
        }
        _ = try read(["--http", "127.0.0.1:0", "--\(name)", name == "cluster" ? ":1" : "128MiB"], table: .standalone)
    }

    @Test("the checkpoint follows the data directory unless it is given")
    func checkpointFollows() throws {
        let moved = NodeSettings(try read(["--data-dir", "/var/x"], table: .standalone))
        #expect(moved.checkpoint == .sqlite(path: "/var/x/checkpoint.db"))
        let given = NodeSettings(try read(["--checkpoint", "postgresql://h/db"], table: .standalone))
        #expect(given.checkpoint == .postgres(["postgresql://h/db"]))
    }

    @Test("docs/operating.md has every command's table as it is", arguments: SettingsTable.all.map(\.command))
    func documented(command: String) throws {
        let page = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "docs/operating.md")
        let text = try String(contentsOf: page, encoding: .utf8)
        let table = try #require(SettingsTable.all.first { $0.command == command })
        #expect(text.contains(table.operatingTable), "the table should read:\n\(table.operatingTable)")
    }
}

@Suite struct ShownSettings {
    @Test("every setting is shown as a file would have it")
    func values() throws {
        let shown = try read(["--share", "1", "--json", "--store", "sqlite:x.db"]).shown
        let expected = [
            "data-dir=./data", "retention=1h", "share=1", "size=1KiB", "http=127.0.0.1:80", "mode=fast", "labels=a,b",
            "store=sqlite:x.db", "count=3", "json=true", "config=",
        ]
        #expect(shown.map { "\($0.name)=\($0.value)" } == expected)
    }

    @Test(
        "a password never is",
        arguments: [
            ("postgresql://u:hush@h:5432/db", "postgresql://u:<secret>@h:5432/db"),
            ("postgresql://u:hu@sh/hush?hush@h/db", "postgresql://u:<secret>@h/db"),
            ("postgresql://u@h/db", "postgresql://u@h/db"), ("postgresql://h/db", "postgresql://h/db"),
            (
                "postgresql://h/db?password=hush&sslmode=require&sslpassword=hush",
                "postgresql://h/db?password=<secret>&sslmode=require&sslpassword=<secret>"
            ),
            ("postgresql://h/db?sslmode=require&PASSWORD=hush", "postgresql://h/db?sslmode=require&PASSWORD=<secret>"),
        ])
    func secrets(uri: String, expected: String) throws {
        let shown = try read(["--store", uri + ",postgresql://two"]).shown.first { $0.name == "store" }?.value
        #expect(shown == expected + ",postgresql://two")
    }
}
