import Testing

@Suite("Scripts: functions of windows")
struct WindowScripts {
    @Test("rates extrapolate to the window's edges and add counter resets")
    func rates() throws {
        try Script.run(
            "rates",
            """
            load 10s
              steady_total{x="1"}   0+10x20
              reset_total{x="1"}    0 10 20 5 15 25 35
              late_total{x="1"}     _x6 100 110 120
              single_total{x="1"}   7
              gauge{x="1"}          10 8 6 9 _ 3 NaN
            # Both edges are nearer than 1.1 distances: extrapolated to the whole window.
            eval instant at 100s  rate(steady_total[50s])
              {x="1"} 1
            eval instant at 105s  increase(steady_total[50s])
              {x="1"} 50
            eval instant at 60s  increase(reset_total[70s])
              {x="1"} 55
            eval instant at 60s  resets(reset_total[70s])
              {x="1"} 1
            # The start is farther than 1.1 distances away: half a distance is added there.
            eval instant at 85s  increase(late_total[60s])
              {x="1"} 30
            # A counter is not extrapolated below zero.
            eval instant at 20s  increase(steady_total[60s])
              {x="1"} 20
            eval instant at 100s  increase(steady_total[200s])
              {x="1"} 100
            eval instant at 0s  rate(single_total[1m])
            eval instant at 60s  irate(reset_total[1m])
              {x="1"} 1
            eval instant at 30s  irate(reset_total[1m])
              {x="1"} 0.5
            eval instant at 30s  idelta(gauge[1m])
              {x="1"} 3
            eval instant at 30s  delta(gauge[40s])
              {x="1"} -1.3333333333333333
            eval instant at 30s  delta(gauge[20s])
              {x="1"} 6
            eval range from 20s to 60s step 20s  rate(steady_total[20s])
              {x="1"} 1 1 1
            eval instant at 40s  rate(gauge[40s])
              expect info metric might not be a counter
              {x="1"} 0.45
            """)
    }

    @Test("aggregations over time")
    func overTime() throws {
        try Script.run(
            "over time",
            """
            load 10s
              m{x="1"}  3 1 4 1 5 9 2 6
              n{x="1"}  NaN 2 NaN
              h{x="1"}  1e308 1e308 1e308 -1e308
              k{x="1"}  1e100 1 -1e100 1
              i{x="1"}  Inf 1
              f{x="1"}  0.1x9
            eval instant at 70s  sum_over_time(m[80s])
              {x="1"} 31
            eval instant at 70s  avg_over_time(m[80s])
              {x="1"} 3.875
            eval instant at 70s  min_over_time(m[40s])
              {x="1"} 2
            eval range from 0s to 70s step 10s  max_over_time(m[25s])
              {x="1"} 3 3 4 4 5 9 9 9
            eval range from 0s to 70s step 10s  min_over_time(m[25s])
              {x="1"} 3 1 1 1 1 1 2 2
            eval instant at 70s  count_over_time(m[80s])
              {x="1"} 8
            eval instant at 70s  present_over_time(m[80s])
              {x="1"} 1
            eval instant at 70s  stdvar_over_time(m[80s])
              {x="1"} 6.609375
            eval instant at 70s  stddev_over_time(m[80s])
              {x="1"} 2.5708704751503917
            eval instant at 70s  quantile_over_time(0.5, m[80s])
              {x="1"} 3.5
            eval instant at 70s  quantile_over_time(2, m[80s])
              expect warn quantile value should be between 0 and 1
              {x="1"} +Inf
            eval instant at 70s  mad_over_time(m[80s])
              {x="1"} 2
            eval instant at 70s  changes(m[80s])
              {x="1"} 7
            eval instant at 70s  resets(m[80s])
              {x="1"} 3
            eval instant at 70s  ts_of_max_over_time(m[80s])
              {x="1"} 50
            eval instant at 70s  ts_of_min_over_time(m[80s])
              {x="1"} 30
            eval instant at 70s  ts_of_last_over_time(m[80s])
              {x="1"} 70
            # NaN is passed over by extremes, kept by sums; equal NaNs are no change.
            eval instant at 20s  max_over_time(n[30s])
              {x="1"} 2
            eval instant at 20s  sum_over_time(n[30s])
              {x="1"} NaN
            eval instant at 20s  changes(n[30s])
              {x="1"} 2
            eval instant at 0s  min_over_time(n[30s])
              {x="1"} NaN
            # The mean of numbers whose sum overflows, and a sum that cancels.
            eval instant at 20s  avg_over_time(h[30s])
              {x="1"} 1e308
            eval instant at 30s  sum_over_time(k[40s])
              {x="1"} 2
            eval instant at 10s  sum_over_time(i[40s])
              {x="1"} +Inf
            eval instant at 90s  sum_over_time(f[100s])
              {x="1"} 1
            """)
    }

    @Test("lines through samples")
    func regression() throws {
        try Script.run(
            "regression",
            """
            load 10s
              line{x="1"}   0+10x100
              flat{x="1"}   5x10
              curve{x="1"}  0 1 4 9 16 25
            eval instant at 100s  deriv(line[60s])
              {x="1"} 1
            eval instant at 100s  predict_linear(line[60s], 3600)
              {x="1"} 3700
            eval instant at 100s  deriv(flat[60s])
              {x="1"} 0
            eval instant at 50s  deriv(curve[60s])
              {x="1"} 0.5
            eval instant at 0s  deriv(line[60s])
            eval range from 60s to 80s step 10s  predict_linear(line[30s] @ 50, 10)
              {x="1"} 70 80 90
            eval instant at 100s  double_exponential_smoothing(line[60s], 0.5, 0.5)
              {x="1"} 100
            eval instant at 100s  double_exponential_smoothing(line[60s], 1, 0.5)
              expect fail invalid smoothing factor. Expected: 0 < sf < 1, got: 1
            """)
    }

    @Test("names are dropped, and what only they told apart is an error")
    func names() throws {
        try Script.run(
            "names",
            """
            load 10s
              a_total{x="1"}  0+1x10
              b_total{x="1"}  _x11 0+1x10
            eval instant at 60s  rate({__name__=~"._total"}[1m])
              {x="1"} 0.1
            eval range from 60s to 200s step 10s  rate({__name__=~"._total"}[1m])
              expect fail vector cannot contain metrics with the same labelset
            eval instant at 60s  last_over_time({__name__=~"._total"}[1m])
              a_total{x="1"} 6
            eval instant at 120s  -{__name__=~"._total"}
              expect fail vector cannot contain metrics with the same labelset
            # At different steps they may follow one another.
            eval range from 20s to 420s step 400s  -{__name__=~"._total"}
              {x="1"} -2 -10
            eval instant at 60s  absent_over_time(c_total{x="1",y=~"z"}[1m])
              {x="1"} 1
            eval instant at 60s  absent_over_time(a_total{x="1"}[1m])
            eval range from 60s to 180s step 60s  absent_over_time(a_total{x="1"}[1m])
              {x="1"} _ _ 1
            eval instant at 60s  absent(c_total{x="1"})
              {x="1"} 1
            eval instant at 60s  absent(sum(c_total))
              {} 1
            eval instant at 60s  absent(a_total)
            eval instant at 60s  absent(c_total{x="1",x="2",y="3"})
              {y="3"} 1
            """)
    }
}
