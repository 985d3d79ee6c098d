import MetricModel
import QueryRouting
import Synchronization
import WireProtocol

/// What one query may still read, all its selectors and all aggregators together. What hedges bring, which one side of a race gives back, has as much
/// again of its own: being asked twice makes no query too large.
final class ReadBudget: Sendable {
    private struct Spent {
        var series = 0
        var samples = 0
    }

    /// Who spends.
    enum Purse: Int {
        case questions
        case hedges

        init(_ question: SlotRead.Question) { self = question.isHedge ? .hedges : .questions }
    }

    /// `query_series_max`
    let seriesMax: Int
    /// `query_samples_max`
    let samplesMax: Int
    private let spent = Mutex([Spent(), Spent()])

    /// - Parameters:
    ///   - seriesMax: `query_series_max`
    ///   - samplesMax: `query_samples_max`
    init(seriesMax: Int, samplesMax: Int) {
        self.seriesMax = seriesMax
        self.samplesMax = samplesMax
    }

    /// Takes back what an answer had brought that does not count.
    func giveBack(_ series: [SeriesColumns], to purse: Purse) {
        let samples = series.reduce(0) { $0 + $1.timestamps.count }
        spent.withLock { spent in
            spent[purse.rawValue].series -= series.count
            spent[purse.rawValue].samples -= samples
        }
    }

    /// Counts what has arrived.
    ///
    /// - Throws: `TypedError.tooLarge`, naming the limit, once the query has read more than it may.
    func take(_ page: [SeriesColumns], from purse: Purse) throws(TypedError) {
        let samples = page.reduce(0) { $0 + $1.timestamps.count }
        let total = spent.withLock { spent in
            spent[purse.rawValue].series += page.count
            spent[purse.rawValue].samples += samples
            return spent[purse.rawValue]
        }
        if total.series > seriesMax {
            throw TypedError(.tooLarge, "the query reads more series than query_series_max (\(seriesMax)) allows")
        }
        if total.samples > samplesMax {
            throw TypedError(.tooLarge, "the query reads more samples than query_samples_max (\(samplesMax)) allows")
        }
    }
}
