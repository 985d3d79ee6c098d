internal import QueryLanguage

/// A time in UTC, in the parts that PromQL's date functions answer.
struct CivilDate: Equatable {
    /// Seconds since the Unix epoch; nil when the number does not fit, and every part is NaN then.
    private let seconds: Int64?

    /// Cuts the fraction off, towards zero.
    init(seconds: Double) {
        self.seconds = Int64(exactly: seconds.rounded(.towardZero))
    }

    func part(_ function: FunctionName) -> Double {
        guard let seconds else { return .nan }
        let day = CivilDate.floor(seconds, 86_400)
        let ofDay = seconds - day * 86_400
        let date = CivilDate.date(day)
        switch function {
        case .minute: return Double(ofDay / 60 % 60)
        case .hour: return Double(ofDay / 3600)
        case .dayOfMonth: return Double(date.day)
        // The epoch was a Thursday; Sunday is 0.
        case .dayOfWeek: return Double(((day + 4) % 7 + 7) % 7)
        case .dayOfYear: return Double(day - CivilDate.days(date.year, 1, 1) + 1)
        case .daysInMonth:
            let (year, month) = date.month == 12 ? (date.year + 1, 1) : (date.year, date.month + 1)
            return Double(CivilDate.days(year, month, 1) - CivilDate.days(date.year, date.month, 1))
        case .month: return Double(date.month)
        case .year: return Double(date.year)
        default: preconditionFailure("\(function.rawValue) is no date function")
        }
    }

    private static func floor(_ value: Int64, _ divisor: Int64) -> Int64 {
        value / divisor - (value % divisor < 0 ? 1 : 0)
    }

    /// Year, month (1 ... 12) and day of a count of days since the epoch, in the proleptic Gregorian calendar.
    ///
    /// Years begin in March here, so that the leap day comes last; eras are 400 years of 146,097 days. Source: H. Hinnant,
    /// "chrono-Compatible Low-Level Date Algorithms", civil_from_days and days_from_civil.
    private static func date(_ day: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = day + 719_468
        let era = floor(shifted, 146_097)
        let ofEra = shifted - era * 146_097
        let yearOfEra = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * ofYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, ofYear - (153 * marchMonth + 2) / 5 + 1)
    }

    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let marchYear = month <= 2 ? year - 1 : year
        let era = floor(marchYear, 400)
        let yearOfEra = marchYear - era * 400
        let ofYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + ofYear - 719_468
    }
}
