"""Random expressions of PromQL, from one seed, deep and typed; most of them have a result."""

import random

WINDOWS = ["15s", "30s", "45s", "1m", "2m", "5m", "100s", "7m30s", "10m"]
SELECTORS = [
    "cpu_total", 'cpu_total{mode="user"}', 'cpu_total{host=~"a|b"}', 'cpu_total{host!="a",mode!~"i.*"}', "temp",
    'temp{host="b"}', "limit", 'limit{host!~"[ab]"}', "slow", '{__name__=~"temp|limit",host="a"}', "nothing",
    'lat_bucket{host="a"}',
]
WINDOW_FUNCTIONS = [
    "rate", "increase", "delta", "irate", "idelta", "deriv", "resets", "changes", "avg_over_time", "min_over_time",
    "max_over_time", "sum_over_time", "count_over_time", "last_over_time", "present_over_time", "stddev_over_time",
    "stdvar_over_time", "absent_over_time",
]
# Prometheus 2.42 has none of these.
NEWER_WINDOW_FUNCTIONS = ["mad_over_time", "ts_of_max_over_time", "ts_of_min_over_time", "ts_of_last_over_time"]
VECTOR_FUNCTIONS = [
    "abs", "ceil", "floor", "sqrt", "exp", "ln", "log2", "log10", "sgn", "round", "sin", "cos", "tan", "asin", "acos",
    "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "deg", "rad", "timestamp", "absent", "sort", "sort_desc",
]
DATE_FUNCTIONS = ["hour", "minute", "month", "year", "day_of_week", "day_of_month", "day_of_year", "days_in_month"]
# Numbers that are dates: of NaN and infinities each processor makes its own.
DATES = ["limit * 1e9", "slow * 86400", "-limit * 1e8", "timestamp(temp)", "vector(time())", "limit * 0.5"]
LABELS = ["host", "mode", "zone", "sensor", "le", "__name__", "nope"]


