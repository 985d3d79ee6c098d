import Testing

@Suite("Scripts: aggregations and binary operators")
struct OperatorScripts {
    static let fleet = """
        load 10s
          cpu{host="a",mode="user",zone="1"}  1 2 3
          cpu{host="a",mode="idle",zone="1"}  10 20 30
          cpu{host="b",mode="user",zone="2"}  4 5 6
          cpu{host="b",mode="idle",zone="2"}  40 50 60
          limit{host="a"}  2 2 2
          limit{host="b"}  3 3 _

        """

    @Test("aggregations by and without")
    func aggregations() throws {
        try Script.run(
            "aggregations",
            OperatorScripts.fleet + """
                eval instant at 0s  sum(cpu)
                  {} 55
                eval instant at 0s  sum by (host) (cpu)
                  {host="a"} 11
                  {host="b"} 44
                eval instant at 0s  sum without (mode, zone) (cpu)
                  {host="a"} 11
                  {host="b"} 44
                eval instant at 0s  sum by (nothing) (cpu)
                  {} 55
                eval instant at 0s  count by (__name__) ({host="a"})
                  cpu 2
                  limit 1
                eval range from 0s to 20s step 10s  avg by (mode) (cpu)
                  {mode="user"} 2.5 3.5 4.5
                  {mode="idle"} 25 35 45
                eval instant at 0s  min(cpu)
                  {} 1
                eval instant at 0s  max by (host) (cpu)
                  {host="a"} 10
                  {host="b"} 40
                eval instant at 0s  count(cpu)
                  {} 4
                eval instant at 0s  group(cpu) by (zone)
                  {zone="1"} 1
                  {zone="2"} 1
                eval instant at 0s  stdvar(cpu)
                  {} 240.1875
                eval instant at 0s  stddev(cpu)
                  {} 15.497983739828868
                eval instant at 0s  quantile(0.5, cpu)
                  {} 7
                eval instant at 0s  quantile by (host) (1, cpu)
                  {host="a"} 10
                  {host="b"} 40
                eval instant at 0s  quantile(-1, cpu)
                  expect warn quantile value should be between 0 and 1, got -1
                  {} -Inf
                eval instant at 0s  topk(2, cpu)
                  expect ordered
                  cpu{host="b",mode="idle",zone="2"} 40
                  cpu{host="a",mode="idle",zone="1"} 10
                eval instant at 0s  bottomk by (host) (1, cpu)
                  cpu{host="a",mode="user",zone="1"} 1
                  cpu{host="b",mode="user",zone="2"} 4
                eval range from 0s to 20s step 10s  topk(1, cpu)
                  cpu{host="b",mode="idle",zone="2"} 40 50 60
                eval instant at 0s  topk(0, cpu)
                eval instant at 0s  topk(NaN, cpu)
                  expect fail Scalar value NaN overflows int64
                # The first in the order of labels.
                eval instant at 0s  limitk(1, cpu)
                  cpu{host="a",mode="idle",zone="1"} 10
                eval instant at 0s  limitk by (host) (1, -cpu)
                  {host="a",mode="idle",zone="1"} -10
                  {host="b",mode="idle",zone="2"} -40
                eval instant at 0s  topk(1, cpu * 0)
                  {host="a",mode="idle",zone="1"} 0
                eval instant at 0s  count_values("value", limit)
                  {value="2"} 1
                  {value="3"} 1
                eval range from 0s to 10s step 10s  count_values by (mode) ("v", cpu > 4)
                  {mode="idle",v="10"} 1 _
                  {mode="idle",v="20"} _ 1
                  {mode="idle",v="40"} 1 _
                  {mode="idle",v="50"} _ 1
                  {mode="user",v="5"} _ 1
                eval instant at 0s  sum(nothing)
                eval instant at 0s  sum by (host) (rate(cpu[20s]))
                """)
    }

