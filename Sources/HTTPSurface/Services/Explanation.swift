package import MetricModel

/// Whether an answer explains itself: the parameter `explain`.
package enum ExplainMode: String, Hashable, Sendable {
    /// It does not.
    case none = ""
    /// How it would be found; nothing is read.
    case plan
    /// How it was found.
    case analyze
}

/// How a query is or was answered: the plan here, and what other nodes are or were asked for it.
package struct Explanation: Sendable {
    /// Parts of one piece of work that are told, and pieces of work.
    package static let partsMax = 200
    package static let workMax = 100

    /// One question to one node.
    package struct Part: Sendable {
        /// The node's name.
        package var node: String
        /// Slots that it was asked about.
        package var slotCount: Int
        /// `planned`, or what came of it: `used`, `dropped` (another answer was there first), `not whole`, `failed`.
        package var outcome: String
        /// Why it failed; nil where it did not.
        package var failure: String?
        /// Whether a union of what several nodes have was asked for.
        package var isRaw = false
        /// Whether it was asked because another node was slow.
        package var isHedge = false
        /// As the asker saw it; nil where there was no answer.
        package var microseconds: Int?
        /// What the node did; nil where it did not say.
        package var series: Int?
        package var samples: Int?
        package var volume: ReadVolume?
        /// The operators that ran there.
        package var operators: [OperatorFigures] = []

        /// What a node is or was asked about so many slots.
        package init(node: String, slotCount: Int, outcome: String) {
            self.node = node
            self.slotCount = slotCount
            self.outcome = outcome
        }
    }

    /// Something that was asked of nodes: a fragment of the plan, or samples.
    package struct Work: Sendable {
        /// The expression or the matchers.
        package var text: String
        /// `fragment` or `samples`.
        package var kind: String
        /// Which fragment of the plan; nil for samples.
        package var fragment: Int?
        /// How the plan was cut when this was asked: `by server`, `anywhere`, `one part`, `not`.
        package var cut: String
        package var parts: [Part]

        /// Something asked of the nodes of `parts`.
        package init(text: String, kind: String, fragment: Int?, cut: String, parts: [Part]) {
            self.text = text
            self.kind = kind
            self.fragment = fragment
            self.cut = cut
            self.parts = parts
        }
    }

    /// What kept results had to do with it.
    package struct Cache: Sendable {
        /// `none` where they were not asked; `hit`, `partial`, `miss`, or `unknown` where it could not be told what changed.
        package var use: String
        /// Steps that were taken from a kept result.
        package var stepsKept: Int

        /// By default, not asked.
        package init(use: String = "none", stepsKept: Int = 0) {
            self.use = use
            self.stepsKept = stepsKept
        }
    }

    /// `plan` or `analyze`.
    package var mode: ExplainMode
    /// How the plan was cut in the end.
    package var cut: String
    /// Slots of the cluster.
    package var slotCount: Int
    /// What kept results had to do with it.
    package var cache = Cache()
    /// What this node runs.
    package var operators: [OperatorFigures]
    /// What others are asked, attempts that did not suffice included.
    package var work: [Work]

    /// How a query is answered.
    package init(mode: ExplainMode, cut: String, slotCount: Int, operators: [OperatorFigures], work: [Work]) {
        self.mode = mode
        self.cut = cut
        self.slotCount = slotCount
        self.operators = operators
        self.work = work
    }
}

extension JSONText {
    /// Appends an explanation; docs/api.md lists its members.
    mutating func explanation(_ explanation: Explanation) {
        raw("{\"mode\":")
        string(explanation.mode.rawValue)
        raw(",\"cut\":")
        string(explanation.cut)
        raw(",\"slots\":\(explanation.slotCount),\"cache\":")
        string(explanation.cache.use)
        raw(",\"stepsKept\":\(explanation.cache.stepsKept),\"plan\":")
        trees(explanation.operators)
        raw(",\"work\":[")
        for (index, work) in explanation.work.prefix(Explanation.workMax).enumerated() {
            if index > 0 { raw(",") }
            self.work(work, explanation)
        }
        raw("],\"workLeftOut\":\(max(0, explanation.work.count - Explanation.workMax))}")
    }

    private mutating func work(_ work: Explanation.Work, _ explanation: Explanation) {
        raw("{\"kind\":")
        string(work.kind)
        if let fragment = work.fragment { raw(",\"fragment\":\(fragment)") }
        raw(",\"cut\":")
        string(work.cut)
        raw(",\"text\":")
        string(work.text)
        raw(",\"parts\":[")
        for (index, part) in work.parts.prefix(Explanation.partsMax).enumerated() {
            if index > 0 { raw(",") }
            self.part(part, slots: explanation.slotCount)
        }
        raw("],\"partsLeftOut\":\(max(0, work.parts.count - Explanation.partsMax))}")
    }

    private mutating func part(_ part: Explanation.Part, slots: Int) {
        raw("{\"node\":")
        string(part.node)
        raw(",\"slots\":\(part.slotCount),\"share\":")
        number(slots == 0 ? 0 : Double(part.slotCount * 10_000 / slots) / 10_000)
        raw(",\"outcome\":")
        string(part.outcome)
        if let failure = part.failure {
            raw(",\"failure\":")
            string(failure)
        }
        if part.isRaw { raw(",\"union\":true") }
        if part.isHedge { raw(",\"hedge\":true") }
        for (name, value) in [
            ("microseconds", part.microseconds), ("series", part.series), ("samples", part.samples),
            ("chunks", part.volume?.chunks), ("bytes", part.volume?.bytes),
        ] {
            if let value { raw(",\"\(name)\":\(value)") }
        }
        if !part.operators.isEmpty {
            raw(",\"plan\":")
            trees(part.operators)
        }
        raw("}")
    }

    /// A list of operators with their depths as a list of trees.
    private mutating func trees(_ operators: [OperatorFigures]) {
        raw("[")
        var open = 0
        for (index, one) in operators.enumerated() {
            // An operator is at most one deeper than the one before it, whatever a list says.
            let depth = min(one.depth, open)
            if depth < open {
                raw(String(repeating: "]}", count: open - depth))
                raw(",")
            } else if index > 0, depth == 0 {
                raw(",")
            }
            raw("{\"operator\":")
            string(one.name)
            raw(",\"detail\":")
            string(one.detail)
            if let rows = one.rows { raw(",\"rows\":\(rows)") }
            if let microseconds = one.microseconds { raw(",\"microseconds\":\(microseconds)") }
            raw(",\"children\":[")
            open = depth + 1
        }
        raw(String(repeating: "]}", count: open))
        raw("]")
    }
}
