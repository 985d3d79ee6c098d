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

    /// Carries out a machine's effects: the shell of a simulated aggregator.
    mutating func perform(_ effects: [MovementEffect], at node: Int, beside samples: [SimulatedSample]) {
        for effect in effects {
            switch effect {
            case .log(let record):
                let isBatch = if case .batch = record { true } else { false }
                aggregators[node].store.log(record, isBatch ? samples : [])
                if plan.syncsEachRecord { aggregators[node].store.sync() }
                if !isBatch, plan.traces { note("n\(node) logs \(record)") }
            case .send(let message, let receiver):
                send(message, from: node, to: receiver)
            case .sendPage(let slot, let information, let stake, let cursor):
                let page = aggregators[node].store.page(slot: slot, before: cursor, count: 10)
                let message = MovementMessage.page(
                    slot: slot, information, for: stake, cursor: cursor, next: page.next)
                send(message, page.samples, from: node, to: stake.node)
            case .sendOwed(let slot, let numbers, let receiver):
                let owed = aggregators[node].store.samples(slot: slot, numbers: numbers)
                send(.pay(slot: slot, numbers: numbers), owed, from: node, to: receiver)
            case .sendSamples(let message, let slot, let receiver):
                send(message, aggregators[node].store.slots[slot].samples, from: node, to: receiver)
            case .sendWindowDigests, .compareWindows, .compareSeries, .sendRepair: repair(effect, at: node)
            case .restore(let slot): sendCheckpoint(.restore(slot: slot), from: node, to: database)
            case .drop(let slot): note("n\(node) drops slot \(slot)")
            case .held(let slot, let isHeld): note("n\(node) \(isHeld ? "holds" : "releases") slot \(slot)")
            case .recoveredWithout(let slot, let missing): note("n\(node) recovered slot \(slot) without \(missing)")
            }
        }
    }

    mutating func send(
        _ message: MovementMessage, _ samples: [SimulatedSample] = [], from node: Int, to receiver: NodeID
    ) {
        kernel.send(Packet(content: .movement(message), samples: samples), from: node, to: Int(receiver.number))
    }

    /// Writes blocks and cuts the log.
    mutating func seal(_ node: Int) {
        if let keeper = aggregators[node].keeper {
            let needed = (0..<plan.slots).map { keeper.neededNumbers($0) }
            aggregators[node].store.seal(open: keeper.openRecords, needed: needed)
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
