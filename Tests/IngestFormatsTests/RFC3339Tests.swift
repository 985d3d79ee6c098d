import IngestFormats
import Testing

@Suite("RFC 3339")
struct RFC3339Tests {
    @Test(
        "times",
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("1970-01-01t00:00:00z", 0), ("1970-01-01 00:00:00Z", 0),
            ("1969-12-31T23:59:59.999Z", -1), ("2000-02-29T12:00:00Z", 951_825_600_000),
            ("2026-05-01T12:00:00.250Z", 1_777_636_800_250), ("2026-05-01T14:00:00+02:00", 1_777_636_800_000),
            ("2026-05-01T06:30:00-05:30", 1_777_636_800_000), ("2026-05-01T12:00:00.1Z", 1_777_636_800_100),
            ("2026-05-01T12:00:00.123456789Z", 1_777_636_800_123), ("2016-12-31T23:59:60Z", 1_483_228_800_000),
            ("0001-01-01T00:00:00Z", -62_135_596_800_000), ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
        ] as [(String, Int64)])
    func times(_ text: String, _ expected: Int64) {
        #expect(RFC3339.milliseconds(Array(text.utf8)) == expected)
    }

    @Test(
        "what is no time",
        arguments: [
            "", "2026-05-01", "2026-05-01T12:00:00", "2026-5-01T12:00:00Z", "2026-13-01T12:00:00Z",
            "2026-02-29T12:00:00Z",
            "1900-02-29T12:00:00Z", "2026-04-31T12:00:00Z", "2026-05-00T12:00:00Z", "2026-05-01T24:00:00Z",
            "2026-05-01T12:60:00Z", "2026-05-01T12:00:61Z", "2026-05-01T12:00:00.Z", "2026-05-01T12:00:00+0200",
            "2026-05-01T12:00:00+24:00", "2026-05-01T12:00:00Zx", " 2026-05-01T12:00:00Z", "2026-05-01T12:00:00é",
        ])
    func noTimes(_ text: String) {
        #expect(RFC3339.milliseconds(Array(text.utf8)) == nil)
    }

    @Test("each day follows the one before")
    func everyDay() throws {
        var expected: Int64 = -719_162 * 86_400_000
        for year in 1...2_400 {
            for month in 1...12 {
                for day in 1...31 {
                    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
                    let digits = String(year)
                    let text =
                        String(repeating: "0", count: 4 - digits.count) + digits
                        + "-\(two(month))-\(two(day))T00:00:00Z"
                    guard let milliseconds = RFC3339.milliseconds(Array(text.utf8)) else {
                        #expect(day > 28)
                        continue
                    }
                    if milliseconds != expected { Issue.record("\(text) is \(milliseconds), not \(expected)") }
                    expected = milliseconds + 86_400_000
                }
            }
        }
    }
}
