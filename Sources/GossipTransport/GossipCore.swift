import Logging
import Membership
import NIOCore
import NIOPosix

/// What a `GossipNode` owns: the state machine, the envelope, the UDP channel and one timer.
///
/// Datagrams are read in batches, and all that wait are handed over before the timer acts: a process that was paused hears its news first.
// Sendable because everything mutable is touched on `eventLoop` alone, which each entry point asserts.
final class GossipCore: @unchecked Sendable {
    let eventLoop: any EventLoop
    let configuration: GossipNodeConfiguration
    private let logger: Logger
    private let notices: AsyncStream<MembershipNotice>.Continuation
    private let known: [MemberRecord]

    private var machine: Membership
    private var envelope: Envelope
    private(set) var envelopeCounts = EnvelopeCounts()
    private(set) var strangers = Strangers()
    private var effects: [MembershipEffect] = []
    private var channel: (any Channel)?
    private var timer: Scheduled<Void>?
    private var timerAt = MembershipInstant.never
    private var isClosed = false
    private var finishWaiters: [CheckedContinuation<Void, Never>] = []
    /// Whether the peers file is older than what is known; a write is under way or planned then.
    private var isSaving = false
    private var hasUnsaved = false
    private var saveTimer: Scheduled<Void>?
    /// The newest write of the peers file; each waits for the one before.
    private var lastWrite: EventLoopFuture<Void>

    /// `datagrams_per_read_max`: read with one system call, and how often in a turn of the loop.
    static let datagramsPerRead = 64
    static let readsPerTurn: UInt = 16
    /// `peers_file_delay`: changes are gathered for so long before the file is written.
    static let saveDelay = TimeAmount.seconds(1)

    init(
        _ configuration: GossipNodeConfiguration, kept: MembershipSnapshot?, cipher: any GossipCipher,
        notices: AsyncStream<MembershipNotice>.Continuation, eventLoop: any EventLoop, logger: Logger
    ) {
        self.configuration = configuration
        self.eventLoop = eventLoop
        lastWrite = eventLoop.makeSucceededVoidFuture()
        self.logger = logger
        self.notices = notices
        known = kept?.members.filter { !$0.record.state.isGone }.map(\.record) ?? []
        var record = configuration.record
        if let kept, kept.me.name == record.name {
            record.version = max(record.version, kept.me.version + 1)
            // A member that starts again is still what it was: nobody takes its slots over meanwhile.
            if !kept.me.state.isGone { record.state = kept.me.state }
            record.leastBoot = kept.me.state.isGone ? kept.me.instance.boot + 1 : kept.me.leastBoot
            record.progress.leavesByForce = kept.me.progress.leavesByForce
        }
        machine = Membership(
            record: record, settings: kept?.settings, configuration: configuration.membership,
            seed: .random(in: .min ... .max))
        envelope = Envelope(
            cluster: kept?.settings.id ?? .unknown, keyring: configuration.keyring, cipher: cipher,
            salt: (.random(in: .min ... .max), .random(in: .min ... .max)))
    }

    static var now: MembershipInstant {
        MembershipInstant(microseconds: Int64(NIODeadline.now().uptimeNanoseconds / 1_000))
    }

    // MARK: - Life

