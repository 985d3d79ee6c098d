internal import MetricModel
internal import QueryLanguage
internal import RealModule

// MARK: - Functions of one sample at a time

extension Evaluation {
    func rows(
        of function: FunctionName, _ inner: PlanNode, _ parameters: [PlanNode], _ grid: TimeGrid, _ body: RowConsumer
    ) throws(QueryError) {
        var columns: [[Double]] = []
        for parameter in parameters { columns.append(try scalars(parameter, grid)) }
        switch function {
        case .clamp: try clamped(inner, grid, body, low: columns[0], high: columns[1])
        case .clampMin: try clamped(inner, grid, body, low: columns[0], high: nil)
        case .clampMax: try clamped(inner, grid, body, low: nil, high: columns[0])
        case .round: try rounded(inner, grid, body, to: columns.first)
        case .timestamp:
            let times = grid.times
            try droppingName(inner, grid, body) { row in
                for step in row.indices where row.isPresent(step) { row[step] = Double(times[step]) / 1000 }
                row.dropHistograms()
            }
        case .histogramAvg: try ofHistograms(inner, grid, body) { $0.sum / $0.count }
        case .histogramCount: try ofHistograms(inner, grid, body, \.count)
        case .histogramSum: try ofHistograms(inner, grid, body, \.sum)
        case .histogramStddev: try ofHistograms(inner, grid, body) { $0.variance.squareRoot() }
        case .histogramStdvar: try ofHistograms(inner, grid, body, \.variance)
        case .dayOfMonth, .dayOfWeek, .dayOfYear, .daysInMonth, .hour, .minute, .month, .year:
            try mapped(inner, grid, body) { CivilDate(seconds: $0).part(function) }
        default:
            let operation = Evaluation.pointwise(function)
            try mapped(inner, grid, body, operation)
        }
    }

    /// A number of each histogram; numbers have none.
    private func ofHistograms(
        _ inner: PlanNode, _ grid: TimeGrid, _ body: RowConsumer, _ figure: @escaping (NativeHistogram) -> Double
    ) throws(QueryError) {
        try droppingName(inner, grid, body) { row in
            for step in row.indices { row[step] = row.histogram(step).map { figure($0.histogram) } ?? .absent }
            row.dropHistograms()
        }
    }

    private func mapped(
        _ inner: PlanNode, _ grid: TimeGrid, _ body: RowConsumer, _ change: @escaping (Double) -> Double
    ) throws(QueryError) {
        try droppingName(inner, grid, body) { row in
            row.dropHistograms()
            for step in row.indices where row[step].isPresent { row[step] = change(row[step]) }
        }
    }

    private static func pointwise(_ function: FunctionName) -> (Double) -> Double {
        switch function {
        case .abs: { $0.magnitude }
        case .ceil: { $0.rounded(.up) }
        case .floor: { $0.rounded(.down) }
        case .sqrt: { $0.squareRoot() }
        case .exp: { Double.exp($0) }
        case .ln: { Double.log($0) }
        case .log2: { Double.log2($0) }
        case .log10: { Double.log10($0) }
        case .sin: { Double.sin($0) }
        case .cos: { Double.cos($0) }
        case .tan: { Double.tan($0) }
        case .asin: { Double.asin($0) }
        case .acos: { Double.acos($0) }
        case .atan: { Double.atan($0) }
        case .sinh: { Double.sinh($0) }
        case .cosh: { Double.cosh($0) }
        case .tanh: { Double.tanh($0) }
        case .asinh: { Double.asinh($0) }
        case .acosh: { Double.acosh($0) }
        case .atanh: { Double.atanh($0) }
        case .rad: { $0 * .pi / 180 }
        case .deg: { $0 * 180 / .pi }
        case .sgn: { $0 < 0 ? -1 : $0 > 0 ? 1 : $0 }
        default: preconditionFailure("\(function.rawValue) is no function of one sample")
        }
    }

    /// Where the upper bound is below the lower one there is no result.
    private func clamped(
        _ inner: PlanNode, _ grid: TimeGrid, _ body: RowConsumer, low: [Double]?, high: [Double]?
    ) throws(QueryError) {
        try droppingName(inner, grid, body) { row in
            row.dropHistograms()
            for step in row.indices where row[step].isPresent {
                let (least, most) = (low?[step] ?? -.infinity, high?[step] ?? .infinity)
                row[step] = most < least ? .absent : Evaluation.larger(least, Evaluation.smaller(most, row[step]))
            }
        }
    }

