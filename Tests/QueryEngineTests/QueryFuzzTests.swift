import Foundation
import MetricModel
import Placement
import QueryEngine
import QueryLanguage
import SeededRandom
import Testing

/// Queries that nobody would write, from the text to the answer: `make fuzz` asks them for as long as it is told, `make test` a fixed number.
///
/// A case depends on the seed and the cases before it alone, so a run with the same seed meets the same failure.
@Suite("Fuzz: queries")
struct QueryFuzzTests {
    private static let casesMin = 800
    private static let seconds = Double(ProcessInfo.processInfo.environment["MURMUR_FUZZ_SECONDS"] ?? "") ?? 0

    private static let options: EvaluationOptions = {
        var options = EvaluationOptions()
        options.samplesMax = 30_000
        options.stepsMax = 300
        options.outputSeriesMax = 500
        options.labelBytesMax = 1_000
        return options
    }()

    private static let parser: ParserOptions = {
        var options = ParserOptions()
        options.experimentalFunctions = true
        options.experimentalDurationExpressions = true
        options.queryBytesMax = 16_384
        return options
    }()

    @Test(
        "any query is refused, ended, or answered within its limits", arguments: [0x5EED_0011, 0x5EED_0012] as [UInt64])
    func queries(_ seed: UInt64) {
        var queries = RandomQueries(seed: seed)
        var series = queries.series(strays: true)
        let end = ContinuousClock.now + .seconds(Self.seconds)
        var number = 0
        var answers = 0
        while number < Self.casesMin || ContinuousClock.now < end {
            number += 1
            if number % 50 == 0 { series = queries.series(strays: queries.chance(50)) }
            var text = queries.vector(depth: 1 + Int(queries.random.next() % 4))
            for _ in 0..<queries.random.next() % 4 { Self.harm(&text, &queries) }
            let time = Self.time(&queries)
            let place = "seed \(seed) case \(number): \(text.prefix(2_000)) at \(time)"
            guard let expression = try? Parser.parse(text, options: Self.parser) else { continue }
            let distributions: [Distribution?] = [
                nil, .onePart, .byServer(placementLabels: ManyNodes.placement.names), .anyParts,
            ]
            for distribution in distributions {
                do {
                    let plan = try QueryPlan(
                        expression, text: text, tenant: .default, time: time, options: Self.options,
                        distribution: distribution)
                    let result = try Self.evaluate(plan, series, text)
                    answers += 1
                    Self.check(result, place)
                } catch let error as QueryError {
                    #expect(!error.message.isEmpty && error.message.utf8.count < 20_000, "\(place)")
                } catch {
                    Issue.record("\(place): \(error)")
                }
            }
        }
        #expect(answers > number / 2)
    }

    /// Evaluates a plan whose fragments two nodes answer.
    private static func evaluate(_ plan: QueryPlan, _ series: [SeriesColumns], _ text: String) throws -> QueryResult {
        // Nothing asks a bounded evaluation so often; one that is ended goes nowhere else either.
        var asked = 0
        let isCancelled = {
            asked += 1
            return asked > 200_000
        }
        let nodes = ManyNodes(series, nodes: 2)
        var answers: [FragmentAnswer] = []
        for fragment in plan.fragments {
            var answer = FragmentAnswer(rows: [], notes: FragmentNotes())
            for part in nodes.parts {
                let local = try FragmentPlan(
                    FragmentPlan.Question(
                        text: text, tenant: .default, range: fragment.range, shape: fragment.shape,
                        start: fragment.start, step: fragment.step, count: fragment.count,
                        queryStart: plan.bounds.start, queryEnd: plan.bounds.end, options: Self.options,
                        parser: Self.parser))
                let notes = try Evaluator.evaluate(
                    local, source: FetchedSeries(local.selections.map { Script.select($0, part) }),
                    isCancelled: isCancelled
                ) { row in
                    #expect(fragment.accepts(row))
                    answer.rows.append(row)
                }
                answer.notes.samplesRead += notes.samplesRead
            }
            answers.append(answer)
        }
        return try Evaluator.evaluate(
            plan, data: plan.selections.map { Script.select($0, series) }, fragments: answers,
            isCancelled: isCancelled)
    }

