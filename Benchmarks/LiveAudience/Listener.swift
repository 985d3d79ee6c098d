import NIOCore

/// One subscriber: upgrades, subscribes once, and counts what comes. Lives on the event loop.
final class Listener: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum Opcode {
        static let text: UInt8 = 1
        static let close: UInt8 = 8
        static let ping: UInt8 = 9
        static let pong: UInt8 = 10
    }

    /// As much of a frame as is looked at; one of a lane fits.
    private static let bytesRead = 512

    private let expression: LiveAudience.Expression
    private let step: Double
    private let tally: Tally
    private let subscribed: () -> Void
    private var isUpgraded = false
    private var received = ByteBuffer()
    private var newestSeen = -1
    private var lastTime = 0.0

    init(_ expression: LiveAudience.Expression, step: Double, tally: Tally, subscribed: @escaping () -> Void) {
        self.expression = expression
        self.step = step
        self.tally = tally
        self.subscribed = subscribed
    }

    func channelActive(context: ChannelHandlerContext) {
        let request =
            "GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: request)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var chunk = unwrapInboundIn(data)
        if received.readableBytes == 0 { received = chunk } else { received.writeBuffer(&chunk) }
        if !isUpgraded, !upgrade(context) { return }
        while let (opcode, payload) = nextFrame() { take(opcode, payload, context) }
        // A buffer that is kept keeps what the channel read into it.
        if received.readableBytes == 0 { received = ByteBuffer() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        tally.connectionsLost += 1
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func upgrade(_ context: ChannelHandlerContext) -> Bool {
        let bytes = received.readableBytesView
        guard let end = bytes.indices.first(where: { bytes[$0...].starts(with: [13, 10, 13, 10]) }) else {
            return false
        }
        guard bytes.starts(with: "HTTP/1.1 101".utf8) else {
            tally.note("not upgraded: \(String(decoding: bytes, as: UTF8.self))")
            context.close(promise: nil)
            return false
        }
        received.moveReaderIndex(to: end + 4)
        isUpgraded = true
        let quoted = expression.text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        send(Opcode.text, #"{"type":"subscribe","id":"a","query":"\#(quoted)","step":\#(step)}"#, context)
        return true
    }

    /// A client's frames are masked; by zeros here (RFC 6455, section 5.3, asks for randomness against proxies only).
    private func send(_ opcode: UInt8, _ text: String, _ context: ChannelHandlerContext) {
        let size = text.utf8.count
        var frame = ByteBuffer()
        frame.writeInteger(0x80 | opcode)
        if size < 126 {
            frame.writeInteger(0x80 | UInt8(size))
        } else {
            frame.writeInteger(UInt8(0x80 | 126))
            frame.writeInteger(UInt16(size))
        }
        frame.writeInteger(UInt32(0))
        frame.writeString(text)
        context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }

    /// The next whole frame: its opcode and the first bytes of its payload.
    private func nextFrame() -> (opcode: UInt8, payload: [UInt8])? {
        let start = received.readerIndex
        guard let head = received.getInteger(at: start, as: UInt16.self) else { return nil }
        var header = 2
        var size = Int(head & 0x7f)
        if size == 126 {
            guard let long = received.getInteger(at: start + 2, as: UInt16.self) else { return nil }
            (header, size) = (4, Int(long))
        } else if size == 127 {
            guard let long = received.getInteger(at: start + 2, as: UInt64.self) else { return nil }
            (header, size) = (10, Int(long))
        }
        guard received.readableBytes >= header + size else { return nil }
        let payload = received.getBytes(at: start + header, length: min(size, Listener.bytesRead)) ?? []
        received.moveReaderIndex(forwardBy: header + size)
        return (UInt8(head >> 8) & 0x0f, payload)
    }

    private func take(_ opcode: UInt8, _ payload: [UInt8], _ context: ChannelHandlerContext) {
        switch opcode {
        case Opcode.text: message(payload)
        case Opcode.ping: send(Opcode.pong, "", context)
        case Opcode.close: context.close(promise: nil)
        default: break
        }
    }

    private func message(_ text: [UInt8]) {
        if text.starts(with: #"{"type":"data""#.utf8) {
            let time = text.number(after: #","time":"#) ?? 0
            tally.frame(time: time, stepsMissed: lastTime == 0 ? 0 : Int(((time - lastTime) / step).rounded()) - 1)
            lastTime = time
            guard let lane = expression.lane, let value = text.number(after: #""values":[["#, then: #",""#) else {
                return
            }
            if Int(value) > newestSeen {
                newestSeen = Int(value)
                tally.arrived(newestSeen, lane: lane)
            }
        } else if text.starts(with: #"{"type":"subscribed""#.utf8) {
            subscribed()
        } else if text.starts(with: #"{"type":"dropped""#.utf8) {
            tally.framesDropped += Int(text.number(after: #""frames":"#) ?? 0)
        } else {
            tally.note(String(decoding: text, as: UTF8.self))
        }
    }
}

extension [UInt8] {
    /// The decimal number behind the first occurrence of one text, or of a second behind it.
    fileprivate func number(after first: StaticString, then second: StaticString? = nil) -> Double? {
        guard var start = end(of: "\(first)", from: 0) else { return nil }
        if let second {
            guard let next = end(of: "\(second)", from: start) else { return nil }
            start = next
        }
        var whole = 0.0
        var scale = 0.0
        for byte in self[start...] {
            if byte == UInt8(ascii: "."), scale == 0 {
                scale = 1
            } else if (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
                whole = whole * 10 + Double(byte - UInt8(ascii: "0"))
                scale *= 10
            } else {
                break
            }
        }
        return scale > 1 ? whole / scale : whole
    }

    private func end(of text: String, from start: Int) -> Int? {
        let wanted = Array(text.utf8)
        guard count >= start + wanted.count else { return nil }
        for index in start...(count - wanted.count) where self[index] == wanted[0] {
            if self[index...].starts(with: wanted) { return index + wanted.count }
        }
        return nil
    }
}
