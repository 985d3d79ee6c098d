import ByteCoding
import MetricModel

/// Reads what remote read answers, as Prometheus would.
enum Decoded {
    struct Series {
        /// Names and values in turn.
        var labels: [String] = []
        var timestamps: [Int64] = []
        var values: [Double] = []
        /// Fields of each histogram by number, numbers as doubles, lists and spans as they come.
        var histograms: [[Int: [Double]]] = []
        /// Histograms of chunks.
        var chunked = HistogramColumns()
        /// Of each of them whether it is the first of its chunk.
        var startsChunk: [Bool] = []

        mutating func append(_ chunk: [(time: Int64, histogram: NativeHistogram)]) {
            for (index, one) in chunk.enumerated() {
                chunked.append(timestamp: one.time, one.histogram)
                startsChunk.append(index == 0)
            }
        }
    }

    struct Fault: Error {
        var what: String
    }

    static func samples(_ message: [UInt8]) throws -> [Series] {
        var found: [Series] = []
        var reader = ProtobufReader(message.rawSpan)
        while try reader.nextField() != nil {
            var result = ProtobufReader(try reader.readSpan())
            while try result.nextField() != nil {
                var series = Series()
                var fields = ProtobufReader(try result.readSpan())
                while let field = try fields.nextField() {
                    let bytes = try fields.readSpan().copied()
                    if field.number == 1 {
                        series.labels += try pair(bytes)
                    } else if field.number == 4 {
                        series.histograms.append(try histogram(bytes))
                    } else {
                        var sample = ProtobufReader(bytes.rawSpan)
                        while let field = try sample.nextField() {
                            if field.number == 1 { series.values.append(try sample.readDouble()) }
                            if field.number == 2 { series.timestamps.append(try sample.readInt64()) }
                        }
                    }
                }
                found.append(series)
            }
        }
        return found
    }

    static func frames(_ bytes: [UInt8]) throws -> [Series] {
        var found: [Series] = []
        var reader = ByteReader(bytes.rawSpan)
        while !reader.isAtEnd {
            let length = Int(try reader.readVarint())
            let checksum = try reader.readUInt32().byteSwapped
            let message = try reader.readBytes(count: length)
            guard CRC32C.of(message.rawSpan) == checksum else { throw Fault(what: "checksum") }
            var fields = ProtobufReader(message.rawSpan)
            while let field = try fields.nextField() {
                guard field.number == 1 else {
                    _ = try fields.readVarint()
                    continue
                }
                let series = try chunked(try fields.readSpan().copied())
                if found.last?.labels == series.labels, let last = found.indices.last {
                    found[last].timestamps += series.timestamps
                    found[last].values += series.values
                    found[last].append(zip(series.chunked.timestamps, series.chunked.values).map { ($0, $1) })
                    found[last].startsChunk.removeLast(series.startsChunk.count)
                    found[last].startsChunk += series.startsChunk
                } else {
                    found.append(series)
                }
            }
        }
        return found
    }

    private static func chunked(_ bytes: [UInt8]) throws -> Series {
        var series = Series()
        var fields = ProtobufReader(bytes.rawSpan)
        while let field = try fields.nextField() {
            let part = try fields.readSpan().copied()
            if field.number == 1 {
                series.labels += try pair(part)
                continue
            }
            var chunk = ProtobufReader(part.rawSpan)
            var bounds: [Int64] = []
            var type: UInt64 = 0
            while let field = try chunk.nextField() {
                switch field.number {
                case 1, 2: bounds.append(try chunk.readInt64())
                case 3: type = try chunk.readVarint()
                case _ where type == 3:
                    let decoded = try FloatHistogramDecoding.chunk(try chunk.readSpan().copied())
                    guard bounds == [decoded.first?.time, decoded.last?.time] else { throw Fault(what: "bounds") }
                    series.append(decoded)
                default:
                    guard type == 1 else { throw Fault(what: "chunk type") }
                    let decoded = try self.chunk(try chunk.readSpan().copied())
                    guard bounds == [decoded.timestamps.first, decoded.timestamps.last] else {
                        throw Fault(what: "bounds")
                    }
                    series.timestamps += decoded.timestamps
                    series.values += decoded.values
                }
            }
        }
        return series
    }

