/// What a member that holds slots says of itself, so that the others know when a change is done everywhere and whether it has room.
package struct MemberProgress: Hashable, Sendable {
    /// The version of the cluster's settings that its slots' machine works by; 0 before there is one.
    package var appliedSettings: UInt64 = 0
    /// A hash of the ring, its members' starts and the settings under which all its slots were whole and at rest at some moment, if nothing of these has
    /// changed since; 0 when there was no such moment.
    package var settledRing: UInt64 = 0
    /// How full its disk is, per cent.
    package var diskFill: UInt8 = 0
    /// Bit 0: `leavesByForce`. The others belong to later versions and are carried on.
    var marks: UInt8 = 0

    package init() {}

    /// Whether it leaves although fewer aggregators than copies remain: somebody said so.
    package var leavesByForce: Bool {
        get { marks & 1 == 1 }
        set { marks = newValue ? marks | 1 : marks & ~1 }
    }
}
