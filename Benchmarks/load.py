"""Measures queries under load: 20 panels a second while a million series are pushed every ten seconds, on one standalone server.

Starts a standalone with an empty data directory and `murmur loadgen` (10,000 servers of 100 metrics, a sample of each every 10 s). After FILL seconds it asks
for SECONDS, at even intervals and whether earlier answers have come or not, so that a slow answer delays no later question; an answer's time counts from when
it was due to be asked. The mix stands in KINDS below. Reported: p50 and p99 by kind and of all, the CPU of server and load generator as shares of
one core, memory, and how the pushes went. `--help` lists the options.
"""

import argparse
import collections
import http.client
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from processes import MURMUR, Measured, murmuration

SERVERS, METRICS, INTERVAL = 10_000, 100, 10
PANELS_PER_SECOND = 20
CLIENTS = 40
P99_MS_MAX = 300
RACKS, CLUSTERS = 40, SERVERS // 200

# Of how many in a hundred, what it is called, the expression, seconds back (0: an instant query), step. A host has 10 series of each metric.
KINDS = [
    (30, "one host, 10 series, 15 m at 10 s", 'load_cpu_usage_percent{{{host}}}', 900, 10),
    (20, "one host, rate, 15 m at 10 s", 'sum(rate(load_network_receive_bytes_total{{{host}}}[1m]))', 900, 10),
    (10, "one host, instant", 'load_memory_used_bytes{{{host}}}', 0, 0),
    (15, "200 hosts, avg by rack, 15 m at 30 s", 'avg by (rack) (load_cpu_usage_percent{{cluster="cluster-{cluster}",cpu="0"}})', 900, 30),
    (10, "200 hosts, topk, instant", 'topk(10, load_queue_length{{cluster="cluster-{cluster}"}})', 0, 0),
    (5, "250 hosts, quantile of rate, 15 m at 30 s",
     'quantile(0.9, rate(load_http_requests_total{{rack="rack-{rack}",handler="0"}}[2m]))', 900, 30),
    (5, "10,000 hosts, max by region, instant", 'max by (region) (load_temperature_celsius{{sensor="0"}})', 0, 0),
    (3, "10,000 hosts, sum by region of rate, 15 m at 60 s", 'sum by (region) (rate(load_http_requests_total{{handler="0"}}[2m]))', 900, 60),
    (2, "values of the label team", None, 0, 0),
]


class Asker:
    """Asks at the rate and keeps the times."""

    def __init__(self, server: Measured):
        self.address = urllib.parse.urlsplit(server.url).netloc
        self.milliseconds: dict[str, list[float]] = collections.defaultdict(list)
        self.failures: list[str] = []
        self.lock = threading.Lock()
        self.local = threading.local()
        self.random = random.Random(1)

    def path(self, expression: str | None, back: int, step: int) -> str:
        """A request about a random host, cluster or rack."""
        now = int(time.time())
        if expression is None:
            return "/api/v1/label/team/values"
        host = self.random.randrange(SERVERS)
        text = expression.format(
            host=f'instance="load-{host:05}"', cluster=self.random.randrange(CLUSTERS), rack=self.random.randrange(RACKS))
        if not back:
            return "/api/v1/query?" + urllib.parse.urlencode({"query": text})
        end = now // step * step
        return "/api/v1/query_range?" + urllib.parse.urlencode({"query": text, "start": end - back, "end": end, "step": step})

    def ask(self, kind: str, path: str, due: float) -> None:
        """One request on this thread's connection."""
        if not hasattr(self.local, "connection"):
            self.local.connection = http.client.HTTPConnection(self.address, timeout=60)
        self.local.connection.request("GET", path)
        answer = self.local.connection.getresponse()
        body = answer.read()
        took = (time.monotonic() - due) * 1000
        empty = answer.status == 200 and b'"result":[]' in body
        with self.lock:
            self.milliseconds[kind].append(took)
            if answer.status != 200 or empty:
                self.failures.append(f"{answer.status} {urllib.parse.unquote_plus(path)}: {body[:200]!r}")

    def run(self, seconds: int) -> None:
        """Asks at even intervals."""
        weights = [kind[0] for kind in KINDS]
        with ThreadPoolExecutor(CLIENTS) as pool:
            start = time.monotonic()
            asked = []
            for number in range(seconds * PANELS_PER_SECOND):
                due = start + number / PANELS_PER_SECOND
                time.sleep(max(0, due - time.monotonic()))
                _, kind, expression, back, step = self.random.choices(KINDS, weights)[0]
                asked.append(pool.submit(self.ask, kind, self.path(expression, back, step), due))
            for one in asked:
                one.result()


def quantile(values: list[float], share: float) -> float:
    """A value of the list, by rank."""
    return sorted(values)[int((len(values) - 1) * share)]


def wait_for_data(server: Measured) -> None:
    """Returns once the load generator's series arrive: it takes a while to make them up."""
    query = urllib.parse.urlencode({"query": 'count(load_queue_length{rack="rack-1",queue="0"})'})
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(server.url).netloc, timeout=60)
        connection.request("GET", f"/api/v1/query?{query}")
        if json.loads(connection.getresponse().read())["data"]["result"]:
            return
        time.sleep(1)
    sys.exit("bench: no series arrived within 300 s")


