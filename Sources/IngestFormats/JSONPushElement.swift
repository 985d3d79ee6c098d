/// What has been read of one element of a JSON push, labels apart, which are written to the arena at once.
struct JSONPushElement {
    /// The fields that mean something; others are skipped.
    enum Field: String {
        case serverID = "server_id"
        case metricType = "metric_type"
        case value
        case tags
        case unit
        case timestamp

        /// The field of this name, nil for an unknown one.
        init?(_ name: ArraySlice<UInt8>) {
            switch name.count {
            case 4:
                if name.elementsEqual("tags".utf8) { self = .tags } else { self.init(name, .unit) }
            case 5: self.init(name, .value)
            case 9:
                if name.elementsEqual("server_id".utf8) { self = .serverID } else { self.init(name, .timestamp) }
            case 11: self.init(name, .metricType)
            default: return nil
            }
        }

        private init?(_ name: ArraySlice<UInt8>, _ candidate: Field) {
            guard name.elementsEqual(candidate.rawValue.utf8) else { return nil }
            self = candidate
        }

        /// The label that the field becomes.
        var labelName: String.UTF8View { (self == .metricType ? "__name__" : rawValue).utf8 }

        /// What its value must be, for errors.
        var expectation: String {
            switch self {
            case .serverID: "text or a number"
            case .metricType, .unit: "text"
            case .value: "a number (or \"NaN\", \"+Inf\", \"-Inf\")"
            case .tags: "an object"
            case .timestamp: "Unix seconds, Unix milliseconds or RFC 3339 text"
            }
        }

        fileprivate var bit: UInt8 {
            switch self {
            case .serverID: 1
            case .metricType: 2
            case .value: 4
            case .tags: 8
            case .unit: 16
            case .timestamp: 32
            }
        }
    }

    /// The metric's name, for its metadata.
    var metric: JSONString?
    /// The metric's unit.
    var unit: JSONString?
    /// The sample's value.
    var value = 0.0
    /// Unix milliseconds, nil when the sample is to be stamped on arrival.
    private(set) var timestamp: Int64?
    /// What was wrong first, nil when nothing is.
    private(set) var firstProblem: String?
    private var seen: UInt8 = 0

    /// From here on a number is milliseconds: as seconds it would be the year 5138.
    private static let millisecondsFrom = 1e11
    /// The last millisecond of the year 9999.
    private static let millisecondsMax: Int64 = 253_402_300_799_999
    /// The first millisecond of the year 1.
    private static let millisecondsMin: Int64 = -62_135_596_800_000

    /// Notes something that makes the element unusable; the first one is told.
    mutating func note(_ problem: String) {
        if firstProblem == nil { firstProblem = problem }
    }

    /// Notes that a field occurs.
    mutating func see(_ field: Field) {
        if seen & field.bit != 0 { note("\(field.rawValue) is given twice") }
        seen |= field.bit
    }

    /// Notes the first required field that did not occur.
    mutating func finish() {
        for field in [Field.serverID, .metricType, .value] where seen & field.bit == 0 {
            note("\(field.rawValue) is missing")
        }
    }

    /// Takes a number: seconds, or milliseconds from 10^11 up; rounded to the nearest millisecond.
    mutating func setTimestamp(_ number: Double?) {
        guard let number else { return note("timestamp is too large") }
        let milliseconds = (number < JSONPushElement.millisecondsFrom ? number * 1_000 : number).rounded()
        guard milliseconds >= Double(JSONPushElement.millisecondsMin),
            milliseconds <= Double(JSONPushElement.millisecondsMax)
        else {
            return note(
                "timestamp \(number) is not within the years 1 to 9999; it is Unix seconds, or milliseconds from 1e11 up"
            )
        }
        timestamp = Int64(milliseconds)
    }

    /// Takes text as RFC 3339 has it.
    mutating func setTimestamp(rfc3339 text: ArraySlice<UInt8>) {
        guard let milliseconds = RFC3339.milliseconds(text) else {
            return note("timestamp \"\(String(decoding: text.prefix(64), as: UTF8.self))\" is not RFC 3339")
        }
        timestamp = milliseconds
    }

    /// The values that JSON has no number for.
    static func nonNumber(_ text: ArraySlice<UInt8>) -> Double? {
        switch String(decoding: text.prefix(16), as: UTF8.self) {
        case "NaN": .nan
        case "Inf", "+Inf", "Infinity", "+Infinity": .infinity
        case "-Inf", "-Infinity": -.infinity
        default: nil
        }
    }
}
