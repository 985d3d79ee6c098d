import SlotMovement

/// What befalls the cluster, and whether it has got over it.
extension ClusterSimulation {
    /// The next fault; then the moment of the one after.
    mutating func injectFault() {
        guard !isQuiet else { return }
        if let node = plan.drained, oracle.members[node]?.isDraining == false { drain(node) }
        let kinds: [(ClusterFaults, (inout ClusterSimulation) -> Void)] = [
            (.noise, { $0.injectNoise() }), (.partitions, { $0.injectPartition() }), (.kills, { $0.injectKill() }),
            (.powerCuts, { $0.injectPowerCut() }), (.wipes, { $0.injectWipe() }), (.stalls, { $0.injectStall() }),
            (.clocks, { $0.injectClock() }), (.changes, { $0.injectChange() }), (.changes, { $0.injectLongAbsence() }),
            (.databaseAway, { $0.injectDatabaseAway() }), (.disasters, { $0.injectDisaster() }),
            (.rot, { $0.injectRot() }),
        ]
        let possible = kinds.filter { plan.faults.contains($0.0) }
        if !possible.isEmpty {
            let choice = random.number(in: 0...possible.count - 1)
            possible[choice].1(&self)
            report.faultsInjected += 1
        }
        kernel.schedule(Moment.fault, at: kernel.time + Int64(random.number(in: 300_000...6_000_000)))
    }

    /// Whether one more copy may be lost: fewer than the replication factor fail before all is whole again.
    private var mayLoseCopy: Bool { lossyFaults + 1 < oracle.assuredFactor }

    private var running: [Int] { oracle.memberNodes.filter { kernel.isRunning($0) } }

    private mutating func injectNoise() {
        kernel.network.quality = LinkQuality(
            lossPerMillion: random.number(in: 0...200_000), duplicatePerMillion: random.number(in: 0...100_000),
            delay: 100...random.number(in: 500...20_000), slowPerMillion: random.number(in: 0...50_000),
            slowDelay: 20_000...random.number(in: 50_000...3_000_000))
        note("noise \(kernel.network.quality)")
        if random.chance(perMillion: 400_000) { kernel.network.quality = .calm }
    }

    private mutating func injectPartition() {
        if random.chance(perMillion: 450_000) {
            kernel.network.mend()
            note("mend")
            return
        }
        let nodes = random.shuffled(Array(0..<kernel.nodeCount))
        let split = random.number(in: 1...nodes.count - 1)
        let (left, right) = (Array(nodes[..<split]), Array(nodes[split...]))
        kernel.network.cut(from: left, to: right)
        let isAsymmetric = random.chance(perMillion: 300_000)
        if !isAsymmetric { kernel.network.cut(from: right, to: left) }
        note("cut \(left) \(isAsymmetric ? "to" : "from") \(right)")
    }

    private mutating func injectKill() {
        let all = random.chance(perMillion: 150_000)
        let victims = all ? running : [random.element(of: running)].compactMap { $0 }
        for node in victims {
            kill(node)
            restart(node, after: random.number(in: 50_000...8_000_000))
        }
    }

    private mutating func injectPowerCut() {
        if plan.syncsEachRecord, random.chance(perMillion: 300_000) {
            for node in running {
                cutPower(node)
                restart(node, after: random.number(in: 50_000...8_000_000))
            }
            return
        }
        guard plan.syncsEachRecord || mayLoseCopy, let node = random.element(of: running) else { return }
        if !plan.syncsEachRecord { lossyFaults += 1 }
        cutPower(node)
        restart(node, after: random.number(in: 50_000...8_000_000))
    }

    private mutating func injectWipe() {
        guard mayLoseCopy, let node = random.element(of: running) else { return }
        lossyFaults += 1
        wipe(node)
        restart(node, after: random.number(in: 50_000...8_000_000))
    }

    private mutating func injectRot() {
        guard mayLoseCopy, let node = random.element(of: running) else { return }
        lossyFaults += 1
        let slot = random.number(in: 0...plan.slots - 1)
        note("rot n\(node) slot \(slot)")
        aggregators[node].store.rot(slot: slot)
        var effects: [MovementEffect] = []
        aggregators[node].keeper?.lose([slot], now: kernel.monotonic(node), into: &effects)
        perform(effects, at: node, beside: [])
    }

    private mutating func injectStall() {
        let node = random.number(in: 0...kernel.nodeCount - 1)
        let duration = random.number(in: 100_000...12_000_000)
        note("stall n\(node) for \(duration / 1_000) ms")
        if kernel.isRunning(node) { kernel.stall(node, for: Int64(duration)) }
    }

