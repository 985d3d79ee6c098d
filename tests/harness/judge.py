"""What is known of the samples that were pushed, and what may be answered about them. Pure: no clock, no socket, no thread.

All series of a *lane* get one sample at each of its *ticks*, and the next tick begins only when the one before was acknowledged: so what is
known of a lane is the times of its ticks and how many of them were acknowledged, and at most the newest may be stored or not. Tick number n, from
0, has the value n + 1. An answer is right when it holds everything that was acknowledged before the question, and nothing that was not
attempted before the answer.
"""

import bisect
import enum
import math
from typing import Any, Callable, Iterable, Mapping, NamedTuple

METRIC = "judge"

Labels = tuple[tuple[str, str], ...]
# What an answer's value is filed under: sorted labels and the time in ms, 0 where the question has one time.
Key = tuple[Labels, int]


class Lane:
    """The series that one pusher writes, and the ticks it has begun. Written by its pusher alone; others read."""

    def __init__(self, number: int, servers: int, series_per_server: int):
        self.number = number
        self.servers = [f"server-{number}-{index}" for index in range(servers)]
        self.series_per_server = series_per_server
        self.times: list[int] = []
        self.acknowledged = 0

    @property
    def size(self) -> int:
        """How many series it has."""
        return len(self.servers) * self.series_per_server

    def labels(self, server: str) -> list[dict[str, str]]:
        """The labels of a server's series."""
        return [
            {"__name__": METRIC, "server_id": server, "lane": str(self.number), "series": str(index)}
            for index in range(self.series_per_server)
        ]

    def begin(self, time_ms: int) -> int:
        """Begins the next tick, not before `time_ms`; returns its time. From here on it may be stored."""
        assert self.acknowledged == len(self.times), "the tick before was not acknowledged"
        self.times.append(max(time_ms, self.times[-1] + 1) if self.times else time_ms)
        return self.times[-1]

    def acknowledge(self) -> None:
        """The tick was acknowledged: from here on it must be stored."""
        self.acknowledged = len(self.times)

    def ticks(self, count: int, after_ms: int, until_ms: int) -> range:
        """Which of the first `count` ticks lie in (after, until]."""
        return range(
            bisect.bisect_right(self.times, after_ms, hi=count), bisect.bisect_right(self.times, until_ms, hi=count)
        )


class Ledger:
    """All lanes."""

    def __init__(self, lanes: int, servers: int, series_per_server: int):
        self.lanes = [Lane(number, servers, series_per_server) for number in range(lanes)]

    def acknowledged(self) -> list[int]:
        """How many ticks of each lane must be stored: taken before a question."""
        return [lane.acknowledged for lane in self.lanes]

    def attempted(self) -> list[int]:
        """How many ticks of each lane may be stored: taken after an answer."""
        return [len(lane.times) for lane in self.lanes]

    def samples(self, counts: list[int]) -> int:
        """How many samples these ticks are."""
        return sum(lane.size * count for lane, count in zip(self.lanes, counts))


class Bound(NamedTuple):
    """The least and the greatest right value; whether it may be missing."""

    low: float
    high: float
    may_be_missing: bool


class Question(NamedTuple):
    """One request of the query API, and the right values, given what was acknowledged before it and attempted before its answer."""

    what: str
    path: str
    parameters: dict[str, str]
    bounds: Callable[[list[int], list[int]], dict[Key, Bound]]


class Verdict(enum.Enum):
    """What an answer was worth."""

    RIGHT = "right"
    # It names what is missing, or may be.
    WARNED = "warned"
    # An error, or none came.
    FAILED = "failed"
    # Less than what was acknowledged, without a word.
    SHORT = "short"
    # More than what was attempted, or another value.
    EXCESS = "excess"


class Judgement(NamedTuple):
    """A verdict and what it rests on."""

    verdict: Verdict
    text: str


def seconds(time_ms: int) -> str:
    """A time as the query API takes it."""
    return f"{time_ms // 1000}.{time_ms % 1000:03}"


