import MetricModel
import Testing

@Suite("Times that want the newest sample")
struct SampleTimesTests {
    @Test("those from one sample on, before the next, within reach of the last, are found whatever the distances")
    func indices() {
        for step in [1, 3, 7, 50] as [Int64] {
            let times = SampleTimes(first: 100, step: step, count: 20, lookback: 25)
            for start in stride(from: 60, through: 300, by: 7) as StrideThrough<Int64> {
                for length in [0, 1, 6, 40, 400] as [Int64] {
                    let last = start + length / 2
                    let expected = (0..<20).filter { index in
                        let time = times.time(index)
                        return time >= start && time < start + length && time < last + 25
                    }
                    #expect(Array(times.indices(from: start, before: start + length, last: last)) == expected)
                }
            }
        }
    }

    @Test("the ends of time do not overflow")
    func extremes() {
        let times = SampleTimes(first: -5, step: 1, count: 11, lookback: .max)
        #expect(times.indices(from: .min, before: .max, last: .max) == 0..<11)
        #expect(times.indices(from: .max, before: .max, last: .max) == 11..<11)
        #expect(times.indices(from: .min, before: .min, last: .min).isEmpty)
    }
}
