"""How long it takes to add and to drain a node that holds many series, under load, and what pushes and queries do meanwhile.

    python -m cluster.large [--series 500000] [--samples 120] [--logs DIRECTORY]

Three aggregators keep two copies, so that each holds two thirds of all series. They are filled with as many samples of each series as an hour has at a
scrape every 30 s, as fast as they take them. Then `murmur loadgen` pushes each series every ten seconds and a client asks a query a second, while
nothing happens, while an aggregator is added, and while another one is drained. Nothing here is a test: it prints a table.
"""

import argparse
import contextlib
import json
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from typing import Callable, NamedTuple

from harness.cluster import Cluster
from harness.murmur import BINARY, clean_environment
from harness.postgres import Postgres
from harness.waiting import wait_for

SHAPE = [("aggregator", ""), ("aggregator", ""), ("aggregator", ""), ("router", ""), ("coordinator", "")]
COPIES, AGGREGATORS, METRICS = 2, 3, 10
QUERY = {"query": "avg by (region) (load_cpu_usage_percent)"}
CALM_SECONDS = 60.0
MOVED_SECONDS_MAX = 3 * 3600.0


class Phase(NamedTuple):
    """What was seen while something was done."""

    name: str
    seconds: float
    samples: int
    refused: int
    # Of each run of the load generator in this phase the 99th percentile, ms; the largest of them.
    push_latency: float
    # Seconds of each answer, and how many were errors or warned.
    answers: list[float]
    not_right: int

    def row(self) -> str:
        """A line of the table."""
        answers = sorted(self.answers) or [0.0]
        return (
            f"| {self.name} | {self.seconds:,.0f} | {self.samples / max(self.seconds, 1):,.0f} | {self.refused} | {self.push_latency:,.0f} | "
            f"{1000 * statistics.median(answers):,.0f} | {1000 * answers[len(answers) * 99 // 100]:,.0f} | {len(self.answers)} | {self.not_right} |"
        )


HEAD = "| while | seconds | samples a second | pushes refused | push p99, ms | query p50, ms | query p99, ms | queries | failed or warned |\n" \
       "| --- | --: | --: | --: | --: | --: | --: | --: | --: |"


class Load:
    """Pushes every series every ten seconds, run after run, and asks once a second."""

    def __init__(self, cluster: Cluster, servers: int):
        self.cluster, self.servers = cluster, servers
        self.reports: list[dict] = []
        self.answers: list[float] = []
        self.not_right, self.failed = 0, 0
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._push), threading.Thread(target=self._ask)]
        for thread in self.threads:
            thread.start()

    def _push(self) -> None:
        while not self.stopping.is_set():
            try:
                self.reports.append(push(self.cluster, self.servers, "10s", 20))
            except subprocess.CalledProcessError:
                # Its first push was refused: nothing of the run was stored.
                self.failed += 1
                self.stopping.wait(1.0)

    def _ask(self) -> None:
        client = self.cluster.coordinators[0].new_client(120.0)
        while not self.stopping.wait(1.0):
            begun = time.monotonic()
            reply = client.request("GET", "/api/v1/query", QUERY)
            self.answers.append(time.monotonic() - begun)
            self.not_right += reply.status != 200 or bool(reply.json.get("warnings"))

    def stop(self) -> None:
        """Ends after the run and the question under way."""
        self.stopping.set()
        for thread in self.threads:
            thread.join()


def spent(cluster: Cluster) -> dict[str, float]:
    """CPU seconds of each process so far."""
    return {name: node.metric("process_cpu_seconds_total") for name, node in cluster.nodes.items()}


def tell_resources(cluster: Cluster, before: dict[str, float], seconds: float) -> None:
    """What each process took meanwhile: what a scheduler would have to keep free for it."""
    for name, cpu in spent(cluster).items():
        memory = cluster.nodes[name].metric("process_resident_memory_bytes") / (1 << 20)
        print(f"    {name}: {(cpu - before.get(name, 0.0)) / seconds:.2f} cores, {memory:,.0f} MiB resident", flush=True)