    func bind(host: String, port: Int) -> EventLoopFuture<any Channel> {
        DatagramBootstrap(group: eventLoop)
            .channelOption(.datagramVectorReadMessageCount, value: Self.datagramsPerRead)
            .channelOption(
                .recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: Self.datagramsPerRead * 2_048)
            )
            .channelOption(.maxMessagesPerRead, value: Self.readsPerTurn)
            .channelOption(.socketOption(.so_rcvbuf), value: 1 << 20)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(DatagramHandler(core: self))
                }
            }
            .bind(host: host, port: port)
    }

    func start(channel: any Channel, address: NodeAddress, seeds: HostLookup.Finding) {
        eventLoop.preconditionInEventLoop()
        self.channel = channel
        machine.setAddress(address)
        machine.start(
            seeds: seeds.addresses, unfound: seeds.unfound, cluster: configuration.cluster,
            founding: configuration.founding, known: known, now: Self.now, into: &effects)
        perform()
    }

    func close() {
        eventLoop.preconditionInEventLoop()
        guard !isClosed else { return }
        isClosed = true
        timer?.cancel()
        channel?.flush()
        channel?.close(promise: nil)
        notices.finish()
        // Nobody who waits for the end waits for a change that might still come.
        if let saveTimer {
            saveTimer.cancel()
            saveNow()
        }
        settle()
    }

    /// Tells those who wait for the end, once what is known is on disk.
    private func settle() {
        guard isClosed, !isSaving, !hasUnsaved else { return }
        for waiter in finishWaiters { waiter.resume() }
        finishWaiters = []
    }

    func finished() async {
        await withCheckedContinuation { continuation in
            eventLoop.execute {
                self.finishWaiters.append(continuation)
                self.settle()
            }
        }
    }

    // MARK: - Input

    /// Takes the datagrams of one turn of the loop.
    func receive(_ datagrams: [AddressedEnvelope<ByteBuffer>]) {
        eventLoop.preconditionInEventLoop()
        guard !isClosed, machine.settings != nil else { return }
        let now = Self.now
        for datagram in datagrams {
            guard let address = NodeAddress(datagram.remoteAddress) else { continue }
            do throws(MembershipError) {
                let contents = try envelope.unwrap(Array(datagram.data.readableBytesView), as: .datagram)
                envelopeCounts.accepted += 1
                strangers.taken(from: address)
                machine.receive(contents, from: address, now: now, into: &effects)
            } catch {
                envelopeCounts.count(error)
                refuse(datagram.data, from: address, error, now: now)
            }
        }
        perform()
    }

    private func refuse(
        _ datagram: ByteBuffer, from sender: NodeAddress, _ error: MembershipError, now: MembershipInstant
    ) {
        let reason: Stranger.Reason
        switch error.code {
        case .unknownKey, .unsealed: reason = .otherKeys
        case .wrongCluster:
            guard let cluster = Envelope.cluster(of: Array(datagram.readableBytesView)) else { return }
            reason = .otherCluster(cluster)
        default: return
        }
        guard strangers.refused(from: sender, for: reason, at: now.microseconds) else { return }
        switch reason {
        case .otherKeys:
            logger.warning("gossip that no key here opens: other keys, or none", metadata: ["sender": "\(sender)"])
        case .otherCluster(let cluster):
            logger.warning(
                "gossip of another cluster comes here", metadata: ["sender": "\(sender)", "cluster": "\(cluster)"])
        }
    }

    /// Answers an exchange; empty to decline it.
    ///
    /// - Throws: while this member has not begun or has ended. Who asks then hears nothing: it is no reason to give up, as a refusal of its keys is.
    func answer(_ request: [UInt8]) throws(MembershipError) -> [UInt8] {
        eventLoop.preconditionInEventLoop()
        guard !isClosed, machine.phase == .joining || machine.phase == .member else { throw .notTakingPart }
        do throws(MembershipError) {
            let contents = try envelope.unwrap(request, as: .request, acceptsUnknownCluster: true)
            envelopeCounts.accepted += 1
            let answer = machine.answer(contents, now: Self.now, into: &effects)
            perform()
            return answer.map { envelope.wrap($0, as: .answer) } ?? []
        } catch {
            envelopeCounts.count(error)
            logger.debug("exchange refused", metadata: ["reason": "\(error)"])
            return []
        }
    }

    func command<Value>(
        _ body: (inout Membership, MembershipInstant, inout [MembershipEffect]) throws -> Value
    ) throws -> Value {
        eventLoop.preconditionInEventLoop()
        defer { perform() }
        return try body(&machine, Self.now, &effects)
    }

    func read<Value: Sendable>(_ body: @escaping @Sendable (borrowing Membership) -> Value) async throws -> Value {
        try await eventLoop.submit { body(self.machine) }.get()
    }

    var keyring: Keyring {
        eventLoop.preconditionInEventLoop()
        return envelope.keyring
    }

    func setKeyring(_ keyring: Keyring) {
        eventLoop.preconditionInEventLoop()
        envelope.keyring = keyring
    }

    // MARK: - Effects

    /// Carries out what the state machine wants, in order, and sets its timer.
    private func perform() {
        while !effects.isEmpty {
            let current = effects
            effects = []
            for effect in current { run(effect) }
        }
        channel?.flush()
        setTimer()
    }

    private func run(_ effect: MembershipEffect) {
        switch effect {
        case .send(let address, let contents): send(contents, to: address)
        case .exchange(let id, let address, let contents): exchange(id, contents, with: address)
        case .resolveSeeds: resolveSeeds()
        case .notify(let notice): tell(notice)
        }
    }

    private func send(_ contents: [UInt8], to address: NodeAddress) {
        guard let channel, let remote = try? address.socketAddress() else { return }
        let bytes = channel.allocator.buffer(bytes: envelope.wrap(contents, as: .datagram))
        channel.write(AddressedEnvelope(remoteAddress: remote, data: bytes), promise: nil)
    }

    private func exchange(_ id: SyncID, _ contents: [UInt8], with address: NodeAddress) {
        let request = envelope.wrap(contents, as: .request)
        let answer = eventLoop.makeCompletedFuture { try address.socketAddress() }.flatMap { [eventLoop] socket in
            ExchangeClientHandler.exchange(request, with: socket, on: eventLoop)
        }
        answer.whenComplete { self.finish(id, $0) }
    }

    private func finish(_ id: SyncID, _ answer: Result<[UInt8], any Error>) {
        eventLoop.preconditionInEventLoop()
        guard !isClosed else { return }
        do {
            let contents = try envelope.unwrap(try answer.get(), as: .answer)
            machine.answered(id, contents, now: Self.now, into: &effects)
        } catch {
            if let error = error as? MembershipError {
                if error == .declined { envelopeCounts.declined += 1 } else { envelopeCounts.count(error) }
            }
            machine.failed(id, now: Self.now, into: &effects)
        }
        perform()
    }

    private func resolveSeeds() {
        let seeds = configuration.seeds
        guard !seeds.isEmpty else { return }
        Task {
            let found = await HostLookup.look(up: seeds)
            eventLoop.execute {
                if !self.isClosed { self.machine.setSeeds(found.addresses, unfound: found.unfound) }
            }
        }
    }

    private func setTimer() {
        let wakeAt = machine.wakeAt
        guard wakeAt != timerAt || timer == nil, !isClosed else { return }
        timer?.cancel()
        timer = nil
        timerAt = wakeAt
        guard wakeAt < .never else { return }
        let deadline = NIODeadline.uptimeNanoseconds(UInt64(max(0, wakeAt.microseconds)) * 1_000)
        timer = eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
            self.timer = nil
            self.machine.tick(now: Self.now, into: &self.effects)
            self.perform()
        }
    }

    // MARK: - Notices

    private func tell(_ notice: MembershipNotice) {
        log(notice)
        notices.yield(notice)
        hasUnsaved = configuration.directory != nil
        switch notice {
        case .settings(let settings): envelope.cluster = settings.id
        case .expelled, .finished: close()
        case .joined, .added, .updated, .progressed, .suspected, .recovered, .died, .stopped, .gone, .dropped, .own:
            break
        }
        save()
    }

    private func log(_ notice: MembershipNotice) {
        switch notice {
        case .joined: logger.info("joined the cluster")
        case .added(let record):
            logger.info("member known", metadata: ["member": "\(record.name)", "address": "\(record.address)"])
        case .updated(let record):
            logger.info("member changed", metadata: ["member": "\(record.name)", "state": "\(record.state)"])
        case .progressed(let name): logger.debug("member is further", metadata: ["member": "\(name)"])
        case .suspected(let name): logger.info("member does not answer", metadata: ["member": "\(name)"])
        case .recovered(let name): logger.info("member answers again", metadata: ["member": "\(name)"])
        case .died(let name): logger.warning("member is dead", metadata: ["member": "\(name)"])
        case .stopped(let name): logger.info("member has stopped", metadata: ["member": "\(name)"])
        case .gone(let record):
            logger.info("member is gone", metadata: ["member": "\(record.name)", "state": "\(record.state)"])
        case .dropped(let name): logger.debug("member forgotten", metadata: ["member": "\(name)"])
        case .settings(let settings):
            logger.info("cluster settings", metadata: ["version": "\(settings.version)", "cluster": "\(settings.id)"])
        case .own(let record): logger.debug("own record", metadata: ["version": "\(record.version)"])
        case .finished: logger.info("the others know that this member goes")
        case .expelled(let reason): logger.error("not part of the cluster", metadata: ["reason": "\(reason)"])
        }
    }

    /// Writes the peers file now.
    func persist() -> EventLoopFuture<Void> {
        guard let directory = configuration.directory, let snapshot = machine.snapshot(now: Self.now) else {
            return eventLoop.makeSucceededVoidFuture()
        }
        return write(snapshot, in: directory)
    }

    private func write(_ snapshot: MembershipSnapshot, in directory: String) -> EventLoopFuture<Void> {
        let written = lastWrite.flatMapError { [eventLoop] _ in eventLoop.makeSucceededVoidFuture() }.flatMap {
            [eventLoop] in
            NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) { try PeersFile.write(snapshot, in: directory) }
        }
        lastWrite = written
        return written
    }

    /// Writes the peers file a little later, on a thread that may block; changes meanwhile make it be written once more.
    private func save() {
        guard configuration.directory != nil, hasUnsaved, !isSaving else { return }
        isSaving = true
        if isClosed { return saveNow() }
        saveTimer = eventLoop.assumeIsolated().scheduleTask(in: Self.saveDelay) { self.saveNow() }
    }

    private func saveNow() {
        saveTimer = nil
        hasUnsaved = false
        persist().assumeIsolated().whenComplete { result in
            if case .failure(let error) = result {
                self.logger.warning("peers file not written", metadata: ["error": "\(error)"])
            }
            self.isSaving = false
            self.save()
            self.settle()
        }
    }
}

/// Gathers the datagrams of one turn of the loop.
private final class DatagramHandler: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    private let core: GossipCore
    private var datagrams: [AddressedEnvelope<ByteBuffer>] = []

    init(core: GossipCore) { self.core = core }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { datagrams.append(unwrapInboundIn(data)) }

    func channelReadComplete(context: ChannelHandlerContext) {
        guard !datagrams.isEmpty else { return }
        core.receive(datagrams)
        datagrams.removeAll(keepingCapacity: true)
    }

    // An ICMP refusal of an earlier datagram is no reason to stop listening.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}
