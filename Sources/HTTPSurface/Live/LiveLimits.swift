/// Bounds on live queries; docs/live.md tells clients about them.
package struct LiveLimits: Sendable {
    /// `live_connections_max`: WebSockets at a time; more are answered 503.
    package var connectionsMax = 10_000
    /// `live_subscriptions_per_connection_max`.
    package var subscriptionsPerConnectionMax = 128
    /// `live_streams_max`: different (tenant, query, step) evaluated at a time.
    package var streamsMax = 2_000
    /// `live_evaluations_max`: evaluations and snapshots at work at a time; more wait their turn.
    package var evaluationsMax = 8
    /// `live_series_max`: series in one stream.
    package var seriesMax = 10_000
    /// `live_snapshot_points_max`: points in one history, and in the steps kept while histories load, all series together; see `LiveContent`.
    package var snapshotPointsMax = 1_000_000
    /// `live_step_points_max`: points in one step, all series together.
    package var stepPointsMax = 100_000
    /// `live_message_bytes_max`: a message from a client.
    package var messageBytesMax = 128 << 10
    /// `live_messages_waiting_max`: messages of one connection that wait to be read; more close it.
    package var messagesWaitingMax = 256
    /// `live_outbound_bytes_max`: while more than this waits for a slow client, its data frames are dropped.
    package var outboundBytesMax = 1 << 20
    /// `live_outbound_bytes_hard_max`: a connection for which more than this waits, of any kind, is closed.
    package var outboundBytesHardMax = 64 << 20
    /// `query_bytes_max`: length of an expression.
    package var queryBytesMax = 64 * 1024
    /// Longest `id` in bytes.
    package let idBytesMax = 64
    /// Steps in milliseconds.
    package let stepMilliseconds: ClosedRange<Int64> = 500...3_600_000
    /// Longest history in milliseconds, and in steps.
    package let historyMillisecondsMax: Int64 = 3_600_000
    /// Most steps of history.
    package let historyStepsMax: Int64 = 11_000
    /// Longest sleep between two looks at the clock, so that a clock that is set is noticed: milliseconds.
    package let wakeMillisecondsMax: Int64 = 60_000

    /// The defaults.
    package init() {}
}
