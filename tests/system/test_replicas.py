"""Three aggregators keep two copies: one is killed, one loses its disk, one is drained, and every acknowledged sample is answered, once."""

import shutil
import subprocess
from typing import Callable

from harness.murmur import BINARY, Node, clean_environment, now_ms
from harness.waiting import wait_for

# Ten times what an idle machine needs.
PATIENCE = 240.0
SERVERS = 60


class Fleet:
    """Pushes rounds of samples, one of each server, and knows how many were acknowledged."""

    def __init__(self, router: Node, coordinator: Node):
        self._router, self._coordinator = router, coordinator
        self._start = now_ms() - 600_000
        self._rounds = 0

    def push(self, rounds: int = 5) -> None:
        """A round that is refused is pushed again, the same samples."""
        for _ in range(rounds):
            at = self._start + self._rounds * 1000
            elements = [
                {"server_id": f"server-{number}", "metric_type": "replicated", "value": number, "timestamp": at} for number in range(SERVERS)
            ]
            wait_for("an acknowledgement", lambda: self._router.push_json(elements).status == 204, PATIENCE)
            self._rounds += 1

    def check(self) -> None:
        """All that was acknowledged is answered, once and without a warning, in the end; before that an answer that is short says so."""

        def is_right() -> bool:
            window = {"query": "sum by (server_id) (count_over_time(replicated[1h]))", "time": (self._start + self._rounds * 1000) / 1000}
            reply = self._coordinator.get("/api/v1/query", window)
            if reply.status != 200:
                return False
            answer = reply.json
            counts = {entry["metric"]["server_id"]: int(entry["value"][1]) for entry in answer["data"]["result"]}
            right = counts == {f"server-{number}": self._rounds for number in range(SERVERS)}
            assert right or answer.get("warnings"), (self._rounds, counts)
            return right and not answer.get("warnings")

        wait_for("a complete answer", is_right, PATIENCE, pause=0.2)


def wait_until_settled(aggregators: list[Node]) -> None:
    """Waits until every slot lies on two of these, and nothing is left to move or to hand over."""

    def is_settled() -> bool:
        held = [node.metric("murmur_slots_held") for node in aggregators if node.metric("murmur_movement_settled") == 1]
        return len(held) == len(aggregators) and sum(held) == 2 * 16_384

    wait_for("slots at rest", is_settled, PATIENCE, pause=0.5)


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
