import Testing

@Suite("Scripts: functions of samples, labels, dates and histograms")
struct FunctionScripts {
    @Test("mathematics")
    func mathematics() throws {
        try Script.run(
            "mathematics",
            """
            load 10s
              m{x="1"}  -1.5 2.5 0 NaN Inf
            eval range from 0s to 40s step 10s  abs(m)
              {x="1"} 1.5 2.5 0 NaN +Inf
            eval range from 0s to 40s step 10s  ceil(m)
              {x="1"} -1 3 0 NaN +Inf
            eval range from 0s to 40s step 10s  floor(m)
              {x="1"} -2 2 0 NaN +Inf
            eval range from 0s to 40s step 10s  round(m)
              {x="1"} -1 3 0 NaN +Inf
            eval range from 0s to 40s step 10s  round(m, 0.2)
              {x="1"} -1.4 2.6 0 NaN +Inf
            eval range from 0s to 40s step 10s  sgn(m)
              {x="1"} -1 1 0 NaN 1
            eval range from 0s to 40s step 10s  clamp(m, 0, 1)
              {x="1"} 0 1 0 NaN 1
            eval range from 0s to 40s step 10s  clamp_min(m, 0)
              {x="1"} 0 2.5 0 NaN +Inf
            eval range from 0s to 40s step 10s  clamp_max(m, 1)
              {x="1"} -1.5 1 0 NaN 1
            eval instant at 0s  clamp(m, 1, 0)
            eval range from 0s to 40s step 10s  sqrt(m)
              {x="1"} NaN 1.5811388300841898 0 NaN +Inf
            eval range from 0s to 40s step 10s  exp(m)
              {x="1"} 0.22313016014842982 12.182493960703473 1 NaN +Inf
            eval range from 0s to 40s step 10s  ln(m)
              {x="1"} NaN 0.9162907318741551 -Inf NaN +Inf
            eval instant at 0s  log2(vector(8)) + log10(vector(1000))
              {} 6
            eval instant at 0s  sin(vector(0)) + cos(vector(0)) + tan(vector(0)) + asin(vector(0)) + acos(vector(1)) + atan(vector(0))
              {} 1
            eval instant at 0s  sinh(vector(0)) + cosh(vector(0)) + tanh(vector(0)) + asinh(vector(0)) + acosh(vector(1)) + atanh(vector(0))
              {} 1
            eval instant at 0s  deg(vector(pi())) + rad(vector(180)) - pi()
              {} 180
            """)
    }

    @Test("dates, in UTC")
    func dates() throws {
        try Script.run(
            "dates",
            """
            # 2024-02-29T12:34:56Z
            eval instant at 1709210096s  hour() * 100 + minute()
              {} 1234
            eval instant at 1709210096s  year() * 10000 + month() * 100 + day_of_month()
              {} 20240229
            eval instant at 1709210096s  day_of_week() * 1000 + day_of_year()
              {} 4060
            eval instant at 1709210096s  days_in_month()
              {} 29
            eval instant at 0s  year(vector(-1))
              {} 1969
            eval instant at 0s  day_of_week(vector(-86400))
              {} 3
            eval instant at 0s  days_in_month(vector(1767225599))
              {} 31
            eval instant at 0s  day_of_year(vector(1767225599))
              {} 365
            eval instant at 0s  day_of_year(vector(951782400))
              {} 60
            eval instant at 0s  month(vector(NaN))
              {} NaN
            eval instant at 0s  minute(vector(1e300))
              {} NaN
            """)
    }

