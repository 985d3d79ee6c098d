import Foundation
import NIOCore
import NIOPosix

/// Plays the audience of live queries, and pushes the samples whose way to it is timed; told by Benchmarks/live.py.
///
///     live-audience --coordinator HOST:PORT --router HOST:PORT --expressions FILE --connections N --seconds N --step S
///
/// FILE has a line for each expression: the lane that it shows or `-`, a tab, the expression. Connection `i` subscribes to expression `i mod count`.
/// Everything happens on one event loop. Prints `subscribed` once every connection has its snapshot, `begin` a few seconds later, `end` after the
/// seconds, then one line of JSON, and goes once its standard input ends.
@main struct LiveAudience {
    struct Options {
        var coordinator: SocketAddress
        var router: SocketAddress
        var expressions: [Expression] = []
        var connections = 10_000
        var seconds: Int64 = 60
        var step = 1.0
    }

    /// What is subscribed to; `lane` is the number of the pushed series that it shows.
    struct Expression {
        var lane: Int?
        var text: String
    }

    static func main() throws {
        let options = try parse(Array(CommandLine.arguments.dropFirst()))
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let tally = try loop.submit { NIOLoopBound(Tally(), eventLoop: loop) }.wait()
        let subscribed = loop.makePromise(of: Void.self)
        loop.execute { Entrance(options, tally.value, loop, subscribed).open() }
        try subscribed.futureResult.wait()
        say("subscribed")
        let lanes = Set(options.expressions.compactMap(\.lane)).sorted()
        for lane in lanes {
            _ = ClientBootstrap(group: group)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(
                            Pusher(lane: lane, step: options.step, tally: tally.value))
                    }
                }
                .connect(to: options.router)
        }
        sleep(5)
        try loop.submit { tally.value.begin() }.wait()
        say("begin")
        sleep(UInt32(options.seconds))
        let report = try loop.submit { tally.value.report() }.wait()
        say("end")
        say(report)
        while readLine() != nil {}
        exit(0)
    }

    /// At once: whoever reads waits for it.
    private static func say(_ text: String) {
        FileHandle.standardOutput.write(Data((text + "\n").utf8))
    }

    private static func parse(_ arguments: [String]) throws -> Options {
        var values: [String: String] = [:]
        for index in stride(from: 0, to: arguments.count - 1, by: 2) { values[arguments[index]] = arguments[index + 1] }
        guard let coordinator = values["--coordinator"], let router = values["--router"],
            let file = values["--expressions"]
        else {
            print(
                "usage: live-audience --coordinator HOST:PORT --router HOST:PORT --expressions FILE --connections N --seconds N --step S"
            )
            exit(2)
        }
        var options = Options(coordinator: try address(coordinator), router: try address(router))
        for line in try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n") {
            let parts = line.split(separator: "\t", maxSplits: 1)
            options.expressions.append(Expression(lane: Int(parts[0]), text: String(parts[1])))
        }
        options.connections = values["--connections"].flatMap { Int($0) } ?? options.connections
        options.seconds = values["--seconds"].flatMap { Int64($0) } ?? options.seconds
        options.step = values["--step"].flatMap { Double($0) } ?? options.step
        return options
    }

    private static func address(_ text: String) throws -> SocketAddress {
        let colon = text.lastIndex(of: ":") ?? text.endIndex
        return try SocketAddress(ipAddress: String(text[..<colon]), port: Int(text[text.index(after: colon)...]) ?? 0)
    }
}

/// Opens the connections, at most so many at a time. Lives on the event loop.
final class Entrance {
    private static let openingMax = 100

    private let options: LiveAudience.Options
    private let tally: Tally
    private let loop: any EventLoop
    private let subscribed: EventLoopPromise<Void>
    private var opened = 0
    private var listening = 0

    init(_ options: LiveAudience.Options, _ tally: Tally, _ loop: any EventLoop, _ subscribed: EventLoopPromise<Void>) {
        self.options = options
        self.tally = tally
        self.loop = loop
        self.subscribed = subscribed
    }

    func open() {
        while opened < options.connections, opened - listening < Entrance.openingMax {
            let expression = options.expressions[opened % options.expressions.count]
            opened += 1
            let this = NIOLoopBound(self, eventLoop: loop)
            ClientBootstrap(group: loop)
                .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 16 << 10))
                .channelInitializer { [step = options.step] channel in
                    channel.eventLoop.makeCompletedFuture {
                        let entrance = this.value
                        let listener = Listener(expression, step: step, tally: entrance.tally) {
                            entrance.listening += 1
                            if entrance.listening == entrance.options.connections { entrance.subscribed.succeed() }
                            entrance.open()
                        }
                        try channel.pipeline.syncOperations.addHandler(listener)
                    }
                }
                .connect(to: options.coordinator)
                .whenFailure { print("live-audience: \($0)") }
        }
    }
}
