"""Measures what queries cost: CPU milliseconds of a standalone server, user and system, of all threads.

Starts a standalone with an empty data directory, fills it with 4,000 hosts of 10 metrics, 3 hours at 10 s, in the order of time, and asks
each query of the table below several times over one connection, after WARM_UP_RUNS that do not count, none of them from kept results. A panel
that is refreshed, with new samples of all hosts before each time, is asked last, with kept results and without. The head is sealed whenever it holds
ten minutes of that, as it would be had the samples come as time passes. A directory that is kept is filled once, and found again by the
next run with the same number of hosts. With `--peer` a Prometheus gets the same samples and questions. `--help` lists the options.
"""

import argparse
import array
import http.client
import json
import os
import pathlib
import random
import signal
import statistics
import subprocess
import sys
import time
import urllib.parse

from processes import Measured, murmuration, prometheus

METRICS, INTERVAL, HOURS = 10, 10, 3
POINTS = HOURS * 3600 // INTERVAL
POINTS_PER_REQUEST = 30
REGIONS = ["eu-west-1", "eu-central-1", "us-east-1", "us-west-2", "ap-south-1", "ap-northeast-1", "sa-east-1", "af-south-1"]
HOUR = 3600
WARM_UP_RUNS = 3

# Name, expression, seconds back from the newest sample (0 for an instant query), step.
QUERIES = [
    ("sum by(region)(rate(m[5m]))", "sum by(region)(rate(metric_0[5m]))", HOUR, 60),
    ("avg by(hostname)(m), 3 h at 1 h", "avg by(hostname)(metric_1)", 3 * HOUR, HOUR),
    ("topk(10, avg_over_time(m[5m]))", "topk(10, avg_over_time(metric_1[5m]))", HOUR, 60),
    ("quantile(0.99, m)", "quantile(0.99, metric_1)", HOUR, 60),
    ("count(m > 90)", "count(metric_1 > 90)", HOUR, 60),
    ("max(m), 3 h at 60 s", "max(metric_1)", 3 * HOUR, 60),
    ("instant m", "metric_1", 0, 0),
    ("instant sum by(region)(m)", "sum by(region)(metric_1)", 0, 0),
    ("one host, one metric", 'metric_1{hostname="host-77"}', HOUR, 60),
    ("label values of hostname", None, HOUR, 0),
]


def varint(value: int) -> bytes:
    """A number as protobuf writes it."""
    result = bytearray()
    while value > 127:
        result.append(value & 127 | 128)
        value >>= 7
    result.append(value)
    return bytes(result)


def field(number: int, payload: bytes) -> bytes:
    """A field of bytes."""
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def labels_of(host: int, metric: int) -> bytes:
    """The labels of one series, encoded."""
    pairs = {
        "__name__": f"metric_{metric}", "arch": "x64", "datacenter": f"dc-{host % 24}", "hostname": f"host-{host}",
        "os": "Ubuntu22.04" if host % 3 else "Debian12", "rack": str(host % 97), "region": REGIONS[host % len(REGIONS)],
        "service": str(host % 19), "service_environment": "production" if host % 5 else "staging", "team": f"team-{host % 7}",
    }
    return b"".join(field(1, field(1, name.encode()) + field(2, value.encode())) for name, value in sorted(pairs.items()))


class Columns:
    """Values of the series: a counter for metric_0, for the others random walks of two decimals; no two series alike."""

    def __init__(self) -> None:
        source = random.Random(1)
        self.walks = []
        for _ in range(64):
            value, walk = source.uniform(0, 100), array.array("d")
            for _ in range(2 * POINTS):
                value = min(100.0, max(0.0, value + source.gauss(0, 1)))
                walk.append(round(value, 2))
            self.walks.append(walk)

    def values(self, host: int, metric: int, first: int) -> bytes:
        """The next values of a series from a point on."""
        if metric == 0:
            rate = 1 + host % 50
            return array.array("d", [float((host + point) * rate) for point in range(first, first + POINTS_PER_REQUEST)]).tobytes()
        walk = self.walks[(host * METRICS + metric) % len(self.walks)]
        start = (host * 31 + metric) % POINTS + first
        return walk[start:start + POINTS_PER_REQUEST].tobytes()


def samples_field(times: list[bytes], values: bytes) -> bytes:
    """The samples of one series: records of 20 bytes, for a time takes six bytes as a varint."""
    count = len(times)
    record = bytes([0x12, 16, 0x09]) + bytes(8) + bytes([0x10]) + bytes(6)
    block = bytearray(record * count)
    size = len(record)
    for byte in range(8):
        block[3 + byte::size] = values[byte::8]
    joined = b"".join(times)
    for byte in range(6):
        block[12 + byte::size] = joined[byte::6]
    return bytes(block)


