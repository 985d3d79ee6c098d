"""Under the faults of the matrix, of like ones one, nothing that was acknowledged is lost or counted twice, and no answer is silently wrong."""

import contextlib
import itertools
import pathlib
from typing import Iterator

import pytest

from harness import network
from harness.cluster import Cluster
from harness.network import Network
from harness.postgres import Postgres

from .faults import FAULTS, Fault
from .trial import SMALL, new_cluster, run


class Clusters:
    """The cluster that trials share, each on what the one before left; a trial that fails or changes the members has the next begin anew."""

    def __init__(self, directory: pathlib.Path):
        self.directory = directory
        self.why_no_network = network.why_not()
        self._numbers = itertools.count()
        self._open = contextlib.ExitStack()
        self._cluster: Cluster | None = None

    @contextlib.contextmanager
    def current(self) -> Iterator[Cluster]:
        """A ready cluster; after a failure there is another one next time."""
        try:
            yield self._cluster or self._begin()
        except BaseException:
            if self._cluster:
                print(self._cluster.logs())
            self.discard()
            raise

    def _begin(self) -> Cluster:
        hosts = None
        if not self.why_no_network:
            hosts = Network()
            self._open.callback(hosts.close)
        postgres = Postgres()
        self._open.callback(postgres.close)
        self._cluster = new_cluster(self.directory / str(next(self._numbers)), hosts, postgres)
        self._open.callback(self._cluster.close)
        return self._cluster

    def discard(self) -> None:
        """Ends it."""
        self._cluster = None
        self._open.close()


@pytest.fixture(scope="module")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clusters]:
    """What the trials of this file run on."""
    made = Clusters(tmp_path_factory.mktemp("clusters"))
    yield made
    made.discard()


DAILY = [fault for fault in FAULTS if not fault.only_in_matrix]


@pytest.mark.parametrize("fault", DAILY, ids=[fault.name.replace(" ", "-") for fault in DAILY])
def test_nothing_acknowledged_is_lost_or_counted_twice(fault: Fault, clusters: Clusters):
    if fault.needs_network and clusters.why_no_network:
        pytest.skip(clusters.why_no_network)
    with clusters.current() as cluster:
        outcome = run(cluster, fault.strike, SMALL)
        print(f"{fault.name}: {outcome}", *outcome.remarks, sep="\n")
        assert outcome.audit.acknowledged > 0
        assert (outcome.audit.lost, outcome.audit.doubled, outcome.problems) == (0, 0, [])
    if fault.changes_members:
        clusters.discard()
