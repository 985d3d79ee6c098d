import MetricModel
import NIOCore
import NIOWebSocket
import Synchronization

/// One live WebSocket as the service sees it: a way to send, and how much waits to be sent.
///
/// Safe from any thread: the channel is, and the counts are atomic.
final class LiveConnection: Sendable {
    let id: LiveConnectionID
    let tenant: TenantID
    private let channel: any Channel
    private let outboundBytesMax: Int
    private let outboundBytes = Atomic<Int>(0)
    private let messagesWaiting = Atomic<Int>(0)

    /// A connection that is closed once more than `outboundBytesMax` bytes wait to be sent.
    init(id: LiveConnectionID, tenant: TenantID, channel: any Channel, outboundBytesMax: Int) {
        self.id = id
        self.tenant = tenant
        self.channel = channel
        self.outboundBytesMax = outboundBytesMax
    }

    /// Bytes given to the channel that the system has not taken yet.
    var backlog: Int { outboundBytes.load(ordering: .relaxed) }

    /// Sends a text message; the buffer is shared, not copied.
    func send(_ text: ByteBuffer) {
        LiveConnection.send(text, to: [self])
    }

    /// Sends a text message to many; the buffer is shared, not copied, and each event loop is woken once.
    static func send(_ text: ByteBuffer, to connections: [LiveConnection]) {
        for (_, group) in Dictionary(grouping: connections, by: { ObjectIdentifier($0.channel.eventLoop) }) {
            let ready = group.filter { $0.reserve(text.readableBytes) }
            ready.first?.channel.eventLoop.execute { for connection in ready { connection.write(text) } }
        }
    }

    /// Counts bytes that are to be sent.
    ///
    /// Beyond the bytes that may wait the connection is closed at once, without a code: a client that does not read would
    /// never see one.
    private func reserve(_ size: Int) -> Bool {
        if outboundBytes.wrappingAdd(size, ordering: .relaxed).newValue <= outboundBytesMax { return true }
        outboundBytes.wrappingSubtract(size, ordering: .relaxed)
        cutOff()
        return false
    }

    /// On the channel's event loop.
    private func write(_ text: ByteBuffer) {
        let sent = channel.eventLoop.makePromise(of: Void.self)
        sent.futureResult.whenComplete { [self, size = text.readableBytes] _ in
            outboundBytes.wrappingSubtract(size, ordering: .relaxed)
        }
        channel.writeAndFlush(WebSocketFrame(fin: true, opcode: .text, data: text), promise: sent)
    }

    /// Closes with a code after everything that was sent before.
    func close(_ code: WebSocketErrorCode) {
        var data = channel.allocator.buffer(capacity: 2)
        data.write(webSocketErrorCode: code)
        let frame = WebSocketFrame(fin: true, opcode: .connectionClose, data: data)
        channel.writeAndFlush(frame).whenComplete { _ in self.channel.close(promise: nil) }
    }

    /// Closes at once, without a code and whatever waits to be sent.
    func cutOff() {
        channel.close(promise: nil)
    }

    /// Counts a message that came; false when too many wait already.
    func noteMessage(max: Int) -> Bool {
        messagesWaiting.wrappingAdd(1, ordering: .relaxed).newValue <= max
    }

    /// A message that came was taken.
    func noteTaken() {
        messagesWaiting.wrappingSubtract(1, ordering: .relaxed)
    }
}
