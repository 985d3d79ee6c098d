import NIOCore
import Synchronization

/// Whether the client of an HTTP connection is still there, for requests that take long.
///
/// One request is at work on a connection at a time, so one listener is enough.
final class ClientPresence: Sendable {
    private struct State {
        var isGone = false
        var listener: (@Sendable () -> Void)?
    }

    /// The client of the request that the current task answers; nil outside a server.
    @TaskLocal static var current: ClientPresence?

    private let state = Mutex(State())

    /// Has `listener` called once when the client goes, at once when it is gone; nil listens no more.
    func whenGone(_ listener: (@Sendable () -> Void)?) {
        let isGone = state.withLock { state in
            state.listener = listener
            return state.isGone
        }
        if isGone { listener?() }
    }

    /// The client is gone.
    func leave() {
        let listener = state.withLock { state in
            state.isGone = true
            return state.listener
        }
        listener?()
    }
}

/// Notices that a client has closed its side or is gone. Lives on the channel's event loop.
final class ClientPresenceHandler: ChannelInboundHandler {
    typealias InboundIn = NIOAny

    private let presence: ClientPresence

    init(presence: ClientPresence) {
        self.presence = presence
    }

    func channelInactive(context: ChannelHandlerContext) {
        presence.leave()
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event as? ChannelEvent == .inputClosed { presence.leave() }
        context.fireUserInboundEventTriggered(event)
    }
}
