import NIOCore
import NIOHTTP1

/// One request, as `HTTPPushClient` writes it to a channel.
struct PushRequest: Sendable {
    var head: HTTPRequestHead
    var body: ByteBuffer?
    var timeout: Duration
    var promise: EventLoopPromise<PushReply>
}

/// A reply, and whether another request may follow on the connection.
struct PushReply: Sendable {
    var reply: HTTPPushClient.Reply
    var keepsConnection: Bool
}

/// Carries one request at a time over a connection and collects its reply.
///
/// Lives on the channel's event loop. However the connection ends, the promise of the request under way is completed.
final class PushExchangeHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundIn = PushRequest
    typealias OutboundOut = HTTPClientRequestPart

    private struct Exchange {
        var promise: EventLoopPromise<PushReply>
        var deadline: Scheduled<Void>
        var timeoutMilliseconds: Int64
        var head: HTTPResponseHead?
        var body: [UInt8] = []
    }

    private let peer: String
    private let replyBytesMax: Int
    private var exchange: Exchange?

    init(peer: String, replyBytesMax: Int) {
        self.peer = peer
        self.replyBytesMax = replyBytesMax
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let request = unwrapOutboundIn(data)
        guard exchange == nil, context.channel.isActive else {
            request.promise.fail(HTTPClientError.connectionClosed(by: peer))
            promise?.fail(HTTPClientError.connectionClosed(by: peer))
            return
        }
        let this = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
        let deadline = context.eventLoop.scheduleTask(in: TimeAmount(request.timeout)) {
            this.value.handler.timedOut(context: this.value.context)
        }
        let (seconds, attoseconds) = request.timeout.components
        exchange = Exchange(
            promise: request.promise, deadline: deadline,
            timeoutMilliseconds: seconds * 1_000 + attoseconds / 1_000_000_000_000_000)
        context.write(wrapOutboundOut(.head(request.head)), promise: nil)
        if let body = request.body { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
        context.write(wrapOutboundOut(.end(nil)), promise: promise)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            exchange?.head = head
        case .body(let part):
            let size = (exchange?.body.count ?? 0) + part.readableBytes
            if size > replyBytesMax {
                fail(.replyTooLarge(from: peer, bytesMax: replyBytesMax), context)
            } else {
                exchange?.body.append(contentsOf: part.readableBytesView)
            }
        case .end:
            guard let done = exchange, let head = done.head else { return }
            exchange = nil
            done.deadline.cancel()
            let headers = head.headers.map { (name: $0.name, value: $0.value) }
            let reply = HTTPPushClient.Reply(status: Int(head.status.code), headers: headers, body: done.body)
            done.promise.succeed(PushReply(reply: reply, keepsConnection: head.isKeepAlive))
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail(.connectionClosed(by: peer), context)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(.connectionClosed(by: peer), context)
    }

    private func timedOut(context: ChannelHandlerContext) {
        guard let exchange else { return }
        fail(.timeout(from: peer, milliseconds: exchange.timeoutMilliseconds), context)
    }

    private func fail(_ error: HTTPClientError, _ context: ChannelHandlerContext) {
        let failed = exchange
        exchange = nil
        failed?.deadline.cancel()
        failed?.promise.fail(error)
        context.close(promise: nil)
    }
}