class Expressions:
    """Draws expressions about the series of `series.make`."""

    def __init__(self, seed: int, start: float, newer: bool):
        """`start`: of the series, in seconds; `newer`: whether the peer has what came after Prometheus 2.42."""
        self._rng = random.Random(seed)
        self._start = start
        self._newer = newer

    def draw(self) -> str:
        """One expression: nearly always a vector."""
        return self._vector(self._rng.randint(1, 4)) if self._rng.random() < 0.95 else self._scalar(3)

    def parameters(self) -> tuple[str, dict[str, str]]:
        """The API's path and the time or times to ask for, half a second off every sample and subquery step."""
        rng, start = self._rng, self._start
        if rng.random() < 0.4:
            return "query", {"time": f"{start + rng.randint(0, 3700) + 0.5:.3f}"}
        begin = start + rng.randint(-60, 3000) + 0.5
        step = rng.choice([15, 60, 30, 7, 137, 300])
        end = begin + step * rng.randint(0, 30) + rng.randint(0, step - 1)
        return "query_range", {"start": f"{begin:.3f}", "end": f"{end:.3f}", "step": str(step)}

    def _pick(self, *choices: str) -> str:
        return self._rng.choice(choices)

    def _modifiers(self) -> str:
        at = f"{self._start + 1800.5:.1f}"
        earlier = f"{self._start + 1234.5:.1f}"
        return self._pick(
            "", "", "", "", "", " offset 1m", " offset -30s", " offset 45s", f" @ {at}", " @ start()", " @ end()",
            " @ end() offset 2m", f" @ {earlier} offset -1m",
        )

    def _selector(self) -> str:
        return self._pick(*SELECTORS)

    def _labels(self) -> str:
        return ", ".join(sorted({self._pick(*LABELS) for _ in range(self._rng.randint(0, 3))}))

    def _matrix(self, depth: int) -> str:
        if depth > 0 and self._rng.random() < 0.25:
            steps = self._pick("", "30s", "1m", "15s", "7s")
            return f"({self._vector(depth - 1)})[{self._pick('2m', '5m', '10m')}:{steps}]{self._modifiers()}"
        return f"{self._selector()}[{self._pick(*WINDOWS)}]{self._modifiers()}"

    def _scalar(self, depth: int) -> str:
        if depth <= 0:
            numbers = ["1", "2", "0", "-1", "0.5", "NaN", "Inf", "3", "1e9", "100"]
            return self._pick(*numbers, *(["5m"] if self._newer else []))
        operator = self._pick("+", "-", "*", "/", "%", "^", "> bool", "== bool", "atan2")
        return self._pick(
            self._scalar(0), f"({self._scalar(depth - 1)} {operator} {self._scalar(depth - 1)})",
            f"scalar({self._vector(depth - 1)})", "time()", 'scalar(limit{host="a"})', f"-{self._scalar(0)}",
        )

    def _aggregation(self, depth: int) -> str:
        operator = self._pick(
            "sum", "avg", "min", "max", "count", "group", "stddev", "stdvar", "topk", "bottomk", "quantile", "count_values",
            "sum", "avg", "count",
        )
        parameter = {
            "topk": self._pick("1", "2", "3", "0", "5") + ", ", "bottomk": self._pick("1", "2", "3") + ", ",
            "quantile": self._pick("0.5", "0.9", "0", "1", "0.33") + ", ", "count_values": '"v", ',
        }.get(operator, "")
        clause = self._pick("", f"by ({self._labels()})", f"without ({self._labels()})", "by (host)", "by (mode)")
        return f"{operator} {clause} ({parameter}{self._vector(depth - 1)})"

    def _vector(self, depth: int) -> str:
        if depth <= 0:
            return self._selector() + self._modifiers()
        kinds = [
            (25, self._window), (4, self._quantile_over_time), (4, self._predict), (17, self._aggregation),
            (10, self._function), (3, self._date), (6, self._clamp), (5, self._relabelled), (6, self._buckets), (11, self._with_scalar),
            (2, lambda depth: f"-({self._vector(depth - 1)})"), (4, self._set_operation), (6, self._matched),
        ]
        weights, makers = zip(*kinds)
        return self._rng.choices(makers, weights)[0](depth)

    def _window(self, depth: int) -> str:
        functions = WINDOW_FUNCTIONS + (NEWER_WINDOW_FUNCTIONS if self._newer else [])
        return f"{self._pick(*functions)}({self._matrix(depth - 1)})"

    def _quantile_over_time(self, depth: int) -> str:
        return f"quantile_over_time({self._pick('0.5', '0.9', '0.1', '1', '0')}, {self._matrix(depth - 1)})"

    def _predict(self, depth: int) -> str:
        # Prometheus 2.42 moves the regression's origin under an `@`.
        matrix = self._matrix(depth - 1) if self._newer else f"{self._selector()}[{self._pick(*WINDOWS)}]"
        return f"predict_linear({matrix}, {self._pick('60', '3600', '-30')})"

    def _function(self, depth: int) -> str:
        return f"{self._pick(*VECTOR_FUNCTIONS)}({self._vector(depth - 1)})"

    def _date(self, depth: int) -> str:
        return f"{self._pick(*DATE_FUNCTIONS)}({self._pick(*DATES)})"

    def _clamp(self, depth: int) -> str:
        if self._rng.random() < 0.4:
            return f"round({self._vector(depth - 1)}, {self._pick('0.1', '5', '10')})"
        return f"clamp({self._vector(depth - 1)}, {self._scalar(0)}, {self._scalar(0)})"

    def _relabelled(self, depth: int) -> str:
        if self._rng.random() < 0.4:
            return f'label_join({self._vector(depth - 1)}, "{self._pick("host", "new", "j")}", "-", "host", "mode")'
        target, source = self._pick("host", "new", "mode"), self._pick("host", "mode", "zone")
        return f'label_replace({self._vector(depth - 1)}, "{target}", "$1-x", "{source}", "(.*)")'

    def _buckets(self, depth: int) -> str:
        if self._newer and self._rng.random() < 0.3:
            bounds = f"{self._pick('0', '0.1', '0.3')}, {self._pick('0.5', '1', '+Inf')}"
            return f"histogram_fraction({bounds}, {self._pick('lat_bucket', 'rate(lat_bucket[2m])')})"
        buckets = self._pick(
            "lat_bucket", "sum by (le) (rate(lat_bucket[5m]))", "rate(lat_bucket[2m])", "sum by (le, host) (increase(lat_bucket[1m]))"
        )
        return f"histogram_quantile({self._pick('0.5', '0.9', '0.99', '0', '1')}, {buckets})"

    def _with_scalar(self, depth: int) -> str:
        if self._rng.random() < 0.3:
            operator = self._pick("+", "-", "*", "/", "%", "^", ">", "<", "> bool")
            return f"({self._scalar(depth - 1)} {operator} {self._vector(depth - 1)})"
        operator = self._pick("+", "-", "*", "/", "%", "^", ">", "<", ">=", "==", "!=", "> bool", "<= bool")
        return f"({self._vector(depth - 1)} {operator} {self._scalar(depth - 1)})"

    def _set_operation(self, depth: int) -> str:
        operator, matching = self._pick("and", "or", "unless"), self._pick("", "on (host)", "ignoring (mode)", "on ()")
        return f"({self._vector(depth - 1)} {operator} {matching} {self._vector(depth - 1)})"

    def _matched(self, depth: int) -> str:
        matching = self._pick(
            "", "on (host)", "ignoring (mode)", "on (host) group_left", "on (host) group_left (sensor)",
            "on (host) group_right (zone)", "ignoring (mode, zone) group_left ()", "on (host, mode)",
        )
        left = self._pick(
            self._vector(depth - 1), "cpu_total", "temp", "sum by (host) (temp)", 'cpu_total{mode="user"}', 'cpu_total{mode="io"}'
        )
        right = self._pick(self._vector(depth - 1), "limit", "temp", 'cpu_total{mode="user"}', "max by (host) (cpu_total)")
        # Prometheus 2.42 keeps the metric's name through `atan2`.
        operator = self._pick("+", "-", "*", "/", ">", "> bool", "==", "^", "atan2" if self._newer else "-", "%")
        return f"({left} {operator} {matching} {right})"
