"""Processes under measurement: Murmuration and its peers, each on free ports of loopback with an empty data directory."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator

MURMUR = pathlib.Path(__file__).resolve().parent.parent / ".build" / "release" / "murmur"
PROMETHEUS = pathlib.Path(os.environ.get("PROMETHEUS") or shutil.which("prometheus") or "/usr/bin/prometheus")
READY_SECONDS_MAX = 60
STOP_SECONDS_MAX = 30
QUIET_SECONDS_MAX, QUIET_SHARE_MAX = 300, 0.02
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class Measured:
    """A running server: where it listens, and what it has cost so far."""

    def __init__(self, name: str, url: str, process: subprocess.Popen, log: pathlib.Path):
        self.name, self.url, self.process, self.log = name, url, process, log

    def cpu_seconds(self) -> tuple[float, float]:
        """User and system time so far, of all threads."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[11]) / TICKS_PER_SECOND, int(fields[12]) / TICKS_PER_SECOND

    def cpu_milliseconds(self) -> float:
        """User and system time together, to the microsecond: the process' own clock, as clock_getcpuclockid names it."""
        return time.clock_gettime_ns(~self.process.pid << 3 | 2) / 1e6

    def cpu_by_thread(self) -> dict[str, float]:
        """CPU seconds by the name of the thread; numbered threads of one kind are added up."""
        times: dict[str, float] = {}
        for stat in pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/stat"):
            head, _, tail = stat.read_text().rpartition(")")
            name = head.split("(", 1)[1].rstrip("0123456789-# ")
            fields = tail.split()
            times[name] = times.get(name, 0.0) + (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND
        return times

    def peak_resident_megabytes(self) -> float:
        """The most memory that was resident at once."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) / 1024

    def resident_megabytes(self) -> float:
        """What is resident now."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024

    def wait_until_quiet(self) -> None:
        """Returns once it is done with what it does by itself: a share of QUIET_SHARE_MAX of a core for two seconds."""
        deadline = time.monotonic() + QUIET_SECONDS_MAX
        while time.monotonic() < deadline:
            before = self.cpu_milliseconds()
            time.sleep(2)
            if self.cpu_milliseconds() - before < 2_000 * QUIET_SHARE_MAX:
                return
        raise SystemExit(f"bench: {self.name} was not quiet within {QUIET_SECONDS_MAX} s")

    def wait_until_ready(self) -> None:
        """Returns once /-/ready answers 200."""
        deadline = time.monotonic() + READY_SECONDS_MAX
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise SystemExit(
                    f"bench: {self.name} ended with exit code {self.process.returncode}:\n{self.log.read_text()[-2000:]}")
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/-/ready", timeout=2) as answer:
                if answer.status == 200:
                    return
            time.sleep(0.1)
        raise SystemExit(f"bench: {self.name} did not get ready within {READY_SECONDS_MAX} s")


def free_port() -> int:
    """A TCP port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def murmuration(*flags: str, kept: pathlib.Path | None = None) -> Iterator[Measured]:
    """A standalone server, on a directory that is kept, or on an empty one."""
    port, cluster_port = free_port(), free_port()

    def command(directory: pathlib.Path) -> list:
        return [
            MURMUR, "standalone", "--http", f"127.0.0.1:{port}", "--cluster", f"127.0.0.1:{cluster_port}",
            "--data-dir", directory / "data", *flags,
        ]

    with _running("Murmuration", port, command, kept) as server:
        yield server


@contextlib.contextmanager
def murmuration_cluster(aggregators: int, copies: int) -> Iterator[tuple[Measured, list[Measured]]]:
    """A router and the aggregators behind it, settled: each slot is held by as many as there are to be copies."""
    with murmuration_nodes("router", aggregators=aggregators, copies=copies) as (others, nodes):
        yield others[0], nodes


@contextlib.contextmanager
def murmuration_nodes(*roles: str, aggregators: int, copies: int) -> Iterator[tuple[list[Measured], list[Measured]]]:
    """One node of each role, and the aggregators behind them, settled."""
    seed = free_port()

    def node(role: str, number: int) -> contextlib.AbstractContextManager[Measured]:
        name, port, is_founder = f"{role}-{number}", free_port(), role == "aggregator" and number == 1
        cluster_port = seed if is_founder else free_port()

        def command(directory: pathlib.Path) -> list:
            flags = ["--name", name, "--http", f"127.0.0.1:{port}", "--cluster", f"127.0.0.1:{cluster_port}"]
            if role == "aggregator":
                flags += ["--data-dir", directory / "data", "--replication-factor", copies]
            if not is_founder:
                flags += ["--join", f"127.0.0.1:{seed}"]
            return [MURMUR, role, *flags]

        return _running(name, port, command)

    with contextlib.ExitStack() as running:
        nodes = [running.enter_context(node("aggregator", number + 1)) for number in range(aggregators)]
        others = [running.enter_context(node(role, 1)) for role in roles]
        for other in others:
            _wait_until_settled(other, nodes)
        yield others, nodes


def _wait_until_settled(router: Measured, nodes: list[Measured]) -> None:
    deadline = time.monotonic() + READY_SECONDS_MAX
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            with urllib.request.urlopen(f"{router.url}/api/v1/cluster/status", timeout=5) as answer:
                ring = json.load(answer)["data"]["ring"]
            if len(ring) == len(nodes) and all(_is_settled(node) for node in nodes):
                return
        time.sleep(0.2)
    raise SystemExit(f"bench: the cluster did not settle within {READY_SECONDS_MAX} s")


def _is_settled(node: Measured) -> bool:
    with urllib.request.urlopen(f"{node.url}/metrics", timeout=5) as answer:
        return re.search(rb"^murmur_movement_settled 1$", answer.read(), re.MULTILINE) is not None


@contextlib.contextmanager
def prometheus(kept: pathlib.Path | None = None) -> Iterator[Measured]:
    """A Prometheus, Debian's or that of PROMETHEUS, as a receiver of remote write, scraping nothing."""
    port = free_port()

    def command(directory: pathlib.Path) -> list:
        (directory / "prometheus.yml").write_text("scrape_configs: []\n")
        return [
            PROMETHEUS, f"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver",
            f"--config.file={directory}/prometheus.yml", f"--storage.tsdb.path={directory}/data",
        ]

    with _running(f"Prometheus {prometheus_version()}", port, command, kept) as server:
        yield server


def prometheus_version() -> str:
    """As the program tells it."""
    told = subprocess.run([PROMETHEUS, "--version"], capture_output=True, text=True, check=True)
    return re.search(r"version (\S+?)\+?[a-z]* ", told.stdout + told.stderr).group(1)


@contextlib.contextmanager
def _running(
    name: str, port: int, command: Callable[[pathlib.Path], list], kept: pathlib.Path | None = None,
) -> Iterator[Measured]:
    """A program while the block runs; `command` makes its arguments from its directory, which goes with it unless it is kept."""
    directory = kept or pathlib.Path(tempfile.mkdtemp(prefix="murmur-bench-"))
    log = directory / "log"
    process = None
    try:
        with log.open("ab") as output:
            process = subprocess.Popen(
                [str(part) for part in command(directory)], stdout=output, stderr=output, stdin=subprocess.DEVNULL)
        server = Measured(name, f"http://127.0.0.1:{port}", process, log)
        server.wait_until_ready()
        yield server
    finally:
        if process:
            process.terminate()
            try:
                process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if not kept:
            shutil.rmtree(directory, ignore_errors=True)
