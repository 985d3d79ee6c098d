package import ClusterTransport
package import EngineStorage
internal import MetricModel
internal import Placement
internal import SeriesEngine
internal import SlotMovement
package import WireProtocol

/// The aggregator role: what other nodes ask over the binary protocol, done by this node's engine.
///
/// A write is acknowledged once the engine's log has it; a select streams pages as fast as the asker grants credit for them.
package struct AggregatorHandler: ClusterRequestHandler {
    private let engine: EngineHost
    private let seriesMax: Int
    private let exemplars = ExemplarStore()
    private let node: String
    private let holding: (any SlotHolding)?
    /// What it is asked.
    let queries = AnsweredQueries()

    /// - Parameters:
    ///   - engine: must be open.
    ///   - seriesMax: `query_series_max`: series that one question about labels may read.
    ///   - node: this node's name.
    ///   - holding: the slots' machine; nil for a node that keeps all slots alone, and so has them whole.
    package init(engine: EngineHost, seriesMax: Int, node: String, holding: (any SlotHolding)? = nil) {
        self.engine = engine
        self.seriesMax = seriesMax
        self.node = node
        self.holding = holding
    }

    /// Hands the batch to the engine's thread; see `ClusterRequestHandler`.
    package func write(
        _ batch: WriteBatch, respond: @escaping @Sendable (Result<WriteAcknowledgement, TypedError>) -> Void
    ) {
        engine.append(AppendInput(batch)) { result in
            respond(result.map(WriteAcknowledgement.init(outcome:)).mapError(TypedError.init(engine:)))
        }
    }

    /// Hands the batch to the slots' machine; a node alone logs it and holds all slots. See `ClusterRequestHandler`.
    package func store(_ call: StoreCall, respond: @escaping @Sendable (Result<StoreAnswer, TypedError>) -> Void) {
        if let holding { return holding.store(call, respond: respond) }
        let (batch, slots, node) = (call.request.batch, call.request.slots, node)
        engine.append(AppendInput(call.batch)) { result in
            respond(
                result.map { outcome in
                    let logged = StoreReply.Group(
                        slots: slots, attempt: 1, role: .holder, outcome: .logged(skipping: []), peers: [],
                        copiesWanted: 1)
                    let reply = StoreReply(
                        batch: batch, node: NodeID(0), boot: 1, groups: slots.isEmpty ? [] : [logged])
                    return StoreAnswer(reply, acknowledgement: WriteAcknowledgement(outcome: outcome)) { _ in node }
                }
                .mapError(TypedError.init(engine:)))
        }
    }

    /// Hands the packet to the slots' machine; see `ClusterRequestHandler`.
    package func movement(
        _ packet: MovementPacket, respond: @escaping @Sendable (Result<Void, TypedError>) -> Void
    ) {
        if let holding { return holding.movement(packet, respond: respond) }
        respond(.failure(TypedError(.unavailable, "node \(node) keeps its slots alone")))
    }

    /// Answers one query; see `ClusterRequestHandler`.
    package func query(_ request: QueryRequest, sink: any PageSink) async throws -> SelectEnd {
        queries.began()
        defer { queries.ended(isCancelled: Task.isCancelled) }
        do {
            return try await answer(request, sink: sink)
        } catch let error as EngineError {
            throw TypedError(engine: error)
        }
    }

    private func answer(_ request: QueryRequest, sink: any PageSink) async throws -> SelectEnd {
        switch request {
        case .select(let select): return try await self.select(select, sink: sink)
        case .fragment(let fragment):
            let answerer = FragmentAnswerer(engine: engine) { self.warnings(of: $0, from: $1, to: $2) }
            var (end, standing) = try await answerer.answer(fragment, sink: sink)
            condition(of: request.part, standing.reply).note(in: &end)
            return end
        case .changes(let changes): return try await self.changes(changes, sink: sink)
        case .labelNames, .labelValues, .series, .exemplars, .keepExemplars, .statistics, .metadata, .servers:
            // First what the node is to the slots, then what it knows of them.
            let condition = try await condition(of: request.part)
            var end = try await answerWithoutSamples(request, slots(of: request.part, condition), sink: sink)
            condition.note(in: &end)
            return end
        case .deletions: throw TypedError(.badRequest, "deletions are not kept by the engine")
        }
    }

    private func condition(of part: SlotPart) async throws -> SlotCondition {
        switch part {
        case .everything: SlotCondition(whole: SlotSet())
        case .whole(let asked), .raw(let asked):
            try await holding?.condition(of: asked) ?? SlotCondition(whole: asked)
        }
    }

    /// By what the machine said when the samples were taken; a node alone has all slots whole.
    private func condition(of part: SlotPart, _ reply: ReadReply?) -> SlotCondition {
        if let holding, let reply { return holding.condition(reply) }
        return switch part {
        case .everything: SlotCondition(whole: SlotSet())
        case .whole(let asked), .raw(let asked): SlotCondition(whole: asked)
        }
    }

    /// The slots that such an answer is of; nil for all.
    private func slots(of part: SlotPart, _ condition: SlotCondition) -> SlotSet? {
        let slots: SlotSet? =
            switch part {
            case .everything: nil
            case .whole: condition.whole
            case .raw(let asked): asked
            }
        return slots.flatMap { $0.count < 1 << engine.configuration.engine.slotBits ? $0 : nil }
    }

    private func answerWithoutSamples(
        _ request: QueryRequest, _ slots: SlotSet?, sink: any PageSink
    ) async throws -> SelectEnd {
        switch request {
        case .labelNames(let names):
            let found = try await engine.labelNames(scope(names.scope, slots), seriesMax: seriesMax)
            return try await send(
                QueryPage.pages(ofStrings: found.limited(to: names.scope.limit)), count: found.count, sink: sink,
                scope: names.scope)
        case .labelValues(let values):
            let found = try await engine.labelValues(values.name, scope(values.scope, slots), seriesMax: seriesMax)
            return try await send(
                QueryPage.pages(ofStrings: found.limited(to: values.scope.limit)), count: found.count, sink: sink,
                scope: values.scope)
        case .series(let series):
            let found = try await engine.series(scope(series.scope, slots), seriesMax: seriesMax)
            return try await send(
                QueryPage.pages(ofLabels: found.limited(to: series.scope.limit)), count: found.count, sink: sink,
                scope: series.scope)
        case .exemplars(let exemplars):
            let scope = exemplars.scope
            let found = self.exemplars.select(
                tenant: scope.tenant, matcherSets: scope.matcherSets, start: scope.start, end: scope.end
            ).compactMap { $0.without(engine.configuration.deletions(scope.tenant)) }
            return try await send(QueryPage.pages(ofExemplars: found), count: found.count, sink: sink)
        case .keepExemplars(let batch):
            exemplars.keep(batch.series, tenant: batch.tenant)
            return SelectEnd(seriesCount: batch.series.count)
        case .statistics(let statistics):
            return try await self.statistics(statistics, sink: sink)
        case .metadata(let metadata):
            let found = try await engine.metadata(tenant: metadata.tenant)
                .filter { metadata.metric.isEmpty || $0.metric.hasSameBytes(as: metadata.metric) }
            return try await send(
                QueryPage.pages(ofMetadata: found.limited(to: metadata.limit)), count: found.count, sink: sink)
        case .servers(let servers):
            let wanted = servers.search.lowercased()
            let isPlaced = try placementFilter(servers.tenant, slots)
            let found = try await engine.servers(tenant: servers.tenant)
                .filter { (wanted.isEmpty || $0.id.lowercased().contains(wanted)) && isPlaced($0) }
            return try await send(
                QueryPage.pages(ofServers: found.limited(to: servers.limit), total: found.count), count: found.count,
                sink: sink)
        case .select, .fragment, .deletions, .changes: preconditionFailure("\(request) is not about labels")
        }
    }

    private func scope(_ scope: MetadataScope, _ slots: SlotSet?) -> LabelScope {
        LabelScope(
            tenant: scope.tenant, matcherSets: scope.matcherSets, start: scope.start, end: scope.end,
            slots: slots)
    }

    /// Whether a server lies in the slots: one that moved away may still be known here, with an old time.
    private func placementFilter(_ tenant: TenantID, _ slots: SlotSet?) throws -> (ServerSummary) -> Bool {
        guard let slots else { return { _ in true } }
        let configuration = engine.configuration.engine
        let placement = try PlacementLabels(configuration.placementLabels)
        return { server in
            guard let index = placement.names.firstIndex(where: { $0.hasSameBytes(as: server.label) }) else {
                return true
            }
            let key = placement.placement(ofServer: server.id, labelIndex: index, tenant: tenant)
            return slots.contains(key.slot(bits: configuration.slotBits))
        }
    }

    private func statistics(_ request: StatisticsRequest, sink: any PageSink) async throws
        -> SelectEnd
    {
        let found = try await engine.statistics(tenant: request.tenant, limit: request.limit)
        return try await send(
            [.statistics(StatisticsPage(statistics: found))], count: found.seriesCount, sink: sink)
    }

    private func select(_ request: SelectRequest, sink: any PageSink) async throws -> SelectEnd {
        var (end, standing) = try await SelectAnswerer(engine: engine).answer(request, sink: sink)
        condition(of: request.part, standing.reply).note(in: &end)
        end.warnings = warnings(of: standing, from: request.selection.start, to: request.selection.end)
        return end
    }

    /// What changed, and what the node is to the slots at that moment; warnings as samples of those times would have them.
    private func changes(_ request: ChangesRequest, sink: any PageSink) async throws -> SelectEnd {
        // What is hidden makes another state of the data, which nothing that is known leads to.
        let hidden = DeletionSet.digest(engine.configuration.deletions(request.tenant))
        let generation = engine.generation ^ hidden
        let changes = try await engine.changes(
            since: request.generation == generation ? request.known : nil, in: request.start...request.end,
            slots: request.slots)
        let page = ChangesPage(generation: generation, sequence: changes.sequence, times: changes.times)
        try await sink.send(.changes(page))
        var end = SelectEnd(seriesCount: changes.times.count)
        condition(of: .whole(request.slots), changes.standing.reply).note(in: &end)
        end.warnings = warnings(of: changes.standing, from: request.start, to: request.end)
        return end
    }

    private func send(
        _ pages: [QueryPage], count: Int, sink: any PageSink, scope: MetadataScope? = nil
    ) async throws -> SelectEnd {
        for page in pages { try await sink.send(page) }
        let standing = try await engine.standing()
        let times = scope.map { ($0.start, $0.end) } ?? (.max, .min)
        return SelectEnd(seriesCount: count, warnings: warnings(of: standing, from: times.0, to: times.1))
    }

    /// What an answer about a time must say: that only the checkpoint may have it as yet, or that nobody has what was in a damaged or vanished block.
    private func warnings(of standing: StoreStanding, from start: Int64, to end: Int64) -> [String] {
        let lost = standing.lostBlocks.filter { $0.maxTime >= start && $0.minTime <= end }
        let missing = LostBlock.problems(of: lost).map { "samples are missing: \($0)" }
        // A node among others is not whole in a slot that may lack samples, and says so itself.
        guard holding == nil, standing.needsRestore else { return missing }
        return ["older data of this node may be missing: it is not restored from the checkpoint yet"] + missing
    }
}

