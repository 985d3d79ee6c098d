import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import MetricModel
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import NIOWebSocket

/// One accepted connection: HTTP/1.1 handled by Hummingbird, or a WebSocket when its first request asks for the live path.
struct SurfaceChannel: HTTPChannelHandler {
    /// What a connection became with its first request.
    enum Kind: Sendable {
        case http(NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>, ClientPresence)
        case live
    }

    /// A connection whose kind is not known until its first request came.
    struct Value: ServerChildChannelValue {
        let kind: EventLoopFuture<Kind>
        let channel: any Channel
    }

    /// A connection that sends no whole request head within this time is closed.
    static let firstRequestTime = TimeAmount.seconds(30)

    let responder: HTTPChannelHandler.Responder
    let configuration: SurfaceConfiguration
    let live: LiveService?
    let readiness: Readiness

    /// The server's way to build one: Hummingbird gives the responder.
    static func builder(
        _ configuration: SurfaceConfiguration, live: LiveService?, readiness: Readiness
    ) -> HTTPServerBuilder {
        HTTPServerBuilder { responder in
            SurfaceChannel(
                responder: { request, writer, channel in
                    if request.headers[.expect]?.lowercased() == "100-continue", isBodyWanted(request, configuration) {
                        try await writer.writeInformationalHead(HTTPResponse(status: .continue))
                    }
                    try await responder(request, writer, channel)
                },
                configuration: configuration, live: live, readiness: readiness)
        }
    }

    private static func isBodyWanted(_ request: Request, _ configuration: SurfaceConfiguration) -> Bool {
        guard let length = request.headers[.contentLength].flatMap({ Int($0) }) else { return true }
        return length <= configuration.bounds.limits.ingestBodyBytesMax
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            // A connection keeps the buffer that it read into last: this one grows where more is sent.
            try channel.syncOptions?.setOption(
                .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 64, initial: 512, maximum: 65_536))
            let upgrade = NIOTypedHTTPServerUpgradeConfiguration<Kind>(
                upgraders: [liveUpgrader()],
                notUpgradingCompletionHandler: { channel in setUpHTTP(channel, logger) })
            var pipeline = NIOUpgradableHTTPServerPipelineConfiguration(upgradeConfiguration: upgrade)
            // Requests are taken one after another by `handleHTTP`, and HTTP types check what we send.
            pipeline.enablePipelining = false
            pipeline.enableResponseHeaderValidation = false
            pipeline.decoderConfiguration.maxHeaderListSize = configuration.headerBytesMax
            pipeline.decoderConfiguration.maxHeaderFieldSize = configuration.headerBytesMax
            pipeline.decoderConfiguration.maxHeaderFieldCount = 200
            let kind = try channel.pipeline.syncOperations.configureUpgradableHTTPServerPipeline(
                configuration: pipeline)
            try channel.pipeline.syncOperations.addHandler(FirstRequestHandler(), name: FirstRequestHandler.name)
            return Value(kind: kind, channel: channel)
        }
    }

    func handle(value: Value, logger: Logger) async {
        await withTaskCancellationHandler {
            switch try? await value.kind.get() {
            case .http(let channel, let presence):
                await ClientPresence.$current.withValue(presence) {
                    await handleHTTP(asyncChannel: channel, logger: logger)
                }
            // No task stays with a live connection: those are thousands, and the service closes them.
            case .live: break
            case nil: try? await value.channel.closeFuture.get()
            }
        } onCancel: {
            value.channel.close(promise: nil)
        }
    }

    private func setUpHTTP(_ channel: any Channel, _ logger: Logger) -> EventLoopFuture<Kind> {
        channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            pipeline.removeHandler(name: FirstRequestHandler.name, promise: nil)
            try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: false))
            try pipeline.addHandler(CloseAfterResponseHandler())
            try pipeline.addHandler(
                HTTPConnectionStateHandler(idleTimeout: configuration.idleTimeout, logger: logger))
            let presence = ClientPresence()
            try pipeline.addHandler(ClientPresenceHandler(presence: presence))
            return .http(
                try NIOAsyncChannel(
                    wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true)),
                presence)
        }
    }

    private func liveUpgrader() -> NIOTypedWebSocketServerUpgrader<Kind> {
        let bytesMax = configuration.live.messageBytesMax
        return NIOTypedWebSocketServerUpgrader(
            maxFrameSize: bytesMax,
            enableAutomaticErrorHandling: false,
            shouldUpgrade: { [live, readiness] channel, head in
                guard case .accepted = LiveHandshake(head).outcome, let live, live.hasRoom, readiness.isServing else {
                    return channel.eventLoop.makeSucceededFuture(nil)
                }
                return channel.eventLoop.makeSucceededFuture(HTTPHeaders())
            },
            upgradePipelineHandler: { [live] channel, head in
                channel.eventLoop.makeCompletedFuture {
                    guard case .accepted(let tenant) = LiveHandshake(head).outcome, let live else {
                        throw NIOWebSocketUpgradeError.unsupportedWebSocketTarget
                    }
                    let pipeline = channel.pipeline.syncOperations
                    pipeline.removeHandler(name: FirstRequestHandler.name, promise: nil)
                    try pipeline.addHandler(
                        NIOWebSocketFrameAggregator(
                            minNonFinalFragmentSize: 0, maxAccumulatedFrameCount: 64, maxAccumulatedFrameSize: bytesMax)
                    )
                    try pipeline.addHandler(
                        LiveChannelHandler(service: live, connection: live.opened(channel, tenant: tenant)))
                    return .live
                }
            })
    }
}

extension LiveHandshake {
    /// The handshake of a request head as NIO reads it.
    fileprivate init(_ head: HTTPRequestHead) {
        self.init(
            path: head.uri, host: head.headers.first(name: "host"), origin: head.headers.first(name: "origin"),
            tenant: head.headers.first(name: "x-scope-orgid"))
    }
}