def block_files(server: Measured) -> int:
    """How many blocks the server has sealed and kept."""
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=60) as answer:
        return int(float(re.search(r"^murmur_block_files (\S+)$", answer.read().decode(), re.MULTILINE).group(1)))


def measure(fill: int, seconds: int, flags: list[str], profile: pathlib.Path | None) -> dict:
    """One run; its figures."""
    with murmuration(*flags) as server:
        load = subprocess.Popen(
            [MURMUR, "loadgen", "--push", server.url, "--servers", str(SERVERS), "--metrics", str(METRICS), "--interval", f"{INTERVAL}s",
             "--duration", f"{fill + seconds + 5}s", "--json"], stdout=subprocess.PIPE, text=True)
        recorder = None
        try:
            wait_for_data(server)
            time.sleep(fill)
            asker = Asker(server)
            generator = Measured("loadgen", "", load, MURMUR)
            nodes = [server, generator]
            before, threads_before, begun = [node.cpu_milliseconds() for node in nodes], server.cpu_by_thread(), time.monotonic()
            if profile:
                recorder = subprocess.Popen(
                    ["perf", "record", "-q", "-F", "299", "-g", "-p", str(server.process.pid), "-o", str(profile)])
            blocks = block_files(server)
            asker.run(seconds)
            blocks = blocks, block_files(server)
            elapsed = time.monotonic() - begun
            shares = {node.name: (node.cpu_milliseconds() - start) / elapsed / 1000 for node, start in zip(nodes, before)}
            threads = {name: (spent - threads_before.get(name, 0.0)) / elapsed for name, spent in server.cpu_by_thread().items()}
            resident, peak, busy = server.resident_megabytes(), server.peak_resident_megabytes(), os.getloadavg()[0]
            if recorder:
                recorder.send_signal(signal.SIGINT)
                recorder.wait(60)
            load.send_signal(signal.SIGINT)
            pushed = json.loads(load.communicate(timeout=120)[0].strip().splitlines()[-1])
        finally:
            load.kill()
            load.wait(30)
    everything = [value for values in asker.milliseconds.values() for value in values]
    kinds = {name: asker.milliseconds[name] for _, name, _, _, _ in KINDS if asker.milliseconds[name]} | {"all": everything}
    return {
        "seconds": elapsed, "shares": shares, "threads": threads, "resident_mb": resident, "peak_mb": peak, "load_average": busy,
        "kinds": {name: {"count": len(values), "p50_ms": quantile(values, 0.5), "p99_ms": quantile(values, 0.99), "max_ms": max(values)}
                  for name, values in kinds.items()},
        "failures": asker.failures, "pushed": pushed, "blocks": blocks,
    }


def show(figures: dict) -> None:
    """As text."""
    pushed = figures["pushed"]
    print(f"{SERVERS * METRICS:,} series, a sample each every {INTERVAL} s; {PANELS_PER_SECOND} panels a second for {figures['seconds']:.0f} s;"
          f" load average at the end {figures['load_average']:.1f} on {os.cpu_count()} cores\n")
    for name, kind in figures["kinds"].items():
        print(f"{name:<52}{kind['count']:>6} p50 {kind['p50_ms']:>8.1f} ms p99 {kind['p99_ms']:>8.1f} ms most {kind['max_ms']:>8.1f} ms")
    print("\nCPU, share of one core: " + ", ".join(f"{name} {100 * share:.1f} %" for name, share in figures["shares"].items()))
    print("    the server's threads: " + ", ".join(
        f"{name} {100 * share:.1f} %" for name, share in sorted(figures["threads"].items(), key=lambda item: -item[1]) if share > 0.005))
    print(f"server's memory: {figures['resident_mb']:,.0f} MB at the end, {figures['peak_mb']:,.0f} MB at most")
    print(f"pushes: {pushed['samples']:,} samples in {pushed['seconds']:.0f} s, {pushed['errors']} errors, p50 {pushed['latency_ms']['p50']:.0f} ms,"
          f" p99 {pushed['latency_ms']['p99']:.0f} ms")
    print("blocks sealed: {} when the first question came, {} after the last".format(*figures["blocks"]))
    print(f"answers that failed or were empty: {len(figures['failures'])}")
    for failure in figures["failures"][:5]:
        print(f"    {failure}")


def main() -> int:
    """Measures and judges."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fill", type=int, default=120, help="seconds of pushes before the first question")
    parser.add_argument("--seconds", type=int, default=120, help="how long to ask")
    parser.add_argument("--seal-interval", default="1m", help="how often the server writes a block: 1m, while 10m is its own default")
    parser.add_argument("--block-cache", metavar="BYTES", help="the server's block-cache-bytes-max, such as 1GiB")
    parser.add_argument("--profile", type=pathlib.Path, metavar="FILE", help="write perf's profile of the server there")
    parser.add_argument("--json", action="store_true", help="a last line for programs")
    arguments = parser.parse_args()
    flags = ["--seal-interval", arguments.seal_interval]
    if arguments.block_cache:
        flags += ["--block-cache-bytes-max", arguments.block_cache]
    figures = measure(arguments.fill, arguments.seconds, flags, arguments.profile)
    show(figures)
    if arguments.json:
        print(json.dumps(figures))
    missed = figures["kinds"]["all"]["p99_ms"] > P99_MS_MAX or figures["failures"] or figures["pushed"]["errors"]
    if missed:
        print(f"missed: p99 at most {P99_MS_MAX} ms, every panel answered, every push taken")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
