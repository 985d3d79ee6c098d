import SlotMovement

/// Checkpoints: each aggregator's duty, and the database at the other end.
extension ClusterSimulation {
    var database: Int { kernel.nodeCount - 1 }

    /// Asks the database for what is due; called at each tick of an aggregator.
    mutating func advanceDuty(_ node: Int) {
        guard let keeper = aggregators[node].keeper else { return }
        let now = kernel.monotonic(node)
        for slot in 0..<plan.slots {
            let isOnDuty = keeper.isOnCheckpointDuty(slot)
            if let step = aggregators[node].duty.advance(slot, isOnDuty: isOnDuty, now: now) { take(step, at: node) }
        }
    }

    private mutating func take(_ step: CheckpointDuty.Step, at node: Int) {
        switch step {
        case .claim(let slot): sendCheckpoint(.claim(slot: slot), from: node, to: database)
        case .load(let slot, let epoch): sendCheckpoint(.load(slot: slot, epoch: epoch), from: node, to: database)
        case .write(let slot, let epoch, let number):
            var samples = aggregators[node].bases[slot]
            samples.merge(aggregators[node].store.slots[slot].samples)
            let message = CheckpointMessage.write(slot: slot, epoch: epoch, number: number)
            sendCheckpoint(message, samples.samples, from: node, to: database)
        }
    }

    mutating func sendCheckpoint(
        _ message: CheckpointMessage, _ samples: [SimulatedSample] = [], from node: Int, to receiver: Int
    ) {
        kernel.send(Packet(content: .checkpoint(message), samples: samples), from: node, to: receiver)
    }

    mutating func receiveAtDatabase(_ message: CheckpointMessage, _ samples: [SimulatedSample], from node: Int) {
        guard let (answer, samples, problem) = checkpoint.receive(message, samples) else { return }
        if let problem { fail("the checkpoint \(problem) by \(message) of n\(node)") }
        if case .write = message { report.checkpointWrites += 1 }
        sendCheckpoint(answer, samples, from: database, to: node)
    }

    mutating func receiveFromDatabase(_ message: CheckpointMessage, _ samples: [SimulatedSample], at node: Int) {
        let now = kernel.monotonic(node)
        switch message {
        case .claimed(let slot, let epoch):
            if let step = aggregators[node].duty.claimed(slot, epoch: epoch, now: now) { take(step, at: node) }
        case .loaded(let slot, let epoch):
            guard aggregators[node].duty.epoch(slot) == epoch else { break }
            aggregators[node].bases[slot].merge(samples)
            aggregators[node].duty.loaded(slot, epoch: epoch, now: now)
        case .written(let slot, let epoch, let number):
            aggregators[node].duty.written(slot, epoch: epoch, number: number, now: now)
            if plan.bugs.contains(.trimByCheckpoint) { trimLogs(slot) }
        case .fenced(let slot, let epoch):
            report.writersFenced += 1
            aggregators[node].duty.fenced(slot, epoch: epoch, now: now)
        case .restored(let slot):
            guard var keeper = aggregators[node].keeper else { break }
            aggregators[node].keeper = nil
            aggregators[node].store.log(.batch(slots: [slot], number: keeper.takeNumber()), samples)
            var effects: [MovementEffect] = []
            keeper.restored(slot, into: &effects)
            aggregators[node].keeper = keeper
            perform(effects, at: node, beside: [])
        case .claim, .load, .write, .restore: break
        }
    }

    /// The planted bug: what one node wrote into the checkpoint makes all cut their logs, with or without blocks of their own.
    private mutating func trimLogs(_ slot: Int) {
        for node in 0..<aggregatorCount where kernel.isRunning(node) {
            aggregators[node].store.trimByCheckpoint(slot: slot)
        }
    }
}
