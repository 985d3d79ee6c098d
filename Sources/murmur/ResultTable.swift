import Foundation

/// The envelope of the query API, as far as `murmur query` reads it.
struct QueryReply: Decodable {
    /// A result by its type.
    enum Result: Decodable {
        case point(Point)
        case text(time: Double, value: String)
        case series([Series])

        private enum Keys: CodingKey {
            case resultType, result
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Keys.self)
            switch try container.decode(String.self, forKey: .resultType) {
            case "scalar": self = .point(try container.decode(Point.self, forKey: .result))
            case "string":
                let point = try container.decode(Point.self, forKey: .result)
                self = .text(time: point.time, value: point.value)
            default: self = .series(try container.decode([Series].self, forKey: .result))
            }
        }
    }

    /// One series of a vector or matrix.
    struct Series: Decodable {
        var metric: [String: String]
        var value: Point?
        var values: [Point]?
        var histogram: HistogramPoint?
        var histograms: [HistogramPoint]?

        /// All samples of both kinds as texts, by time.
        var points: [(time: Double, text: String)] {
            let numbers = (values ?? value.map { [$0] } ?? []).map { (time: $0.time, text: $0.value) }
            let others = (histograms ?? histogram.map { [$0] } ?? []).map { (time: $0.time, text: $0.histogram.text) }
            return others.isEmpty ? numbers : (numbers + others).sorted { $0.time < $1.time }
        }
    }

    /// `[seconds, {…}]`.
    struct HistogramPoint: Decodable {
        var time: Double
        var histogram: Histogram

        init(from decoder: any Decoder) throws {
            var container = try decoder.unkeyedContainer()
            time = try container.decode(Double.self)
            histogram = try container.decode(Histogram.self)
        }
    }

    /// A native histogram.
    struct Histogram: Decodable {
        var count: String
        var sum: String
        var buckets: [Bucket]?

        /// `[which bounds belong to it, "lower", "upper", "count"]`.
        struct Bucket: Decodable {
            var text: String

            init(from decoder: any Decoder) throws {
                var container = try decoder.unkeyedContainer()
                let rule = try container.decode(Int.self)
                let lower = try container.decode(String.self)
                let upper = try container.decode(String.self)
                let count = try container.decode(String.self)
                let open = rule == 1 || rule == 3 ? "[" : "("
                let close = rule == 0 || rule == 3 ? "]" : ")"
                text = "\(open)\(lower),\(upper)\(close):\(count)"
            }
        }

        /// `{count:3, sum:5, (1,2]:3}`, as Prometheus' web page shows it.
        var text: String {
            "{" + (["count:\(count)", "sum:\(sum)"] + (buckets ?? []).map(\.text)).joined(separator: ", ") + "}"
        }
    }

    /// `[seconds, "value"]`.
    struct Point: Decodable {
        var time: Double
        var value: String

        init(from decoder: any Decoder) throws {
            var container = try decoder.unkeyedContainer()
            time = try container.decode(Double.self)
            value = try container.decode(String.self)
        }
    }

    /// What an answer has as data.
    struct Data: Decodable {
        var result: Result
        var explain: Explained?

        private enum Keys: CodingKey {
            case explain
        }

        init(from decoder: any Decoder) throws {
            result = try Result(from: decoder)
            explain = try decoder.container(keyedBy: Keys.self).decodeIfPresent(Explained.self, forKey: .explain)
        }
    }

    /// A place in the expression, in UTF-16 units.
    struct Position: Decodable {
        var offset: Int
        var length: Int
    }

    var data: Data?
    var warnings: [String]?
    var infos: [String]?
    var errorType: String?
    var error: String?
    var position: Position?
}

/// A result as rows and columns: the metric's name, each label, the time of ranges, the value.
struct ResultTable {
    private var header: [String]
    private var rows: [[String]]

    init(_ result: QueryReply.Result) {
        switch result {
        case .point(let point): (header, rows) = (["value"], [[point.value]])
        case .text(_, let value): (header, rows) = (["value"], [[value]])
        case .series(let series):
            let names = Set(series.flatMap { $0.metric.keys }).sorted()
            let labels = names.filter { $0 != "__name__" }
            let hasName = names.count != labels.count
            let isRange = series.contains { $0.values != nil || $0.histograms != nil }
            header = (hasName ? ["metric"] : []) + labels + (isRange ? ["time"] : []) + ["value"]
            rows = series.flatMap { series in
                let name = hasName ? [series.metric["__name__"] ?? ""] : []
                let cells = name + labels.map { series.metric[$0] ?? "" }
                return series.points.map { cells + (isRange ? [ResultTable.time($0.time)] : []) + [$0.text] }
            }
        }
    }

    /// Columns padded to their widest cell, numbers to the right.
    var text: String {
        if rows.isEmpty { return "no series\n" }
        let titles = header.map { $0.uppercased() }
        let widths = header.indices.map { column in
            max(titles[column].count, rows.map { $0[column].count }.max() ?? 0)
        }
        return ([titles] + rows).map { row in
            let cells = row.indices.map { column in
                let padding = String(repeating: " ", count: widths[column] - row[column].count)
                return column == row.count - 1 ? padding + row[column] : row[column] + padding
            }
            return cells.joined(separator: "  ") + "\n"
        }.joined()
    }

    /// As RFC 4180 has it.
    var csv: String {
        ([header] + rows).map { $0.map(ResultTable.quoted).joined(separator: ",") + "\r\n" }.joined()
    }

    private static func time(_ seconds: Double) -> String {
        Date(timeIntervalSince1970: seconds).formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }

    private static func quoted(_ text: String) -> String {
        if !text.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) { return text }
        return "\"" + text.replacing("\"", with: "\"\"") + "\""
    }
}
