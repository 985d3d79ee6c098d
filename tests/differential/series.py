"""Random series: counters with resets, gauges with gaps, NaN and infinities, a classic histogram, stale markers."""

import random
import struct
from typing import NamedTuple

STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
STEP_MS = 15_000
STEPS = 240
# No sample lies on a whole or half second: whether a range has its left edge or not makes no difference.
OFFSET_MS = 137


class Series(NamedTuple):
    """A label set and its samples, ascending by time in ms."""

    labels: dict[str, str]
    samples: list[tuple[int, float]]


def make(seed: int, start_ms: int) -> list[Series]:
    """All series of one run: an hour of samples from `start_ms` on."""
    rng = random.Random(seed)
    start = start_ms + OFFSET_MS
    series = []
    for host in "abcd":
        zone = f"z{ord(host) % 2}"
        for mode in ("user", "idle", "io"):
            labels = {"__name__": "cpu_total", "host": host, "mode": mode, "zone": zone}
            series.append(Series(labels, _counter(rng, start, whole=mode == "user", late_and_short=host == "d")))
        series.append(Series({"__name__": "temp", "host": host, "sensor": f"s{ord(host) % 3}"}, _gauge(rng, start, host)))
        limits = [(start + n * STEP_MS, float(rng.randint(1, 4))) for n in range(STEPS)]
        series.append(Series({"__name__": "limit", "host": host}, limits))
        series.extend(_histogram(rng, start, host))
    series.append(Series({"__name__": "slow", "x": "1"}, [(start + n * 60_000, float(n)) for n in range(60)]))
    return series


def batches(series: list[Series], span_ms: int = 600_000) -> list[list[Series]]:
    """The samples cut into requests by time: a receiver that takes nothing older than its head takes all of them."""
    first = min(entry.samples[0][0] for entry in series)
    last = max(entry.samples[-1][0] for entry in series)
    cut = []
    for begin in range(first, last + 1, span_ms):
        part = [
            Series(entry.labels, [sample for sample in entry.samples if begin <= sample[0] < begin + span_ms]) for entry in series
        ]
        cut.append([entry for entry in part if entry.samples])
    return cut


def _counter(rng: random.Random, start: int, whole: bool, late_and_short: bool) -> list[tuple[int, float]]:
    value = rng.choice([0.0, 0.0, 5.0, 100.0])
    jitter = 0 if rng.random() < 0.5 else 2_000
    samples = []
    for n in range(STEPS):
        if rng.random() < 0.03:
            value = 0.0
        value += rng.choice([0, 1, 2, 5, rng.random() * 10])
        if rng.random() < 0.06 or (late_and_short and not 60 <= n <= 180):
            continue
        # Jitter in whole seconds keeps the samples off the edges.
        moment = start + n * STEP_MS + rng.randint(-jitter, jitter) // 1000 * 1000
        samples.append((moment, float(int(value)) if whole else value))
    return samples


def _gauge(rng: random.Random, start: int, host: str) -> list[tuple[int, float]]:
    value = 50.0
    samples = []
    for n in range(STEPS):
        value += rng.uniform(-5, 5)
        if rng.random() < 0.1 or (host == "c" and 100 < n < 150):
            continue
        shown, chance = value, rng.random()
        if host == "b":
            shown = float("nan") if chance < 0.02 else float("inf") if chance < 0.03 else value
        if host == "a" and chance < 0.02:
            shown = STALE
        samples.append((start + n * STEP_MS, shown))
    return samples


def _histogram(rng: random.Random, start: int, host: str) -> list[Series]:
    bounds = ["0.1", "0.5", "1", "5", "+Inf"]
    counts = [0] * len(bounds)
    samples: list[list[tuple[int, float]]] = [[] for _ in bounds]
    for n in range(STEPS):
        more = 0
        for bucket in range(len(bounds)):
            more += rng.randint(0, 3)
            counts[bucket] += more
            samples[bucket].append((start + n * STEP_MS, float(counts[bucket])))
    return [
        Series({"__name__": "lat_bucket", "host": host, "le": bound}, points) for bound, points in zip(bounds, samples)
    ]
