import SlotMovement

/// Routers push batches and coordinators read slots, without pause.
extension ClusterSimulation {
    // MARK: - Routers

    /// Sends a new batch: new samples, or other values for samples sent before.
    mutating func push(_ node: Int) {
        let slot = random.number(in: 0...plan.slots - 1)
        var samples: [SimulatedSample] = []
        for _ in 0..<random.number(in: 1...3) {
            var key = SampleKey(series: slot + plan.slots * random.number(in: 0...3), timestamp: kernel.time / 1_000)
            if random.chance(perMillion: 150_000), let known = ledger.someKey(slot: slot, random: &random) {
                key = known
            }
            let value = Double(random.number(in: 0...1_000))
            if !samples.contains(where: { $0.key == key }) { samples.append(SimulatedSample(key: key, value: value)) }
        }
        ledger.sent(samples, slot: slot)
        let attempt = WriteAttempt(
            slot: slot, batch: takeNumber(), view: view(of: node), limits: plan.limits, now: kernel.monotonic(node))
        routers[node - aggregatorCount].writes[attempt.batch] = (attempt, samples)
        advanceWrite(attempt.batch, at: node, reply: nil)
        kernel.setTimer(.push, node: node, after: Int64(random.number(in: 50_000...250_000)))
    }

    private mutating func takeNumber() -> UInt64 {
        nextNumber += 1
        return nextNumber
    }

    mutating func tickRouter(_ node: Int) {
        for batch in routers[node - aggregatorCount].writes.keys.sorted() {
            advanceWrite(batch, at: node, reply: nil)
        }
    }

    mutating func receiveAtRouter(_ node: Int, _ message: MovementMessage) {
        if case .stored(let reply) = message { advanceWrite(reply.batch, at: node, reply: reply) }
    }

    private mutating func advanceWrite(_ batch: UInt64, at node: Int, reply: StoreReply?) {
        guard var write = routers[node - aggregatorCount].writes[batch] else { return }
        var effects: [MovementEffect] = []
        let now = kernel.monotonic(node)
        let suspects = suspects
        if let reply {
            write.attempt.receive(reply, now: now, isSuspect: suspects.contains, into: &effects)
        } else {
            write.attempt.advance(now: now, isSuspect: suspects.contains, into: &effects)
        }
        for case .send(let message, let receiver) in effects {
            send(message, write.samples, from: node, to: receiver)
        }
        switch write.attempt.state {
        case .underWay: routers[node - aggregatorCount].writes[batch] = write
        case .acknowledged:
            routers[node - aggregatorCount].writes[batch] = nil
            ledger.acknowledged(write.samples, slot: write.attempt.slot)
            if plan.traces {
                note(
                    "batch \(batch) of slot \(write.attempt.slot) acknowledged as \(ledger.acknowledgementCount)"
                )
            }
        case .failed:
            routers[node - aggregatorCount].writes[batch] = nil
            report.writesFailed += 1
            if plan.traces { note("batch \(batch) of slot \(write.attempt.slot) failed") }
        }
    }

    // MARK: - Coordinators

    mutating func ask(_ node: Int) {
        let slot = random.number(in: 0...plan.slots - 1)
        let attempt = ReadAttempt(
            slot: slot, query: takeNumber(), view: view(of: node), limits: plan.limits, now: kernel.monotonic(node))
        coordinators[node - firstCoordinator].reads[attempt.query] = Read(
            attempt: attempt, after: ledger.acknowledgementCount)
        advanceRead(attempt.query, at: node)
        kernel.setTimer(.ask, node: node, after: Int64(random.number(in: 50_000...300_000)))
    }

    mutating func tickCoordinator(_ node: Int) {
        for query in coordinators[node - firstCoordinator].reads.keys.sorted() { advanceRead(query, at: node) }
    }

    private mutating func advanceRead(_ query: UInt64, at node: Int) {
        guard var read = coordinators[node - firstCoordinator].reads[query] else { return }
        var effects: [MovementEffect] = []
        let suspects = suspects
        read.attempt.advance(now: kernel.monotonic(node), isSuspect: suspects.contains, into: &effects)
        settle(read, effects, at: node)
    }

    mutating func receiveAtCoordinator(_ node: Int, _ message: MovementMessage, _ samples: [SimulatedSample]) {
        guard case .readReply(_, let query, let information, let members, let missingMax) = message,
            var read = coordinators[node - firstCoordinator].reads[query]
        else { return }
        var effects: [MovementEffect] = []
        let suspects = suspects
        let counts = read.attempt.receive(
            information, members: members, missingMax: missingMax, now: kernel.monotonic(node),
            isSuspect: suspects.contains, into: &effects)
        if case .whole = read.attempt.answer { read.samples = SampleSet() }
        if counts { read.samples.merge(samples) }
        settle(read, effects, at: node)
    }

    private mutating func settle(_ read: Read, _ effects: [MovementEffect], at node: Int) {
        for case .send(let message, let receiver) in effects { send(message, from: node, to: receiver) }
        let query = read.attempt.query
        guard let answer = read.attempt.answer else {
            coordinators[node - firstCoordinator].reads[query] = read
            return
        }
        coordinators[node - firstCoordinator].reads[query] = nil
        switch answer {
        case .whole: report.readsWhole += 1
        case .union: report.readsUnited += 1
        case .incomplete: report.readsIncomplete += 1
        }
        if case .incomplete = answer { return }
        let slot = read.attempt.slot
        if let problem = ledger.problem(of: read.samples, slot: slot, acknowledgedBefore: read.after) {
            fail("slot \(slot): an answer that counts as complete (\(answer)) \(problem)")
        }
    }
}