extension Array {
    /// The first `limit` elements; 0 keeps all.
    fileprivate func limited(to limit: Int) -> [Element] {
        limit > 0 && count > limit ? Array(prefix(limit)) : self
    }
}

extension AppendInput {
    init(_ batch: WriteBatch) {
        self.init(
            definitions: batch.definitions, rows: batch.rows,
            metadata: batch.metadata.map { TenantMetadata(tenant: $0.tenant, metadata: $0.metadata) },
            generation: batch.generation)
    }
}

extension WriteAcknowledgement {
    init(outcome: AppendOutcome) {
        self.init(
            generation: outcome.generation, references: outcome.references, rejections: outcome.rejections,
            unknownReferences: outcome.unknownReferences)
    }
}

extension TypedError {
    /// The engine's error as other nodes act on it.
    init(engine error: EngineError) {
        let code: Code =
            switch error.code {
            case .overloaded: .overloaded
            case .logFailed, .closed: .unavailable
            case .limitExceeded: .tooLarge
            case .blockUnreadable, .directoryLocked, .directoryNotWritable, .diskFull, .directoryUnusable,
                .unknownVersion:
                .internal
            }
        self.init(
            code, error.message, retryAfterMilliseconds: error.retryAfterMilliseconds.map { UInt32(clamping: $0) })
    }
}