    @Test("label_replace and label_join")
    func labels() throws {
        try Script.run(
            "labels",
            """
            load 10s
              m{src="source-10",x="1"}  1
              m{src="source-20",x="2"}  2
            eval instant at 0s  label_replace(m, "dst", "n-$1-$$", "src", "source-(.*)")
              m{src="source-10",x="1",dst="n-10-$"} 1
              m{src="source-20",x="2",dst="n-20-$"} 2
            eval instant at 0s  label_replace(m, "dst", "${n}x", "src", "source-(?P<n>1.)")
              m{src="source-10",x="1",dst="10x"} 1
              m{src="source-20",x="2"} 2
            eval instant at 0s  label_replace(m, "dst", "y", "src", "ource")
              m{src="source-10",x="1"} 1
              m{src="source-20",x="2"} 2
            eval instant at 0s  label_replace(m, "src", "", "src", ".*")
              m{x="1"} 1
              m{x="2"} 2
            eval instant at 0s  label_replace(m, "x", "same", "", "")
              m{src="source-10",x="same"} 1
              m{src="source-20",x="same"} 2
            eval instant at 0s  label_replace(m, "__name__", "n", "x", "1")
              n{src="source-10",x="1"} 1
              m{src="source-20",x="2"} 2
            eval instant at 0s  label_replace(label_replace(m, "src", "", "", ""), "x", "", "", "")
              expect fail vector cannot contain metrics with the same labelset
            eval instant at 0s  label_replace(m, "", "a", "src", ".*")
              expect fail invalid destination label name in label_replace()
            eval instant at 0s  label_replace(m, "dst", "a", "src", "(.*")
              expect fail invalid regular expression in label_replace(): (.*
            eval instant at 0s  label_join(m, "dst", "-", "x", "src", "nothing")
              m{src="source-10",x="1",dst="1-source-10-"} 1
              m{src="source-20",x="2",dst="2-source-20-"} 2
            eval instant at 0s  label_join(m, "src", "-")
              m{x="1"} 1
              m{x="2"} 2
            eval instant at 0s  sort_by_label(m, "src")
              expect ordered
              m{src="source-10",x="1"} 1
              m{src="source-20",x="2"} 2
            eval instant at 0s  sort_by_label_desc(m, "src")
              expect ordered
              m{src="source-20",x="2"} 2
              m{src="source-10",x="1"} 1
            """)
    }

    @Test("classic histograms")
    func histograms() throws {
        try Script.run(
            "histograms",
            """
            load 10s
              h_bucket{x="1",le="0.1"}   0 10
              h_bucket{x="1",le="0.2"}   4 30
              h_bucket{x="1",le="1e0"}   8 40
              h_bucket{x="1",le="+Inf"}  8 50
              open_bucket{le="1"}        1
              odd_bucket{le="1"}         5
              odd_bucket{le="2"}         4
              odd_bucket{le="+Inf"}      10
              bad_bucket{le="x"}         1
            eval range from 0s to 10s step 10s  histogram_quantile(0.5, h_bucket)
              {x="1"} 0.2 0.175
            eval instant at 10s  histogram_quantile(0.9, h_bucket)
              {x="1"} 1
            eval instant at 10s  histogram_quantile(0.1, h_bucket)
              {x="1"} 0.05
            eval instant at 10s  histogram_quantile(0, h_bucket)
              {x="1"} 0
            eval instant at 10s  histogram_quantile(-0.1, h_bucket)
              expect warn quantile value should be between 0 and 1
              {x="1"} -Inf
            eval instant at 10s  histogram_quantile(NaN, h_bucket)
              expect warn quantile value should be between 0 and 1
              {x="1"} NaN
            eval instant at 10s  histogram_quantile(0.5, sum by (le) (h_bucket))
              {} 0.175
            eval instant at 0s  histogram_quantile(0.5, open_bucket)
              {} NaN
            eval instant at 0s  histogram_quantile(0.5, odd_bucket)
              expect info needed to be fixed for monotonicity
              {} 1
            eval instant at 0s  histogram_quantile(0.5, bad_bucket)
              expect warn bucket label "le" is missing or has a malformed value of "x" for metric name "bad_bucket"
            eval instant at 10s  histogram_fraction(0, 0.2, h_bucket)
              {x="1"} NaN
            eval instant at 10s  histogram_fraction(0.1, 0.2, h_bucket)
              {x="1"} 0.4
            eval instant at 10s  histogram_fraction(0.15, 0.6, h_bucket)
              {x="1"} 0.3
            eval instant at 10s  histogram_fraction(0.2, +Inf, h_bucket)
              {x="1"} 0.4
            eval instant at 10s  histogram_fraction(1, 0, h_bucket)
              {x="1"} 0
            """)
    }

