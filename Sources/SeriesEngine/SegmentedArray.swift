/// An array that grows by fixed segments: growing never moves what is there, and a shared copy is unshared one segment at a time.
///
/// A value type: a sealed head keeps a copy for as long as it needs one while the engine goes on writing to its own.
struct SegmentedArray<Element: Sendable>: Sendable {
    /// Elements in a segment, as a power of two.
    private static var shift: Int { 12 }
    private static var size: Int { 1 << shift }
    private static var mask: Int { size - 1 }

    private var segments: [[Element]] = []
    private(set) var count = 0

    init() {}

    /// `count` copies of `element`.
    init(repeating element: Element, count: Int) {
        var rest = count
        while rest > 0 {
            let part = Swift.min(rest, Self.size)
            var segment: [Element] = []
            segment.reserveCapacity(Self.size)
            for _ in 0..<part { segment.append(element) }
            segments.append(segment)
            rest -= part
        }
        self.count = count
    }

    /// The element at `index`, which must be below `count`.
    subscript(index: Int) -> Element {
        @inline(__always)
        get { segments[index &>> Self.shift][index & Self.mask] }
        @inline(__always)
        _modify { yield &segments[index &>> Self.shift][index & Self.mask] }
    }

    /// Adds `element` at the end.
    mutating func append(_ element: Element) {
        if count & Self.mask == 0 {
            var segment: [Element] = []
            segment.reserveCapacity(Self.size)
            segments.append(segment)
        }
        segments[count &>> Self.shift].append(element)
        count += 1
    }
}
