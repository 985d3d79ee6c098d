import HTTPTypes
import NIOCore
import NIOHTTPTypes
import NIOWebSocket

/// Watches a connection until its first request has come: closes it when that takes too long or the server stops.
///
/// It leaves the pipeline once the connection's kind is known. Lives on the channel's event loop.
final class FirstRequestHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny
    /// Its name in the pipeline.
    static let name = "first-request"

    private var timeout: Scheduled<Void>?

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        timeout = context.eventLoop.scheduleTask(in: SurfaceChannel.firstRequestTime) { channel.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timeout?.cancel()
        timeout = nil
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent { context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A refused upgrade is answered as HTTP, by the responder; after anything else the connection is of no use.
        if !(error is NIOWebSocketUpgradeError) { context.close(promise: nil) }
    }
}

/// Closes a connection after a response that says `Connection: close`. Lives on the channel's event loop.
final class CloseAfterResponseHandler: ChannelOutboundHandler {
    typealias OutboundIn = HTTPResponsePart

    private var closes = false

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(let head):
            closes = head.headerFields[.connection]?.lowercased() == "close"
            context.write(data, promise: promise)
        case .body: context.write(data, promise: promise)
        case .end where closes:
            context.writeAndFlush(data, promise: promise)
            context.close(promise: nil)
        case .end: context.write(data, promise: promise)
        }
    }
}
