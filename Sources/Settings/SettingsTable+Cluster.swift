extension SettingsTable {
    /// `murmur router`.
    package static let router = SettingsTable(
        command: "router",
        summary: "Takes pushes over HTTP and sends each server's samples to the aggregators that hold them.",
        settings: place + clusterPort + [keptIdentity] + ingest + server + [configFile] + logging,
        examples: [
            (
                "murmur router --join 10.0.0.1:7481 --http 0.0.0.0:7480 --cluster 10.0.0.2:7481 --name router-1",
                "Join the cluster that an aggregator founded, and take pushes:"
            ),
            ("murmur router --config cluster-config/minimal/router.yaml", "Take settings from a file:"),
        ])

    /// `murmur aggregator`.
    package static let aggregator = SettingsTable(
        command: "aggregator",
        summary: "Keeps samples, answers routers and coordinators, and writes checkpoints.",
        settings: place + clusterPort + ring + founded + store + [querySeries] + server + [configFile] + logging,
        examples: [
            (
                "murmur aggregator --cluster 10.0.0.1:7481 --name aggregator-1 --data-dir /var/lib/murmur",
                "Found a cluster, the first time; go on as its member later:"
            ),
            ("murmur aggregator --config cluster-config/minimal/aggregator.yaml", "Take settings from a file:"),
        ])

    /// `murmur coordinator`.
    package static let coordinator = SettingsTable(
        command: "coordinator",
        summary: "Answers queries, once and live, out of what the aggregators hold, and serves the web application.",
        settings: place + clusterPort + [keptIdentity] + queries + webFiles + [adminAPI] + server + live + [configFile]
            + logging,
        examples: [
            (
                "murmur coordinator --join 10.0.0.1:7481 --http 0.0.0.0:7480 --cluster 10.0.0.3:7481 --name coordinator-1",
                "Join a cluster and answer queries:"
            ),
            ("murmur coordinator --config cluster-config/minimal/coordinator.yaml", "Take settings from a file:"),
        ])

    /// `murmur ctl`.
    package static let ctl = SettingsTable(
        command: "ctl",
        summary: "Looks at a cluster through one of its processes, and changes it.",
        argument: ("COMMAND [NAME] [SETTING VALUE]", ControlCommand.help),
        settings: [
            Setting(
                "endpoint", .text, standard: "http://127.0.0.1:7480",
                "Whom to ask: http://HOST:PORT."),
            Setting("timeout", .duration(1...86_400_000), standard: "30s", "Longest time to wait for the answer."),
            Setting("force", .switched, "drain: also when fewer aggregators remain than there are copies."),
            Setting("no-wait", .switched, "settings set: do not show how far it is until it is done."),
            Setting("json", .switched, "Print the server's answer as it is."),
            Setting("watch", .switched, "Of movements: look again each second, until Ctrl-C."),
            Setting("tenant", .text, "Of queries: whose; the server's default without."),
        ],
        examples: [
            ("murmur ctl status", "The cluster in brief:"),
            ("murmur ctl movements --watch", "See slots move:"),
            ("murmur ctl members --endpoint http://router-1:7480", "Everybody, as one process sees them:"),
            ("murmur ctl doctor", "Ask every member and say what is wrong:"),
        ])

    /// Where a process listens, and who it is.
    static let place: [Setting] = [
        Setting(
            "http", .address(ports: 0...65_535), standard: "127.0.0.1:7480",
            "Where to serve HTTP: API, pushes, web application."),
        // No free port: other nodes, and the node itself, must know where to connect.
        Setting(
            "cluster", .address(ports: 1...65_535), standard: "127.0.0.1:7481",
            "Where other nodes are served: the binary protocol on TCP, gossip on UDP."),
        Setting(
            "name", .text, standardMeans: "that of the data directory, else the host's name",
            "The node's name, stable across restarts."),
        Setting("zone", .text, "The failure zone of the node; copies are kept in different zones."),
    ]

    /// How a process finds its cluster.
    static let clusterPort: [Setting] = [
        Setting(
            "join", .list,
            "Members to ask for the cluster, HOST:PORT of their cluster ports; any will do, and a name may have many addresses."
        ),
        Setting(
            "advertise", .text, standardMeans: "where the cluster port is opened, or the host's own address",
            "Where other nodes reach the cluster port, HOST or HOST:PORT, when that is not where it is opened: in containers."
        ),
        Setting("cluster-name", .text, standard: "murmuration", "Nodes of other clusters are refused."),
        Setting(
            "keyring-file", .text,
            "A file with the cluster's keys, 64 hexadecimal digits a line, the first one seals: gossip is sealed with it."
        ),
        Setting(
            "withhold-feature", .choice(["none", "fragments", "histograms", "deletions", "changes"]), standard: "none",
            "A feature of the protocol that the node does not offer, like a program from before it: to try a rolling upgrade."
        ),
    ]

    /// The node's share of the ring.
    static let ring: [Setting] = [
        Setting(
            "weight", .number(0.01...1_000), standard: "1", "The node's share of the data, relative to other nodes.")
    ]

    /// What a cluster is founded with, and its members share.
    static let founded: [Setting] = [
        Setting(
            "founders", .integer(1...16), standard: "1",
            "So many aggregators must know of each other, by --join, before one of them founds the cluster: those that are started at first, where they start at once."
        ),
        Setting(
            "replication-factor", .integer(1...5), standard: "2",
            "Copies of each sample; as many as there are nodes when these are fewer."),
        Setting(
            "replacement-delay", .duration(0...century), standard: "10m",
            "An aggregator that stays dead for so long is replaced by the others, while few are dead and a majority answers; "
                + "0 for never, else 30s or more."),
        Setting(
            "placement-labels", .list, standard: "server_id,instance,host,hostname,host_name",
            "The first of these labels that a series has names its server, by which it is placed."),
    ]

    /// A process that keeps no samples need not keep anything.
    private static let keptIdentity = Setting(
        "data-dir", .text, standardMeans: "none, and each start is a new one",
        "Where the node's identity and the addresses of other members are kept; made if absent.")

    private static let querySeries = queries.filter { $0.name == "query-series-max" }[0]
}

