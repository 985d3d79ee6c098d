/// What Prometheus lists and a Murmuration has none of; the raw value ends the path.
package enum EmptyList: String, Hashable, Sendable, CaseIterable {
    /// No rules yet; Grafana's data source asks for them.
    case rules
    /// No alerts without rules.
    case alerts
    /// No Alertmanagers without alerts.
    case alertmanagers

    /// Prometheus' answer where there are none.
    var json: String {
        switch self {
        case .rules: "{\"groups\":[]}"
        case .alerts: "{\"alerts\":[]}"
        case .alertmanagers: "{\"activeAlertmanagers\":[],\"droppedAlertmanagers\":[]}"
        }
    }
}

/// A page of the process about itself; the raw value ends the path.
package enum StatusPage: String, Hashable, Sendable, CaseIterable {
    /// Version.
    case buildInfo = "buildinfo"
    /// Start, host, retention.
    case runtimeInfo = "runtimeinfo"
    /// Every setting with its value, by the flag's name.
    case flags
    /// The settings as a file has them.
    case config
    /// What of Prometheus' features is there.
    case features
}

/// A page about the cluster; the raw value ends the path.
package enum ClusterPage: String, Hashable, Sendable, CaseIterable {
    /// The cluster in brief, as this process sees it.
    case status
    /// Everybody.
    case members
    /// What this process says of itself.
    case node
    /// The cluster at work, gathered from all of its processes.
    case overview
    /// Who is to have each slot, and who has it.
    case ring
    /// Slots on their way.
    case movements
    /// What all members share.
    case settings
    /// Which keys this process has, not the keys.
    case keyring
}

/// What somebody wants of the cluster; the raw value ends the path.
package enum ClusterCommand: String, Hashable, Sendable, CaseIterable {
    /// Remove a dead member for good.
    case forget
    /// Give this process' slots to the others and leave for good.
    case drain
    /// Keep this process' slots after all.
    case undrain
    /// Change what all members share.
    case changeSettings = "settings/set"
    /// Read the keyring's file again.
    case reloadKeyring = "keyring/reload"
}

