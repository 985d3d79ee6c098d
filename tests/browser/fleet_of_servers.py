"""Made-up servers for the screenshots: a quarter of an hour of a small fleet, drawn from one seed."""

import math
import random
import time
from typing import Iterator, Mapping

from harness.murmur import Standalone

SECONDS_OF_HISTORY = 900
STEP_SECONDS = 5
# What is drawn closely was pushed each second: the last of it, and all of the server whose view is drawn.
SECONDS_OF_EACH_SECOND = 70
CLOSELY_WATCHED = "fra-db-03"
GIB = 2**30
LOAD_SECONDS = {"node_load1": 60, "node_load5": 300, "node_load15": 900}

Series = tuple[Mapping[str, str], list[tuple[int, float]]]


class MadeUpServer:
    """One server's load as a random walk round a level of its own, and the counters that follow from it."""

    def __init__(self, name: str, seed: int):
        self.name = name
        self.random = random.Random(seed)
        self.level = self.random.choice([6, 12, 18, 25, 35, 50, 65, 85])
        self.load = float(self.level)
        self.averages = {metric: self.load for metric in LOAD_SECONDS}
        self.last = 0.0
        self.memory = self.random.uniform(0.2, 0.85)
        self.booted = time.time() - 86_400 * self.random.uniform(2, 90)
        self.counters: dict[tuple[str, str], float] = {}

    def count(self, metric: str, labels: str, by: float) -> float:
        """A counter, raised by so much."""
        key = (metric, labels)
        self.counters[key] = self.counters.get(key, self.random.uniform(1e3, 1e6)) + max(0.0, by)
        return self.counters[key]

    def advance(self, at: float) -> Iterator[tuple[dict[str, str], float]]:
        """The samples of one moment, as (labels, value); counters grow by the time since the moment before."""
        seconds = at - self.last if self.last else 1.0
        self.last = at
        drift = 0.06 * (self.level - self.load) + self.random.gauss(0, 2.2)
        self.load = min(98.0, max(1.0, self.load + drift + 4 * math.sin(at / 70) * self.random.random()))
        self.memory = min(0.93, max(0.1, self.memory + self.random.gauss(0, 0.0015)))
        shares = {"user": 0.68, "system": 0.2, "iowait": 0.06, "softirq": 0.03, "steal": 0.03}
        for mode, share in shares.items():
            yield self.sample(
                "node_cpu_seconds_total",
                self.count("cpu", mode, seconds * self.load / 100 * share * self.random.uniform(0.7, 1.3)),
                cpu="0",
                mode=mode,
            )
        yield self.sample(
            "node_cpu_seconds_total", self.count("cpu", "idle", seconds * (1 - self.load / 100)), cpu="0", mode="idle"
        )
        yield self.sample("node_memory_MemTotal_bytes", 32 * GIB)
        yield self.sample("node_memory_MemAvailable_bytes", 32 * GIB * (1 - self.memory))
        yield self.sample("node_memory_MemFree_bytes", 32 * GIB * (1 - self.memory) * 0.35)
        traffic = self.load * 9e4 * self.random.uniform(0.6, 1.5)
        yield self.sample(
            "node_network_receive_bytes_total", self.count("received", "eth0", seconds * traffic), device="eth0"
        )
        yield self.sample(
            "node_network_transmit_bytes_total", self.count("sent", "eth0", seconds * traffic * 0.6), device="eth0"
        )
        disk = max(0.0, self.random.gauss(1, 0.9)) * self.load * 6e4
        yield self.sample(
            "node_disk_read_bytes_total", self.count("read", "nvme0n1", seconds * disk * 0.5), device="nvme0n1"
        )
        yield self.sample(
            "node_disk_written_bytes_total", self.count("written", "nvme0n1", seconds * disk), device="nvme0n1"
        )
        for metric, reach in LOAD_SECONDS.items():
            self.averages[metric] += (self.load - self.averages[metric]) * min(1.0, seconds / reach)
            yield self.sample(metric, round(self.averages[metric] * 0.05, 2))
        for kind, share in [("cpu", 0.25), ("memory", 0.02), ("io", 0.1)]:
            yield self.sample(
                f"node_pressure_{kind}_waiting_seconds_total",
                self.count("pressure", kind, seconds * self.load / 100 * share * self.random.random()),
            )
        for mount, size, free in [("/", 120, 0.62), ("/var/lib/data", 900, 0.21), ("/boot", 1, 0.7)]:
            labels = {
                "mountpoint": mount,
                "device": f"/dev/{mount.strip('/').replace('/', '-') or 'root'}",
                "fstype": "ext4",
            }
            yield self.sample("node_filesystem_size_bytes", size * GIB, **labels)
            yield self.sample("node_filesystem_avail_bytes", size * GIB * free, **labels)
        yield self.sample("node_boot_time_seconds", self.booted)
        yield self.sample("node_uname_info", 1, sysname="Linux", release="6.1.0-40-amd64", machine="x86_64")
        yield self.sample("node_context_switches_total", self.count("switches", "", seconds * self.load * 310))
        yield self.sample("node_procs_running", 1 + int(self.load / 20))
        yield self.sample("node_sockstat_TCP_inuse", 120 + int(self.load * 3.5))

    def sample(self, metric: str, value: float, **labels: str) -> tuple[dict[str, str], float]:
        """Labels as an agent has them, and the value."""
        return {"__name__": metric, "instance": self.name, "job": "node", **labels}, value


def names() -> list[str]:
    """Server IDs of a fleet in three places."""
    kinds = {"web": 16, "db": 6, "cache": 6, "queue": 4}
    return [
        f"{place}-{kind}-{number:02d}"
        for place in ("fra", "iad", "sin")
        for kind, count in kinds.items()
        for number in range(1, count + 1)
    ]


class Fleet:
    """All made-up servers; pushes their past, then their present second by second."""

    def __init__(self, server: Standalone):
        self.server = server
        self.servers = [MadeUpServer(name, seed) for seed, name in enumerate(names())]
        self.metadata = [
            {"metric": metric, "type": "counter"}
            for metric in ("node_cpu_seconds_total", "node_context_switches_total")
        ]

    def push_past(self) -> None:
        """The last quarter of an hour. Two servers fell silent in it."""
        for index, each in enumerate(self.servers):
            end = time.time()
            closely = SECONDS_OF_HISTORY if each.name == CLOSELY_WATCHED else SECONDS_OF_EACH_SECOND
            backs = [*range(SECONDS_OF_HISTORY, closely, -STEP_SECONDS), *range(closely, 0, -1)]
            series: dict[tuple, Series] = {}
            until = end - {9: 60, 40: 420}.get(index, 0)
            for back in backs:
                moment = end - back
                if moment > until:
                    break
                for labels, value in each.advance(moment):
                    series.setdefault(tuple(sorted(labels.items())), (labels, []))[1].append(
                        (int(moment * 1000), value)
                    )
            reply = self.server.push_series(series.values())
            assert reply.status in (200, 204), reply.text

    def push_now(self) -> None:
        """This second of all servers but the silent ones."""
        now = time.time()
        series = [
            (labels, [(int(now * 1000), value)])
            for index, each in enumerate(self.servers)
            if index not in (9, 40)
            for labels, value in each.advance(now)
        ]
        reply = self.server.push_series(series)
        assert reply.status in (200, 204), reply.text