/// What `murmur ctl` can do.
package enum ControlCommand: String, CaseIterable, Sendable {
    case status, members, ring, movements, queries, settings, keyring, drain, undrain, forget, doctor

    /// With its operand.
    package var usage: String {
        switch self {
        case .drain: "drain NAME [--force]"
        case .undrain: "undrain NAME"
        case .settings: "settings [set SETTING VALUE]"
        case .forget: "forget NAME"
        case .keyring: "keyring [reload]"
        case .queries: "queries [kill ID]"
        case .status, .members, .ring, .movements, .doctor: rawValue
        }
    }

    /// How many of the words behind the command it takes at most.
    package func operandsMax(_ operand: String?) -> Int {
        switch (self, operand) {
        case (.settings, "set"): 3
        case (.queries, "kill"): 2
        case (.drain, _), (.undrain, _), (.forget, _), (.keyring, "reload"): 1
        default: 0
        }
    }

    /// Whether the first word behind the command is a member's name.
    package var takesName: Bool {
        switch self {
        case .drain, .undrain, .forget: true
        case .status, .members, .ring, .movements, .queries, .settings, .keyring, .doctor: false
        }
    }

    /// The command that takes a flag alone; nil for one that all take.
    package static func owner(ofFlag name: String) -> ControlCommand? {
        switch name {
        case "force": .drain
        case "no-wait": .settings
        case "watch": .movements
        case "tenant": .queries
        default: nil
        }
    }

    /// What each does.
    static var help: String {
        "status: the cluster in brief, everybody's load, and what to look at. members: everybody, and whether they answer. "
            + "ring: who is to have which slots, and has them. movements: slots on their way, with an estimate. "
            + "queries: what coordinators are at, and the slowest; queries kill ID ends one. "
            + "settings: what all members share; settings set changes it, replication-factor or replacement-delay, and shows how far the change is. "
            + "keyring: which keys the process has; keyring reload has it read its file again. "
            + "drain NAME: have an aggregator give its slots to the others and leave. undrain NAME: have it stay. "
            + "forget NAME: remove a dead member for good. doctor: ask every member, and say what is wrong and what to do."
    }
}
