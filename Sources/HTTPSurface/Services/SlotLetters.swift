/// One letter for each slot, as JSON has them: runs of equal letters with their length, which is left out where it is 1 (`3w.2c` is `www.cc`).
package struct SlotLetters: Codable, Hashable, Sendable {
    /// What is no text of letters.
    package enum Failure: Error, Equatable {
        /// A length without a letter, a length of 0, or more slots than there can be.
        case malformed
    }

    /// `slots_max`: more than any ring has.
    package static let slotsMax = 65_536

    /// ASCII, no digits; one for each slot.
    package var letters: [UInt8]

    /// - Parameter letters: ASCII, no digits.
    package init(_ letters: [UInt8]) {
        self.letters = letters
    }

    /// How many slots have a letter.
    package func count(of letter: Character) -> Int {
        letters.count { $0 == letter.asciiValue }
    }

    /// Reads runs.
    ///
    /// - Throws: `Failure`.
    package init(runs text: String) throws(Failure) {
        letters = []
        var length: Int?
        for byte in text.utf8 {
            if let digit = Self.digit(byte) {
                length = (length ?? 0) * 10 + digit
                guard length ?? 0 <= Self.slotsMax else { throw .malformed }
                continue
            }
            guard length != 0, letters.count + (length ?? 1) <= Self.slotsMax else { throw .malformed }
            letters.append(contentsOf: repeatElement(byte, count: length ?? 1))
            length = nil
        }
        guard length == nil else { throw .malformed }
    }

    private static func digit(_ byte: UInt8) -> Int? {
        byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") ? Int(byte - UInt8(ascii: "0")) : nil
    }

    /// The runs as text.
    package var runs: String {
        var text: [UInt8] = []
        var index = 0
        while index < letters.count {
            var end = index + 1
            while end < letters.count, letters[end] == letters[index] { end += 1 }
            if end - index > 1 { text.append(contentsOf: "\(end - index)".utf8) }
            text.append(letters[index])
            index = end
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Reads a JSON string of runs.
    package init(from decoder: any Decoder) throws {
        try self.init(runs: try decoder.singleValueContainer().decode(String.self))
    }

    /// Writes a JSON string of runs.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(runs)
    }
}
