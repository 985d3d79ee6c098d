"""One trial: a cluster under load, a fault, and the account of what became of every sample."""

import contextlib
import math
import pathlib
import time
from typing import Callable, Iterator, NamedTuple

from harness.cluster import HEALTHY_SECONDS, Cluster
from harness.judge import Audit, Ledger, Verdict
from harness.load import Pusher, Reader, audit_everything, wait_until_right
from harness.murmur import now_ms
from harness.network import Network
from harness.postgres import Postgres

# Three zones, each with an aggregator; a router and a coordinator in the first two.
SHAPE = [
    ("aggregator", "a"), ("aggregator", "b"), ("aggregator", "c"), ("router", "a"), ("router", "b"), ("coordinator", "a"), ("coordinator", "b"),
]
# Data is sealed and checkpointed within the trials, but not so often that small blocks are most of the work.
SETTINGS = {"aggregator": {"replication_factor": 2, "seal_interval": "10s"}}


class Scale(NamedTuple):
    """How large and how long."""

    lanes: int
    servers: int
    series_per_server: int
    # Seconds between the ticks of a lane.
    interval: float
    # How long something stays broken.
    fault_seconds: float
    # Ticks of each lane before the fault, and after all is well again.
    ticks_before: int
    ticks_after: int
    # How long a pusher or a reader waits for an answer.
    timeout: float
    # Seconds between the questions of a reader.
    pause: float


# In the tests of every day: small, and done in seconds.
SMALL = Scale(4, 5, 4, 0.1, fault_seconds=3, ticks_before=10, ticks_after=5, timeout=5, pause=0.05)
# `make matrix`: 2,000 series, 5,000 samples a second.
FULL = Scale(20, 10, 10, 0.4, fault_seconds=30, ticks_before=25, ticks_after=25, timeout=5, pause=0.1)


class Outcome(NamedTuple):
    """What a trial found."""

    audit: Audit
    refused: int
    unanswered: int
    # The longest time that one push waited for its acknowledgement, in seconds.
    longest_wait: float
    verdicts: dict[Verdict, int]
    # From the moment that the fault was mended until pushes and whole answers were as before.
    seconds_until_healthy: float
    # What must not be: wrong answers, refusals of good pushes.
    problems: list[str]
    # Some of what was warned and what failed.
    remarks: list[str]

    def __str__(self) -> str:
        wrong = self.verdicts[Verdict.SHORT] + self.verdicts[Verdict.EXCESS]
        return (
            f"{self.audit.acknowledged} acknowledged, {self.audit.lost} lost, {self.audit.doubled} doubled; "
            f"{self.refused} pushes refused, {self.unanswered} unanswered, longest wait {self.longest_wait:.1f} s; "
            f"queries: {self.verdicts[Verdict.RIGHT]} right, {self.verdicts[Verdict.WARNED]} warned, {self.verdicts[Verdict.FAILED]} failed, "
            f"{wrong} wrong; healthy after {self.seconds_until_healthy:.1f} s"
        )


@contextlib.contextmanager
def _readers(ledger: Ledger, cluster: Cluster, start_ms: int, scale: Scale) -> Iterator[list[Reader]]:
    readers = [Reader(ledger, node, start_ms, scale.timeout, scale.pause, seed) for seed, node in enumerate(cluster.coordinators)]
    for reader in readers:
        reader.start()
    try:
        yield readers
    finally:
        for reader in readers:
            reader.stop()


def new_cluster(directory: pathlib.Path, network: Network | None, postgres: Postgres) -> Cluster:
    """A ready cluster of `SHAPE` with nothing in it. Who takes it closes it."""
    cluster = Cluster(directory, network, postgres, SETTINGS)
    for role, zone in SHAPE:
        cluster.add(role, zone)
    try:
        return cluster.start().wait_until_ready()
    except BaseException:
        print(cluster.logs())
        cluster.close()
        raise


def run(cluster: Cluster, strike: Callable[[Cluster, float], None], scale: Scale) -> Outcome:
    """Loads a ready cluster, strikes, waits until it is well again, and audits, also when it does not get well.

    A cluster may be tried again: each trial asks about the time since it began.
    """
    ledger = Ledger(scale.lanes, scale.servers, scale.series_per_server)
    # Windows are open at their beginning, and the first tick may be now.
    start_ms = now_ms() - 1
    problems: list[str] = []
    pusher = Pusher(ledger, lambda: cluster.routers, scale.interval, scale.timeout)
    try:
        with _readers(ledger, cluster, start_ms, scale) as readers:
            pusher.wait_for_ticks(scale.ticks_before)
            strike(cluster, scale.fault_seconds)
            mended = time.monotonic()
            seconds_until_healthy = math.inf
            try:
                cluster.wait_until_ready()
                # Two, so that each router has taken one, unless it does not answer.
                pusher.wait_for_ticks(2)
                wait_until_right(ledger, cluster, start_ms, HEALTHY_SECONDS)
                seconds_until_healthy = time.monotonic() - mended
                pusher.wait_for_ticks(scale.ticks_after)
            except AssertionError as error:
                problems.append(f"not well again: {error}")
    finally:
        pusher.stop()
    return _account(ledger, cluster, start_ms, pusher, readers, seconds_until_healthy, problems)


def _account(
    ledger: Ledger, cluster: Cluster, start_ms: int, pusher: Pusher, readers: list[Reader], seconds_until_healthy: float, problems: list[str]
) -> Outcome:
    audits = [audit_everything(ledger, node, start_ms) for node in cluster.coordinators]
    # Coordinators may miss different samples: the worst account is the trial's.
    worst = max((audit for audit, _ in audits), key=lambda audit: audit.lost + audit.doubled)
    problems += [*worst.examples, *(text for _, texts in audits for text in texts), *pusher.rejections]

    def texts(*wanted: Verdict) -> list[str]:
        return [f"{verdict.value}: {text}" for verdict in wanted for reader in readers for text in reader.texts[verdict]]

    return Outcome(
        worst, sum(lane.refused for lane in pusher.lanes), sum(lane.unanswered for lane in pusher.lanes),
        max(lane.longest_wait for lane in pusher.lanes), {verdict: sum(reader.verdicts[verdict] for reader in readers) for verdict in Verdict},
        seconds_until_healthy, problems + texts(Verdict.SHORT, Verdict.EXCESS), texts(Verdict.WARNED, Verdict.FAILED),
    )
