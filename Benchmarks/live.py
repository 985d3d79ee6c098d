"""Measures live queries: CPU and memory of a coordinator with thousands of WebSocket subscribers, and how long a sample takes to reach them.

Starts one router, one aggregator and one coordinator on loopback, so that the coordinator's figures hold live queries alone: what arrives and is stored costs
the other two, whose CPU is shown too; with --standalone, one process that is all of them. `murmur loadgen` pushes 1,000 servers of 10 metrics every second; 10,000 connections subscribe to one of
100 expressions each, with a step of 1 s. Ten of the expressions show one pushed series each, whose samples Benchmarks/LiveAudience sends at random times and
times: from the 204 to the frame with the sample, on each of the thousand connections of the ten. A sample waits for the next step first, so that alone is
up to a step, evenly; from the step's time to the frame is shown apart, of all connections. `--help` lists the options.
"""

import argparse
import contextlib
import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Iterator

from processes import MURMUR, Measured, murmuration, murmuration_nodes

AUDIENCE = MURMUR.with_name("live-audience")
SERVERS, METRICS = 1000, 10
LANES = 10
SETTLE_SECONDS = 5
SHARE_MAX, BYTES_EACH_MAX, P99_MS_MAX = 0.60, 10 * 1024, 1000


def expressions() -> list[tuple[str, str]]:
    """A hundred, each with its lane or `-`: ten groups of nine panels and a lane."""
    panels = []
    for rack in range(18):
        panels += [
            f'avg by (region) (load_cpu_usage_percent{{rack="rack-{rack}"}})',
            f'sum by (zone) (rate(load_http_requests_total{{rack="rack-{rack}"}}[30s]))',
            f'topk(5, load_queue_length{{rack="rack-{rack}"}})',
            f'max by (team) (load_temperature_celsius{{rack="rack-{rack}"}}) > 20',
            f'quantile(0.9, load_http_request_duration_seconds{{rack="rack-{rack}"}})',
        ]
    result = []
    for lane in range(LANES):
        result += [("-", panel) for panel in panels[lane * 9:lane * 9 + 9]]
        result.append((str(lane), f'live_lane{{server_id="lane-{lane}"}}'))
    return result


def address(server: Measured) -> str:
    """Where it listens."""
    return urllib.parse.urlsplit(server.url).netloc


