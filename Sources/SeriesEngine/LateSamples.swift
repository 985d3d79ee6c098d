internal import MetricModel

/// Samples of one series that came out of order: sorted by time, one value a time.
struct LateSamples: Sendable {
    private(set) var timestamps: [Int64] = []
    private(set) var values: [Double] = []

    var count: Int { timestamps.count }

    /// Adds a sample at its place; one with the same timestamp is resolved.
    ///
    /// - Returns: whether the list has grown.
    mutating func insert(timestamp: Int64, value: Double) -> Bool {
        let place = timestamps.partition(from: timestamp)
        if place < timestamps.count && timestamps[place] == timestamp {
            values[place] = SampleResolution.winner(values[place], value)
            return false
        }
        timestamps.insert(timestamp, at: place)
        values.insert(value, at: place)
        return true
    }
}
