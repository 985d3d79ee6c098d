/// Every function of PromQL as of Prometheus 3.5; the raw value is what a query writes.
package enum FunctionName: String, Sendable, CaseIterable {
    case abs
    case absent
    case absentOverTime = "absent_over_time"
    case acos
    case acosh
    case asin
    case asinh
    case atan
    case atanh
    case avgOverTime = "avg_over_time"
    case ceil
    case changes
    case clamp
    case clampMax = "clamp_max"
    case clampMin = "clamp_min"
    case cos
    case cosh
    case countOverTime = "count_over_time"
    case dayOfMonth = "day_of_month"
    case dayOfWeek = "day_of_week"
    case dayOfYear = "day_of_year"
    case daysInMonth = "days_in_month"
    case deg
    case delta
    case deriv
    case doubleExponentialSmoothing = "double_exponential_smoothing"
    case exp
    case floor
    case histogramAvg = "histogram_avg"
    case histogramCount = "histogram_count"
    case histogramFraction = "histogram_fraction"
    case histogramQuantile = "histogram_quantile"
    case histogramStddev = "histogram_stddev"
    case histogramStdvar = "histogram_stdvar"
    case histogramSum = "histogram_sum"
    case hour
    case idelta
    case increase
    case info
    case irate
    case labelJoin = "label_join"
    case labelReplace = "label_replace"
    case lastOverTime = "last_over_time"
    case ln
    case log10
    case log2
    case madOverTime = "mad_over_time"
    case maxOverTime = "max_over_time"
    case minOverTime = "min_over_time"
    case minute
    case month
    case pi
    case predictLinear = "predict_linear"
    case presentOverTime = "present_over_time"
    case quantileOverTime = "quantile_over_time"
    case rad
    case rate
    case resets
    case round
    case scalar
    case sgn
    case sin
    case sinh
    case sort
    case sortByLabel = "sort_by_label"
    case sortByLabelDesc = "sort_by_label_desc"
    case sortDesc = "sort_desc"
    case sqrt
    case stddevOverTime = "stddev_over_time"
    case stdvarOverTime = "stdvar_over_time"
    case sumOverTime = "sum_over_time"
    case tan
    case tanh
    case time
    case timestamp
    case tsOfLastOverTime = "ts_of_last_over_time"
    case tsOfMaxOverTime = "ts_of_max_over_time"
    case tsOfMinOverTime = "ts_of_min_over_time"
    case vector
    case year
}

/// What a function takes and gives.
package struct FunctionSignature: Sendable {
    /// How often the last argument may stand.
    package enum Variadic: Sendable {
        case exactlyOnce
        case optional
        /// None or any number of times.
        case anyNumber
    }

    /// Types of the arguments in order.
    package var arguments: [ValueType]
    package var variadic: Variadic
    package var result: ValueType
    /// Whether Prometheus 3.5 keeps it behind `promql-experimental-functions`.
    package var isExperimental: Bool

    /// Fewest arguments of a call.
    package var argumentCountMin: Int { variadic == .exactlyOnce ? arguments.count : arguments.count - 1 }

    /// Most arguments of a call; nil when there is no bound.
    package var argumentCountMax: Int? { variadic == .anyNumber ? nil : arguments.count }

    fileprivate init(
        _ arguments: [ValueType], _ variadic: Variadic = .exactlyOnce, result: ValueType = .vector,
        isExperimental: Bool = false
    ) {
        self.arguments = arguments
        self.variadic = variadic
        self.result = result
        self.isExperimental = isExperimental
    }
}

extension FunctionName {
    /// What the function takes and gives (source: Prometheus 3.5's documentation of its functions).
    package var signature: FunctionSignature {
        switch self {
        case .abs, .absent, .acos, .acosh, .asin, .asinh, .atan, .atanh, .ceil, .cos, .cosh, .deg, .exp, .floor,
            .histogramAvg,
            .histogramCount, .histogramStddev, .histogramStdvar, .histogramSum, .ln, .log10, .log2, .rad, .sgn, .sin,
            .sinh,
            .sort, .sortDesc, .sqrt, .tan, .tanh, .timestamp:
            FunctionSignature([.vector])
        case .absentOverTime, .avgOverTime, .changes, .countOverTime, .delta, .deriv, .idelta, .increase, .irate,
            .lastOverTime,
            .maxOverTime, .minOverTime, .presentOverTime, .rate, .resets, .stddevOverTime, .stdvarOverTime,
            .sumOverTime:
            FunctionSignature([.matrix])
        case .madOverTime, .tsOfLastOverTime, .tsOfMaxOverTime, .tsOfMinOverTime:
            FunctionSignature([.matrix], isExperimental: true)
        case .dayOfMonth, .dayOfWeek, .dayOfYear, .daysInMonth, .hour, .minute, .month, .year:
            FunctionSignature([.vector], .optional)
        case .clamp: FunctionSignature([.vector, .scalar, .scalar])
        case .clampMax, .clampMin: FunctionSignature([.vector, .scalar])
        case .doubleExponentialSmoothing: FunctionSignature([.matrix, .scalar, .scalar], isExperimental: true)
        case .histogramFraction: FunctionSignature([.scalar, .scalar, .vector])
        case .histogramQuantile: FunctionSignature([.scalar, .vector])
        case .info: FunctionSignature([.vector, .vector], .optional, isExperimental: true)
        case .labelJoin: FunctionSignature([.vector, .string, .string, .string], .anyNumber)
        case .labelReplace: FunctionSignature([.vector, .string, .string, .string, .string])
        case .pi, .time: FunctionSignature([], result: .scalar)
        case .predictLinear: FunctionSignature([.matrix, .scalar])
        case .quantileOverTime: FunctionSignature([.scalar, .matrix])
        case .round: FunctionSignature([.vector, .scalar], .optional)
        case .scalar: FunctionSignature([.vector], result: .scalar)
        case .sortByLabel, .sortByLabelDesc: FunctionSignature([.vector, .string], .anyNumber, isExperimental: true)
        case .vector: FunctionSignature([.scalar])
        }
    }
}
