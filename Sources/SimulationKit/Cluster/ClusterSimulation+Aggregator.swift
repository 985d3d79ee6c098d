import SeededRandom
import SlotMovement

extension ClusterSimulation {
    /// Starts an aggregator from what is on its disk.
    mutating func startAggregator(_ node: Int) {
        aggregators[node].boot += 1
        aggregators[node].downSince = nil
        kernel.start(node)
        var effects: [MovementEffect] = []
        let keeper = SlotKeeper(
            me: NodeID(UInt32(node)), boot: aggregators[node].boot, records: aggregators[node].store.movementRecords,
            mayHaveLost: aggregators[node].mayHaveLost, view: view(of: node), limits: plan.limits, bugs: plan.bugs,
            now: kernel.monotonic(node), into: &effects)
        aggregators[node].keeper = keeper
        aggregators[node].duty = CheckpointDuty(slotCount: plan.slots)
        aggregators[node].bases = Array(repeating: SampleSet(), count: plan.slots)
        aggregators[node].mayHaveLost = false
        note("start n\(node) boot \(aggregators[node].boot)")
        perform(effects, at: node, beside: [])
        aggregators[node].store.sync()
        let delay = Int64(random.number(in: 1...3_000_000))
        kernel.schedule((node + 1) * Moment.views + oracle.version, at: kernel.time + delay)
        kernel.setTimer(.tick, node: node, after: Int64(random.number(in: 1...100_000)))
        kernel.setTimer(.sync, node: node, after: 200_000)
        kernel.setTimer(.seal, node: node, after: Int64(random.number(in: 5_000_000...20_000_000)))
    }

    mutating func tickAggregator(_ node: Int) {
        var effects: [MovementEffect] = []
        aggregators[node].keeper?.tick(now: kernel.monotonic(node), into: &effects)
        perform(effects, at: node, beside: [])
        advanceDuty(node)
    }

    mutating func receiveAtAggregator(
        _ node: Int, _ message: MovementMessage, _ samples: [SimulatedSample], from sender: Int
    ) {
        var effects: [MovementEffect] = []
        aggregators[node].keeper?.receive(
            message, from: NodeID(UInt32(sender)), now: kernel.monotonic(node), into: &effects)
        perform(effects, at: node, beside: samples)
    }

    mutating func store(
        _ request: StoreRequest, _ samples: [SimulatedSample], from requester: RequesterID, at node: Int
    ) {
        var effects: [MovementEffect] = []
        aggregators[node].keeper?.store(request, from: requester, now: kernel.monotonic(node), into: &effects)
        perform(effects, at: node, beside: samples)
    }

    mutating func read(_ slots: [Int], from requester: RequesterID, at node: Int) {
        var effects: [MovementEffect] = []
        aggregators[node].keeper?.read(slots, from: requester, now: kernel.monotonic(node), into: &effects)
        perform(effects, at: node, beside: [])
    }

    /// Carries out a machine's effects: the shell of a simulated aggregator.
    mutating func perform(_ effects: [MovementEffect], at node: Int, beside samples: [SimulatedSample]) {
        for effect in effects {
            switch effect {
            case .log(let record):
                log(record, at: node, beside: samples)
            case .send(let message, let receiver):
                send(message, from: node, to: receiver)
            case .answerStore(let reply, let requester):
                answer(.stored(reply), [], from: node, to: requester)
            case .answerRead(let reply, let requester):
                let all = reply.groups.flatMap(\.slots).flatMap { aggregators[node].store.slots[$0].samples }
                answer(.readReply(reply, requester), all, from: node, to: requester)
            case .sendPage(let slot, let source, let isWhole, let stake, let cursor):
                let page = aggregators[node].store.page(slot: slot, before: cursor, count: 10)
                let message = MovementMessage.page(
                    slot: slot, from: source, isWhole: isWhole, for: stake, cursor: cursor, next: page.next)
                send(message, page.samples, from: node, to: stake.node)
            case .sendOwed(let parts, let receiver):
                send(.pay(parts), aggregators[node].store.samples(parts), from: node, to: receiver)
            case .sendWindowDigests, .compareWindows, .compareSeries, .sendRepair: repair(effect, at: node)
            case .restore(let slot): sendCheckpoint(.restore(slot: slot), from: node, to: database)
            case .drop(let slot): note("n\(node) drops slot \(slot)")
            case .held(let slot, let isHeld): note("n\(node) \(isHeld ? "holds" : "releases") slot \(slot)")
            case .recoveredWithout(let slot, let missing): note("n\(node) recovered slot \(slot) without \(missing)")
            }
        }
    }