    /// Which series stay was asked of Prometheus 3.5.3.
    @Test("limit_ratio keeps the series that Prometheus keeps")
    func limitRatio() throws {
        let long = String(repeating: "x", count: 300)
        let first = ["0", "2", "3", "6", "11"]
        let second = ["1", "4", "5", "7", "8", "9", "10"]
        func rows(_ names: [String]) -> String { names.map { "  m{i=\"\($0)\"} \($0)\n" }.joined() }
        let loaded = (0..<12).map { "  m{i=\"\($0)\"} \($0)\n" }.joined()
        try Script.run(
            "limit_ratio",
            "load 10s\n" + loaded + "  m{i=\"99\",long=\"\(long)\"} 99\n"
                + "eval instant at 0s  limit_ratio(0.3, m)\n" + rows(first)
                + "  m{i=\"99\",long=\"\(long)\"} 99\n"
                + "eval instant at 0s  limit_ratio(-0.7, m)\n" + rows(second)
                + "eval instant at 0s  count(limit_ratio(0.5, m))\n  {} 7\n"
                + "eval instant at 0s  limit_ratio(0, m)\n"
                + "eval instant at 0s  count(limit_ratio(1.5, m))\n"
                + "  expect warn ratio value should be between -1 and 1, got 1.5, capping to 1 (1:19)\n  {} 13\n"
                + "eval instant at 0s  count(limit_ratio(-2, m))\n"
                + "  expect warn ratio value should be between -1 and 1, got -2, capping to -1 (1:19)\n  {} 13\n"
                + "eval instant at 0s  limit_ratio(NaN, m)\n  expect fail Ratio value NaN is NaN\n"
                + "eval range from 0s to 10s step 10s  count(limit_ratio(0.3 - time() / 100, m))\n  {} 6 4\n"
        )
    }

    /// The answers were asked of Prometheus 3.5.3.
    @Test("info adds labels of the info series with the same instance and job")
    func info() throws {
        try Script.run(
            "info",
            """
            load 10s
              target_info{job="j",instance="i1",version="v1",build="b"}  1 1
              target_info{job="j",instance="i2",version="v2"}  1 1
              build_info{job="j",instance="i1",commit="c"}  1 1
              req{job="j",instance="i1",path="/"}  5 6
              req{job="j",instance="i3",path="/"}  7 7
              req{job="k",path="/x"}  8 8
              bare{a="b"}  1 1
            eval instant at 10s  info(req)
              req{job="j",instance="i1",path="/",version="v1",build="b"}  6
              req{job="j",instance="i3",path="/"}  7
              req{job="k",path="/x"}  8
            eval instant at 10s  info(req, {version=~".+"})
              req{job="j",instance="i1",path="/",version="v1"}  6
            eval instant at 10s  info(req, {build="b"})
              req{job="j",instance="i1",path="/",build="b"}  6
            eval instant at 10s  info(req, {build=~"b|"})
              req{job="j",instance="i1",path="/",build="b"}  6
              req{job="j",instance="i3",path="/"}  7
              req{job="k",path="/x"}  8
            eval instant at 10s  info(req, {__name__="target_info"})
              req{job="j",instance="i1",path="/",version="v1",build="b"}  6
              req{job="j",instance="i3",path="/"}  7
              req{job="k",path="/x"}  8
            eval instant at 10s  info(req, {__name__=~".*_info"})
              req{job="j",instance="i1",path="/",version="v1",build="b",commit="c"}  6
              req{job="j",instance="i3",path="/"}  7
              req{job="k",path="/x"}  8
            eval instant at 10s  info({__name__=~"req|target_info"})
              target_info{job="j",instance="i1",version="v1",build="b"}  1
              target_info{job="j",instance="i2",version="v2"}  1
              req{job="j",instance="i1",path="/",version="v1",build="b"}  6
              req{job="j",instance="i3",path="/"}  7
              req{job="k",path="/x"}  8
            eval instant at 10s  info(bare)
              bare{a="b"}  1
            eval instant at 10s  sum by (version) (info(req))
              {version="v1"}  6
              {}  15
            """)
        try Script.run(
            "info over time",
            """
            load 10s
              target_info{job="j",version="v1"}  1 stale
              target_info{job="j",version="v2"}  _ 1 1 1
              other_info{job="j",version="v9"}  _ _ 1
              twin_info{job="j",a="1"}  1 1
              twin_info{job="j",a="2"}  1 1
              up{job="j"}  1 1 1
            eval range from 0s to 20s step 10s  info(up)
              up{job="j",version="v1"}  1 _ _
              up{job="j",version="v2"}  _ 1 1
            eval instant at 20s  info(up, {__name__=~"other_info|target_info"})
              expect fail conflicting label: version
            eval instant at 10s  info(up, {__name__="twin_info"})
              expect fail found duplicate series for info metric twin_info
            """)
    }
}