def literal_snappy(data: bytes) -> bytes:
    """Snappy's block format without any compression: literals of at most 65,536 bytes."""
    parts = [varint(len(data))]
    for start in range(0, len(data), 65536):
        piece = data[start:start + 65536]
        parts += [bytes([61 << 2]), (len(piece) - 1).to_bytes(2, "little"), piece]
    return b"".join(parts)


def connect(server: Measured) -> http.client.HTTPConnection:
    """A connection to the server."""
    return http.client.HTTPConnection(urllib.parse.urlsplit(server.url).netloc, timeout=120)


def fill(server: Measured, hosts: int, newest: int) -> None:
    """Pushes everything in the order of time; `newest` is the last sample's time in seconds."""
    connection = connect(server)
    columns = Columns()
    labels = {(host, metric): labels_of(host, metric) for host in range(hosts) for metric in range(METRICS)}
    start = newest - (POINTS - 1) * INTERVAL
    for first in range(0, POINTS, POINTS_PER_REQUEST):
        times = [varint((start + point * INTERVAL) * 1000) for point in range(first, first + POINTS_PER_REQUEST)]
        for base in range(0, hosts, 40):
            body = b"".join(
                field(1, labels[host, metric] + samples_field(times, columns.values(host, metric, first)))
                for host in range(base, min(hosts, base + 40)) for metric in range(METRICS)
            )
            push(connection, body)