class Audience:
    """The subscribers, in a process of their own."""

    def __init__(self, coordinator: Measured, router: Measured, connections: int, seconds: int, step: float):
        with tempfile.NamedTemporaryFile("w", suffix=".expressions", delete=False) as file:
            file.writelines(f"{lane}\t{text}\n" for lane, text in expressions())
        self.file = pathlib.Path(file.name)
        self.process = subprocess.Popen(
            [AUDIENCE, "--coordinator", address(coordinator), "--router", address(router), "--expressions", file.name,
             "--connections", str(connections), "--seconds", str(seconds), "--step", str(step)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def wait_for(self, word: str, seconds: int) -> None:
        """Returns once it says so."""
        alarm = threading.Timer(seconds, self.process.kill)
        alarm.start()
        try:
            for line in self.process.stdout:
                if line.strip() == word:
                    return
                print(line, end="", file=sys.stderr)
        finally:
            alarm.cancel()
        sys.exit(f"bench: the audience did not come to {word!r} within {seconds} s")

    def report(self) -> dict:
        """What it has seen."""
        return json.loads(self.process.stdout.readline())

    def close(self) -> None:
        """Sends it home."""
        self.process.stdin.close()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.file.unlink()


@contextlib.contextmanager
def servers(is_standalone: bool) -> Iterator[list[Measured]]:
    """The coordinator, the router and the aggregator, or the one that is all of them."""
    if is_standalone:
        with murmuration() as server:
            yield [server]
    else:
        with murmuration_nodes("router", "coordinator", aggregators=1, copies=1) as ((router, coordinator), (aggregator,)):
            yield [coordinator, router, aggregator]


def measure(connections: int, seconds: int, step: float, is_standalone: bool, profile: pathlib.Path | None) -> dict:
    """One run; its figures."""
    with servers(is_standalone) as nodes:
        coordinator, router = nodes[0], nodes[min(1, len(nodes) - 1)]
        load = subprocess.Popen(
            [MURMUR, "loadgen", "--push", router.url, "--servers", str(SERVERS), "--metrics", str(METRICS), "--interval", "1s",
             "--duration", "1h", "--json"], stdout=subprocess.DEVNULL)
        audience = None
        try:
            # A first audience of a few warms the coordinator up: its code, its caches and what an evaluation holds are no subscriber's memory.
            first = Audience(coordinator, router, len(expressions()), SETTLE_SECONDS, step)
            first.wait_for("end", 120)
            first.report()
            first.close()
            without = coordinator.resident_megabytes()
            audience = Audience(coordinator, router, connections, seconds, step)
            audience.wait_for("subscribed", 300)
            audience.wait_for("begin", 60)
            watched = [*nodes, Measured("audience", "", audience.process, AUDIENCE)]
            before, threads_before, begun = [node.cpu_milliseconds() for node in watched], coordinator.cpu_by_thread(), time.monotonic()
            if profile:
                recorder = subprocess.Popen(
                    ["perf", "record", "-q", "-F", "499", "-g", "-p", ",".join(str(node.process.pid) for node in nodes),
                     "-o", str(profile)])
            audience.wait_for("end", seconds + 60)
            elapsed = time.monotonic() - begun
            shares = {node.name: (node.cpu_milliseconds() - start) / elapsed / 1000 for node, start in zip(watched, before)}
            threads = {name: (spent - threads_before.get(name, 0.0)) / elapsed for name, spent in coordinator.cpu_by_thread().items()}
            resident = coordinator.resident_megabytes()
            if profile:
                recorder.send_signal(signal.SIGINT)
                recorder.wait(60)
            report = audience.report()
        finally:
            if audience:
                audience.close()
            load.terminate()
            load.wait(30)
    return report | {
        "server": nodes[0].name, "connections": connections, "seconds": elapsed, "step": step, "shares": shares, "threads": threads, "without_mb": without,
        "with_mb": resident, "bytes_each": (resident - without) * (1 << 20) / connections, "load_average": os.getloadavg()[0],
    }


def show(figures: dict) -> None:
    """As text."""
    print(f"{figures['connections']:,} subscribers of {len(expressions())} expressions, a step of {figures['step']} s, {figures['seconds']:.0f} s;"
          f" load average at the end {figures['load_average']:.1f} on {os.cpu_count()} cores")
    print("CPU, share of one core: " + ", ".join(f"{name} {100 * share:.1f} %" for name, share in figures["shares"].items()))
    print("    the first one's threads: " + ", ".join(
        f"{name} {100 * share:.1f} %" for name, share in sorted(figures["threads"].items(), key=lambda item: -item[1]) if share > 0.002))
    print(f"its memory: {figures['without_mb']:.1f} MB without, {figures['with_mb']:.1f} MB with, {figures['bytes_each']:,.0f} bytes a subscriber")
    for name, words in [("from_acknowledgement", "from a sample's acknowledgement to the frame"), ("from_step", "from the step's time to the frame")]:
        told = figures[name]
        print(f"{words}: p50 {told['p50_ms']:.0f} ms, p99 {told['p99_ms']:.0f} ms, most {told['max_ms']:.0f} ms ({told['count']:,})")
    print(f"frames: {figures['frames']:,}, {figures['frames'] / figures['seconds']:,.0f} a second; dropped {figures['frames_dropped']:,},"
          f" steps missed {figures['steps_missed']:,}, connections lost {figures['connections_lost']:,}")
    for note in figures["notes"]:
        print(f"    {note}")


def main() -> int:
    """Measures and judges."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--step", type=float, default=1.0, help="of every subscription, in seconds")
    parser.add_argument("--standalone", action="store_true", help="one process instead of three")
    parser.add_argument("--profile", type=pathlib.Path, metavar="FILE", help="write perf's profile of the servers there")
    parser.add_argument("--json", action="store_true", help="a last line for programs")
    arguments = parser.parse_args()
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    if files < arguments.connections + 500:
        sys.exit(f"bench: a process may open {files} files here, too few for {arguments.connections} connections")
    figures = measure(arguments.connections, arguments.seconds, arguments.step, arguments.standalone, arguments.profile)
    show(figures)
    missed = [
        words for words, is_met in [
            (f"CPU over {100 * SHARE_MAX:.0f} % of a core", figures["shares"][figures["server"]] <= SHARE_MAX),
            (f"over {BYTES_EACH_MAX:,} bytes a subscriber", figures["bytes_each"] <= BYTES_EACH_MAX),
            (f"p99 from the step over {P99_MS_MAX} ms", figures["from_step"]["p99_ms"] <= P99_MS_MAX),
            (f"p99 from the acknowledgement over {P99_MS_MAX} ms", figures["from_acknowledgement"]["p99_ms"] <= P99_MS_MAX),
            ("frames dropped or connections lost", figures["frames_dropped"] + figures["connections_lost"] == 0),
        ] if not is_met]
    for words in missed:
        print(f"missed: {words}")
    if arguments.json:
        print(json.dumps(figures))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