    @Test("aggregations of special values")
    func specialValues() throws {
        try Script.run(
            "special values",
            """
            load 10s
              m{x="1"}  NaN 1e100 Inf 1e308 0.1
              m{x="2"}  1   1     -Inf 1e308 0.2
              m{x="3"}  2   -1e100 1 1e308 0.3
              m{x="4"}  _   1     2 1e308 -0.6
            eval range from 0s to 40s step 10s  sum(m)
              {} NaN 2 NaN +Inf 2.7755575615628914e-17
            eval range from 0s to 40s step 10s  avg(m)
              {} NaN 0.5 NaN 1e308 6.938893903907228e-18
            eval range from 0s to 20s step 10s  max(m)
              {} 2 1e100 +Inf
            eval range from 0s to 20s step 10s  min(m)
              {} 1 -1e100 -Inf
            eval instant at 0s  topk(2, m)
              expect ordered
              m{x="3"} 2
              m{x="2"} 1
            eval instant at 0s  bottomk(3, m)
              expect ordered
              m{x="2"} 1
              m{x="3"} 2
              m{x="1"} NaN
            eval instant at 0s  quantile(0, m)
              {} NaN
            eval instant at 20s  stddev(m)
              {} NaN
            eval instant at 0s  sort(m)
              expect ordered
              m{x="2"} 1
              m{x="3"} 2
              m{x="1"} NaN
            eval instant at 0s  sort_desc(m)
              expect ordered
              m{x="3"} 2
              m{x="2"} 1
              m{x="1"} NaN
            """)
    }

    @Test("scalars and vectors")
    func scalars() throws {
        try Script.run(
            "scalars",
            OperatorScripts.fleet + """
                eval instant at 0s  1 + 2 * 3 ^ 2 % 5 - 1
                  3
                eval instant at 0s  -2 ^ 2
                  -4
                eval instant at 0s  1 / 0
                  +Inf
                eval instant at 0s  0 / 0
                  NaN
                eval instant at 0s  -7 % 3
                  -1
                eval instant at 0s  (-8) ^ 3 + 0 ^ 0
                  -511
                eval instant at 0s  2 > bool 1
                  1
                eval instant at 0s  1 atan2 1
                  0.7853981633974483
                eval range from 0s to 20s step 10s  time() * 2
                  {} 0 20 40
                eval instant at 10s  5m
                  300
                eval instant at 0s  limit * 2
                  {host="a"} 4
                  {host="b"} 6
                eval instant at 0s  10 - limit
                  {host="a"} 8
                  {host="b"} 7
                eval instant at 0s  limit > 2
                  limit{host="b"} 3
                eval instant at 0s  2 < limit
                  limit{host="b"} 3
                eval instant at 0s  limit > bool 2
                  {host="a"} 0
                  {host="b"} 1
                eval range from 0s to 20s step 10s  cpu{mode="user"} >= 3 < 5
                  cpu{host="a",mode="user",zone="1"} _ _ 3
                  cpu{host="b",mode="user",zone="2"} 4 _ _
                eval instant at 0s  -limit
                  {host="a"} -2
                  {host="b"} -3
                eval instant at 0s  +limit{host="a"}
                  limit{host="a"} 2
                eval instant at 0s  scalar(limit{host="a"}) + 1
                  3
                eval instant at 0s  scalar(limit)
                  NaN
                eval instant at 0s  vector(scalar(limit{host="a"}))
                  {} 2
                """)
    }

