import ByteCoding
import MetricModel

/// Pass 1 over a JSON push: reads elements and writes their labels as runs into the arena.
struct JSONPushParser {
    private var reader: JSONReader
    private var write = ParsedWrite()
    private var scratch: [UInt8] = []
    /// Hashes of the (metric, unit) pairs that are in the metadata already.
    private var unitsSeen: Set<UInt64> = []
    private var unitKey: [UInt8] = []
    private let seed: UInt64
    private let limits: Limits

    init(_ body: [UInt8], seed: UInt64, limits: Limits) {
        reader = JSONReader(body)
        self.seed = seed
        self.limits = limits
    }

    /// Reads the whole body.
    ///
    /// - Throws: `IngestError.malformed` when it is empty or an array that is not JSON: of a text that is broken in the middle nobody knows
    ///   what the rest was to be. A broken line of NDJSON is one bad element.
    mutating func parse() throws(IngestError) -> ParsedWrite {
        guard let first = reader.peek() else { throw .malformed("the body is empty") }
        let guess = min(reader.bytes.count / 96 + 1, limits.samplesPerRequestMax)
        write.bytes.reserveCapacity(reader.bytes.count)
        write.series.reserveCapacity(guess)
        if first == UInt8(ascii: "[") {
            do throws(JSONError) {
                try readArray()
            } catch {
                throw .malformed("\(error); nothing of the array is stored")
            }
        } else {
            readLines()
        }
        guard write.series.count <= limits.samplesPerRequestMax else {
            throw .limit(
                name: "samples_per_request_max", maximum: limits.samplesPerRequestMax, found: write.series.count)
        }
        return write
    }

    // MARK: - Elements

    private mutating func readArray() throws(JSONError) {
        try reader.expect(UInt8(ascii: "["))
        var isFirst = true
        var index = 0
        while try reader.next(before: UInt8(ascii: "]"), isFirst: &isFirst) {
            let runStart = write.bytes.count
            let element = try readElement(depth: 1)
            take(element, index: index, runStart: runStart)
            index += 1
        }
        if reader.peek() != nil { throw JSONError(reason: "text behind the array", offset: reader.offset) }
    }

    private mutating func readLines() {
        var index = 0
        while reader.peek() != nil {
            let start = reader.offset
            let runStart = write.bytes.count
            do throws(JSONError) {
                let element = try readElement(depth: 0)
                try expectLineEnd()
                take(element, index: index, runStart: runStart)
            } catch {
                write.bytes.removeLast(write.bytes.count - runStart)
                write.reject(element: index, reason: "\(error)")
                reader.seek(to: lineToResumeAt(from: start, errorAt: error.offset))
            }
            index += 1
        }
    }

    private mutating func expectLineEnd() throws(JSONError) {
        let end = reader.offset
        guard let next = reader.peek() else { return }
        guard reader.bytes[end..<reader.offset].contains(UInt8(ascii: "\n")) else {
            throw JSONError(
                kind: .form,
                reason: "\(JSONReader.shown(next)) behind the element; elements stand one a line or in an array",
                offset: reader.offset)
        }
    }

    /// Where the next element begins after a broken one.
    ///
    /// That is the next line, except when the reader ran over line ends, as in an object printed over several lines or one that lost
    /// its end: then it is the next line that begins an object, so that indices stay those of the sender.
    private func lineToResumeAt(from start: Int, errorAt errorOffset: Int) -> Int {
        let bytes = reader.bytes
        var next = JSONPushParser.lineEnd(bytes, from: start)
        guard errorOffset > next else { return next }
        while next < bytes.count {
            var first = next
            while first < bytes.count, bytes[first] <= 0x20 { first += 1 }
            if first == bytes.count || bytes[first] == UInt8(ascii: "{") { return first }
            next = JSONPushParser.lineEnd(bytes, from: first)
        }
        return next
    }

    private static func lineEnd(_ bytes: [UInt8], from start: Int) -> Int {
        bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
    }

    /// Adds a complete element's sample, or its rejection.
    private mutating func take(_ element: JSONPushElement, index: Int, runStart: Int) {
        if let problem = element.firstProblem {
            write.bytes.removeLast(write.bytes.count - runStart)
            write.reject(element: index, reason: problem)
            return
        }
        let hash = XXH3.hash128(write.bytes.rawSpan.extracting(runStart..<write.bytes.count), seed: seed)
        let number = UInt32(truncatingIfNeeded: write.series.count)
        write.series.append(
            RawSeries(hash: hash, offset: runStart, length: write.bytes.count - runStart, element: index))
        write.samples.append(
            series: number, timestamp: element.timestamp ?? ParsedWrite.unstamped, value: element.value)
        if element.timestamp == nil { write.hasUnstamped = true }
        if let metric = element.metric, let unit = element.unit { addMetadata(metric: metric, unit: unit) }
    }

