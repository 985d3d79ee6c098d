package import Logging
package import MetricModel
import SlotMovement
import WireProtocol

/// Brings deletions to all aggregators, and fetches those that others have.
///
/// Everybody asks everybody's digest from time to time, or some of them where there are many; sets that differ are exchanged whole and united. Who was
/// away asks before it answers its first question (`catchUp`).
package struct DeletionExchange: Sendable {
    /// `deletion_compare_interval`: between two rounds; shorter while somebody has not answered.
    private static let interval = Duration.seconds(5)
    private static let shortInterval = Duration.seconds(1)
    /// `deletion_peers_max`: other aggregators that one asks in a round.
    private static let peersMax = 3
    private static let catchUpPause = Duration.milliseconds(100)

    /// How long others are waited for.
    package struct Timeouts: Sendable {
        /// `deletion_timeout`: of one member's answer.
        package var answer = Duration.seconds(5)
        /// The same at a start, where each is asked again and again.
        package var catchUpAnswer = Duration.seconds(1)
        /// `deletion_catch_up_wait`: how long a start waits for the others' answers.
        package var catchUp = Duration.seconds(2)

        package init() {}
    }

    private let directory: any AggregatorDirectory
    private let keeper: DeletionKeeper
    /// This process' name where it is an aggregator.
    private let own: String?
    private let timeouts: Timeouts
    private let logger: Logger

    /// - Parameters:
    ///   - directory: knows the aggregators.
    ///   - keeper: what this process knows.
    ///   - own: this process' name where it keeps samples itself; nil where it follows those that do.
    ///   - timeouts: how long others are waited for.
    ///   - logger: told what cannot be kept.
    package init(
        directory: any AggregatorDirectory, keeper: DeletionKeeper, own: String?, timeouts: Timeouts = Timeouts(),
        logger: Logger
    ) {
        self.directory = directory
        self.keeper = keeper
        self.own = own
        self.timeouts = timeouts
        self.logger = logger
    }

    /// Who took deletions that were given to everybody.
    package struct Spread: Sendable {
        /// Aggregators that have them durably.
        package var taken = 0
        /// Aggregators, those that do not answer included.
        package var members = 0
        /// Names of those that should have answered and did not take them, with the reason.
        package var refusals: [String] = []

        /// Whether nobody who answers questions lacks them, and any two majorities have one in common that has them.
        package var isAssured: Bool { refusals.isEmpty && taken > members / 2 }
    }

    /// Gives deletions to all aggregators, this one included, and keeps them here.
    package func spread(_ deletions: [Deletion]) async -> Spread {
        guard let view = directory.aggregators else { return Spread() }
        var spread = Spread()
        spread.members = view.movement.members.count
        let request = DeletionsRequest(digest: 0, deletions: deletions)
        await withTaskGroup(of: (NodeID, Result<Answer, TypedError>).self) { group in
            for node in view.movement.members {
                // Who does not answer anybody is not waited for.
                let isSilent = view.suspects.contains(node) && directory.client(node)?.isConnected != true
                if !isSilent { group.addTask { (node, await ask(node, request, within: timeouts.answer)) } }
            }
            for await (node, result) in group {
                switch result {
                case .success: spread.taken += 1
                case .failure(let error):
                    // It is told when it comes back.
                    if view.suspects.contains(node), error.code == .unavailable || error.code == .deadlineExceeded {
                        continue
                    }
                    spread.refusals.append("\(directory.name(of: node)): \(error.message)")
                }
            }
        }
        spread.refusals.sort()
        if spread.isAssured { await keep(deletions) }
        return spread
    }

    /// Asks the others before this process answers anybody, until all that are there have answered, for a bounded time.
    package func catchUp() async {
        let end = ContinuousClock.now + timeouts.catchUp
        while await !compare(peersMax: .max, within: timeouts.catchUpAnswer), .now < end {
            do { try await Task.sleep(for: Self.catchUpPause) } catch { return }
        }
    }

    /// Compares with others until it is cancelled.
    package func run() async {
        while !Task.isCancelled {
            let isComplete = await compare(peersMax: own == nil ? .max : Self.peersMax, within: timeouts.answer)
            do {
                try await keeper.expire()
            } catch {
                logger.error("deletions cannot be written", metadata: ["error": "\(error)"])
            }
            do { try await Task.sleep(for: isComplete ? Self.interval : Self.shortInterval) } catch { return }
        }
    }

    /// One round: takes what others have, and gives what they lack where this one keeps them.
    ///
    /// - Returns: whether everybody who was asked has answered.
    private func compare(peersMax: Int, within timeout: Duration) async -> Bool {
        guard let view = directory.aggregators else { return false }
        let count = await keeper.changeCount
        let digest = keeper.known.digest
        var peers = view.movement.members.filter { directory.name(of: $0) != own && !view.suspects.contains($0) }
        if peers.count > peersMax { peers = Array(peers.shuffled().prefix(peersMax)) }
        var all = DeletionSet()
        var answers = 0
        await withTaskGroup(of: Answer?.self) { group in
            for node in peers {
                group.addTask {
                    let result = await ask(node, DeletionsRequest(digest: digest), within: timeout)
                    guard case .success(let answer) = result else { return nil }
                    if own != nil, answer.digest != digest { await settle(with: node, answer, within: timeout) }
                    return answer
                }
            }
            for await answer in group {
                guard let answer else { continue }
                answers += 1
                all.unite(answer.digest == digest ? keeper.known.set.all : answer.set.all)
            }
        }
        // What no aggregator has any more, retention has overtaken.
        if own == nil, answers == peers.count, answers == view.movement.members.count {
            await keeper.follow(all, since: count)
        } else if own == nil {
            await keep(all.all)
        }
        return answers == peers.count
    }

    /// Unites both sides' deletions. What was united may be too much for one message, so it is given in parts.
    private func settle(with node: NodeID, _ answer: Answer, within timeout: Duration) async {
        guard let united = await keep(answer.set.all), united.digest != answer.digest else { return }
        let all = united.all
        for start in stride(from: 0, to: all.count, by: DeletionSet.countMax) {
            let part = Array(all[start..<min(start + DeletionSet.countMax, all.count)])
            let result = await ask(node, DeletionsRequest(digest: united.digest, deletions: part), within: timeout)
            guard case .failure(let error) = result else { continue }
            logger.warning(
                "a member does not take deletions",
                metadata: ["member": "\(directory.name(of: node))", "error": "\(error.message)"])
            return
        }
    }

    @discardableResult
    private func keep(_ deletions: [Deletion]) async -> DeletionSet? {
        do {
            return try await keeper.keep(deletions)
        } catch {
            logger.error("deletions cannot be kept", metadata: ["error": "\(error)"])
            return nil
        }
    }

    /// What a member answered.
    private struct Answer: Sendable {
        var digest: UInt64
        /// Empty where the digest is that of the asker.
        var set: DeletionSet
    }

    private func ask(
        _ node: NodeID, _ request: DeletionsRequest, within timeout: Duration
    ) async -> Result<Answer, TypedError> {
        guard let client = directory.client(node) else {
            return .failure(TypedError(.unavailable, "there is no connection to it"))
        }
        do {
            try await client.waitUntilConnected(timeout: timeout)
            guard client.features.contains(.deletions) else {
                return .failure(TypedError(.versionMismatch, "its version does not know deletions"))
            }
            var answer = Answer(digest: 0, set: DeletionSet())
            var found: [Deletion] = []
            for try await page in client.query(.deletions(request), deadline: timeout) {
                guard case .deletions(let page) = page else {
                    return .failure(TypedError(.internal, "it answered with pages of another kind"))
                }
                answer.digest = page.digest
                found += page.deletions
            }
            answer.set = DeletionSet(found)
            return .success(answer)
        } catch {
            return .failure(error as? TypedError ?? TypedError(.internal, "\(error)"))
        }
    }
}
