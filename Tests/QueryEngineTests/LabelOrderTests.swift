import MetricModel
import QueryEngine
import Testing

@Suite("The order of an answer's series")
struct LabelOrderTests {
    @Test("series are in the order of names and values, whatever their lengths")
    func order() throws {
        var queries = RandomQueries(seed: 5)
        let names = ["a", "b", "ab", "abcdefgh", "abcdefghi"]
        let values = [
            "", "x", "xy", "12345678", "123456789", "1234567812345678", "ü", String(repeating: "x", count: 200),
        ]
        for _ in 0..<50 {
            var sets: Set<Labels> = []
            for _ in 0..<30 { sets.insert(try Labels(names.map { Label($0, queries.pick(values)) })) }
            let series = sets.map { SeriesColumns(labels: $0, timestamps: [0], values: [1]) }
            let query = names.map { "{\($0)!=\"\"}" }.joined(separator: " or ")
            let result = try Script.answer(query, .range(start: 0, end: 0, step: 1), series)
            guard case .matrix(let found) = result.value else { return }
            let keys = found.map { $0.labels.labels.flatMap { [Array($0.name.utf8), Array($0.value.utf8)] } }
            let ascending = zip(keys, keys.dropFirst()).allSatisfy { left, right in
                left.lexicographicallyPrecedes(right) { $0.lexicographicallyPrecedes($1) }
            }
            #expect(ascending)
        }
    }
}
