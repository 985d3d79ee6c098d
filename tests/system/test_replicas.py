"""Three aggregators keep two copies: one is killed, one loses its disk or gets an older one, one's blocks rot, one is drained, and every acknowledged sample is answered, once."""

import shutil
import subprocess
from typing import Callable

from harness.blocks import turn_bits
from harness.fleet import PATIENCE, Fleet, wait_until_settled
from harness.murmur import BINARY, Node, clean_environment, now_ms
from harness.waiting import wait_for


def greatest_metrics_are_those_of_all(router: Node, coordinator: Node) -> None:
    """What status/tsdb says of a few is what it says of them among many, though each node has others most often."""
    tenant = "counted"
    assert router.push_series(
        [({"__name__": f"counted_{metric}", "instance": f"web-{host}"}, [(now_ms(), 1)]) for metric in range(40) for host in range(metric % 4 + 5)], tenant,
    ).status == 204
    for few, many in zip(*(coordinator.data("/api/v1/status/tsdb", {"limit": limit}, tenant)["seriesCountByMetricName"] for limit in (5, 1000))):
        assert few == many and few["value"] == 8, (few, many)


def test_nothing_acknowledged_is_lost_when_an_aggregator_is_killed_wiped_or_drained(start_node: Callable[..., Node]) -> None:
    first = start_node("aggregator", "aggregator-1", replication_factor=2)
    router = start_node("router", "router-1", join=first.cluster)
    coordinator = start_node("coordinator", "coordinator-1", join=first.cluster)
    fleet = Fleet(router, coordinator)
    fleet.push()
    # What the first has alone is copied by those that join.
    second, third = [start_node("aggregator", name, join=router.cluster) for name in ("aggregator-2", "aggregator-3")]
    fleet.push()
    wait_until_settled([first, second, third])
    fleet.check()
    greatest_metrics_are_those_of_all(router, coordinator)

    second.kill()
    fleet.push()
    fleet.check()
    second.start()
    wait_until_settled([first, second, third])
    fleet.check()

    third.kill()
    shutil.rmtree(third.data_directory)
    fleet.push()
    third.start()
    wait_until_settled([first, second, third])
    fleet.check()

    drained = subprocess.run(
        [BINARY, "ctl", "drain", "aggregator-1", "--endpoint", router.url], capture_output=True, text=True, timeout=PATIENCE,
        env=clean_environment(), stdin=subprocess.DEVNULL,
    )
    assert drained.returncode == 0 and "has left the cluster" in drained.stdout, drained.stdout + drained.stderr
    assert first.program and first.program.wait_for_exit() == 0
    fleet.push()
    wait_until_settled([second, third])
    fleet.check()


def test_a_data_directory_that_is_put_back_to_an_older_copy_is_behind_and_makes_nothing_wrong(start_node: Callable[..., Node]) -> None:
    first = start_node("aggregator", "aggregator-1", replication_factor=2)
    router = start_node("router", "router-1", join=first.cluster)
    fleet = Fleet(router, start_node("coordinator", "coordinator-1", join=first.cluster))
    second, third = [start_node("aggregator", name, join=router.cluster) for name in ("aggregator-2", "aggregator-3")]
    nodes = [first, second, third]
    fleet.push()
    wait_until_settled(nodes)
    assert third.stop() == 0
    older = third.directory / "older"
    shutil.copytree(third.data_directory, older)
    third.start()
    wait_until_settled(nodes)
    # The router learns the numbers of series that the copy does not know, and of others that will have the same ones.
    late = Fleet(router, fleet.coordinator, metric="late")
    late.push()
    fleet.push()
    assert third.stop() == 0
    shutil.rmtree(third.data_directory)
    shutil.copytree(older, third.data_directory)
    third.start()
    later = Fleet(router, fleet.coordinator, metric="later")
    for each in (later, late, fleet):
        each.push()
    wait_until_settled(nodes)
    for node in nodes:
        for each in (later, late, fleet):
            each.check()
        node.kill()
        for each in (later, late, fleet):
            each.check()
        node.start()
        wait_until_settled(nodes)

def _doctor(node: Node) -> str:
    program = subprocess.run(
        [BINARY, "ctl", "doctor", "--endpoint", node.url], capture_output=True, text=True, timeout=PATIENCE, env=clean_environment(),
        stdin=subprocess.DEVNULL, check=False,
    )
    return program.stdout + program.stderr


def test_slot_blocks_that_rot_are_told_and_copied_again(start_node: Callable[..., Node]) -> None:
    first = start_node("aggregator", "aggregator-1", replication_factor=2, seal_interval="1s")
    router = start_node("router", "router-1", join=first.cluster)
    coordinator = start_node("coordinator", "coordinator-1", join=first.cluster)
    fleet = Fleet(router, coordinator)
    second, third = [start_node("aggregator", name, join=router.cluster, seal_interval="1s") for name in ("aggregator-2", "aggregator-3")]
    nodes = [first, second, third]
    wait_until_settled(nodes)
    fleet.push()
    wait_for("everything in blocks", lambda: second.metric("murmur_engine_head_samples") == 0, PATIENCE)
    second.kill()
    for path in (second.data_directory / "engine-0" / "blocks").glob("*.block"):
        turn_bits(path)
    fleet.push()
    second.start()
    wait_for("damage that is found", lambda: second.metric("murmur_damaged_slot_blocks_total", absent=0.0) > 0, PATIENCE)
    fleet.check()
    wait_until_settled(nodes)
    fleet.check()
    findings = _doctor(router)
    assert "aggregator-2: " in findings and "could not be read since its start" in findings and "look after its disk" in findings, findings
    # The one that rotted has everything again by itself.
    for node in (third, first):
        node.kill()
        fleet.check()
        node.start()
        wait_until_settled(nodes)
    assert second.stop() == 0
    second.start()
    wait_until_settled(nodes)
    assert "their files can be read" in _doctor(router)
    fleet.check()
