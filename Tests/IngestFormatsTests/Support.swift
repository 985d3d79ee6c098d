import ByteCoding
import IngestFormats
import MetricModel

/// A remote-write request written field by field, apart from the encoder under test.
struct RequestWriter {
    var bytes: [UInt8] = []

    mutating func series(
        _ labels: [(String, String)], samples: [(Int64, Double)] = [], exemplars: Int = 0, histograms: Int = 0,
        labelsLast: Bool = false, between: Bool = false, trace: String = "t"
    ) {
        ProtobufWriter.message(1, into: &bytes) { series in
            if !labelsLast { for label in labels { Self.label(label, into: &series) } }
            for (index, sample) in samples.enumerated() {
                if between, index < labels.count { Self.label(labels[index], into: &series) }
                ProtobufWriter.message(2, into: &series) { inner in
                    ProtobufWriter.double(1, sample.1, into: &inner)
                    ProtobufWriter.int64(2, sample.0, into: &inner)
                }
            }
            for _ in 0..<exemplars {
                ProtobufWriter.message(3, into: &series) { exemplar in
                    Self.label(("trace_id", trace), into: &exemplar)
                    ProtobufWriter.double(2, 1, into: &exemplar)
                    ProtobufWriter.int64(3, 7, into: &exemplar)
                }
            }
            for _ in 0..<histograms {
                ProtobufWriter.message(4, into: &series) { ProtobufWriter.int64(15, 7, into: &$0) }
            }
            if labelsLast { for label in labels { Self.label(label, into: &series) } }
        }
    }

    mutating func metadata(type: UInt64, metric: String, help: String, unit: String) {
        ProtobufWriter.message(3, into: &bytes) { entry in
            ProtobufWriter.varint(1, type, into: &entry)
            ProtobufWriter.string(2, metric, into: &entry)
            ProtobufWriter.string(4, help, into: &entry)
            ProtobufWriter.string(5, unit, into: &entry)
        }
    }

    private static func label(_ label: (String, String), into series: inout [UInt8]) {
        ProtobufWriter.message(1, into: &series) { inner in
            ProtobufWriter.string(1, label.0, into: &inner)
            ProtobufWriter.string(2, label.1, into: &inner)
        }
    }
}

extension ParsedWrite {
    /// The canonical labels of a raw series.
    func labels(ofSeries index: Int) throws -> Labels {
        let raw = series[index]
        return try LabelRun.labels(
            in: bytes.rawSpan.extracting(Int(raw.offset)..<Int(raw.offset) + Int(raw.length)), limits: Limits())
    }

    /// Checks what must hold of every result, whatever the input was.
    var isSound: Bool {
        samples.timestamps.count == samples.count && samples.values.count == samples.count
            && samples.series.allSatisfy { Int($0) < series.count }
            && series.allSatisfy { Int($0.offset) + Int($0.length) <= bytes.count }
            && rejections.count <= ParsedWrite.rejectionsReportedMax && rejections.count <= rejectedCount
    }
}
