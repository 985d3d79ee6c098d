import MetricModel

/// A reader of Prometheus' chunks of float histograms, written from the format's description alone.
enum FloatHistogramDecoding {
    private struct Bits {
        let bytes: [UInt8]
        var at = 0

        mutating func bits(_ count: Int) throws -> UInt64 {
            var value: UInt64 = 0
            for _ in 0..<count {
                guard at / 8 < bytes.count else { throw Decoded.Fault(what: "chunk ends") }
                value = value << 1 | UInt64(bytes[at / 8] >> UInt8(7 - at % 8)) & 1
                at += 1
            }
            return value
        }

        private mutating func size() throws -> Int {
            var ones = 0
            while ones < 8, try bits(1) == 1 { ones += 1 }
            return [0, 3, 6, 9, 12, 18, 25, 56, 64][ones]
        }

        mutating func unsigned() throws -> UInt64 { try bits(try size()) }

        mutating func signed() throws -> Int64 {
            let size = try size()
            let value = try bits(size)
            if size == 0 || size == 64 || value <= 1 << UInt64(size - 1) { return Int64(bitPattern: value) }
            return Int64(bitPattern: value) - 1 << Int64(size)
        }

        mutating func double() throws -> Double { Double(bitPattern: try bits(64)) }
    }

    private struct Number {
        var bits: UInt64
        var leading = 0
        var trailing = 0

        mutating func readNext(_ reader: inout Bits) throws {
            if try reader.bits(1) == 0 { return }
            if try reader.bits(1) == 1 {
                leading = Int(try reader.bits(5))
                let size = Int(try reader.bits(6))
                trailing = 64 - leading - (size == 0 ? 64 : size)
            }
            bits ^= try reader.bits(64 - leading - trailing) << UInt64(trailing)
        }
    }

    private static func spans(_ reader: inout Bits) throws -> NativeHistogram.Buckets {
        var buckets = NativeHistogram.Buckets()
        for _ in 0..<(try reader.unsigned()) {
            let length = UInt32(try reader.unsigned())
            buckets.spans.append(.init(offset: Int32(try reader.signed()), length: length))
            buckets.counts += Array(repeating: 0, count: Int(length))
        }
        return buckets
    }

    static func chunk(_ bytes: [UInt8]) throws -> [(time: Int64, histogram: NativeHistogram)] {
        var reader = Bits(bytes: bytes)
        let count = Int(try reader.bits(16))
        let header = try reader.bits(8)
        guard header & 0x3F == 0 else { throw Decoded.Fault(what: "header") }
        var histogram = NativeHistogram(schema: 0, count: 0, sum: 0)
        let threshold = try reader.bits(8)
        guard threshold == 0 || threshold == 255 else { throw Decoded.Fault(what: "a short form of the threshold") }
        if threshold == 255 { histogram.zeroThreshold = try reader.double() }
        histogram.schema = Int8(try reader.signed())
        histogram.positive = try spans(&reader)
        histogram.negative = try spans(&reader)
        if histogram.schema == -53 {
            for _ in 0..<(try reader.unsigned()) {
                guard try reader.unsigned() == 0 else { throw Decoded.Fault(what: "a short form of a bound") }
                histogram.customValues.append(try reader.double())
            }
        }
        let positives = histogram.positive.counts.count
        var numbers: [Number] = []
        var (time, delta): (Int64, Int64) = (0, 0)
        var found: [(time: Int64, histogram: NativeHistogram)] = []
        for index in 0..<count {
            delta = try index < 2 ? reader.signed() : delta &+ reader.signed()
            time &+= delta
            if index == 0 {
                for _ in 0..<(3 + positives + histogram.negative.counts.count) {
                    numbers.append(Number(bits: try reader.bits(64)))
                }
            } else {
                for place in numbers.indices { try numbers[place].readNext(&reader) }
            }
            let values = numbers.map { Double(bitPattern: $0.bits) }
            (histogram.count, histogram.zeroCount, histogram.sum) = (values[0], values[1], values[2])
            histogram.positive.counts = Array(values[3..<3 + positives])
            histogram.negative.counts = Array(values[(3 + positives)...])
            switch (header >> 6, index) {
            case (3, _): histogram.counterResetHint = .gauge
            case (_, 1...): histogram.counterResetHint = .notReset
            case (2, _): histogram.counterResetHint = .reset
            case (1, _): histogram.counterResetHint = .notReset
            default: histogram.counterResetHint = .unknown
            }
            found.append((time, histogram))
        }
        guard reader.at > bytes.count * 8 - 8 else { throw Decoded.Fault(what: "bytes behind the chunk") }
        return found
    }
}
