import MetricModel
import QueryEngine
import QueryLanguage
import Testing

/// A script of PromQL's behaviour, in the manner of Prometheus' `promqltest`:
///
///     load 10s
///       errors_total{job="a"}  0+5x10 _ stale 7 7x2
///     eval instant at 50s  rate(errors_total[40s])
///       {job="a"}  0.5
///     eval range from 0s to 20s step 10s  sum(errors_total)
///       {}  0 5 10
///     eval instant at 10s  errors_total + on() {__name__=~".+"}
///       expect fail many-to-many
///
/// Values: a number, a native histogram (see `ScriptHistogram`), `_` for none, `stale`, `axn` for n + 1 times a, `a+bxn` and `a-bxn` for a series of n + 1. A line that is a number
/// alone is a scalar. `expect fail TEXT`, `expect warn TEXT`, `expect info TEXT`, `expect ordered`; without `expect warn` there must be
/// no warning. `clear` forgets what was loaded. Lines that begin with `#` are comments.
struct Script {
    private var series: [SeriesColumns] = []
    private var current: Evaluation?
    private let name: String

    /// One `eval` with what is expected of it.
    struct Evaluation {
        var line: Int
        var query: String
        var time: QueryTime
        var rows: [(labels: Labels?, values: [ScriptSample?])] = []
        var failure: String?
        var warnings: [String] = []
        var infos: [String] = []
        var isOrdered = false
    }

    struct SyntaxError: Error, CustomStringConvertible {
        var description: String
    }