    @Test("vectors match one to one, many to one and one to many")
    func matching() throws {
        try Script.run(
            "matching",
            OperatorScripts.fleet + """
                eval instant at 0s  cpu{mode="user"} / on (host) limit
                  {host="a"} 0.5
                  {host="b"} 1.3333333333333333
                eval instant at 0s  cpu{mode="user"} / ignoring (mode, zone) limit
                  {host="a"} 0.5
                  {host="b"} 1.3333333333333333
                eval instant at 0s  cpu / limit
                eval instant at 0s  cpu * on (host) group_left limit
                  {host="a",mode="user",zone="1"} 2
                  {host="a",mode="idle",zone="1"} 20
                  {host="b",mode="user",zone="2"} 12
                  {host="b",mode="idle",zone="2"} 120
                eval instant at 0s  limit * on (host) group_right (nothing) cpu{mode="idle"}
                  {host="a",mode="idle",zone="1"} 20
                  {host="b",mode="idle",zone="2"} 120
                eval instant at 0s  limit * on (host) group_left (zone, mode) cpu{mode="user"}
                  {host="a",zone="1",mode="user"} 2
                  {host="b",zone="2",mode="user"} 12
                eval instant at 0s  limit - on (host) group_right cpu{mode="user"}
                  {host="a",mode="user",zone="1"} 1
                  {host="b",mode="user",zone="2"} -1
                eval instant at 0s  cpu / on (host) limit
                  expect fail multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)
                eval instant at 0s  limit / on (host) cpu
                  expect fail found duplicate series for the match group {host="a"} on the right hand-side of the operation
                eval instant at 0s  limit * on (host) group_right (mode) cpu{zone="1"}
                  expect fail multiple matches for labels: grouping labels must ensure unique matches
                eval instant at 0s  sum(nothing) / on () cpu
                eval instant at 0s  cpu > on (host) group_left limit
                  cpu{host="a",mode="idle",zone="1"} 10
                  cpu{host="b",mode="user",zone="2"} 4
                  cpu{host="b",mode="idle",zone="2"} 40
                eval instant at 0s  cpu{mode="user"} > bool on (host) limit
                  {host="a"} 0
                  {host="b"} 1
                eval instant at 0s  limit == limit
                  limit{host="a"} 2
                  limit{host="b"} 3
                eval instant at 0s  limit{host="a"} == on () limit{host="b"} - 1
                  {} 2
                eval instant at 0s  cpu{mode="user"} > on (host) limit
                  {host="b"} 4
                eval instant at 0s  cpu{mode="user"} > ignoring (mode, zone) limit
                  cpu{host="b"} 4
                eval range from 0s to 330s step 110s  limit + limit offset 5s
                  {host="a"} _ 4 4 _
                  {host="b"} _ 6 6 _
                eval instant at 20s  cpu * on (host, mode) group_left (host) cpu
                  expect fail label "host" must not occur in ON and GROUP clause at once
                """)
    }

    @Test("set operators look at presence alone")
    func sets() throws {
        try Script.run(
            "sets",
            OperatorScripts.fleet + """
                eval instant at 0s  limit and on (host) cpu{host="a"}
                  limit{host="a"} 2
                eval instant at 0s  limit unless on (host) cpu{host="a"}
                  limit{host="b"} 3
                eval instant at 0s  limit or cpu{mode="user"}
                  limit{host="a"} 2
                  limit{host="b"} 3
                  cpu{host="a",mode="user",zone="1"} 1
                  cpu{host="b",mode="user",zone="2"} 4
                eval instant at 0s  limit{host="a"} or on (host) cpu{mode="user"}
                  limit{host="a"} 2
                  cpu{host="b",mode="user",zone="2"} 4
                eval instant at 0s  limit and nothing
                eval instant at 0s  limit unless nothing
                  limit{host="a"} 2
                  limit{host="b"} 3
                eval instant at 0s  limit and on () vector(0)
                  limit{host="a"} 2
                  limit{host="b"} 3
                eval range from 0s to 20s step 10s  (limit > 2) or on (host) (cpu{mode="user"} > 2)
                  limit{host="b"} 3 3 3
                  cpu{host="a",mode="user",zone="1"} _ _ 3
                eval range from 0s to 20s step 10s  cpu{mode="user"} and on (host) (cpu{mode="idle"} > 20)
                  cpu{host="a",mode="user",zone="1"} _ _ 3
                  cpu{host="b",mode="user",zone="2"} 4 5 6
                """)
    }
}
