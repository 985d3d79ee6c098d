import EngineStorage
import Testing

@Suite("When files are tried again that could not be opened")
struct OpeningBackoffTests {
    @Test("a failure waits twice as long each time, up to ten minutes")
    func doubles() {
        var backoff = OpeningBackoff()
        var now: Int64 = 0
        for delay in [10, 20, 40, 80, 160, 320, 600, 600] as [Int64] {
            backoff.failed([1, 2], now: now)
            #expect(backoff.holdsBack([1, 2], now: now + delay * 1_000 - 1))
            now += delay * 1_000
            #expect(!backoff.holdsBack([1, 2], now: now))
        }
    }

    @Test("it holds back what contains all that failed together, and nothing else")
    func subsets() {
        var backoff = OpeningBackoff()
        backoff.failed([1, 2], now: 0)
        #expect(backoff.holdsBack([1, 2, 3], now: 1))
        #expect(!backoff.holdsBack([1, 3], now: 1))
        #expect(!backoff.holdsBack([], now: 1))
        backoff.opened([1, 3])
        #expect(backoff.holdsBack([1, 2], now: 1))
        backoff.opened([1, 2, 3])
        #expect(!backoff.holdsBack([1, 2], now: 1))
    }

    @Test("a refusal before reading waits a second, and takes nothing from what a failure waits")
    func refusals() {
        var backoff = OpeningBackoff()
        backoff.refused([1], now: 0)
        #expect(backoff.holdsBack([1], now: 999))
        #expect(!backoff.holdsBack([1], now: 1_000))
        backoff.failed([1], now: 1_000)
        backoff.failed([1], now: 11_000)
        #expect(backoff.holdsBack([1], now: 30_999))
        backoff.refused([1], now: 31_000)
        #expect(!backoff.holdsBack([1], now: 32_000))
        backoff.failed([1], now: 32_000)
        #expect(backoff.holdsBack([1], now: 71_999))
    }

    @Test("the oldest of too many is forgotten")
    func bounded() {
        var backoff = OpeningBackoff()
        for number in 0...UInt32(OpeningBackoff.entriesMax) { backoff.failed([number], now: 0) }
        #expect(!backoff.holdsBack([0], now: 1))
        #expect(backoff.holdsBack([1], now: 1))
    }
}