    private mutating func addMetadata(metric: JSONString, unit: JSONString) {
        guard unit.range.count <= ParsedWrite.metadataTextBytesMax, !unit.range.isEmpty,
            write.metadata.count < ParsedWrite.metadataPerRequestMax
        else { return }
        unitKey.removeAll(keepingCapacity: true)
        unitKey.append(varint: metric.range.count)
        unitKey.append(contentsOf: text(metric))
        unitKey.append(contentsOf: text(unit))
        guard unitsSeen.insert(XXH3.hash64(unitKey.rawSpan)).inserted else { return }
        write.metadata.append(
            MetricMetadata(
                metric: String(decoding: text(metric), as: UTF8.self), type: "unknown",
                unit: String(decoding: text(unit), as: UTF8.self), help: ""))
    }

    private func text(_ string: JSONString) -> ArraySlice<UInt8> {
        string.isDecoded ? scratch[string.range] : reader.bytes[string.range]
    }

    // MARK: - One element

    /// Reads one value to its end; what is wrong with its content is noted in the element, what is not JSON is thrown.
    private mutating func readElement(depth: Int) throws(JSONError) -> JSONPushElement {
        scratch.removeAll(keepingCapacity: true)
        var element = JSONPushElement()
        let kind = try reader.peekKind()
        guard kind == .object else {
            element.note("the element is \(kind.name), not an object")
            try reader.skipValue(depth: depth, scratch: &scratch)
            return element
        }
        try reader.expect(UInt8(ascii: "{"))
        var isFirst = true
        while try reader.next(before: UInt8(ascii: "}"), isFirst: &isFirst) {
            let key = try reader.readString(scratch: &scratch)
            try reader.expect(UInt8(ascii: ":"))
            guard let field = JSONPushElement.Field(text(key)) else {
                try reader.skipValue(depth: depth + 1, scratch: &scratch)
                continue
            }
            element.see(field)
            try read(field, of: &element, depth: depth + 1)
        }
        element.finish()
        return element
    }

    private mutating func read(
        _ field: JSONPushElement.Field, of element: inout JSONPushElement, depth: Int
    ) throws(JSONError) {
        let kind = try reader.peekKind()
        switch (field, kind) {
        case (.serverID, .string), (.serverID, .number), (.metricType, .string):
            let value = try readText(kind)
            if value.range.isEmpty { element.note("\(field.rawValue) is empty") }
            if field == .metricType { element.metric = value }
            LabelRun.append(name: field.labelName, value: text(value), to: &write.bytes)
        case (.value, .number):
            let range = try reader.readNumber()
            if let value = JSONNumber.double(reader.bytes, range) {
                element.value = value
            } else {
                element.note("value is too large for a 64-bit float")
            }
        case (.value, .string):
            let name = try reader.readString(scratch: &scratch)
            if let value = JSONPushElement.nonNumber(text(name)) {
                element.value = value
            } else {
                element.note("value must be a number (or \"NaN\", \"+Inf\", \"-Inf\")")
            }
        case (.unit, .string): element.unit = try reader.readString(scratch: &scratch)
        case (.timestamp, .number):
            let range = try reader.readNumber()
            element.setTimestamp(JSONNumber.double(reader.bytes, range))
        case (.timestamp, .string):
            let string = try reader.readString(scratch: &scratch)
            element.setTimestamp(rfc3339: text(string))
        case (.tags, .object): try readTags(of: &element, depth: depth)
        case (.timestamp, .null), (.unit, .null), (.tags, .null): try reader.readNull()
        default:
            element.note("\(field.rawValue) must be \(field.expectation)")
            try reader.skipValue(depth: depth, scratch: &scratch)
        }
    }

    /// Writes each tag as a label. Numbers and booleans become their text; null is an absent label.
    private mutating func readTags(of element: inout JSONPushElement, depth: Int) throws(JSONError) {
        try reader.expect(UInt8(ascii: "{"))
        var isFirst = true
        while try reader.next(before: UInt8(ascii: "}"), isFirst: &isFirst) {
            let key = try reader.readString(scratch: &scratch)
            try reader.expect(UInt8(ascii: ":"))
            let kind = try reader.peekKind()
            switch kind {
            case .string, .number:
                let value = try readText(kind)
                LabelRun.append(name: text(key), value: text(value), to: &write.bytes)
            case .boolean:
                let value = try reader.readBoolean()
                LabelRun.append(name: text(key), value: "\(value)".utf8, to: &write.bytes)
            case .null: try reader.readNull()
            case .array, .object:
                let name = String(decoding: text(key).prefix(128), as: UTF8.self)
                element.note("tag \"\(name)\" must be text, a number or a boolean")
                try reader.skipValue(depth: depth + 1, scratch: &scratch)
            }
        }
    }

    /// Reads a string, or a number as the text of a label: 1 and 1.0 are both `1`.
    private mutating func readText(_ kind: JSONReader.Kind) throws(JSONError) -> JSONString {
        if kind == .string { return try reader.readString(scratch: &scratch) }
        let range = try reader.readNumber()
        let isInteger = reader.bytes[range].allSatisfy { $0 == UInt8(ascii: "-") || $0 &- UInt8(ascii: "0") < 10 }
        if !isInteger, let value = JSONNumber.double(reader.bytes, range), let whole = Int64(exactly: value) {
            let start = scratch.count
            scratch.append(contentsOf: "\(whole)".utf8)
            return JSONString(range: start..<scratch.count, isDecoded: true)
        }
        return JSONString(range: range, isDecoded: false)
    }
}