def push(cluster: Cluster, servers: int, interval: str, seconds: float) -> dict:
    """One run of the load generator; its report."""
    result = subprocess.run(
        [BINARY, "loadgen", "--push", cluster.routers[0].url, "--servers", str(servers), "--metrics", str(METRICS), "--interval", interval,
         "--duration", f"{seconds:.0f}s", "--json"],
        stdout=subprocess.PIPE, text=True, check=True, env=clean_environment(),
    )
    return json.loads(result.stdout.strip().splitlines()[-1])


def observe(cluster: Cluster, servers: int, name: str, act: Callable[[], None]) -> Phase:
    """What load and queries do while something is done."""
    load, begun, before = Load(cluster, servers), time.monotonic(), spent(cluster)
    try:
        act()
    finally:
        seconds = time.monotonic() - begun
        load.stop()
    print(name, flush=True)
    tell_resources(cluster, before, time.monotonic() - begun)
    pushed = time.monotonic() - begun
    return Phase(
        name, seconds, int(sum(report["samples"] for report in load.reports) * seconds / pushed),
        load.failed + sum(report["errors"] for report in load.reports),
        max((report["latency_ms"]["p99"] for report in load.reports), default=0.0), load.answers, load.not_right,
    )


def is_well(cluster: Cluster) -> bool:
    """Whether the ring is as it shall be and every aggregator has what it is to hold."""
    return not cluster.complaints()


def add(cluster: Cluster) -> None:
    """An aggregator more, until it holds its part and the others have dropped theirs."""
    cluster.start([cluster.add("aggregator")])
    wait_for("the added aggregator's slots", lambda: is_well(cluster), MOVED_SECONDS_MAX, pause=0.5)


def fill(cluster: Cluster, servers: int, samples: int) -> int:
    """Makes every series known, and gives each about so many samples; returns how many were stored."""
    wanted, stored = servers * METRICS * samples, 0
    while stored < wanted:
        report = push(cluster, servers, "0s", 30)
        stored += report["samples"]
        print(f"filled {stored:,} of {wanted:,} samples, {report['samples'] / report['seconds']:,.0f} a second", flush=True)
    return stored


def run(directory: pathlib.Path, series: int, samples: int) -> list[Phase]:
    """The whole of it, on a cluster of its own."""
    servers = series * AGGREGATORS // COPIES // METRICS
    with contextlib.ExitStack() as open_things:
        postgres = Postgres()
        open_things.callback(postgres.close)
        cluster = Cluster(directory, None, postgres, {"aggregator": {"replication_factor": COPIES}})
        open_things.callback(cluster.close)
        try:
            for role, zone in SHAPE:
                cluster.add(role, zone)
            cluster.start().wait_until_ready()
            stored = fill(cluster, servers, samples)
            held = cluster.of("aggregator")[1].metric("murmur_engine_series")
            print(f"{servers * METRICS:,} series, {stored:,} samples; the aggregator to be drained has {held:,.0f} of the series", flush=True)
            return [
                observe(cluster, servers, "nothing happens", lambda: time.sleep(CALM_SECONDS)),
                observe(cluster, servers, "an aggregator is added", lambda: add(cluster)),
                observe(cluster, servers, "one is drained", lambda: cluster.drain(cluster.of("aggregator")[1], MOVED_SECONDS_MAX)),
            ]
        except BaseException:
            print(cluster.logs())
            raise


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=500_000, help="that the drained node holds")
    parser.add_argument("--samples", type=int, default=120, help="of each series before anything moves")
    parser.add_argument("--logs", type=pathlib.Path, help="where data and logs stay")
    options = parser.parse_args()
    # As Ctrl-C: the processes end too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="murmur-large-") as folder:
        phases = run(options.logs or pathlib.Path(folder), options.series, options.samples)
    print("\n".join(["", HEAD, *(phase.row() for phase in phases)]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
