"""A fleet of servers that pushes to a cluster, remembers what was acknowledged, and asks for it."""

from .murmur import Node, now_ms
from .waiting import wait_for

# Ten times what an idle machine needs.
PATIENCE = 240.0
SERVERS = 60


class Fleet:
    """Pushes rounds of samples, one of each server, and knows how many were acknowledged."""

    def __init__(self, router: Node, coordinator: Node, metric: str = "replicated"):
        self._router, self.coordinator, self._metric = router, coordinator, metric
        self._start = now_ms() - 600_000
        self._rounds = 0

    def push(self, rounds: int = 5) -> None:
        """A round that is refused is pushed again, the same samples."""
        for _ in range(rounds):
            at = self._start + self._rounds * 1000
            elements = [
                {"server_id": f"server-{number}", "metric_type": self._metric, "value": number, "timestamp": at} for number in range(SERVERS)
            ]
            wait_for("an acknowledgement", lambda: self._router.push_json(elements).status == 204, PATIENCE)
            self._rounds += 1

    def check(self) -> None:
        """All that was acknowledged is answered, once and without a warning, in the end; before that an answer that is short says so."""

        def is_right() -> bool:
            window = {"query": f"sum by (server_id) (count_over_time({self._metric}[1h]))", "time": (self._start + self._rounds * 1000) / 1000}
            reply = self.coordinator.get("/api/v1/query", window)
            if reply.status != 200:
                return False
            answer = reply.json
            counts = {entry["metric"]["server_id"]: int(entry["value"][1]) for entry in answer["data"]["result"]}
            right = counts == {f"server-{number}": self._rounds for number in range(SERVERS)}
            assert right or answer.get("warnings"), (self._rounds, counts)
            return right and not answer.get("warnings")

        wait_for("a complete answer", is_right, PATIENCE, pause=0.2)


def push_bulk(router: Node, parts: int, at: int) -> None:
    """So many times half a mebibyte, as members copy it: 500 series m0, m1, … each, with two minutes of samples until `at` that no two share."""
    for part in range(parts):
        series = [
            (
                {"__name__": f"m{metric}", "instance": f"web-{part}-{server}"},
                [(at - 1000 * back, (server * 7919 + back * 104729 + metric) % 99991 / 7) for back in range(120)],
            )
            for server in range(25) for metric in range(20)
        ]
        wait_for("an acknowledgement", lambda: router.push_series(series).status == 204, PATIENCE)


def wait_until_settled(aggregators: list[Node], copies: int = 2) -> None:
    """Waits until every slot has so many copies on these, they can be relied on, and nothing is left to move or to hand over."""

    def is_settled() -> bool:
        # An aggregator has these figures once it has its place in the ring, which may be a moment after it is ready.
        held = [node.metric("murmur_slots_held") for node in aggregators if node.metric("murmur_movement_settled", absent=0.0) == 1]
        return len(held) == len(aggregators) and sum(held) == copies * 16_384

    wait_for(f"{copies} copies of slots at rest", is_settled, PATIENCE, pause=0.5)
