package import HTTPSurface
package import Placement

/// What follows from all that the processes of a cluster say of themselves: a value, so that the same reports mean the same.
package struct ClusterReckoning: Sendable {
    /// One process, and what it says of itself; nil when it does not answer.
    package struct Member: Sendable {
        package var status: ClusterMemberStatus
        package var report: NodeReport?

        package init(_ status: ClusterMemberStatus, report: NodeReport?) {
            self.status = status
            self.report = report
        }

        var isAggregator: Bool { status.roles.contains("aggregator") }
    }

    /// The wanted owners of all slots by the ring's order: what costs too much to be made anew for each look.
    package struct Owners: Sendable {
        /// Of each member of the ring its letters, as `ClusterRing.Node.owns`.
        package let letters: [String: SlotLetters]
        let slots: Int
        let copies: Int

        /// - Complexity: O(slots · members).
        package init(_ ring: Ring) {
            slots = ring.slotCount
            copies = min(ring.replicationFactor, ring.members.count)
            var letters = ring.members.map { _ in [UInt8](repeating: UInt8(ascii: "."), count: ring.slotCount) }
            for slot in 0..<ring.slotCount {
                for (rank, member) in ring.owners(of: UInt16(slot)).enumerated() {
                    letters[member][slot] = UInt8(ascii: "a") + UInt8(clamping: rank)
                }
            }
            self.letters = Dictionary(
                uniqueKeysWithValues: zip(ring.members.map(\.name), letters.map(SlotLetters.init)))
        }
    }

    private let members: [Member]
    private let owners: Owners?

    /// - Parameters:
    ///   - members: everybody who is not gone, in the order of their names.
    ///   - owners: of the ring; nil while there is none.
    package init(_ members: [Member], owners: Owners?) {
        self.members = members
        self.owners = owners
    }

    // MARK: - Slots

    /// Which letter of a node's own means what, for counting.
    private enum Letter {
        static let whole = UInt8(ascii: "w")
        static let onTheWay: Set<UInt8> = [UInt8(ascii: "r"), UInt8(ascii: "c"), UInt8(ascii: "a")]
    }

    /// How many slots have all of their copies; nil while there is no ring.
    package var replication: ClusterOverview.Replication? {
        guard let owners else { return nil }
        var replication = ClusterOverview.Replication(slots: owners.slots, copies: owners.copies)
        let holders = members.compactMap { member -> (owns: [UInt8]?, states: [UInt8]?)? in
            guard member.isAggregator else { return nil }
            let states = member.report?.states?.letters
            return (
                owners.letters[member.status.name]?.letters, states?.count == owners.slots ? states : nil
            )
        }
        for slot in 0..<owners.slots {
            var (whole, wholeOwners, moving, silent, wanted) = (false, 0, false, 0, 0)
            for holder in holders {
                let state = holder.states?[slot]
                if state == Letter.whole { whole = true }
                guard let owns = holder.owns, owns[slot] != UInt8(ascii: ".") else { continue }
                wanted += 1
                switch state {
                case Letter.whole: wholeOwners += 1
                case nil: silent += 1
                case let state?: if Letter.onTheWay.contains(state) { moving = true }
                }
            }
            if wanted > 0, wholeOwners == owners.copies {
                replication.full += 1
            } else if whole {
                if moving { replication.moving += 1 } else { replication.fewer += 1 }
            } else if silent == owners.copies {
                replication.silent += 1
            } else {
                replication.united += 1
            }
        }
        return replication
    }

    /// Who is to have each slot, and who has it.
    package func ring(_ owners: Owners) -> [ClusterRing.Node] {
        members.filter(\.isAggregator).map { member in
            let owns = owners.letters[member.status.name]
            let none = SlotLetters([UInt8](repeating: UInt8(ascii: "."), count: owners.slots))
            return ClusterRing.Node(
                name: member.status.name, zone: member.status.zone, isInRing: owns != nil, owns: owns ?? none,
                states: member.report?.states)
        }
    }

    /// Slots on their way.
    package var movements: ClusterMovements {
        var found = ClusterMovements(movements: [], silent: [], isSettled: true)
        for member in members where member.isAggregator {
            guard let report = member.report else {
                found.silent.append(member.status.name)
                continue
            }
            for (direction, move) in [("gives", report.gives), ("gains", report.gains)] {
                guard let move else { continue }
                found.movements.append(.init(node: report.name, direction: direction, move: move))
            }
            if report.slots?.isSettled == false { found.isSettled = false }
        }
        return found
    }

    /// Everybody with what they say, without their slots' letters.
    package var nodes: [ClusterOverview.Node] {
        members.map { member in
            var report = member.report
            report?.states = nil
            return ClusterOverview.Node(member.status, report: report)
        }
    }
}
