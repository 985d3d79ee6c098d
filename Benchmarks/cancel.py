"""Measures how soon a query stops everywhere once its client is gone.

Starts one router, one coordinator and three aggregators on loopback, pushes 10,000 series, and asks for a range query that keeps every aggregator evaluating for seconds.
A second after the question the client's socket is closed. From then on the CPU time of the coordinator and of each aggregator is read every 2 ms: a node has
stopped at the first moment after which it runs for less than 15 of 50 ms. (At rest an aggregator looks after its slots for some 7 ms in every 100; while it evaluates
it runs for 30 of 50 and more.) Reported: that moment for each run, the slowest node counting, and how long the query takes when it is left alone.

Usage: cancel.py [RUNS]
"""

import socket
import statistics
import subprocess
import sys
import time
import urllib.parse

from processes import MURMUR, Measured, murmuration_nodes

RUNS = 20
SERVERS, METRICS = 1000, 10
# A selector finds a sample for five minutes: windows that begin now have a value at each of their 600 steps.
QUERY = 'sum(quantile_over_time(0.9, load_cpu_usage_percent[1m:100ms]) + quantile_over_time(0.9, load_temperature_celsius[1m:100ms]))'
STEPS = 280
ASKED_SECONDS, WATCHED_SECONDS, SAMPLE_SECONDS, WINDOW_SECONDS = 1.0, 3.0, 0.002, 0.050
RUNS_IN_WINDOW_MS = 15


def ask(coordinator: Measured) -> socket.socket:
    """A socket on which the query was asked."""
    now = int(time.time())
    path = "/api/v1/query_range?" + urllib.parse.urlencode({"query": QUERY, "start": now, "end": now + STEPS, "step": 1})
    host, port = urllib.parse.urlsplit(coordinator.url).netloc.split(":")
    connection = socket.create_connection((host, int(port)))
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    return connection


def watch(nodes: list[Measured], since: float) -> dict[str, float]:
    """Milliseconds after `since` at which each node had stopped."""
    samples: list[tuple[float, list[float]]] = []
    while time.monotonic() < since + WATCHED_SECONDS:
        samples.append((time.monotonic(), [node.cpu_milliseconds() for node in nodes]))
        time.sleep(SAMPLE_SECONDS)
    stopped = {}
    for index, node in enumerate(nodes):
        last = 0
        for first, (at, cpu) in enumerate(samples):
            while last + 1 < len(samples) and samples[last][0] < at + WINDOW_SECONDS:
                last += 1
            stopped[node.name] = (at - since) * 1000
            if samples[last][1][index] - cpu[index] < RUNS_IN_WINDOW_MS:
                break
    return stopped


def main(runs: int) -> int:
    """Runs and prints."""
    with murmuration_nodes("router", "coordinator", aggregators=3, copies=2) as ((router, coordinator), aggregators):
        subprocess.run(
            [MURMUR, "loadgen", "--push", router.url, "--servers", str(SERVERS), "--metrics", str(METRICS), "--interval", "1s",
             "--duration", "20s", "--json"], check=True, stdout=subprocess.DEVNULL)
        nodes = [coordinator, *aggregators]
        begun = time.monotonic()
        with ask(coordinator) as connection:
            answer = connection.recv(1 << 16)
        alone = time.monotonic() - begun
        status = answer.split(b"\r\n", 1)[0].decode()
        print(f"left alone the query takes {alone:.1f} s: {status}")
        if alone < ASKED_SECONDS + 0.5:
            sys.exit("bench: the query is too short to be cut off")
        slowest = []
        for run in range(runs):
            time.sleep(1)
            with ask(coordinator):
                time.sleep(ASKED_SECONDS)
                busy = {node.name: node.cpu_milliseconds() for node in nodes}
                time.sleep(0.1)
                if not any(node.cpu_milliseconds() - busy[node.name] > 10 for node in aggregators):
                    sys.exit("bench: no aggregator evaluates when the client goes")
            stopped = watch(nodes, time.monotonic())
            slowest.append(max(stopped.values()))
            print(f"run {run + 1}: " + ", ".join(f"{name} {took:.0f} ms" for name, took in stopped.items()), flush=True)
    print(f"from the client's going to the last node's rest: median {statistics.median(slowest):.0f} ms, most {max(slowest):.0f} ms in {runs} runs")
    return 0 if max(slowest) <= 100 else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS))