    private mutating func injectClock() {
        let node = random.number(in: 0...kernel.nodeCount - 1)
        let most = Int(plan.limits.clockDriftPerMillion) * 9 / 20
        kernel.setClock(
            node, driftPerMillion: random.number(in: -most...most),
            wallOffset: Int64(random.number(in: -3_600...3_600)) * 1_000_000)
    }

    /// A member joins, a member is drained, or the replication factor is changed.
    private mutating func injectChange() {
        let outside = (0..<aggregatorCount).filter { oracle.members[$0] == nil && !kernel.isRunning($0) }
        switch random.number(in: 0...4) {
        case 0:
            guard let node = random.element(of: outside) else { return }
            admit(node)
        case 1:
            let wanted = oracle.wantedNodes
            guard wanted.count > oracle.replicationFactor, wanted.count > 2, let node = random.element(of: wanted)
            else {
                return
            }
            drain(node)
        case 2:
            let most = min(5, oracle.wantedNodes.count)
            let factor = random.number(in: 1...most)
            guard lossyFaults == 0 || factor >= oracle.assuredFactor else { return }
            note("replication factor \(factor)")
            oracle.setReplicationFactor(factor)
            spreadView()
        case 3:
            let leaving = oracle.memberNodes.filter {
                oracle.members[$0]?.isDraining == true && aggregators[$0].keeper?.hasDeparted != true
            }
            guard let node = random.element(of: leaving) else { return }
            note("undrain n\(node)")
            oracle.undrain(node)
            spreadView()
        default: kernel.network.mend()
        }
    }

    private mutating func drain(_ node: Int) {
        note("drain n\(node)")
        oracle.drain(node)
        spreadView()
    }

    private mutating func admit(_ node: Int) {
        note("admit n\(node)")
        oracle.add(node, leastBoot: aggregators[node].boot + 1)
        versions[node] = oracle.version
        startAggregator(node)
        spreadView()
    }

    /// A member dies for longer than `replacementDelay`, and the others take its place; the disk may come back later.
    private mutating func injectLongAbsence() {
        guard mayLoseCopy, oracle.wantedNodes.count > oracle.replicationFactor, oracle.memberNodes.count > 2,
            running.count == oracle.memberNodes.count, let node = random.element(of: oracle.wantedNodes)
        else { return }
        lossyFaults += 1
        if random.chance(perMillion: 500_000) {
            kill(node)
        } else {
            // It lives on alone, and some clients still reach it.
            note("isolate n\(node)")
            let rest = (0..<aggregatorCount).filter { $0 != node }
            kernel.network.cut(from: [node], to: rest)
            kernel.network.cut(from: rest, to: [node])
        }
        absences.append((node, kernel.time + plan.replacementDelay))
    }

    private mutating func injectDatabaseAway() {
        guard kernel.isRunning(database) else { return }
        note("database away")
        kernel.crash(database)
        databaseBack = kernel.time + Int64(random.number(in: 500_000...25_000_000))
    }

    /// Every disk of every aggregator is lost at once; the database has what it has.
    private mutating func injectDisaster() {
        guard report.disasters == 0, random.chance(perMillion: 300_000) else { return }
        note("disaster")
        report.disasters += 1
        lossyFaults = 99
        ledger.forget(allBut: checkpoint.contents)
        for node in 0..<aggregatorCount {
            wipe(node)
            if oracle.members[node] != nil { restart(node, after: random.number(in: 50_000...8_000_000)) }
        }
        for index in routers.indices { routers[index].writes.removeAll() }
        for index in coordinators.indices { coordinators[index].reads.removeAll() }
    }

    private mutating func restart(_ node: Int, after delay: Int) {
        restarts.append((node, kernel.time + Int64(delay)))
    }