/// Where a request goes: a pure function of method and path.
package enum Route: Hashable, Sendable {
    /// A push in one of the forms.
    case ingest(IngestRequest.Form)
    /// `query`.
    case instantQuery
    /// `query_range`.
    case rangeQuery
    /// `series`.
    case series
    /// `labels`.
    case labelNames
    /// `label/NAME/values`.
    case labelValues(name: String)
    /// `metadata`.
    case metadata
    /// `servers`.
    case servers
    /// `query_exemplars`.
    case exemplars
    /// `format_query`.
    case formatQuery
    /// `parse_query`.
    case parseQuery
    /// `status/tsdb`.
    case storeStatistics
    /// `/federate`.
    case federate
    /// `read`: Prometheus' remote read.
    case remoteRead
    /// `status/queries`: what is at work, and what was slow.
    case queries
    /// `status/queries/kill`.
    case killQuery
    /// `admin/tsdb/delete_series`.
    case deleteSeries
    /// A list of things that there are none of.
    case emptyList(EmptyList)
    /// `status/…` and `features`: what the process says about itself.
    case status(StatusPage)
    /// `cluster/…`: the cluster as this process sees it.
    case cluster(ClusterPage)
    /// `cluster/…`: a change.
    case clusterCommand(ClusterCommand)
    /// `live`: the WebSocket. As a plain request it is told to upgrade.
    case live
    /// `/metrics` about ourselves.
    case metrics
    /// `/-/healthy`, `/-/ready`.
    case healthy, ready
    /// A file of the web application: the path as sent, still encoded.
    case file(path: String)
    /// A path that nothing serves, under a prefix where no file can be.
    case unknown
    /// A path that is served for other methods.
    case methodNotAllowed(allowed: [String])

    /// Finds the route of a request.
    ///
    /// - Parameters:
    ///   - method: in capitals; `HEAD` goes where `GET` goes.
    ///   - path: without the query string, still percent-encoded.
    /// - Returns: a route for every request; those that nothing serves have routes of their own.
    package static func find(method: String, path: String) -> Route {
        guard let (route, methods) = known(path) else {
            if isReserved(path) { return .unknown }
            return method == "GET" || method == "HEAD"
                ? .file(path: path) : .methodNotAllowed(allowed: ["GET", "HEAD"])
        }
        let wanted = method == "HEAD" ? "GET" : method
        return methods.contains(wanted) ? route : .methodNotAllowed(allowed: methods)
    }

    /// A short name for metrics and logs; never holds what a client chose.
    package var name: String {
        switch self {
        case .ingest(.remoteWrite): "write"
        case .ingest(.json): "metrics_push"
        case .instantQuery: "query"
        case .rangeQuery: "query_range"
        case .series: "series"
        case .labelNames: "labels"
        case .labelValues: "label_values"
        case .metadata: "metadata"
        case .servers: "servers"
        case .exemplars: "query_exemplars"
        case .formatQuery: "format_query"
        case .parseQuery: "parse_query"
        case .storeStatistics: "tsdb"
        case .federate: "federate"
        case .remoteRead: "read"
        case .queries: "queries"
        case .killQuery: "kill_query"
        case .deleteSeries: "delete_series"
        case .emptyList(let list): list.rawValue
        case .status(let page): page.rawValue
        case .cluster(let page): "cluster_" + page.rawValue
        case .clusterCommand(.forget): "cluster_forget"
        case .clusterCommand(.drain): "cluster_drain"
        case .clusterCommand(.undrain): "cluster_undrain"
        case .clusterCommand(.changeSettings): "cluster_settings_set"
        case .clusterCommand(.reloadKeyring): "cluster_keyring_reload"
        case .live: "live"
        case .metrics: "metrics"
        case .healthy: "healthy"
        case .ready: "ready"
        case .file: "file"
        case .unknown, .methodNotAllowed: "other"
        }
    }

    /// Every path with the methods it takes, sorted; docs/api.md lists the same, which a test holds.
    package static var endpoints: [(path: String, methods: [String])] {
        let fixed = table.map { (path: $0.key, methods: $0.value.1) }
        return (fixed + [(path: "/api/v1/label/<name>/values", methods: readOnly)]).sorted { $0.path < $1.path }
    }

    private static let readOnly = ["GET"]
    private static let readOrForm = ["GET", "POST"]
    private static let push = ["POST"]

    private static let table: [String: (Route, [String])] = [
        "/api/v1/write": (.ingest(.remoteWrite), push),
        "/api/v1/push": (.ingest(.remoteWrite), push),
        "/api/metrics": (.ingest(.json), push),
        "/api/v1/query": (.instantQuery, readOrForm),
        "/api/v1/query_range": (.rangeQuery, readOrForm),
        "/api/v1/series": (.series, readOrForm),
        "/api/v1/labels": (.labelNames, readOrForm),
        "/api/v1/metadata": (.metadata, readOnly),
        "/api/v1/servers": (.servers, readOnly),
        "/api/v1/query_exemplars": (.exemplars, readOrForm),
        "/api/v1/format_query": (.formatQuery, readOrForm),
        "/api/v1/parse_query": (.parseQuery, readOrForm),
        "/federate": (.federate, readOnly),
        "/api/v1/status/tsdb": (.storeStatistics, readOnly),
        "/api/v1/status/queries": (.queries, readOnly),
        "/api/v1/status/queries/kill": (.killQuery, push),
        "/api/v1/read": (.remoteRead, push),
        "/api/v1/admin/tsdb/delete_series": (.deleteSeries, ["POST", "PUT"]),
        "/api/v1/rules": (.emptyList(.rules), readOnly),
        "/api/v1/alerts": (.emptyList(.alerts), readOnly),
        "/api/v1/alertmanagers": (.emptyList(.alertmanagers), readOnly),
        "/api/v1/features": (.status(.features), readOnly),
        "/api/v1/status/buildinfo": (.status(.buildInfo), readOnly),
        "/api/v1/status/runtimeinfo": (.status(.runtimeInfo), readOnly),
        "/api/v1/status/flags": (.status(.flags), readOnly),
        "/api/v1/status/config": (.status(.config), readOnly),
        "/api/v1/cluster/status": (.cluster(.status), readOnly),
        "/api/v1/cluster/members": (.cluster(.members), readOnly),
        "/api/v1/cluster/node": (.cluster(.node), readOnly),
        "/api/v1/cluster/overview": (.cluster(.overview), readOnly),
        "/api/v1/cluster/ring": (.cluster(.ring), readOnly),
        "/api/v1/cluster/movements": (.cluster(.movements), readOnly),
        "/api/v1/cluster/settings": (.cluster(.settings), readOnly),
        "/api/v1/cluster/keyring": (.cluster(.keyring), readOnly),
        "/api/v1/cluster/forget": (.clusterCommand(.forget), push),
        "/api/v1/cluster/drain": (.clusterCommand(.drain), push),
        "/api/v1/cluster/undrain": (.clusterCommand(.undrain), push),
        "/api/v1/cluster/settings/set": (.clusterCommand(.changeSettings), push),
        "/api/v1/cluster/keyring/reload": (.clusterCommand(.reloadKeyring), push),
        "/api/v1/live": (.live, readOnly),
        "/metrics": (.metrics, readOnly),
        "/-/healthy": (.healthy, readOnly),
        "/-/ready": (.ready, readOnly),
    ]

    private static func known(_ path: String) -> (Route, [String])? {
        if let entry = table[path] { return entry }
        let prefix = "/api/v1/label/"
        let suffix = "/values"
        guard path.hasPrefix(prefix), path.hasSuffix(suffix) else { return nil }
        let name = path.dropFirst(prefix.count).dropLast(suffix.count)
        if name.isEmpty || name.contains("/") { return nil }
        return (.labelValues(name: String(name)), readOnly)
    }

    private static func isReserved(_ path: String) -> Bool {
        path == "/api" || path.hasPrefix("/api/") || path.hasPrefix("/-/") || path.hasPrefix("/metrics/")
    }
}