    private static func check(_ result: QueryResult, _ place: String) {
        switch result.value {
        case .matrix(let series):
            #expect(series.count <= options.outputSeriesMax, "\(place)")
            for one in series {
                #expect(one.timestamps.count == one.values.count, "\(place)")
                #expect(zip(one.timestamps, one.timestamps.dropFirst()).allSatisfy { $0 < $1 }, "\(place)")
            }
        case .vector(_, let elements): #expect(elements.count <= options.outputSeriesMax, "\(place)")
        case .scalar, .string: break
        }
    }

    // MARK: - Harm

    private static let numbers = [
        "1e308", "-1e308", "NaN", "Inf", "-Inf", "0", "-0", "9223372036854775807", "1e-320", "0x7fffffffffffffff",
    ]
    private static let durations = ["1ms", "292y", "1y1ms", "0s", "100y", "5m", "-1h", "9999999999999h"]
    private static let functions = [
        "sum_over_time", "rate", "quantile_over_time", "predict_linear", "double_exponential_smoothing", "deriv",
        "absent_over_time", "mad_over_time", "stddev_over_time", "changes", "irate", "last_over_time",
    ]

    /// Makes a query worse.
    private static func harm(_ text: inout String, _ queries: inout RandomQueries) {
        let number = queries.pick(numbers)
        let duration = queries.pick(durations)
        switch queries.random.next() % 16 {
        case 0: text = "(\(text))[\(queries.pick(durations)):\(duration)]"
        case 1: text = "\(queries.pick(functions))((\(text))[\(queries.pick(durations)):\(duration)])"
        case 2: text = "(\(text)) offset \(duration)"
        case 3: text = "(\(text)) @ \(number)"
        case 4: text = "(\(text)) \(queries.pick(["^", "%", "atan2", "/"])) \(number)"
        case 5:
            text =
                "\(queries.pick(["topk", "bottomk", "quantile", "limitk", "limit_ratio"]))(\(number), \(text))"
        case 6: text = "label_replace(\(text), \"a\", \"$1$1${1}x\", \"a\", \"(.*)\")"
        case 7: text = "label_join(\(text), \"a\", \"--------\", \"a\", \"a\", \"zone\")"
        case 8: text = "(\(text)) * on() group_left() (\(queries.vector(depth: 1)))"
        case 9: text = "(\(text)) or (\(text))"
        case 10: text = String(repeating: queries.pick(["(", "-", "abs(", "!"]), count: 300) + text
        case 11: text += queries.pick([" or ", " + ", " unless ", " ^ "]) + "{__name__=~\".+\"}"
        case 12: text = text.replacingOccurrences(of: "1m", with: duration)
        case 13: text = text.replacingOccurrences(of: "2", with: number)
        case 14: text = "histogram_quantile(\(number), \(text))"
        default:
            var bytes = Array(text.utf8)
            for _ in 0...queries.random.next() % 3 {
                bytes[Int(queries.random.next() % UInt64(bytes.count))] = UInt8(
                    truncatingIfNeeded: queries.random.next())
            }
            text = String(decoding: bytes, as: UTF8.self)
        }
    }

    private static func time(_ queries: inout RandomQueries) -> QueryTime {
        let edges: [Int64] = [0, 300_000, 1 << 60, -(1 << 60), .max, .min, 599_999, -1]
        guard queries.chance(60) else { return .instant(at: queries.pick(edges)) }
        let start = queries.chance(80) ? 0 : queries.pick(edges)
        let end = queries.chance(80) ? 600_000 : queries.pick(edges)
        return .range(start: start, end: end, step: queries.pick([2_000, 30_000, 1, 0, .max, 7_001]))
    }
}
