internal import ByteCoding
internal import MetricModel
package import SeriesEngine
package import SlotMovement

extension EngineHost {
    /// Hands messages of a member to the slots' machine. Samples beside them are read here, on the caller's thread.
    ///
    /// - Parameters:
    ///   - parcels: what does not decode is left out, as if it were lost.
    ///   - sender: the member.
    /// - Returns: why messages were not taken, of the last that was not: they are asked for again.
    @discardableResult
    package func receive(_ parcels: [MovementParcel], from sender: NodeID) -> EngineError? {
        var refusal: EngineError?
        var size = 256
        var taken: [OpenedParcel] = []
        for parcel in parcels {
            do {
                let opened = try Self.open(parcel)
                size += 256 + (opened.bundle?.memorySize ?? 0) + opened.bytes.count
                taken.append(opened)
            } catch {
                refusal = EngineError(.blockUnreadable, "what came beside a message about slots: \(error)")
            }
        }
        let delivery = QueuedMovement(parcels: taken, sender: sender, size: size)
        return queue.push(delivery, bytesMax: movementQueueBytesMax) ?? refusal
    }

    private static func open(_ parcel: MovementParcel) throws -> OpenedParcel {
        var opened = OpenedParcel(message: parcel.message)
        guard let bytes = parcel.attachment else {
            // Were it taken, its sender would believe that the samples are here.
            if parcel.message.hasSamples {
                throw EngineError(.blockUnreadable, "a message about slots without the samples that belong beside it")
            }
            return opened
        }
        opened.bytes = bytes
        if case .copy = parcel.message {
            opened.windows = try [Int64: WindowDigest](decoding: bytes.rawSpan)
        } else {
            opened.bundle = try SampleBundle(decoding: bytes.rawSpan)
        }
        return opened
    }

    /// Hands a router's batch to the engine of a cluster's node.
    ///
    /// - Parameters:
    ///   - input: the samples; those of other slots than the request's are not looked at.
    ///   - request: which slots, whom they are owed to.
    ///   - completion: called once, from the engine's thread or at once; with `.success` once the log has what is accepted, and nobody whom
    ///     the request skips may be read alone without it.
    package func store(
        _ input: AppendInput, _ request: StoreRequest,
        completion: @escaping @Sendable (Result<StoreOutcome, EngineError>) -> Void
    ) {
        let store = QueuedStore(input: input, request: request, size: input.memorySize, completion: completion)
        if let refusal = queue.push(store) { completion(.failure(refusal)) }
    }

    /// The same, waited for.
    package func store(_ input: AppendInput, _ request: StoreRequest) async throws -> StoreOutcome {
        try await withCheckedThrowingContinuation { waiter in
            store(input, request) { waiter.resume(with: $0.mapError { $0 as any Error }) }
        }
    }

    /// Takes over a newer view of the cluster.
    ///
    /// - Throws: `EngineError`; `.logFailed` while the log cannot be written, `.directoryUnusable` for a view of other slots than the data has, which is left aside.
    package func update(_ view: MovementView) async throws {
        try await onThread { thread throws(EngineError) in try thread.update(view) }
    }

    /// Takes nothing any more, if this node is not wanted for any slot and nothing is left to move, to pay or to drop.
    ///
    /// - Returns: whether that is so: the node may leave its cluster.
    package func depart() async throws -> Bool {
        try await onThread { $0.depart() }
    }

    /// Notes that all that the checkpoint has of some slots was installed here: the answer to `MovementNotice.restore`.
    ///
    /// - Parameters:
    ///   - slots: of the restore.
    ///   - damaged: `EngineHostStatistics.damagedSlotBlocks` before it was looked what is here.
    /// - Throws: `EngineError`: `.blockUnreadable` where slot blocks turned out to be damaged since, `.logFailed`, `.closed`: try again.
    package func restored(_ slots: [Int], unlessDamagedSince damaged: Int) async throws {
        try await onThread { thread throws(EngineError) in
            guard thread.statistics.damagedSlotBlocks == damaged else {
                throw EngineError(.blockUnreadable, "slot blocks turned out to be damaged while others were fetched")
            }
            guard thread.restored(slots) else {
                throw EngineError(
                    .logFailed, "the log cannot take that slots are restored", retryAfterMilliseconds: 1000)
            }
        }
    }

    /// What a coordinator is told of slots at this moment; nil where no machine keeps them.
    package func readReply(_ slots: [Int]) async throws -> ReadReply? {
        try await onThread { $0.movement?.keeper.readReply(slots, now: $0.movementNow) }
    }

    /// How the slots stand; nil where no machine keeps them.
    package func movementStatus() async throws -> MovementStatus? {
        try await onThread { $0.movementStatus }
    }

    /// How far this node is with each slot; nil where no machine keeps them.
    package func slotStates() async throws -> [SlotProgress]? {
        try await onThread { $0.movement?.keeper.states(now: $0.movementNow) }
    }

    /// The digests of a slot's windows that end before a time, by their starts.
    @concurrent
    package func windowDigests(slot: Int, before: Int64) async throws -> [Int64: WindowDigest] {
        let snapshot = try await onThread { $0.snapshot(ofSlot: UInt16(slot)) }
        return try snapshot.windowDigests(before: before, known: DigestCache(entriesMax: 0))
    }

    /// A page of a slot as it is now, as another replica gets it.
    ///
    /// - Parameters:
    ///   - slot: which one.
    ///   - cursor: 0, or what the page before said.
    ///   - bytesMax: where the page ends.
    /// - Returns: a `SampleBundle`'s bytes, and where the next page begins; nil at the end.
    /// - Throws: `EngineError`.
    @concurrent
    package func page(ofSlot slot: Int, cursor: Int, bytesMax: Int) async throws -> (bundle: [UInt8], next: Int?) {
        let snapshot = try await onThread { $0.snapshot(ofSlot: UInt16(slot)) }
        let page = try snapshot.page(
            cursor, bytesMax: bytesMax, samplesMax: BundleWriter.samplesMax / 4, theirs: [:],
            known: DigestCache(entriesMax: 0))
        return (page.bundle, page.next)
    }
}
