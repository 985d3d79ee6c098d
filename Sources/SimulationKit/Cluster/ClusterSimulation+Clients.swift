import SlotMovement

/// Routers push batches and coordinators read slots, without pause.
extension ClusterSimulation {
    // MARK: - Routers

    /// Sends a new batch of one or several slots: new samples, or other values for samples sent before.
    mutating func push(_ node: Int) {
        let count = random.chance(perMillion: 500_000) ? 1 : random.number(in: 1...plan.slots)
        let slots = random.shuffled(Array(0..<plan.slots)).prefix(count).sorted()
        var samples: [SimulatedSample] = []
        for slot in slots {
            let new = newSamples(slot)
            ledger.sent(new, slot: slot)
            samples += new
        }
        let attempt = WriteAttempt(
            slots: slots, batch: takeNumber(), view: view(of: node), limits: plan.limits, now: kernel.monotonic(node))
        routers[node - aggregatorCount].writes[attempt.batch] = (attempt, samples)
        advanceWrite(attempt.batch, at: node, reply: nil)
        kernel.setTimer(.push, node: node, after: Int64(random.number(in: plan.pushPause)))
    }

    private mutating func newSamples(_ slot: Int) -> [SimulatedSample] {
        var samples: [SimulatedSample] = []
        for _ in 0..<random.number(in: 1...3) {
            var key = SampleKey(series: slot + plan.slots * random.number(in: 0...3), timestamp: kernel.time / 1_000)
            if random.chance(perMillion: 150_000), let known = ledger.someKey(slot: slot, random: &random) {
                key = known
            }
            let value = Double(random.number(in: 0...1_000))
            if !samples.contains(where: { $0.key == key }) { samples.append(SimulatedSample(key: key, value: value)) }
        }
        return samples
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

    mutating func receiveAtRouter(_ node: Int, _ reply: StoreReply) {
        advanceWrite(reply.batch, at: node, reply: reply)
    }

    private mutating func advanceWrite(_ batch: UInt64, at node: Int, reply: StoreReply?) {
        guard var write = routers[node - aggregatorCount].writes[batch] else { return }
        var requests: [AddressedStore] = []
        let now = kernel.monotonic(node)
        let suspects = suspects
        if let reply {
            write.attempt.receive(reply, now: now, isSuspect: suspects.contains, into: &requests)
        } else {
            write.attempt.advance(now: now, isSuspect: suspects.contains, into: &requests)
        }
        for request in requests { send(request, write.samples, from: node) }
        let slots = write.attempt.slots
        switch write.attempt.state {
        case .underWay: routers[node - aggregatorCount].writes[batch] = write
        case .acknowledged:
            routers[node - aggregatorCount].writes[batch] = nil
            for slot in slots {
                ledger.acknowledged(write.samples.filter { $0.key.series % plan.slots == slot }, slot: slot)
            }
            if plan.traces { note("batch \(batch) of \(slots) acknowledged as \(ledger.acknowledgementCount)") }
        case .failed:
            routers[node - aggregatorCount].writes[batch] = nil
            report.writesFailed += 1
            if plan.traces { note("batch \(batch) of \(slots) failed") }
        }
    }

    /// Sends a request with the samples of its slots, or in parts now and then, as a router does whose frames are bounded.
    private mutating func send(_ addressed: AddressedStore, _ samples: [SimulatedSample], from node: Int) {
        var parts = [addressed.request.slots]
        if addressed.request.slots.count > 1, random.chance(perMillion: 200_000) {
            let middle = random.number(in: 1...addressed.request.slots.count - 1)
            parts = [Array(addressed.request.slots[..<middle]), Array(addressed.request.slots[middle...])]
        }
        for slots in parts {
            var request = addressed.request
            request.slots = slots
            let beside = request.isRepeated ? [] : samples.filter { slots.contains($0.key.series % plan.slots) }
            let content = Packet.Content.store(request, requester(node))
            kernel.send(Packet(content: content, samples: beside), from: node, to: Int(addressed.node.number))
        }
    }

    private mutating func requester(_ node: Int) -> RequesterID { RequesterID(UInt64(node) << 48 | takeNumber()) }

    // MARK: - Coordinators

    mutating func ask(_ node: Int) {
        let slot = random.number(in: 0...plan.slots - 1)
        let attempt = ReadAttempt(
            slot: slot, view: view(of: node), limits: plan.limits, now: kernel.monotonic(node))
        let requester = requester(node)
        coordinators[node - firstCoordinator].reads[requester.number] = Read(
            attempt: attempt, after: ledger.acknowledgementCount)
        advanceRead(requester, at: node)
        kernel.setTimer(.ask, node: node, after: Int64(random.number(in: 50_000...300_000)))
    }

    mutating func tickCoordinator(_ node: Int) {
        for number in coordinators[node - firstCoordinator].reads.keys.sorted() {
            advanceRead(RequesterID(number), at: node)
        }
    }

    private mutating func advanceRead(_ requester: RequesterID, at node: Int) {
        guard var read = coordinators[node - firstCoordinator].reads[requester.number] else { return }
        var requests: [NodeID] = []
        let suspects = suspects
        read.attempt.advance(now: kernel.monotonic(node), isSuspect: suspects.contains, into: &requests)
        settle(read, requests, requester, at: node)
    }

    mutating func receiveAtCoordinator(
        _ node: Int, _ reply: ReadReply, _ samples: [SimulatedSample], _ requester: RequesterID
    ) {
        guard var read = coordinators[node - firstCoordinator].reads[requester.number] else { return }
        var requests: [NodeID] = []
        let suspects = suspects
        let counts = read.attempt.receive(
            reply, now: kernel.monotonic(node), isSuspect: suspects.contains, into: &requests)
        if case .whole = read.attempt.answer { read.samples = SampleSet() }
        if counts { read.samples.merge(samples) }
        settle(read, requests, requester, at: node)
    }

    private mutating func settle(_ read: Read, _ requests: [NodeID], _ requester: RequesterID, at node: Int) {
        for receiver in requests {
            let content = Packet.Content.read(slots: [read.attempt.slot], requester)
            kernel.send(Packet(content: content, samples: []), from: node, to: Int(receiver.number))
        }
        let number = requester.number
        guard let answer = read.attempt.answer else {
            coordinators[node - firstCoordinator].reads[number] = read
            return
        }
        coordinators[node - firstCoordinator].reads[number] = nil
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
