"""Measures remote-write ingest through the whole standalone path, beside Prometheus in the same run.

Usage: ingest.py [SECONDS]
Each server starts with an empty data directory, learns 40,000 series by two rounds of `murmur loadgen`, then takes what it
can for SECONDS (20), 10,000 samples a request. What was stored is divided by the CPU time (user and system, all threads) that the
server's process spent meanwhile. Prints a table, the ratio, and where Murmuration's time went by thread.
"""

import json
import subprocess
import sys
from dataclasses import dataclass

from processes import MURMUR, Measured, murmuration, prometheus

SERVERS, METRICS, SAMPLES_PER_REQUEST = 400, 100, 10_000
FLOOR_SAMPLES_PER_CPU_SECOND = 1_000_000
THREAD_SHARE_SHOWN_MIN = 0.01


@dataclass
class Figures:
    """What one server did."""

    name: str
    samples: int
    seconds: float
    errors: int
    first_error: str
    user: float
    system: float
    peak_megabytes: float
    latency: dict[str, float]
    threads: dict[str, float]

    @property
    def samples_per_cpu_second(self) -> float:
        return self.samples / (self.user + self.system)


def load(url: str, interval: str, seconds: int, servers: int = SERVERS, metrics: int = METRICS) -> dict:
    """One run of the load generator; its report."""
    command = [
        MURMUR, "loadgen", "--push", url, "--servers", str(servers), "--metrics", str(metrics), "--interval", interval,
        "--duration", f"{seconds}s", "--batch", str(SAMPLES_PER_REQUEST), "--json",
    ]
    result = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(result.stdout.strip().splitlines()[-1])


def measure(server: Measured, seconds: int) -> Figures:
    """Makes the series known, then pushes as fast as the server takes it."""
    load(server.url, "1s", 2)
    threads_before, (user_before, system_before) = server.cpu_by_thread(), server.cpu_seconds()
    report = load(server.url, "0s", seconds)
    threads, (user, system) = server.cpu_by_thread(), server.cpu_seconds()
    return Figures(
        name=server.name, samples=report["samples"], seconds=report["seconds"], errors=report["errors"],
        first_error=report.get("first_error", ""), user=user - user_before, system=system - system_before,
        peak_megabytes=server.peak_resident_megabytes(), latency=report["latency_ms"],
        threads={name: spent - threads_before.get(name, 0.0) for name, spent in threads.items()})


def show(all_figures: list[Figures]) -> None:
    """The table, one column a server."""
    rows = [
        ("", lambda f: f.name),
        ("samples stored", lambda f: f"{f.samples:,}"),
        ("errors", lambda f: f"{f.errors:,}"),
        ("samples a second", lambda f: f"{f.samples / f.seconds:,.0f}"),
        ("server CPU seconds: user", lambda f: f"{f.user:.2f}"),
        ("server CPU seconds: system", lambda f: f"{f.system:.2f}"),
        ("samples per CPU second", lambda f: f"{f.samples_per_cpu_second:,.0f}"),
        ("peak resident memory, MB", lambda f: f"{f.peak_megabytes:,.0f}"),
        ("request latency p50, ms", lambda f: f"{f.latency['p50']:.1f}"),
        ("request latency p99, ms", lambda f: f"{f.latency['p99']:.1f}"),
    ]
    print(f"remote write, {SERVERS * METRICS:,} known series, {SAMPLES_PER_REQUEST:,} samples a request\n")
    for title, cell in rows:
        print(f"{title:<28}" + "".join(f"{cell(figures):>20}" for figures in all_figures))


def main(seconds: int) -> int:
    """Runs both servers, one after the other."""
    all_figures = []
    for start in (murmuration, prometheus):
        with start() as server:
            print(f"bench: {server.name}, {seconds} s of remote write", file=sys.stderr)
            all_figures.append(measure(server, seconds))
    for figures in all_figures:
        if figures.errors:
            print(f"bench: {figures.name} refused {figures.errors} requests: {figures.first_error}", file=sys.stderr)
        if not figures.samples:
            return 1
    show(all_figures)
    ours, reference = all_figures
    print(f"\nsamples per CPU second, {ours.name} to {reference.name}: "
          f"{ours.samples_per_cpu_second / reference.samples_per_cpu_second:.2f}")
    cpu_seconds = ours.user + ours.system
    print(f"\n{ours.name}'s CPU time by thread")
    for name, spent in sorted(ours.threads.items(), key=lambda item: -item[1]):
        if spent >= THREAD_SHARE_SHOWN_MIN * cpu_seconds:
            print(f"  {name:<26}{spent:>8.2f} s {100 * spent / cpu_seconds:>4.0f} %")
    if ours.errors or ours.samples_per_cpu_second < FLOOR_SAMPLES_PER_CPU_SECOND:
        print(f"bench: below the floor of {FLOOR_SAMPLES_PER_CPU_SECOND:,}, or with errors", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20))
