/// The times at which an expression is evaluated: start, start + step, … ; an instant query has one.
struct TimeGrid: Hashable, Sendable {
    /// First time, Unix milliseconds.
    var start: Int64
    /// Milliseconds between times, 1 or more.
    var step: Int64
    /// Number of times, 1 or more.
    var count: Int

    /// The time of step `index`, Unix milliseconds. The planner keeps all times far from overflow.
    func time(_ index: Int) -> Int64 { start &+ Int64(index) &* step }

    var end: Int64 { time(count - 1) }

    /// All times.
    var times: [Int64] { (0..<count).map(time) }
}

/// Which past a selector looks at from an evaluation time: `@` pins it, `offset` moves it.
struct SelectorTime: Hashable, Sendable {
    /// Unix milliseconds, when pinned.
    var at: Int64?
    /// Milliseconds into the past.
    var offset: Int64

    /// The time that the selector takes for now.
    func reference(_ time: Int64) -> Int64 { (at ?? time) &- offset }
}