    /// Runs a script and records an issue for each evaluation that answers differently.
    static func run(_ name: String, _ text: String) throws {
        var script = Script(name: name)
        var loadStep: Int64?
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = line.split(separator: " ").map(String.init)
            if words.isEmpty || words[0].hasPrefix("#") { continue }
            let isInner = line.hasPrefix("  ")
            if !isInner { loadStep = nil }
            switch (isInner, words[0]) {
            case (false, "load"):
                script.finish()
                loadStep = try duration(words[1])
            case (false, "clear"):
                script.finish()
                script.series = []
            case (false, "eval"):
                script.finish()
                script.current = try evaluation(words, line: index + 1)
            case (true, _):
                if let loadStep { try script.load(line, step: loadStep) } else { try script.expect(words, line) }
            default: throw SyntaxError(description: "\(name):\(index + 1): \(line)")
            }
        }
        script.finish()
    }

    private init(name: String) {
        self.name = name
    }

    // MARK: - Reading

    private static func duration(_ text: String) throws -> Int64 {
        if text.hasPrefix("-") { return -(try duration(String(text.dropFirst()))) }
        guard let milliseconds = DurationText.milliseconds(text) else {
            throw SyntaxError(description: "duration \(text)")
        }
        return milliseconds
    }

    private static func evaluation(_ words: [String], line: Int) throws -> Evaluation {
        if words[1] == "instant" {
            return Evaluation(
                line: line, query: words[4...].joined(separator: " "), time: .instant(at: try duration(words[3])))
        }
        let time = QueryTime.range(
            start: try duration(words[3]), end: try duration(words[5]), step: try duration(words[7]))
        return Evaluation(line: line, query: words[8...].joined(separator: " "), time: time)
    }

    private mutating func load(_ line: Substring, step: Int64) throws {
        let (labels, values) = try Script.row(line)
        guard let labels else { throw SyntaxError(description: "no series in \(line)") }
        var columns = SeriesColumns(labels: labels, timestamps: [], values: [])
        for (index, value) in values.enumerated() {
            switch value {
            case nil: continue
            case .number(let number)?:
                columns.timestamps.append(Int64(index) * step)
                columns.values.append(number)
            case .histogram(let histogram)?: columns.histograms.append(timestamp: Int64(index) * step, histogram)
            }
        }
        series.append(columns)
    }

    private mutating func expect(_ words: [String], _ line: Substring) throws {
        if words[0] == "expect" {
            let rest = words.dropFirst(2).joined(separator: " ")
            switch words[1] {
            case "fail": current?.failure = rest
            case "warn": current?.warnings.append(rest)
            case "info": current?.infos.append(rest)
            case "ordered": current?.isOrdered = true
            default: throw SyntaxError(description: "\(line)")
            }
            return
        }
        current?.rows.append(try Script.row(line))
    }

    /// Labels, when the line has some, and values.
    private static func row(_ line: Substring) throws -> (Labels?, [ScriptSample?]) {
        var text = line.drop { $0 == " " }
        var labels: Labels?
        if text.first?.isNumber != true, text.first != "-", !text.hasPrefix("NaN"), !text.hasPrefix("+Inf"),
            !text.hasPrefix("{{")
        {
            let end = Script.endOfSelector(text)
            let selector = String(text[..<end])
            text = text[end...]
            labels =
                selector == "{}"
                ? .empty : try Labels(Parser.parseSelector(selector).map { Label($0.name, $0.value) })
        }
        return (labels, try words(text).flatMap { try samples($0) })
    }

    /// Behind the name, or the brace that closes the labels.
    private static func endOfSelector(_ text: Substring) -> Substring.Index {
        var isQuoted = false
        var isEscaped = false
        var depth = 0
        for index in text.indices {
            if isEscaped {
                isEscaped = false
                continue
            }
            switch text[index] {
            case "\\" where isQuoted: isEscaped = true
            case "\"": isQuoted.toggle()
            case "{" where !isQuoted: depth += 1
            case "}" where !isQuoted: return text.index(after: index)
            case " " where !isQuoted && depth == 0: return index
            default: break
            }
        }
        return text.endIndex
    }

    /// The words of a line; spaces within a histogram part none.
    private static func words(_ text: Substring) -> [Substring] {
        var depth = 0
        return text.split { character in
            if character == "{" { depth += 1 }
            if character == "}" { depth -= 1 }
            return character == " " && depth == 0
        }
    }

    private static func samples(_ word: Substring) throws -> [ScriptSample?] {
        if word.hasPrefix("{{") { return try ScriptHistogram.values(word).map { .histogram($0) } }
        return try values(String(word)).map { $0.map { .number($0) } }
    }

    private static func values(_ word: String) throws -> [Double?] {
        if word == "_" { return [nil] }
        if word == "stale" { return [StaleMarker.value] }
        let parts = word.split(separator: "x")
        let count = parts.count == 2 ? Int(parts[1]) ?? 0 : 0
        let sign = parts[0].dropFirst().lastIndex { $0 == "+" || $0 == "-" }
        if parts.count == 2, let sign, parts[0][parts[0].index(before: sign)] != "e" {
            guard let first = Double(parts[0][..<sign]), let increment = Double(parts[0][sign...]) else {
                throw SyntaxError(description: "value \(word)")
            }
            // Added one by one, so that a script's sums are those of its reader.
            var value = first
            return (0...count).map { index in
                if index > 0 { value += increment }
                return value
            }
        }
        if word.hasPrefix("_x") { return [Double?](repeating: nil, count: count) }
        guard let value = Double(parts[0]) else { throw SyntaxError(description: "value \(word)") }
        return [Double?](repeating: value, count: count + 1)
    }

    // MARK: - Checking

    private mutating func finish() {
        guard let evaluation = current else { return }
        current = nil
        let place = "\(name):\(evaluation.line): \(evaluation.query)"
        do {
            let result = try Script.answer(evaluation.query, evaluation.time, series)
            if let failure = evaluation.failure {
                Issue.record("\(place): expected to fail with \(failure), answered \(result.value)")
                return
            }
            check(result, evaluation, place)
        } catch {
            guard let failure = evaluation.failure else {
                Issue.record("\(place): \(error)")
                return
            }
            #expect("\(error)".contains(failure), "\(place): \(error)")
        }
    }

    /// Parses, plans, selects from `series` what the plan asks for, and evaluates.
    static func answer(
        _ query: String, _ time: QueryTime, _ series: [SeriesColumns], options: EvaluationOptions = EvaluationOptions()
    ) throws -> QueryResult {
        var parserOptions = ParserOptions()
        parserOptions.experimentalFunctions = true
        parserOptions.experimentalDurationExpressions = true
        let expression = try Parser.parse(query, options: parserOptions)
        let plan = try QueryPlan(expression, text: query, tenant: .default, time: time, options: options)
        return try Evaluator.evaluate(plan, data: plan.selections.map { select($0, series) })
    }

    /// What a store would answer: matching series with the samples inside the selection's range.
    static func select(_ selection: SeriesSelection, _ series: [SeriesColumns]) -> [SeriesColumns] {
        series.compactMap { columns in
            guard selection.matchers.allSatisfy({ $0.matches(columns.labels[$0.name] ?? "") }) else { return nil }
            let inside = columns.timestamps.indices.filter {
                columns.timestamps[$0] >= selection.start && columns.timestamps[$0] <= selection.end
            }
            let histograms = columns.histograms.within(selection.start, selection.end)
            if inside.isEmpty && histograms.isEmpty { return nil }
            return SeriesColumns(
                labels: columns.labels, timestamps: inside.map { columns.timestamps[$0] },
                values: inside.map { columns.values[$0] }, histograms: histograms)
        }
    }

    private func check(_ result: QueryResult, _ evaluation: Evaluation, _ place: String) {
        checkNotes(result.warnings, evaluation.warnings, place)
        if !evaluation.infos.isEmpty { checkNotes(result.infos, evaluation.infos, place) }
        switch result.value {
        case .scalar(_, let value):
            let expected = evaluation.rows.first?.values.first ?? nil
            #expect(Script.isEqual(expected, .number(value)), "\(place): answered \(value)")
        case .string: Issue.record("\(place): answered a string")
        case .vector(_, let elements):
            let rows = elements.map { element in
                (element.labels, [element.histogram.map { ScriptSample.histogram($0) } ?? .number(element.value)])
            }
            compare(rows, evaluation, place)
        case .matrix(let matrix):
            guard case .range(let start, let end, let step) = evaluation.time else {
                let rows = matrix.map { series in
                    (series.labels, Script.cells(series).sorted { $0.key < $1.key }.map { Optional($0.value) })
                }
                compare(rows, evaluation, place)
                return
            }
            let rows = matrix.map { series in
                let cells = Script.cells(series)
                return (series.labels, stride(from: start, through: end, by: Int64.Stride(step)).map { cells[$0] })
            }
            compare(rows, evaluation, place)
        }
    }

    /// The samples of both kinds by their times.
    private static func cells(_ series: SeriesColumns) -> [Int64: ScriptSample] {
        var cells = Dictionary(
            uniqueKeysWithValues: zip(series.timestamps, series.values.map { ScriptSample.number($0) }))
        for (time, histogram) in zip(series.histograms.timestamps, series.histograms.values) {
            cells[time] = .histogram(histogram)
        }
        return cells
    }

    private func checkNotes(_ notes: [String], _ expected: [String], _ place: String) {
        for text in expected { #expect(notes.contains { $0.contains(text) }, "\(place): \(notes)") }
        if expected.isEmpty { #expect(notes.isEmpty, "\(place): \(notes)") }
    }

    private func compare(_ rows: [(Labels, [ScriptSample?])], _ evaluation: Evaluation, _ place: String) {
        let found = rows.map { "\($0.0) \(Script.text($0.1))" }
        #expect(rows.count == evaluation.rows.count, "\(place): answered \(found)")
        if rows.count != evaluation.rows.count { return }
        for (index, wanted) in evaluation.rows.enumerated() {
            let row = evaluation.isOrdered ? rows[index] : rows.first { $0.0 == wanted.labels }
            guard let row, row.0 == wanted.labels, row.1.count == wanted.values.count else {
                Issue.record("\(place): no \(wanted.labels ?? .empty) in \(found)")
                continue
            }
            for (value, expected) in zip(row.1, wanted.values) {
                let isSame = Script.isEqual(value, expected)
                #expect(
                    isSame, "\(place): \(row.0) answered \(Script.text(row.1)), expected \(Script.text(wanted.values))")
                if !isSame { break }
            }
        }
    }

    private static func text(_ values: [ScriptSample?]) -> String {
        values.map { value in
            switch value {
            case nil: "_"
            case .number(let number)?: "\(number)"
            case .histogram(let histogram)?: ScriptHistogram.text(histogram)
            }
        }.joined(separator: " ")
    }

    private static func isEqual(_ left: ScriptSample?, _ right: ScriptSample?) -> Bool {
        switch (left, right) {
        case (nil, nil): true
        case (.number(let left)?, .number(let right)?): isEqual(left, right)
        case (.histogram(let left)?, .histogram(let right)?): ScriptHistogram.isEqual(left, right)
        default: false
        }
    }

    /// Equal but for the last few bits.
    static func isEqual(_ left: Double, _ right: Double) -> Bool {
        if left.isNaN || right.isNaN { return left.isNaN && right.isNaN }
        return left == right || (left - right).magnitude <= 1e-12 * max(left.magnitude, right.magnitude)
    }
}
