internal import ClusterTransport
internal import EngineStorage
internal import MetricModel
internal import SeriesEngine
internal import SlotMovement
internal import WireProtocol

/// The slots' machine of this node's engine, as other nodes ask for it.
struct EngineSlots: SlotHolding {
    let engine: EngineHost
    let directory: any AggregatorDirectory

    /// Logs a batch of slots; see `SlotHolding`.
    func store(_ call: StoreCall, respond: @escaping @Sendable (Result<StoreAnswer, TypedError>) -> Void) {
        let directory = directory
        engine.store(AppendInput(call.batch), call.request(number: directory.node(named:))) { result in
            respond(
                result.map { outcome in
                    StoreAnswer(
                        outcome.reply, acknowledgement: WriteAcknowledgement(outcome: outcome.append),
                        name: directory.name(of:))
                }
                .mapError(TypedError.init(engine:)))
        }
    }

    /// Takes what another node's machine says; see `SlotHolding`.
    func movement(_ packet: MovementPacket, respond: @escaping @Sendable (Result<Void, TypedError>) -> Void) {
        let parcels = packet.items(number: directory.node(named:)).map {
            MovementParcel($0.message, attachment: $0.samples)
        }
        if let refusal = engine.receive(parcels, from: directory.node(named: packet.sender)) {
            respond(.failure(TypedError(engine: refusal)))
        } else {
            respond(.success(()))
        }
    }

    /// What the node is to some slots; see `SlotHolding`.
    func condition(of slots: SlotSet) async throws -> SlotCondition {
        guard let reply = try await engine.readReply(slots.slots.map { Int($0) }) else {
            return SlotCondition(whole: slots)
        }
        return condition(reply)
    }

    /// The same of what the machine said; see `SlotHolding`.
    func condition(_ reply: ReadReply) -> SlotCondition {
        var whole = SlotSet()
        var standings: [SlotStanding] = []
        for group in reply.groups {
            let set = group.slotSet
            if group.isWhole {
                whole.formUnion(set)
            } else {
                standings.append(
                    SlotStanding(
                        slots: set, role: group.role, isSound: group.isSound,
                        members: group.members.map(directory.name(of:)), missingMax: group.missingMax))
            }
        }
        return SlotCondition(whole: whole, standings: standings)
    }
}
