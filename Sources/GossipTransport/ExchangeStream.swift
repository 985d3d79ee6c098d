import ClusterTransport
import Membership
package import NIOCore
import NIOPosix
import Synchronization

// An exchange is a TCP connection to the cluster port of its own: the opening "MGX" 1, then a length (u32, little-endian) and as many bytes of
// an envelope each way. The answer's length is 0 when there is none. docs/membership.md, "Exchanges".

/// What both ends of an exchange know.
enum ExchangeStream {
    static let opening: [UInt8] = [0x4D, 0x47, 0x58, 1]
    static let bytesMax = SyncMessage.bytesMax + Envelope.overhead
    /// `exchange_timeout`: of a whole exchange.
    static let timeout = TimeAmount.seconds(5)
    /// `exchanges_max`: that are answered at once; further ones are closed.
    static let openMax = 64

    /// The bytes of a request or an answer.
    static func frame(_ envelope: [UInt8], opening: [UInt8], allocator: ByteBufferAllocator) -> ByteBuffer {
        var buffer = allocator.buffer(capacity: opening.count + 4 + envelope.count)
        buffer.writeBytes(opening)
        buffer.writeInteger(UInt32(envelope.count), endianness: .little)
        buffer.writeBytes(envelope)
        return buffer
    }

    /// Takes a frame off the front of what has arrived.
    ///
    /// - Returns: nil while it is not there as a whole.
    /// - Throws: `MembershipError` when it cannot be one.
    static func take(_ buffer: inout ByteBuffer, opening: [UInt8]) throws(MembershipError) -> [UInt8]? {
        guard buffer.readableBytes >= opening.count + 4 else { return nil }
        guard buffer.getBytes(at: buffer.readerIndex, length: opening.count) == opening,
            let length = buffer.getInteger(
                at: buffer.readerIndex + opening.count, endianness: .little, as: UInt32.self)
        else { throw MembershipError(.unknownVersion, in: "exchange") }
        guard length <= UInt32(bytesMax) else {
            throw MembershipError(.limitExceeded, in: "exchange", offset: opening.count)
        }
        guard buffer.readableBytes >= opening.count + 4 + Int(length) else { return nil }
        buffer.moveReaderIndex(forwardBy: opening.count + 4)
        return buffer.readBytes(length: Int(length))
    }
}

/// Answers exchanges on the cluster port.
package final class ExchangeGuest: ClusterPortGuest {
    package let opening = ExchangeStream.opening

    private let answer: @Sendable ([UInt8]) -> EventLoopFuture<[UInt8]>
    private let open = Mutex(0)

    /// - Parameter answer: gives the answer's envelope for a request's, empty to decline it; fails to close the connection without a word.
    init(answer: @escaping @Sendable ([UInt8]) -> EventLoopFuture<[UInt8]>) {
        self.answer = answer
    }

    package func attach(_ channel: any Channel) throws {
        let isTaken = open.withLock { open in
            if open >= ExchangeStream.openMax { return false }
            open += 1
            return true
        }
        guard isTaken else { throw MembershipError(.limitExceeded, in: "exchanges_max (\(ExchangeStream.openMax))") }
        channel.closeFuture.whenComplete { _ in self.open.withLock { $0 -= 1 } }
        try channel.pipeline.syncOperations.addHandler(ExchangeServerHandler(answer: answer))
    }
}

/// One exchange that another member began.
private final class ExchangeServerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let answer: @Sendable ([UInt8]) -> EventLoopFuture<[UInt8]>
    private var unread = ByteBuffer()
    private var isAsked = false
    private var timer: Scheduled<Void>?

    init(answer: @escaping @Sendable ([UInt8]) -> EventLoopFuture<[UInt8]>) { self.answer = answer }

    func handlerAdded(context: ChannelHandlerContext) {
        let bound = context.loopBound
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: ExchangeStream.timeout) {
            bound.value.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isAsked else { return context.close(promise: nil) }
        var bytes = unwrapInboundIn(data)
        unread.writeBuffer(&bytes)
        let request: [UInt8]?
        do throws(MembershipError) {
            request = try ExchangeStream.take(&unread, opening: ExchangeStream.opening)
        } catch {
            return context.close(promise: nil)
        }
        guard let request else { return }
        isAsked = true
        let channel = context.channel
        answer(request).whenComplete { result in
            guard case .success(let envelope) = result else { return channel.close(promise: nil) }
            let frame = ExchangeStream.frame(envelope, opening: [], allocator: channel.allocator)
            channel.writeAndFlush(frame).whenComplete { _ in channel.close(promise: nil) }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

extension MembershipError {
    /// The other side could not open the envelope, or would not answer.
    static let declined = MembershipError(.notAllowed, in: "exchange: no answer")
    /// This side has not begun yet, or has ended.
    static let notTakingPart = MembershipError(.notAllowed, in: "exchange: not a member now")
}

/// One exchange that this member begins.
final class ExchangeClientHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let request: [UInt8]
    private let promise: EventLoopPromise<[UInt8]>
    private var unread = ByteBuffer()
    private var isOver = false
    private var timer: Scheduled<Void>?

    private init(request: [UInt8], promise: EventLoopPromise<[UInt8]>) {
        self.request = request
        self.promise = promise
    }

    /// Connects, asks and waits for the answer.
    ///
    /// - Returns: the answer's envelope; fails when there is none in time.
    static func exchange(_ request: [UInt8], with address: SocketAddress, on eventLoop: any EventLoop)
        -> EventLoopFuture<[UInt8]>
    {
        let promise = eventLoop.makePromise(of: [UInt8].self)
        ClientBootstrap(group: eventLoop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .connectTimeout(ExchangeStream.timeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        ExchangeClientHandler(request: request, promise: promise))
                }
            }
            .connect(to: address)
            .whenFailure { promise.fail($0) }
        return promise.futureResult
    }

    func channelActive(context: ChannelHandlerContext) {
        let bound = context.loopBound
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: ExchangeStream.timeout) {
            bound.value.close(promise: nil)
        }
        let frame = ExchangeStream.frame(
            request, opening: ExchangeStream.opening, allocator: context.channel.allocator)
        context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        unread.writeBuffer(&bytes)
        do throws(MembershipError) {
            guard let answer = try ExchangeStream.take(&unread, opening: []) else { return }
            finish(
                answer.isEmpty ? .failure(.declined) : .success(answer))
        } catch {
            finish(.failure(error))
        }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        finish(.failure(MembershipError(.truncated, in: "exchange")))
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        finish(.failure(MembershipError(.truncated, in: "exchange")))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func finish(_ result: Result<[UInt8], MembershipError>) {
        if isOver { return }
        isOver = true
        promise.completeWith(result.mapError { $0 as any Error })
    }
}
