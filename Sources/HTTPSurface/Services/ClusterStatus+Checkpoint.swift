/// How a database of the checkpoint stands, as the process that answers sees it.
package struct CheckpointServerState: Codable, Hashable, Sendable {
    /// Where it is, without user and password.
    package var name: String
    /// `active`, `retired` or `lost`.
    package var state: String
    /// Whether it cannot be used, and why not.
    package var isAway: Bool
    package var reason: String?
    /// Slots whose history, or a part of it, it has.
    package var slots: Int
    /// Block files that wait for it at this process, their bytes, and the age of the oldest.
    package var pendingFiles: Int
    package var pendingBytes: Int
    package var lagSeconds: Double
    /// The version of the map from slots to databases.
    package var mapVersion: Int
    /// Whether it cannot be used because it keeps another cluster's checkpoint.
    package var isOthers: Bool?

    package init(
        name: String, state: String, isAway: Bool, reason: String?, slots: Int, pendingFiles: Int, pendingBytes: Int,
        lagSeconds: Double, mapVersion: Int, isOthers: Bool
    ) {
        self.name = name
        self.state = state
        self.isAway = isAway
        self.reason = reason
        self.slots = slots
        self.pendingFiles = pendingFiles
        self.pendingBytes = pendingBytes
        self.lagSeconds = lagSeconds
        self.mapVersion = mapVersion
        self.isOthers = isOthers
    }
}
