package import NIOCore

/// Another protocol on the cluster port: a connection that begins with its opening is its own, every other one speaks frames.
package protocol ClusterPortGuest: Sendable {
    /// The first four bytes of its connections; not those of a frame.
    var opening: [UInt8] { get }

    /// Takes a connection over.
    ///
    /// Called on the channel's event loop; what has arrived, the opening included, is read next.
    /// - Throws: closes the connection.
    func attach(_ channel: any Channel) throws
}

/// Reads a connection's first four bytes and gives it to the protocol that they belong to.
final class OpeningSwitch: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// `opening_timeout`: a connection that does not say what it is within this time is closed.
    static let timeout = TimeAmount.seconds(5)

    private let guests: [any ClusterPortGuest]
    private let attachDefault: (any Channel) throws -> Void
    private var unread = ByteBuffer()
    private var timer: Scheduled<Void>?

    /// - Parameters:
    ///   - guests: looked at in this order.
    ///   - attachDefault: takes every other connection over.
    init(guests: [any ClusterPortGuest], attachDefault: @escaping (any Channel) throws -> Void) {
        self.guests = guests
        self.attachDefault = attachDefault
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let bound = context.loopBound
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: Self.timeout) { bound.value.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        unread.writeBuffer(&bytes)
        guard let opening = unread.getBytes(at: unread.readerIndex, length: 4) else { return }
        do {
            if let guest = guests.first(where: { $0.opening == opening }) {
                try guest.attach(context.channel)
            } else {
                try attachDefault(context.channel)
            }
        } catch {
            return context.close(promise: nil)
        }
        let all = unread
        unread.clear()
        context.fireChannelRead(wrapInboundOut(all))
        context.fireChannelReadComplete()
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }
}