    /// Starts what is due; called twice a second.
    private mutating func startDue() {
        let now = kernel.time
        if now >= databaseBack, !kernel.isRunning(database) { kernel.start(database) }
        for (node, time) in restarts where time <= now && !kernel.isRunning(node) && oracle.members[node] != nil {
            if !absences.contains(where: { $0.node == node }) { startAggregator(node) }
        }
        restarts.removeAll { $0.time <= now && kernel.isRunning($0.node) }
        for (node, time) in absences where time <= now {
            absences.removeAll { $0.node == node }
            let dead = oracle.memberNodes.filter { !kernel.isRunning($0) || isCutOff($0) }
            let members = oracle.memberNodes.map {
                ReplacementGuard.Member(
                    node: NodeID(UInt32($0)), deadSince: dead.contains($0) ? now - plan.replacementDelay : nil)
            }
            let verdict = ReplacementGuard.verdict(
                members, assured: oracle.assuredFactor, delay: plan.replacementDelay, hasRoom: true, now: now)
            // Whoever came back in between is not replaced, nor two at once.
            guard verdict == .replace([NodeID(UInt32(node))]) else { continue }
            note("replace n\(node)")
            oracle.remove(node)
            spreadView()
        }
        for node in oracle.memberNodes where oracle.members[node]?.isDraining == true {
            let rest = oracle.memberNodes.filter { $0 != node }
            guard versions[node] == oracle.version, rest.allSatisfy({ versions[$0] == oracle.version }),
                aggregators[node].keeper?.depart() == true
            else { continue }
            // What it says goodbye with takes a while; until then routers still ask it.
            let delay = Int64(random.number(in: 0...3_000_000))
            if !leaving.contains(where: { $0.node == node }) { leaving.append((node, kernel.time + delay)) }
        }
        leave()
    }

    private mutating func leave() {
        for (node, time) in leaving where time <= kernel.time {
            leaving.removeAll { $0.node == node }
            guard kernel.isRunning(node), aggregators[node].keeper?.hasDeparted == true else { continue }
            note("leave n\(node)")
            oracle.remove(node)
            spreadView()
            kill(node)
        }
    }

    private func isCutOff(_ node: Int) -> Bool {
        oracle.memberNodes.allSatisfy { $0 == node || kernel.network.isCut(from: node, to: $0) }
    }

    mutating func endFaults() {
        isQuiet = true
        note("quiet")
        kernel.network.mend()
        kernel.network.quality = .calm
        absences.removeAll()
        databaseBack = 0
        for node in 0..<kernel.nodeCount { kernel.setClock(node, driftPerMillion: 0, wallOffset: 0) }
        for node in oracle.memberNodes where !kernel.isRunning(node) {
            restarts.removeAll { $0.node == node }
            startAggregator(node)
        }
        for node in 0..<aggregatorCount where oracle.members[node] == nil && kernel.isRunning(node) { kill(node) }
    }

    mutating func checkHealth() {
        startDue()
        suspects = Set((0..<aggregatorCount).filter { isLongDown($0) }.map { NodeID(UInt32($0)) })
        let areInformed = oracle.memberNodes.allSatisfy { versions[$0] == oracle.version }
        if oracle.advanceCopies(areInformed: areInformed, areSettled: false) { spreadView() }
        if illness == nil, absences.isEmpty {
            lossyFaults = 0
            if oracle.advanceCopies(areInformed: true, areSettled: true) {
                spreadView()
            } else if oracle.hasAllCopies, isQuiet, kernel.time > plan.faultSeconds * 1_000_000 + 5_000_000 {
                finish()
            }
        }
        kernel.schedule(Moment.check, at: kernel.time + 500_000)
    }

    /// What keeps the cluster from being whole; nil when nothing does.
    var illness: String? {
        for node in oracle.memberNodes {
            guard kernel.isRunning(node), let keeper = aggregators[node].keeper else { return "n\(node) is down" }
            if versions[node] != oracle.version { return "n\(node) has an old view" }
            if !keeper.isSettled { return "n\(node) is not settled" }
            if oracle.members[node]?.isDraining == true { return "n\(node) is still there" }
        }
        let view = oracle.views[oracle.version]
        for slot in 0..<plan.slots {
            // What is still under way may be on one replica and not yet on another.
            let before = isQuiet ? plan.faultSeconds * 1_000 : 0
            let digests = view.wanted(slot).map { windowDigests(Int($0.number), slot: slot, before: before) }
            if digests.contains(where: { $0 != digests[0] }) { return "replicas of slot \(slot) differ" }
            for owner in view.wanted(slot) {
                let node = Int(owner.number)
                guard let keeper = aggregators[node].keeper, keeper.isWhole(slot, now: kernel.monotonic(node)) else {
                    return "\(owner) is not whole in slot \(slot)"
                }
            }
        }
        return nil
    }

    /// All is whole: every owner has every acknowledged sample, by itself.
    private mutating func finish() {
        report.healed = kernel.time
        report.healingTime = kernel.time - plan.faultSeconds * 1_000_000
        let view = oracle.views[oracle.version]
        for slot in 0..<plan.slots {
            for owner in view.wanted(slot) {
                let samples = aggregators[Int(owner.number)].store.slots[slot]
                let count = ledger.acknowledgementCount
                if let problem = ledger.problem(of: samples, slot: slot, acknowledgedBefore: count) {
                    fail("after healing \(owner) \(problem) (slot \(slot))")
                }
            }
        }
    }
}
