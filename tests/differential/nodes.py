"""Murmuration on three aggregators, and on one node: the two sides of a comparison of the cluster with itself."""

import pathlib
from typing import Any, Iterable

from harness.cluster import Cluster
from harness.http import Reply
from harness.murmur import Standalone

from .series import Series

SETTINGS = "promql-experimental-functions: true\n"


class ThreeNodes:
    """A router, three aggregators with two copies of each slot, and a coordinator; asked as a standalone is."""

    def __init__(self, directory: pathlib.Path):
        settings = directory / "settings.yaml"
        settings.write_text(SETTINGS)
        self._cluster = Cluster(
            directory, settings={"aggregator": {"replication_factor": 2}, "coordinator": {"config": settings}}
        )
        for role in ("aggregator", "aggregator", "aggregator", "router", "coordinator"):
            self._cluster.add(role)

    def start(self) -> "ThreeNodes":
        """Starts all and waits until every slot is where it belongs."""
        self._cluster.start().wait_until_ready()
        return self

    def push_series(self, series: Iterable[Series], tenant: str | None = None) -> Reply:
        """A remote write to the router."""
        return self._cluster.routers[0].push_series(series, tenant)

    def get(self, path: str, parameters: Any = None, tenant: str | None = None) -> Reply:
        """A GET of the coordinator."""
        return self._cluster.coordinators[0].get(path, parameters, tenant)

    def stop(self) -> None:
        """Ends all processes."""
        self._cluster.close()


class OneNode:
    """A standalone in the place of a Prometheus."""

    version = "none, but one node"
    is_old = False

    def __init__(self, directory: pathlib.Path):
        settings = directory / "settings.yaml"
        settings.write_text(SETTINGS)
        self._node = Standalone(directory, config=settings)
        self.client = self._node.client

    def start(self) -> "OneNode":
        """Starts it and waits until it is ready."""
        self._node.start()
        return self

    def push(self, series: Iterable[Series]) -> None:
        """A remote write that must be taken whole."""
        reply = self._node.push_series(series)
        assert reply.status == 204, reply.text

    def stop(self) -> None:
        """Ends the process."""
        self._node.kill()
