"""The containers of k8s/ started with the real binary: their variables and files are taken, and they become one cluster."""

import time
from typing import Iterator

import pytest

from harness.murmur import Program
from harness.postgres import Postgres
from harness.waiting import DEADLINE_SECONDS, wait_for

from .manifests import OVERLAYS
from .pods import Installation, Pod


@pytest.fixture
def database(postgres_server: Postgres) -> str:
    """The address of an empty database."""
    return postgres_server.create_database(f"pods_{time.time_ns()}")


@pytest.fixture(params=OVERLAYS)
def installation(request: pytest.FixtureRequest, tmp_path, database) -> Iterator[Installation]:
    """Each overlay's pods, not started."""
    made = Installation(request.param, tmp_path, database)
    yield made
    made.close()


def test_pods_that_start_at_once_become_one_cluster(installation):
    installation.start()
    everybody = {pod.name: "active" for pod in installation.pods}
    for pod in installation.pods:
        wait_for(f"{pod.name} knows everybody", lambda: pod.members() == everybody)
    clusters = {pod.get("/api/v1/cluster/settings").json["data"]["clusterID"] for pod in installation.pods}
    assert len(clusters) == 1
    body = b'{"server_id":"web-1","metric_type":"pods","value":7}'
    wait_for("a push", lambda: installation.router.client.request("POST", "/api/metrics", body=body).status == 204)

    def values() -> list[str]:
        return [entry["value"][1] for entry in installation.coordinator.get("/api/v1/query?query=pods").json["data"]["result"]]

    wait_for("the sample", lambda: values() == ["7"])


def test_an_aggregator_alone_founds_nothing_where_three_are_to(tmp_path, database):
    installation = Installation("three-zones", tmp_path, database)
    alone = installation.aggregators[0]
    try:
        # DNS tells it of itself: the others are not there yet.
        alone.start([alone])
        wait_for("an answer", lambda: alone.get("/-/healthy").status == 200)
        wait_for("its reason", lambda: "no seed that has a cluster answers" in alone.get("/-/ready").body.decode())
        assert alone.get("/-/ready").status == 503
    finally:
        installation.close()


def test_a_machine_without_a_zone_is_an_error_that_names_the_setting(tmp_path):
    pod = Pod("three-zones", "aggregator", "murmur-aggregator-0", "", tmp_path)
    pod.write_secrets("ab" * 32 + "\n", "postgresql://murmur@127.0.0.1:1/murmur")
    program = Program(pod.directory / "log", ["aggregator"], pod.environment([pod]))
    try:
        assert program.wait_for_exit(DEADLINE_SECONDS) == 2
        assert "zone" in program.output
    finally:
        program.kill()
