/// What the agent is told at its start.
package struct AgentConfiguration: Sendable {
    /// Where to push: `http://host:port`, or with the whole path of a remote-write receiver.
    package var push: String
    /// The value of the label `instance`; nil for the host's name.
    package var serverID: String?
    /// Time between two readings.
    package var interval: Duration
    /// The tenant to push for; nil leaves it to the server.
    package var tenant: String?
    /// The most bytes of packed pushes that wait through an outage, `agent_buffer_bytes_max`.
    package var bufferBytesMax: Int
    /// Where /proc and /sys are found; another than `/` when the host's are mounted elsewhere.
    package var rootPath: String
    /// The longest time that the last flush takes.
    package var flushTimeout: Duration

    /// The path that a push URL without one gets.
    package static let path = "/api/v1/write"
    /// The shortest interval.
    package static let intervalMin = Duration.milliseconds(100)
    /// Between two sendings of the metadata.
    static let metadataInterval = Duration.seconds(60)

    /// The defaults: once a second, with room for half an hour to some hours of outage.
    package init(
        push: String, serverID: String? = nil, interval: Duration = .seconds(1), tenant: String? = nil,
        bufferBytesMax: Int = 32 << 20, rootPath: String = "/", flushTimeout: Duration = .seconds(5)
    ) {
        self.push = push
        self.serverID = serverID
        self.interval = interval
        self.tenant = tenant
        self.bufferBytesMax = bufferBytesMax
        self.rootPath = rootPath
        self.flushTimeout = flushTimeout
    }
}