    private mutating func log(_ record: MovementRecord, at node: Int, beside samples: [SimulatedSample]) {
        var logged: [SimulatedSample] = []
        switch record {
        case .batch(let slots, _): logged = samples.filter { slots.contains($0.key.series % plan.slots) }
        case .owedAll(let slots, _): report.slotsOwedAll += slots.count
        case .settledAll(let slots, _): report.slotsSettled += slots.count
        case .owed, .settled, .unsound, .sound, .known, .restoring, .restored, .dropped: break
        }
        if plan.traces, logged.isEmpty { note("n\(node) logs \(record)") }
        aggregators[node].store.log(record, logged)
        if plan.syncsEachRecord { aggregators[node].store.sync() }
    }

    /// A requester's number begins with the node that waits.
    private mutating func answer(
        _ content: Packet.Content, _ samples: [SimulatedSample], from node: Int, to requester: RequesterID
    ) {
        kernel.send(Packet(content: content, samples: samples), from: node, to: Int(requester.number >> 48))
    }

    mutating func send(
        _ message: MovementMessage, _ samples: [SimulatedSample] = [], from node: Int, to receiver: NodeID
    ) {
        kernel.send(Packet(content: .movement(message), samples: samples), from: node, to: Int(receiver.number))
    }

    /// Writes blocks and cuts the log.
    mutating func seal(_ node: Int) {
        if plan.forgetsBatches, let needed = aggregators[node].keeper?.neededBatches, !needed.isEmpty {
            var effects: [MovementEffect] = []
            let oldest = needed.prefix(random.number(in: 0...needed.count)).map(\.number)
            aggregators[node].keeper?.forget(oldest, now: kernel.monotonic(node), into: &effects)
            perform(effects, at: node, beside: [])
        }
        if let keeper = aggregators[node].keeper {
            aggregators[node].store.seal(open: keeper.openRecords, needed: keeper.neededBatches)
        }
        kernel.setTimer(.seal, node: node, after: Int64(random.number(in: 5_000_000...20_000_000)))
    }

    // MARK: - Ends of a process

    mutating func kill(_ node: Int) {
        guard kernel.isRunning(node) else { return }
        note("kill n\(node)")
        stop(node)
        var none: SplitMix64?
        aggregators[node].store.restart(powerCut: &none)
    }

    mutating func cutPower(_ node: Int) {
        guard kernel.isRunning(node) else { return }
        note("power cut n\(node)")
        stop(node)
        var generator: SplitMix64? = random.fork()
        aggregators[node].store.restart(powerCut: &generator)
        if !plan.syncsEachRecord { aggregators[node].mayHaveLost = true }
    }

    mutating func wipe(_ node: Int) {
        note("wipe n\(node)")
        if kernel.isRunning(node) { stop(node) }
        aggregators[node].store.wipe()
        aggregators[node].mayHaveLost = true
    }

    private mutating func stop(_ node: Int) {
        kernel.crash(node)
        aggregators[node].keeper = nil
        aggregators[node].downSince = kernel.time
    }

    /// A removed start ends itself and comes back as a new member when the oracle admits it.
    mutating func stopRemoved(_ node: Int) {
        guard kernel.isRunning(node) else { return }
        kill(node)
    }
}
