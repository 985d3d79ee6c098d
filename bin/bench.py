"""Measures the whole standalone path: remote write in, log, head, acknowledgement out.

Usage: bench.py [SECONDS]
Starts a standalone on free ports with an empty data directory, makes 40,000 series known with one round of
`murmur loadgen`, then pushes as fast as the server takes it, 10,000 samples a request, and divides what was stored by the
CPU time (user and system, of all threads) that the server process spent in that time. Prints a table and where the
time went by thread.
"""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

BINARY = pathlib.Path(__file__).resolve().parent.parent / ".build" / "release" / "murmur"
SERVERS, METRICS, SAMPLES_PER_REQUEST = 400, 100, 10_000
FLOOR_SAMPLES_PER_CPU_SECOND = 1_000_000
TICKS = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A TCP port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cpu_seconds(process: int) -> tuple[float, float]:
    """User and system time of a process so far."""
    fields = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) / TICKS, int(fields[12]) / TICKS


def cpu_by_thread(process: int) -> dict[str, float]:
    """CPU seconds by the name of the thread; numbered threads of one kind are added up."""
    times: dict[str, float] = {}
    for stat in pathlib.Path(f"/proc/{process}/task").glob("*/stat"):
        head, _, tail = stat.read_text().rpartition(")")
        name = head.split("(", 1)[1].rstrip("0123456789-# ")
        fields = tail.split()
        times[name] = times.get(name, 0.0) + (int(fields[11]) + int(fields[12])) / TICKS
    return times


def load(url: str, interval: str, seconds: int) -> dict:
    """One run of the load generator; its report."""
    command = [
        BINARY, "loadgen", "--push", url, "--servers", str(SERVERS), "--metrics", str(METRICS), "--interval", interval,
        "--duration", f"{seconds}s", "--batch", str(SAMPLES_PER_REQUEST), "--json",
    ]
    result = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(result.stdout.strip().splitlines()[-1])


def wait_until_ready(url: str, server: subprocess.Popen) -> None:
    """Returns once /-/ready answers 200."""
    for _ in range(600):
        if server.poll() is not None:
            sys.exit(f"bench: the server ended with exit code {server.returncode}")
        try:
            with urllib.request.urlopen(f"{url}/-/ready", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            pass
        time.sleep(0.1)
    sys.exit("bench: the server did not get ready")


def measure(url: str, server: subprocess.Popen, seconds: int) -> int:
    """Pushes, prints what was measured and returns the exit code."""
    load(url, "1s", 2)
    threads_before, (user_before, system_before) = cpu_by_thread(server.pid), cpu_seconds(server.pid)
    report = load(url, "0s", seconds)
    threads_after, (user_after, system_after) = cpu_by_thread(server.pid), cpu_seconds(server.pid)
    user, system = user_after - user_before, system_after - system_before
    rate = report["samples"] / (user + system)
    resident = next(
        int(line.split()[1]) / 1024
        for line in pathlib.Path(f"/proc/{server.pid}/status").read_text().splitlines() if line.startswith("VmHWM:")
    )
    print(f"series                      {SERVERS * METRICS:>12,}")
    print(f"samples a request           {SAMPLES_PER_REQUEST:>12,}")
    print(f"samples stored              {report['samples']:>12,}   in {report['seconds']:.1f} s, {report['errors']} errors")
    print(f"samples a second            {report['samples'] / report['seconds']:>12,.0f}")
    print(f"server CPU seconds          {user + system:>12.2f}   user {user:.2f}, system {system:.2f}")
    print(f"samples per CPU second      {rate:>12,.0f}   floor {FLOOR_SAMPLES_PER_CPU_SECOND:,}")
    print(f"peak resident memory        {resident:>10,.0f} MB")
    latency = report["latency_ms"]
    print(f"request latency             p50 {latency['p50']:.1f} ms, p99 {latency['p99']:.1f} ms")
    for name, after in sorted(threads_after.items(), key=lambda item: -item[1]):
        spent = after - threads_before.get(name, 0.0)
        if spent >= 0.01 * (user + system):
            print(f"thread {name:<20} {spent:>12.2f}   {100 * spent / (user + system):.0f} %")
    if report["errors"] or rate < FLOOR_SAMPLES_PER_CPU_SECOND:
        print("bench: below the floor or with errors", file=sys.stderr)
        return 1
    return 0


def main(seconds: int) -> int:
    """Runs the measurement on a server of its own."""
    directory = tempfile.mkdtemp(prefix="murmur-bench-")
    port, cluster_port = free_port(), free_port()
    command = [
        BINARY, "standalone", "--http", f"127.0.0.1:{port}", "--cluster", f"127.0.0.1:{cluster_port}",
        "--data-dir", f"{directory}/data",
    ]
    with open(f"{directory}/log", "wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        wait_until_ready(f"http://127.0.0.1:{port}", server)
        return measure(f"http://127.0.0.1:{port}", server, seconds)
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20))