    /// Go's `math.Max`: +Inf beats NaN, NaN beats numbers.
    private static func larger(_ left: Double, _ right: Double) -> Double {
        if left == .infinity || right == .infinity { return .infinity }
        return left.isNaN || right.isNaN ? .nan : max(left, right)
    }

    /// Go's `math.Min`: -Inf beats NaN, NaN beats numbers.
    private static func smaller(_ left: Double, _ right: Double) -> Double {
        if left == -.infinity || right == -.infinity { return -.infinity }
        return left.isNaN || right.isNaN ? .nan : min(left, right)
    }

    /// To the nearest multiple, ties upwards.
    private func rounded(_ inner: PlanNode, _ grid: TimeGrid, _ body: RowConsumer, to nearest: [Double]?)
        throws(QueryError)
    {
        try droppingName(inner, grid, body) { row in
            row.dropHistograms()
            for step in row.indices where row[step].isPresent {
                // Multiplying by the inverse is what Prometheus found to lose less.
                let inverse = 1 / (nearest?[step] ?? 1)
                row[step] = (row[step] * inverse + 0.5).rounded(.down) / inverse
            }
        }
    }

    // MARK: - sort

    /// Orders the elements of an instant query; a range query has no order that it could show.
    func sorted(_ function: FunctionName, _ inner: PlanNode, _ labels: [String], _ grid: TimeGrid) throws(QueryError)
        -> Frame
    {
        let byValue = function == .sort || function == .sortDesc
        let all = try frame(inner, grid)
        let frame = byValue && all.hasHistograms ? all.withoutHistograms : all
        if grid.count > 1 { return frame }
        let isDescending = function == .sortDesc || function == .sortByLabelDesc
        let order: [Int]
        if byValue {
            // Equals come in the order of their labels, on which the spread over nodes has no influence.
            order = LabelOrder.sorted(frame.labels).enumerated().sorted { left, right in
                let (a, b) = (frame[left.element, 0], frame[right.element, 0])
                // NaN goes last in both directions.
                if a.isNaN || b.isNaN { return !a.isNaN || (b.isNaN && left.offset < right.offset) }
                return a == b ? left.offset < right.offset : isDescending ? a > b : a < b
            }.map(\.element)
        } else {
            let keys = frame.labels.map { set in labels.map { NaturalOrder.Key(set[$0] ?? "") } }
            let whole = frame.labels.map(\.labels)
            order = (0..<frame.count).sorted { left, right in
                let (a, b) = isDescending ? (right, left) : (left, right)
                for (first, second) in zip(keys[a], keys[b]) where first != second { return first < second }
                return whole[a].lexicographicallyPrecedes(whole[b])
            }
        }
        var result = Frame(steps: frame.steps)
        for index in order { result.append(frame.labels[index], frame.row(index)) }
        return result
    }
}

/// Texts in the order people expect: runs of digits count as numbers.
enum NaturalOrder {
    struct Key: Comparable {
        private enum Part: Equatable {
            case text(String)
            /// Digits without leading zeros, and how many those were.
            case number(String, zeros: Int)
        }

        private let parts: [Part]

        init(_ text: String) {
            var parts: [Part] = []
            var rest = text.unicodeScalars[...]
            while let first = rest.first {
                let isDigit = ("0"..."9").contains(first)
                let run = rest.prefix { ("0"..."9").contains($0) == isDigit }
                rest = rest[run.endIndex...]
                if isDigit {
                    let digits = run.drop { $0 == "0" }
                    parts.append(.number(String(digits), zeros: run.count - digits.count))
                } else {
                    parts.append(.text(String(run)))
                }
            }
            self.parts = parts
        }

        static func < (left: Key, right: Key) -> Bool {
            for (a, b) in zip(left.parts, right.parts) where a != b { return precedes(a, b) }
            return left.parts.count < right.parts.count
        }

        private static func precedes(_ left: Part, _ right: Part) -> Bool {
            switch (left, right) {
            case (.text(let a), .text(let b)): a.utf8.lexicographicallyPrecedes(b.utf8)
            case (.number(let a, let zerosA), .number(let b, let zerosB)):
                a == b ? zerosA < zerosB : a.utf8.count == b.utf8.count ? a < b : a.utf8.count < b.utf8.count
            case (.number, .text): true
            case (.text, .number): false
            }
        }
    }
}
