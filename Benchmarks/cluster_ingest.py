"""Measures what a copy costs: remote write through one router to three aggregators, with one copy of each sample and with two.

Usage: cluster_ingest.py [SECONDS]
Each cluster starts with empty data directories, settles, and learns 40,000 series of 4,000 servers; then it takes what it can for SECONDS (10), 10,000
samples a request. What was acknowledged is divided by the CPU time (user and system, all threads) that all its processes spent meanwhile, which has what
they spend at rest in it; that is measured afterwards. docs/performance.md has the figures of a peer's cluster for comparison, as measured apart: this
runs Murmuration alone.
"""

import sys
import time

from ingest import SAMPLES_PER_REQUEST, load
from processes import Measured, murmuration_cluster

SERVERS, METRICS, AGGREGATORS = 4_000, 10, 3
REST_SECONDS = 10


def spent(nodes: list[Measured]) -> list[float]:
    """CPU seconds of each so far."""
    return [sum(node.cpu_seconds()) for node in nodes]


def measure(copies: int, seconds: int) -> float:
    """Runs one cluster and prints its figures; returns samples per CPU second over all its processes."""
    with murmuration_cluster(AGGREGATORS, copies) as (router, aggregators):
        nodes = [router, *aggregators]
        load(router.url, "1s", 2, SERVERS, METRICS)
        before = spent(nodes)
        report = load(router.url, "0s", seconds, SERVERS, METRICS)
        cpu = [after - start for after, start in zip(spent(nodes), before)]
        peak = [node.peak_resident_megabytes() for node in nodes]
        before, begun = spent(nodes), time.monotonic()
        time.sleep(REST_SECONDS)
        rest = (sum(spent(nodes)) - sum(before)) / (time.monotonic() - begun)
    if report["errors"] or not report["samples"]:
        raise SystemExit(f"bench: {report['errors']} requests refused: {report.get('first_error', '')}")
    rate = report["samples"] / sum(cpu)
    parts = ", ".join(f"{node.name} {own:.2f} s {size:.0f} MB" for node, own, size in zip(nodes, cpu, peak))
    print(f"{copies} cop{'y' if copies == 1 else 'ies'}: {report['samples']:,} samples in {report['seconds']:.1f} s, "
          f"p50 {report['latency_ms']['p50']:.0f} ms, p99 {report['latency_ms']['p99']:.0f} ms; CPU {parts}\n"
          f"    {rate:,.0f} samples per CPU second over all processes; at rest they spend {1000 * rest:.0f} ms CPU a second", flush=True)
    return rate


def main(seconds: int) -> int:
    """One copy, then two."""
    print(f"remote write, {SERVERS * METRICS:,} known series, {SAMPLES_PER_REQUEST:,} samples a request, "
          f"1 router, {AGGREGATORS} aggregators\n")
    one, two = (measure(copies, seconds) for copies in (1, 2))
    print(f"\nthe second copy costs {100 * (one / two - 1):.0f} % more CPU a sample")
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10))
