import NIOCore

/// Pushes one lane's series, a sample at a time, no two of them within a step, and notes when each is acknowledged. Lives on the event loop.
///
/// The pauses are random between one and one and a half steps, so that the samples fall on all parts of a step alike.
final class Pusher: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let lane: Int
    private let step: Double
    private let tally: Tally
    private var number = 0

    init(lane: Int, step: Double, tally: Tally) {
        self.lane = lane
        self.step = step
        self.tally = tally
    }

    func channelActive(context: ChannelHandlerContext) {
        push(context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let text = String(buffer: unwrapInboundIn(data))
        guard text.hasPrefix("HTTP/1.1 204") else {
            tally.note(text)
            return
        }
        tally.acknowledged(number, lane: lane)
        let pause = TimeAmount.nanoseconds(Int64(Double.random(in: 1..<1.5) * step * 1e9))
        let this = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: pause) { this.value.0.push(this.value.1) }
    }

    /// Without a timestamp: it is stamped on arrival.
    private func push(_ context: ChannelHandlerContext) {
        number += 1
        let body = #"{"server_id":"lane-\#(lane)","metric_type":"live_lane","value":\#(number)}"#
        let request =
            "POST /api/metrics HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
            + body
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: request)), promise: nil)
    }
}
