import NIOCore

/// How long to wait before the next attempt to connect: doubling from 50 ms to 5 s, each pause between half and all of it.
///
/// The jitter keeps a hundred routers from knocking at a node together when it comes back.
struct BackOff: Sendable {
    private static let firstMilliseconds: Int64 = 50
    private static let lastMilliseconds: Int64 = 5_000

    private var milliseconds = BackOff.firstMilliseconds

    /// The next pause.
    mutating func next(using generator: some RandomNumberGenerator) -> TimeAmount {
        var generator = generator
        let pause = Int64.random(in: milliseconds / 2...milliseconds, using: &generator)
        milliseconds = min(2 * milliseconds, Self.lastMilliseconds)
        return .milliseconds(pause)
    }

    /// Begins anew after a success.
    mutating func reset() {
        milliseconds = Self.firstMilliseconds
    }
}
