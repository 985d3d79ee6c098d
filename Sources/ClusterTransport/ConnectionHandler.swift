import ByteCoding
import NIOCore
import WireProtocol

/// Carries out the effects of one connection that are not about its socket.
protocol ConnectionDelegate: AnyObject {
    /// Called on the connection's event loop, in the order of the effects. `.close` has been seen to when it comes.
    func perform(_ effect: ConnectionEffect, on connection: ConnectionHandler)
}

/// The socket's side of a `Connection`: feeds it what arrives, sends what it puts out, and calls it in time.
///
/// Lives on its channel's event loop, as everything in it. No decisions here: those are the machine's.
final class ConnectionHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var machine: Connection
    private let delegate: any ConnectionDelegate
    private let counters: TransportCounters
    private var context: ChannelHandlerContext?
    /// Bytes that the machine has not consumed: the beginning of a frame.
    private var unread: ByteBuffer?
    private var effects: [ConnectionEffect] = []
    private var performing = false
    private var flushScheduled = false
    /// Whether a read was asked for while the peer did not take what we send.
    private var readHeldBack = false
    private var timer: Scheduled<Void>?
    private var timerInstant: MonotonicInstant?
    /// What of the machine's statistics the counters have already.
    private var published = ConnectionStatistics()

    init(machine: Connection, delegate: any ConnectionDelegate, counters: TransportCounters) {
        self.machine = machine
        self.delegate = delegate
        self.counters = counters
    }

    /// The time as the machines here tell it.
    static var now: MonotonicInstant {
        MonotonicInstant(milliseconds: Int64(NIODeadline.now().uptimeNanoseconds / 1_000_000))
    }

    // MARK: - Commands

    /// Gives the machine a command; what it puts out is sent together with what else this turn of the loop brings.
    func command<Result>(_ body: (inout Connection, inout [ConnectionEffect]) -> Result) -> Result {
        let result = body(&machine, &effects)
        afterInput()
        return result
    }

    // MARK: - Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { begin(context) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

    private func begin(_ context: ChannelHandlerContext) {
        counters.update { $0.connectionsOpen += 1 }
        afterInput()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        if var begun = unread.take() {
            begun.writeBuffer(&buffer)
            buffer = begun
        }
        let consumed = machine.receive(buffer.readableBytesSpan, now: Self.now, into: &effects)
        buffer.moveReaderIndex(forwardBy: consumed)
        if buffer.readableBytes > 0 {
            buffer.discardReadBytes()
            unread = buffer
        }
        performEffects()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        flush()
        armTimer()
        context.fireChannelReadComplete()
    }

    /// Reads go on only while the peer takes what we answer: a peer that does not read cannot make us gather answers for it.
    func read(context: ChannelHandlerContext) {
        if context.channel.isWritable || machine.role == .client {
            context.read()
        } else {
            readHeldBack = true
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        machine.writabilityChanged(context.channel.isWritable, into: &effects)
        afterInput()
        if context.channel.isWritable, readHeldBack {
            readHeldBack = false
            context.read()
        }
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        machine.lost(into: &effects)
        performEffects()
        publish()
        timer?.cancel()
        timer = nil
        counters.update { $0.connectionsOpen -= 1 }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Resets and time-outs of the socket: the connection is over, `channelInactive` says so to everybody.
        context.close(promise: nil)
    }

    // MARK: - After every input

    private func afterInput() {
        performEffects()
        armTimer()
        scheduleFlush()
    }

    private func performEffects() {
        // A delegate may give commands while effects are performed; theirs follow in the same loop.
        if performing { return }
        performing = true
        defer { performing = false }
        while !effects.isEmpty {
            let batch = effects
            effects.removeAll(keepingCapacity: true)
            for effect in batch {
                if case .close = effect { closeSocket() }
                delegate.perform(effect, on: self)
            }
        }
    }

    /// Commands of one turn of the loop share one flush.
    private func scheduleFlush() {
        guard !flushScheduled, !machine.output.isEmpty, let context else { return }
        flushScheduled = true
        context.eventLoop.assumeIsolated().execute {
            self.flushScheduled = false
            self.flush()
        }
    }

    private func flush() {
        guard let context else { return }
        if machine.output.isEmpty { return }
        // Pages released by the room that a write leaves are written in the same flush.
        while !machine.output.isEmpty {
            var buffer = context.channel.allocator.buffer(capacity: machine.output.count)
            buffer.writeBytes(machine.output.rawSpan)
            write(buffer, context)
            machine.outputTaken(writable: context.channel.isWritable, into: &effects)
        }
        context.flush()
        publish()
        performEffects()
        scheduleFlush()
    }

    /// Writes without a flush; the bytes count as unsent until the socket has taken them, or is closed.
    private func write(_ buffer: ByteBuffer, _ context: ChannelHandlerContext) {
        let bytes = buffer.readableBytes
        counters.update { $0.bytesUnsent += bytes }
        context.write(wrapOutboundOut(buffer)).whenComplete { [counters] _ in
            counters.update { $0.bytesUnsent -= bytes }
        }
    }

    private func closeSocket() {
        guard let context else { return }
        timer?.cancel()
        timer = nil
        var buffer = context.channel.allocator.buffer(capacity: machine.output.count)
        buffer.writeBytes(machine.output.rawSpan)
        machine.outputTaken(writable: false, into: &effects)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(buffer)).whenComplete { _ in bound.value.close(promise: nil) }
    }

    private func publish() {
        let current = machine.statistics
        counters.add(current, since: published)
        published = current
    }

    // MARK: - Time

    private func armTimer() {
        guard let context, let next = machine.nextTimer else { return }
        // A timer that fires early does no harm and is set anew; only an earlier one must replace it.
        if let timerInstant, timerInstant <= next { return }
        timer?.cancel()
        timerInstant = next
        let deadline = NIODeadline.uptimeNanoseconds(UInt64(max(next.milliseconds, 0)) * 1_000_000)
        timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
            self.timerInstant = nil
            self.machine.timer(now: Self.now, into: &self.effects)
            self.afterInput()
        }
    }
}
