internal import MetricModel

/// The machines that push: one row for each (tenant, placement label, server ID).
struct ServerTable: Sendable {
    /// Row 0 stands for series that are placed by their whole label set; it is never listed.
    static let nobody: UInt32 = 0

    struct Key: Hashable, Sendable {
        var tenant: TenantID
        var label: ExactString
        var id: ExactString
    }

    private(set) var keys: [Key?] = [nil]
    /// Time of the newest sample, Unix milliseconds; read and written by the append loop.
    var lastPush: [Int64] = [.min]
    /// Series in the table now.
    private var liveSeries: [Int] = [0]
    /// Series when the server was last seen with any: what a silent server still shows.
    private var lastSeries: [Int] = [0]
    private var rows: [Key: UInt32] = [:]
    private var free: [UInt32] = []

    /// The row of a server, added when new.
    mutating func row(tenant: TenantID, label: String, id: String) -> UInt32 {
        let key = Key(tenant: tenant, label: ExactString(label), id: ExactString(id))
        if let row = rows[key] { return row }
        let row: UInt32
        if let recycled = free.popLast() {
            row = recycled
            keys[Int(row)] = key
        } else {
            row = UInt32(keys.count)
            keys.append(key)
            lastPush.append(.min)
            liveSeries.append(0)
            lastSeries.append(0)
        }
        rows[key] = row
        return row
    }

    /// Counts a series that was defined.
    mutating func addSeries(_ row: UInt32) {
        liveSeries[Int(row)] += 1
        lastSeries[Int(row)] = liveSeries[Int(row)]
    }

    /// Counts a series that was dropped; call `settle` after the last.
    mutating func dropSeries(_ row: UInt32) {
        liveSeries[Int(row)] -= 1
    }

    /// Shows the new counts, except of servers that have no series left: those show what they had.
    mutating func settle() {
        for row in liveSeries.indices where liveSeries[row] > 0 { lastSeries[row] = liveSeries[row] }
    }

    /// Takes over what was known of a server before a restart.
    mutating func restore(_ summary: ServerSummary, tenant: TenantID) {
        let row = Int(row(tenant: tenant, label: summary.label, id: summary.id))
        lastPush[row] = max(lastPush[row], summary.lastPush)
        if liveSeries[row] == 0 { lastSeries[row] = summary.seriesCount }
    }

    /// Forgets a server if no series of it is left.
    mutating func forgetIfEmpty(_ row: UInt32) {
        guard liveSeries[Int(row)] == 0 else { return }
        forget(Int(row))
    }

    /// Forgets servers without series whose newest sample is older than `oldest`.
    mutating func forget(before oldest: Int64) {
        for row in keys.indices where liveSeries[row] == 0 && lastPush[row] < oldest { forget(row) }
    }

    private mutating func forget(_ row: Int) {
        guard let key = keys[row] else { return }
        rows[key] = nil
        keys[row] = nil
        lastPush[row] = .min
        lastSeries[row] = 0
        free.append(UInt32(row))
    }

    /// What a row says, or nil when nothing was ever pushed.
    func summary(row: Int) -> ServerSummary? {
        guard let key = keys[row], lastPush[row] != .min else { return nil }
        return ServerSummary(
            id: key.id.string, label: key.label.string, lastPush: lastPush[row], seriesCount: lastSeries[row])
    }
}