    private static func histogram(_ bytes: [UInt8]) throws -> [Int: [Double]] {
        var found: [Int: [Double]] = [:]
        var reader = ProtobufReader(bytes.rawSpan)
        while let field = try reader.nextField() {
            switch field.type {
            case .fixed64: found[field.number, default: []].append(try reader.readDouble())
            case .varint: found[field.number, default: []].append(Double(try reader.readInt64()))
            case .bytes where field.number == 8 || field.number == 11:
                var span = ProtobufReader(try reader.readSpan())
                while try span.nextField() != nil {
                    found[field.number, default: []].append(Double(try span.readVarint()))
                }
            case .bytes where field.number == 9 || field.number == 12:
                var packed = ByteReader(try reader.readSpan())
                while !packed.isAtEnd { found[field.number, default: []].append(Double(try packed.readVarint())) }
            default:
                var packed = ByteReader(try reader.readSpan())
                while !packed.isAtEnd { found[field.number, default: []].append(try packed.readDouble()) }
            }
        }
        return found
    }

    private static func pair(_ bytes: [UInt8]) throws -> [String] {
        var fields = ProtobufReader(bytes.rawSpan)
        var texts: [String] = []
        while try fields.nextField() != nil { texts.append(try fields.readString()) }
        return texts
    }

    /// A reader of XOR chunks, written from the format's description alone.
    static func chunk(_ bytes: [UInt8]) throws -> (timestamps: [Int64], values: [Double]) {
        var at = 0
        func bit() throws -> UInt64 {
            guard at / 8 < bytes.count else { throw Fault(what: "chunk ends") }
            defer { at += 1 }
            return UInt64(bytes[at / 8] >> UInt8(7 - at % 8)) & 1
        }
        func bits(_ count: Int) throws -> UInt64 {
            var value: UInt64 = 0
            for _ in 0..<count { value = value << 1 | (try bit()) }
            return value
        }
        func varint() throws -> UInt64 {
            var value: UInt64 = 0
            var shift: UInt64 = 0
            while true {
                let byte = try bits(8)
                value |= (byte & 0x7F) << shift
                if byte < 0x80 { return value }
                shift += 7
            }
        }
        let count = Int(try bits(16))
        var timestamps: [Int64] = []
        var values: [UInt64] = []
        var delta: Int64 = 0
        var (leading, trailing) = (0, 0)
        for index in 0..<count {
            if index == 0 {
                let zigzag = try varint()
                timestamps.append(Int64(bitPattern: zigzag >> 1) ^ -Int64(zigzag & 1))
                values.append(try bits(64))
                continue
            }
            if index == 1 {
                delta = Int64(bitPattern: try varint())
            } else {
                var ones = 0
                while ones < 4, try bit() == 1 { ones += 1 }
                let size = [0, 14, 17, 20, 64][ones]
                var change = Int64(bitPattern: try bits(size))
                if size > 0 && size < 64 && change > 1 << (size - 1) { change -= 1 << size }
                delta &+= change
            }
            timestamps.append(timestamps[index - 1] &+ delta)
            var difference: UInt64 = 0
            if try bit() == 1 {
                if try bit() == 1 {
                    leading = Int(try bits(5))
                    let size = Int(try bits(6))
                    trailing = 64 - leading - (size == 0 ? 64 : size)
                }
                difference = (try bits(64 - leading - trailing)) << UInt64(trailing)
            }
            values.append(values[index - 1] ^ difference)
        }
        return (timestamps, values.map(Double.init(bitPattern:)))
    }
}
