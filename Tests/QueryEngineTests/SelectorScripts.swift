import Testing

@Suite("Scripts: selectors, staleness, @ and offset")
struct SelectorScripts {
    @Test("a selector takes the newest sample in reach, unless it is stale or exactly one look-back old")
    func lookback() throws {
        try Script.run(
            "lookback",
            """
            load 1m
              up{job="a"}  1 2 3 _x10
              up{job="b"}  1 stale _ 4
            eval instant at 0s  up
              up{job="a"} 1
              up{job="b"} 1
            eval instant at 1m  up
              up{job="a"} 2
            eval instant at 2m59s  up
              up{job="a"} 3
            eval instant at 6m59s  up{job="a"}
              up{job="a"} 3
            eval instant at 7m  up{job="a"}
            eval range from 0s to 8m step 2m  up
              up{job="a"} 1 3 3 3 _
              up{job="b"} 1 _ 4 4 _
            eval range from 0s to 8m step 2m  {job=~"a|b"} == 3
              up{job="a"} _ 3 3 3 _
            eval instant at 1m  up{job!="a"}
            eval instant at 3m  {__name__=~"u.", job!~"a"}
              up{job="b"} 4
            eval instant at 3m  up{nothing=""}
              up{job="a"} 3
              up{job="b"} 4
            """)
    }

    @Test("offset and @ move what a selector takes for now")
    func offsets() throws {
        try Script.run(
            "offsets",
            """
            load 10s
              m{x="1"}  0+1x100
            eval instant at 100s  m offset 30s
              m{x="1"} 7
            eval instant at 100s  m offset -30s
              m{x="1"} 13
            eval instant at 100s  m @ 20
              m{x="1"} 2
            eval instant at 100s  m @ 20 offset -10s
              m{x="1"} 3
            eval range from 100s to 200s step 50s  m @ end() - m
              {x="1"} 10 5 0
            eval range from 100s to 200s step 50s  m @ start()
              m{x="1"} 10 10 10
            eval range from 100s to 200s step 50s  sum_over_time(m[20s] @ 50 offset 10s)
              {x="1"} 7 7 7
            eval range from 100s to 200s step 50s  m @ 0 + time()
              {x="1"} 100 150 200
            eval instant at 100s  timestamp(m offset 5s)
              {x="1"} 90
            eval instant at 103s  timestamp(m)
              {x="1"} 100
            eval instant at 103s  timestamp(m + 0)
              {x="1"} 103
            eval range from 100s to 140s step 20s  timestamp(m @ 15)
              {x="1"} 10 10 10
            """)
    }

    @Test("windows are left-open")
    func windows() throws {
        try Script.run(
            "windows",
            """
            load 10s
              m  1 2 3 4 5 stale 7
            eval instant at 40s  m[20s]
              m 4 5
            eval instant at 60s  m[30s]
              m 5 7
            eval instant at 60s  count_over_time(m[60s])
              {} 5
            eval instant at 60s  count_over_time(m[10s])
              {} 1
            eval instant at 50s  count_over_time(m[10s])
            eval range from 0s to 70s step 10s  last_over_time(m[15s])
              m 1 2 3 4 5 5 7 7
            eval range from 0s to 70s step 10s  count_over_time(m[20s])
              {} 1 2 2 2 2 1 1 1
            """)
    }

    @Test("subqueries evaluate at multiples of their step inside the left-open window")
    func subqueries() throws {
        try Script.run(
            "subqueries",
            """
            load 10s
              m  0+1x100
            eval instant at 100s  sum_over_time(m[30s:10s])
              {} 27
            eval instant at 105s  m[20s:10s]
              m 9 10
            eval instant at 100s  max_over_time((m * 2)[50s:20s])
              {} 20
            eval instant at 100s  sum_over_time(m[30s:10s] offset 20s)
              {} 21
            eval instant at 100s  sum_over_time(m[30s:10s] @ 50)
              {} 12
            eval range from 100s to 120s step 10s  sum_over_time(m[30s:10s])
              {} 27 30 33
            eval range from 100s to 120s step 10s  sum_over_time(m[30s:10s] @ end())
              {} 33 33 33
            eval instant at 600s  count_over_time(m[5m:])
              {} 5
            eval instant at 100s  rate(m[40s:10s])
              {} 0.1
            eval instant at 100s  max_over_time(rate(m[20s])[1m:10s])
              {} 0.1
            eval instant at 100s  count_over_time((m > 8)[50s:10s])
              {} 2
            eval instant at 100s  sum_over_time(vector(1)[50s:10s])
              {} 5
            eval instant at 100s  sum_over_time(sum_over_time(m[20s:10s])[20s:10s])
              {} 36
            eval instant at 100s  absent_over_time(nope[50s:10s])
              {} 1
            eval instant at 5s  count_over_time(m[2s:10s])
            """)
    }
}