def push(connection: http.client.HTTPConnection, body: bytes) -> None:
    """Pushes until it is taken."""
    while True:
        connection.request(
            "POST", "/api/v1/write", literal_snappy(body),
            {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy", "X-Prometheus-Remote-Write-Version": "0.1.0"})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status == 204:
            return
        if answer.status not in (429, 503):
            sys.exit(f"bench: a push was answered {answer.status}: {text[:300]!r}")
        time.sleep(0.2)


def target(expression: str | None, newest: int, back: int, step: int, cache: str = "off") -> str:
    """The request's path."""
    if expression is None:
        return f"/api/v1/label/hostname/values?start={newest - back}&end={newest}"
    if back == 0:
        return "/api/v1/query?" + urllib.parse.urlencode({"query": expression, "time": newest})
    return "/api/v1/query_range?" + urllib.parse.urlencode(
        {"query": expression, "start": newest - back, "end": newest, "step": step, "cache": cache})


def measure(server: Measured, newest: int, runs: int, only: str | None) -> list[dict]:
    """Asks each query to warm up and then `runs` times; returns what was seen."""
    connection = connect(server)
    rows = []
    for name, expression, back, step in QUERIES:
        if only and only not in name:
            continue
        path = target(expression, newest, back, step)
        size, walls, cpus = 0, [], []
        for run in range(runs + WARM_UP_RUNS):
            cpu, wall = server.cpu_milliseconds(), time.monotonic()
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
            if run >= WARM_UP_RUNS:
                walls.append((time.monotonic() - wall) * 1000)
                cpus.append(server.cpu_milliseconds() - cpu)
            if answer.status != 200:
                sys.exit(f"bench: {name} was answered {answer.status}: {body[:300]!r}")
            size = len(body)
        result = json.loads(body)["data"]
        series = len(result) if isinstance(result, list) else len(result["result"])
        rows.append({"query": name, "cpu_ms": statistics.median(cpus), "cpu_ms_least": min(cpus), "wall_ms": statistics.median(walls),
                     "series": series, "bytes": size})
        print(f"{name:<36}{rows[-1]['cpu_ms']:>10.2f} ms CPU {min(cpus):>10.2f} least {rows[-1]['wall_ms']:>10.2f} ms {series:>7} series"
              f" {size:>9} bytes", flush=True)
    return rows


def refreshed(server: Measured, hosts: int, newest: int, runs: int) -> list[dict]:
    """A panel of 3 h at 15 s whose end moves by a step, after each host pushed a sample; with kept results and without, in turn."""
    connection, cpus, walls = connect(server), {"on": [], "off": []}, {"on": [], "off": []}
    expression = "sum by(region)(rate(metric_0[5m]))"
    labels = [labels_of(host, 0) for host in range(hosts)]
    for run in range(runs + WARM_UP_RUNS):
        at = newest + 15 * (run + 1)
        values = array.array("d", [float(POINTS + run)]).tobytes()
        push(connection, b"".join(field(1, one + samples_field([varint(at * 1000)], values)) for one in labels))
        answers = {}
        for cache in ("on", "off"):
            cpu, wall = server.cpu_milliseconds(), time.monotonic()
            connection.request("GET", target(expression, at // 15 * 15, 3 * HOUR, 15, cache))
            answers[cache] = connection.getresponse().read()
            if run >= WARM_UP_RUNS:
                walls[cache].append((time.monotonic() - wall) * 1000)
                cpus[cache].append(server.cpu_milliseconds() - cpu)
        on, off = (sorted((one["metric"]["region"], len(one["values"])) for one in json.loads(body)["data"]["result"]) for body in answers.values())
        if on != off:
            sys.exit("bench: a refreshed panel has other steps from kept results than without")
    rows = []
    for cache, name in (("off", "refreshed panel, 3 h at 15 s"), ("on", "the same from kept results")):
        cpu, least, wall = statistics.median(cpus[cache]), min(cpus[cache]), statistics.median(walls[cache])
        rows.append({"query": name, "cpu_ms": cpu, "cpu_ms_least": least, "wall_ms": wall})
        print(f"{name:<36}{cpu:>10.2f} ms CPU {least:>10.2f} least {wall:>10.2f} ms", flush=True)
    return rows


def filled(server: Measured, hosts: int, kept: pathlib.Path | None) -> int:
    """Fills the server unless it is full already; the newest sample's time in seconds."""
    mark = kept / "filled.json" if kept else None
    if mark and mark.exists():
        told = json.loads(mark.read_text())
        if told["hosts"] != hosts:
            sys.exit(f"bench: {kept} holds {told['hosts']} hosts, not {hosts}; take another directory, or --hosts {told['hosts']}")
        return told["newest"]
    newest, began = int(time.time()) // HOUR * HOUR, time.monotonic()
    fill(server, hosts, newest)
    print(f"filled {hosts * METRICS * POINTS:,} samples in {time.monotonic() - began:.0f} s", flush=True)
    if mark:
        mark.write_text(json.dumps({"hosts": hosts, "newest": newest}))
    return newest


def beside(arguments: argparse.Namespace, rows: list[dict]) -> None:
    """Asks a Prometheus the same, and prints what its process needed of CPU time as a multiple of ours."""
    kept = arguments.keep / "peer" if arguments.keep else None
    if kept:
        kept.mkdir(exist_ok=True)
    with prometheus(kept) as peer:
        newest = filled(peer, arguments.hosts, kept)
        peer.wait_until_quiet()
        print(peer.name, flush=True)
        for ours, theirs in zip(rows, measure(peer, newest, arguments.runs, arguments.only), strict=True):
            if ours["series"] != theirs["series"]:
                sys.exit(f"bench: {peer.name} answers {ours['query']} with {theirs['series']} series, not {ours['series']}")
            ours["peer"], ours["peer_cpu_ms"] = peer.name, theirs["cpu_ms"]
            print(f"{ours['query']:<36}{theirs['cpu_ms'] / ours['cpu_ms']:>10.1f} times our CPU", flush=True)


def main() -> int:
    """Fills and measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20, help="times that each query is asked")
    parser.add_argument("--hosts", type=int, default=4000)
    parser.add_argument("--only", help="a part of a query's name")
    parser.add_argument("--keep", type=pathlib.Path, metavar="DIRECTORY", help="a directory that is filled once and kept")
    parser.add_argument("--profile", type=pathlib.Path, metavar="FILE", help="write perf's profile of the measurement there")
    parser.add_argument("--peer", action="store_true", help="ask a Prometheus too; the environment's PROMETHEUS names one")
    parser.add_argument("--json", action="store_true", help="a last line for programs")
    arguments = parser.parse_args()
    if arguments.keep:
        arguments.keep.mkdir(parents=True, exist_ok=True)
    flags = ["--head-samples-max", str(max(10_000, arguments.hosts * METRICS * 60)), "--seal-interval", "1d"]
    with murmuration(*flags, kept=arguments.keep) as server:
        newest = filled(server, arguments.hosts, arguments.keep)
        server.wait_until_quiet()
        recorder = None
        if arguments.profile:
            recorder = subprocess.Popen(
                ["perf", "record", "-q", "-F", "997", "-g", "-p", str(server.process.pid), "-o", str(arguments.profile)])
        rows = measure(server, newest, arguments.runs, arguments.only)
        panel = [] if arguments.only else refreshed(server, arguments.hosts, newest, arguments.runs)
        if recorder:
            recorder.send_signal(signal.SIGINT)
            recorder.wait(60)
    if arguments.peer:
        beside(arguments, rows)
    if arguments.json:
        print(json.dumps({"cores": os.cpu_count(), "rows": rows + panel}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
