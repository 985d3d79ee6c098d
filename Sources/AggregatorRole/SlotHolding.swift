package import MetricModel
package import WireProtocol

/// What the handler of an aggregator's requests needs of its slots' machine and log: the part that a node which keeps its slots alone does without.
package protocol SlotHolding: Sendable {
    /// Logs a batch of slots; see `ClusterRequestHandler.store`.
    func store(_ call: StoreCall, respond: @escaping @Sendable (Result<StoreAnswer, TypedError>) -> Void)

    /// Takes what another node's machine says; see `ClusterRequestHandler.movement`.
    func movement(_ packet: MovementPacket, respond: @escaping @Sendable (Result<Void, TypedError>) -> Void)

    /// Which of `slots` the node has whole at this moment, and what it is to the others.
    ///
    /// Asked before the samples are read: what was acknowledged by then is there, and stays at least `grace` longer.
    func condition(of slots: SlotSet) async throws -> SlotCondition
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

/// A part of the slots that a question is about, as this node answers it.
struct AnsweredPart {
    /// Slots whose data the answer has; nil for all.
    var slots: SlotSet?
    /// What the end of the answer says of the slots that were asked for.
    var condition: SlotCondition

    init(_ part: SlotPart, holding: (any SlotHolding)?) async throws {
        switch part {
        case .everything:
            slots = nil
            condition = SlotCondition(whole: SlotSet())
        case .whole(let asked):
            condition = try await holding?.condition(of: asked) ?? SlotCondition(whole: asked)
            slots = condition.whole
        case .raw(let asked):
            condition = try await holding?.condition(of: asked) ?? SlotCondition(whole: asked)
            slots = asked
        }
    }

    /// Adds what is to be said of the slots.
    func note(in end: inout SelectEnd) {
        end.slots = condition.whole
        end.standings = condition.standings
    }
}
