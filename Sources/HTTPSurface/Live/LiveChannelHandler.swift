import NIOCore
import NIOWebSocket

/// The WebSocket end of one live connection: hands text to the service, answers pings, sends its own, and closes what is
/// silent or breaks the protocol.
///
/// Lives on the channel's event loop, behind a frame aggregator: each frame here is a whole message.
final class LiveChannelHandler: ChannelDuplexHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    /// Between two pings of ours.
    static let pingInterval = TimeAmount.seconds(15)
    /// After a ping, something must have come within this time.
    static let answerTime = TimeAmount.seconds(30)

    private let service: LiveService
    private let connection: LiveConnection
    private var lastHeard = NIODeadline.now()
    private var pings: RepeatedTask?
    private var isClosing = false
    private var readHeldBack = false

    init(service: LiveService, connection: LiveConnection) {
        self.service = service
        self.connection = connection
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let this = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
        pings = context.eventLoop.scheduleRepeatedTask(
            initialDelay: LiveChannelHandler.pingInterval, delay: LiveChannelHandler.pingInterval
        ) { _ in
            this.value.handler.ping(context: this.value.context)
        }
        context.channel.closeFuture.whenComplete { [service, connection] _ in service.closed(connection) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        pings?.cancel()
        pings = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        lastHeard = .now()
        switch frame.opcode {
        case .text: service.received(frame.unmaskedData, from: connection)
        case .ping: send(.pong, frame.unmaskedData, context)
        case .pong: break
        case .connectionClose: answerClose(frame, context)
        case .binary, .continuation: close(.unacceptableData, context)
        default: close(.protocolError, context)
        }
    }

    /// Reads go on only while the client takes what we send: one that does not cannot make us gather answers for it.
    func read(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            context.read()
        } else {
            readHeldBack = true
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { readOn(context) }
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case NIOWebSocketError.invalidFrameLength, NIOWebSocketFrameAggregator.Error.accumulatedFrameSizeIsTooLarge,
            NIOWebSocketFrameAggregator.Error.tooManyFragments:
            close(.messageTooLarge, context)
        default: close(.protocolError, context)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // A client that has closed its side reads no more of ours.
        if event as? ChannelEvent == .inputClosed { context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    private func ping(context: ChannelHandlerContext) {
        if NIODeadline.now() - lastHeard > LiveChannelHandler.answerTime {
            context.close(promise: nil)
        } else {
            send(.ping, ByteBuffer(), context)
            // One read a ping at least, or the pongs of a client that reads slowly but lives were never heard.
            readOn(context)
        }
    }

    private func readOn(_ context: ChannelHandlerContext) {
        if !readHeldBack { return }
        readHeldBack = false
        context.read()
    }

    private func answerClose(_ frame: WebSocketFrame, _ context: ChannelHandlerContext) {
        if isClosing { return context.close(promise: nil) }
        isClosing = true
        // The code comes back as it came (RFC 6455, section 5.5.1).
        let code = frame.unmaskedData.readableBytesView.prefix(2)
        let answer = WebSocketFrame(fin: true, opcode: .connectionClose, data: ByteBuffer(bytes: code))
        closeAfter(answer, context)
    }

    private func close(_ code: WebSocketErrorCode, _ context: ChannelHandlerContext) {
        if isClosing { return }
        isClosing = true
        var data = context.channel.allocator.buffer(capacity: 2)
        data.write(webSocketErrorCode: code)
        closeAfter(WebSocketFrame(fin: true, opcode: .connectionClose, data: data), context)
    }

    private func closeAfter(_ frame: WebSocketFrame, _ context: ChannelHandlerContext) {
        let this = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(frame)).whenComplete { _ in this.value.close(promise: nil) }
    }

    private func send(_ opcode: WebSocketOpcode, _ data: ByteBuffer, _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(WebSocketFrame(fin: true, opcode: opcode, data: data)), promise: nil)
    }
}