def counted(ledger: Ledger, after_ms: int, until_ms: int) -> Question:
    """How many samples there are in (after, until]: one number for all series."""

    def bounds(low: list[int], high: list[int]) -> dict[Key, Bound]:
        counts = [
            sum(lane.size * len(lane.ticks(count, after_ms, until_ms)) for lane, count in zip(ledger.lanes, ticks))
            for ticks in (low, high)
        ]
        return {((), 0): Bound(*counts, may_be_missing=counts[0] == 0)}

    return _instant(f"sum(count_over_time({METRIC}[{until_ms - after_ms}ms]))", until_ms, bounds)


def summed(ledger: Ledger, after_ms: int, until_ms: int) -> Question:
    """The sum of all values in (after, until]."""

    def bounds(low: list[int], high: list[int]) -> dict[Key, Bound]:
        sums = [
            sum(lane.size * sum(tick + 1 for tick in lane.ticks(count, after_ms, until_ms)) for lane, count in zip(ledger.lanes, ticks))
            for ticks in (low, high)
        ]
        return {((), 0): Bound(*sums, may_be_missing=sums[0] == 0)}

    return _instant(f"sum(sum_over_time({METRIC}[{until_ms - after_ms}ms]))", until_ms, bounds)


def counted_by_server(ledger: Ledger, after_ms: int, until_ms: int) -> Question:
    """How many samples each server has in (after, until]."""

    def bounds(low: list[int], high: list[int]) -> dict[Key, Bound]:
        result: dict[Key, Bound] = {}
        for lane in ledger.lanes:
            least, most = (
                lane.series_per_server * len(lane.ticks(ticks[lane.number], after_ms, until_ms)) for ticks in (low, high)
            )
            for server in lane.servers if most else []:
                result[(("server_id", server),), 0] = Bound(least, most, may_be_missing=least == 0)
        return result

    return _instant(f"sum by (server_id) (count_over_time({METRIC}[{until_ms - after_ms}ms]))", until_ms, bounds)


def newest(ledger: Ledger, after_ms: int, until_ms: int) -> Question:
    """The sum over each lane's series of their newest values in (after, until]."""

    def bounds(low: list[int], high: list[int]) -> dict[Key, Bound]:
        result: dict[Key, Bound] = {}
        for lane in ledger.lanes:
            least, most = (lane.ticks(ticks[lane.number], after_ms, until_ms) for ticks in (low, high))
            if most:
                result[(("lane", str(lane.number)),), 0] = Bound(
                    lane.size * least.stop if least else 0, lane.size * most.stop, may_be_missing=not least
                )
        return result

    return _instant(f"sum by (lane) (last_over_time({METRIC}[{until_ms - after_ms}ms]))", until_ms, bounds)


