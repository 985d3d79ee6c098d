internal import EngineStorage
package import MetricModel
package import SlotMovement
package import WireProtocol

/// What the handler of an aggregator's requests needs of its slots' machine and log: the part that a node which keeps its slots alone does without.
package protocol SlotHolding: Sendable {
    /// Logs a batch of slots; see `ClusterRequestHandler.store`.
    func store(_ call: StoreCall, respond: @escaping @Sendable (Result<StoreAnswer, TypedError>) -> Void)

    /// Takes what another node's machine says; see `ClusterRequestHandler.movement`.
    func movement(_ packet: MovementPacket, respond: @escaping @Sendable (Result<Void, TypedError>) -> Void)

    /// Which of `slots` the node has whole at this moment, and what it is to the others.
    ///
    /// For what is not read of samples of one moment (labels, servers), asked before it is read: what was acknowledged by then is there.
    func condition(of slots: SlotSet) async throws -> SlotCondition

    /// The same of what the machine said when the samples were taken.
    func condition(_ reply: ReadReply) -> SlotCondition
}

/// What a node is to some slots at one moment.
package struct SlotCondition: Sendable {
    /// Those that it has whole.
    package var whole: SlotSet
    /// What it is to the others.
    package var standings: [SlotStanding]

    /// By default of a node that has all of them whole.
    package init(whole: SlotSet, standings: [SlotStanding] = []) {
        self.whole = whole
        self.standings = standings
    }
}

extension SlotCondition {
    /// Adds what is to be said of the slots.
    func note(in end: inout SelectEnd) {
        end.slots = whole
        end.standings = standings
    }
}

extension SlotScope {
    /// What is read for a part that is asked for.
    init(_ part: SlotPart) {
        switch part {
        case .everything: self = .all
        case .whole(let slots): self = .slots(slots, onlyWhole: true)
        case .raw(let slots): self = .slots(slots, onlyWhole: false)
        }
    }
}
