/// One predicate on a label. A label that is absent has the empty value.
package struct Matcher: Hashable, Sendable, CustomStringConvertible {
    /// How the value is compared; the numbers are those of the wire.
    package enum Operation: UInt8, Sendable, CaseIterable {
        case equal = 0
        case notEqual = 1
        case regex = 2
        case notRegex = 3

        /// As PromQL writes it.
        package var symbol: String {
            switch self {
            case .equal: "="
            case .notEqual: "!="
            case .regex: "=~"
            case .notRegex: "!~"
            }
        }
    }

    /// The label's name.
    package let name: String
    /// How its value is compared.
    package let operation: Operation
    /// What it is compared with: text, or an RE2 expression.
    package let value: String
    private let expression: RegularExpression?

    /// - Throws: `ModelError.badRegex` when the operation is a regex and `value` does not compile.
    package init(_ name: String, _ operation: Operation, _ value: String) throws(ModelError) {
        self.name = name
        self.operation = operation
        self.value = value
        switch operation {
        case .equal, .notEqual: expression = nil
        case .regex, .notRegex: expression = try RegularExpression(value)
        }
    }

    /// An equality matcher, which cannot fail.
    package init(equal name: String, _ value: String) {
        self.name = name
        self.operation = .equal
        self.value = value
        self.expression = nil
    }

    /// Whether a label with this value, or an absent label with the empty one, passes.
    package func matches(_ candidate: String) -> Bool {
        switch operation {
        case .equal: candidate.hasSameBytes(as: value)
        case .notEqual: !candidate.hasSameBytes(as: value)
        case .regex: expression?.matches(candidate) ?? false
        case .notRegex: !(expression?.matches(candidate) ?? false)
        }
    }

    /// Whether series without the label pass.
    package var matchesEmpty: Bool { matches("") }

    package static func == (left: Matcher, right: Matcher) -> Bool {
        left.name == right.name && left.operation == right.operation && left.value == right.value
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(name)
        hasher.combine(operation)
        hasher.combine(value)
    }

    package var description: String { "\(name)\(operation.symbol)\"\(value)\"" }
}

/// Times at each of which the newest sample not after it is wanted, where that is younger than a look-back: what an instant selector reads.
package struct SampleTimes: Hashable, Sendable {
    /// The first, Unix milliseconds.
    package var first: Int64
    /// Milliseconds from one to the next, 1 or more.
    package var step: Int64
    /// How many, 1 or more; none of the times is near the limits of its type.
    package var count: Int
    /// Milliseconds; a sample that is so old or older does not count.
    package var lookback: Int64

    /// - Parameters:
    ///   - first: Unix milliseconds.
    ///   - step: milliseconds, at least 1.
    ///   - count: at least 1.
    ///   - lookback: milliseconds, at least 1.
    package init(first: Int64, step: Int64, count: Int, lookback: Int64) {
        precondition(step > 0 && count > 0 && lookback > 0, "\(count) times of distance \(step), look-back \(lookback)")
        self.first = first
        self.step = step
        self.count = count
        self.lookback = lookback
    }

    /// The time of an index.
    package func time(_ index: Int) -> Int64 { first &+ Int64(index) &* step }

    /// The indices of the times from `start` on and before `end` at which a sample taken at `last` is not too old.
    package func indices(from start: Int64, before end: Int64, last: Int64) -> Range<Int> {
        let (reach, overflow) = last.addingReportingOverflow(lookback)
        let low = index(notBefore: start)
        return low..<max(low, index(notBefore: min(end, overflow ? .max : reach)))
    }

    /// The first index whose time is not before another; `count` where there is none.
    private func index(notBefore time: Int64) -> Int {
        if time <= first { return 0 }
        // Unsigned, because the difference may need all 64 bits.
        let steps = (UInt64(bitPattern: time &- first) &- 1) / UInt64(step) + 1
        return steps >= UInt64(count) ? count : Int(steps)
    }
}

/// Which samples are asked for: one tenant's series that pass every matcher, in a closed time range.
package struct SeriesSelection: Hashable, Sendable {
    package var tenant: TenantID
    package var matchers: [Matcher]
    /// First time wanted, Unix milliseconds.
    package var start: Int64
    /// Last time wanted, Unix milliseconds.
    package var end: Int64

    package init(tenant: TenantID, matchers: [Matcher], start: Int64, end: Int64) {
        self.tenant = tenant
        self.matchers = matchers
        self.start = start
        self.end = end
    }
}