def counted_by_step(ledger: Ledger, after_ms: int, until_ms: int, steps: int) -> Question:
    """How many samples there are in each of `steps` windows, the last one ending at `until`; `after` is moved to a window's edge."""
    step = max((until_ms - after_ms) // steps, 1)
    ends = [until_ms - step * index for index in range(steps)]

    def bounds(low: list[int], high: list[int]) -> dict[Key, Bound]:
        result: dict[Key, Bound] = {}
        for end in ends:
            least, most = (
                sum(lane.size * len(lane.ticks(count, end - step, end)) for lane, count in zip(ledger.lanes, ticks))
                for ticks in (low, high)
            )
            if most:
                result[(), end] = Bound(least, most, may_be_missing=least == 0)
        return result

    parameters = {
        "query": f"sum(count_over_time({METRIC}[{step}ms]))", "start": seconds(ends[-1]), "end": seconds(until_ms), "step": seconds(step),
    }
    return Question(parameters["query"], "/api/v1/query_range", parameters, bounds)


def samples_of_server(ledger: Ledger, lane: Lane, server: str, after_ms: int, until_ms: int) -> Question:
    """Every sample of one server in (after, until], as it is stored."""

    def bounds(low: list[int], high: list[int]) -> dict[Key, Bound]:
        acknowledged = lane.ticks(low[lane.number], after_ms, until_ms)
        return {
            (tuple(sorted(labels.items())), lane.times[tick]): Bound(tick + 1, tick + 1, may_be_missing=tick not in acknowledged)
            for labels in lane.labels(server) for tick in lane.ticks(high[lane.number], after_ms, until_ms)
        }

    return _instant(f'{METRIC}{{server_id="{server}"}}[{until_ms - after_ms}ms]', until_ms, bounds)


def _instant(expression: str, at_ms: int, bounds: Callable[[list[int], list[int]], dict[Key, Bound]]) -> Question:
    return Question(expression, "/api/v1/query", {"query": expression, "time": seconds(at_ms)}, bounds)


def rows(data: Mapping[str, Any]) -> Iterable[tuple[Key, float]]:
    """The values of an answer's `data`; times are kept where there may be several."""
    for entry in data["result"]:
        labels = tuple(sorted(entry["metric"].items()))
        if "value" in entry:
            yield (labels, 0), float(entry["value"][1])
        for time, value in entry.get("values", []):
            yield (labels, round(time * 1000)), float(value)


def judge(question: Question, low: list[int], high: list[int], status: int, answer: Mapping[str, Any]) -> Judgement:
    """The verdict on one answer. `low` is the ledger's `acknowledged()` before the question, `high` its `attempted()` after the answer.

    A warning excuses what is missing; nothing excuses what is there twice.
    """
    if status != 200 or answer.get("status") != "success":
        return Judgement(Verdict.FAILED, f"{question.what}: {status} {answer.get('error', answer)}")
    bounds = question.bounds(low, high)
    seen: set[Key] = set()
    short: list[str] = []
    for key, value in rows(answer["data"]):
        bound = bounds.get(key)
        if bound is None or key in seen or value > bound.high or math.isnan(value):
            why = "is there twice" if key in seen else f"at most {bound.high:g}" if bound else "nobody pushed that"
            return Judgement(Verdict.EXCESS, f"{question.what} at {question.parameters}: {key} is {value:g}: {why}")
        seen.add(key)
        if value < bound.low:
            short.append(f"{key} is {value:g}, at least {bound.low:g}")
    short += [f"{key} is missing" for key, bound in bounds.items() if key not in seen and not bound.may_be_missing]
    if warnings := answer.get("warnings"):
        return Judgement(Verdict.WARNED, f"{question.what}: {len(short)} short: {warnings}")
    if short:
        return Judgement(Verdict.SHORT, f"{question.what} at {question.parameters}: {len(short)} short, as {short[0]}")
    return Judgement(Verdict.RIGHT, question.what)


class Audit(NamedTuple):
    """Every sample that was acknowledged, compared with what is answered in the end."""

    acknowledged: int = 0
    # Acknowledged and not answered, or answered with another value.
    lost: int = 0
    # Answered more than once, or never pushed.
    doubled: int = 0
    # Some of those, in words.
    examples: tuple[str, ...] = ()

    EXAMPLES_MAX = 5

    def plus(self, other: "Audit") -> "Audit":
        """Both together."""
        return Audit(
            self.acknowledged + other.acknowledged, self.lost + other.lost, self.doubled + other.doubled,
            (self.examples + other.examples)[: self.EXAMPLES_MAX],
        )


def audit(question: Question, low: list[int], high: list[int], data: Mapping[str, Any]) -> Audit:
    """The account of a question that is answered by samples as they are stored."""
    bounds = question.bounds(low, high)
    expected = [key for key, bound in bounds.items() if not bound.may_be_missing]
    found: dict[Key, float] = {}
    doubled: list[str] = []
    for key, value in rows(data):
        if key in found or key not in bounds:
            doubled.append(f"{'twice' if key in found else 'never pushed'}: {key} with {value:g}")
        found.setdefault(key, value)
    lost = [f"lost: {key}, found {found.get(key)}" for key in expected if found.get(key) != bounds[key].low]
    return Audit(len(expected), len(lost), len(doubled), (*lost[: Audit.EXAMPLES_MAX], *doubled[: Audit.EXAMPLES_MAX]))
