import HTTPSurface
import Testing

@Suite struct MetricsText {
    @Test("every kind is written in the text format, sorted, with help and labels escaped")
    func golden() {
        let registry = MetricsRegistry()
        let counter = registry.counter("murmur_b_total", help: "Counts \\ and\nmore.", labels: [("path", "a\"b\\\n")])
        registry.counter("murmur_b_total", help: "Counts \\ and\nmore.").add(3)
        counter.add(2)
        registry.gauge("murmur_a", help: "A.") { 1.5 }
        let histogram = registry.histogram("murmur_c_seconds", help: "C.", labels: [("x", "y")], bounds: [0.1, 1])
        histogram.observe(0.1)
        histogram.observe(0.5)
        histogram.observe(7)
        #expect(
            String(decoding: registry.text(), as: UTF8.self) == #"""
                # HELP murmur_a A.
                # TYPE murmur_a gauge
                murmur_a 1.5
                # HELP murmur_b_total Counts \\ and\nmore.
                # TYPE murmur_b_total counter
                murmur_b_total 3
                murmur_b_total{path="a\"b\\\n"} 2
                # HELP murmur_c_seconds C.
                # TYPE murmur_c_seconds histogram
                murmur_c_seconds_bucket{x="y",le="0.1"} 1
                murmur_c_seconds_bucket{x="y",le="1"} 2
                murmur_c_seconds_bucket{x="y",le="+Inf"} 3
                murmur_c_seconds_sum{x="y"} 7.6
                murmur_c_seconds_count{x="y"} 3

                """#)
    }

    @Test("the same name and labels are the same handle")
    func sameHandle() {
        let registry = MetricsRegistry()
        registry.counter("murmur_x_total", help: "X.", labels: [("a", "1")]).add(1)
        #expect(registry.counter("murmur_x_total", help: "X.", labels: [("a", "1")]).value == 1)
        #expect(registry.counter("murmur_x_total", help: "X.", labels: [("a", "2")]).value == 0)
    }
}
