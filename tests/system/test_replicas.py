"""Three aggregators keep two copies: one is killed, one loses its disk, one is drained, and every acknowledged sample is answered, once."""

import shutil
import subprocess
from typing import Callable

from harness.fleet import PATIENCE, Fleet, wait_until_settled
from harness.murmur import BINARY, Node, clean_environment


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
