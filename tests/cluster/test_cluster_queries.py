"""Queries over several aggregators: one that is slow is hedged, one that is lost is named, each says who did what, and stopping one stops all."""

import json
import socket
import time
import urllib.parse
from typing import Callable

from harness.fleet import PATIENCE, wait_until_settled
from harness.murmur import Node, now_ms
from harness.waiting import wait_for

SERVERS = 90
SLOTS = 16_384
Start = Callable[..., Node]


class Trio:
    """Three aggregators, a router and a coordinator, with a sample of each of 90 servers."""

    def __init__(self, start: Start, factor: int, **coordinator: object):
        first = start("aggregator", "aggregator-1", replication_factor=factor)
        self.router = start("router", "router-1", join=first.cluster)
        self.aggregators = [first, *(start("aggregator", name, join=first.cluster) for name in ("aggregator-2", "aggregator-3"))]
        self.coordinator = start("coordinator", "coordinator-1", join=first.cluster, **coordinator)
        wait_until_settled(self.aggregators, factor)
        self.time = now_ms() // 1000
        elements = [
            {"server_id": f"server-{number}", "metric_type": "asked", "value": number, "timestamp": self.time} for number in range(SERVERS)
        ]
        wait_for("an acknowledgement", lambda: self.router.push_json(elements).status == 204, PATIENCE)
        wait_for("a complete answer", lambda: self.count().get("warnings") is None and self.value(self.count()) == SERVERS, PATIENCE)

    def ask(self, query: str, **parameters: object) -> dict:
        """The envelope of an instant query, whatever its status."""
        return self.coordinator.get("/api/v1/query", {"query": query, "time": self.time + 1, **parameters}).json

    def count(self, **parameters: object) -> dict:
        """How many servers answer."""
        return self.ask("count(asked)", **parameters)

    @staticmethod
    def value(answer: dict) -> int:
        """The one number of an answer."""
        result = answer.get("data", {}).get("result", [])
        return int(result[0]["value"][1]) if result else -1


def test_a_replica_that_stands_still_is_hedged_and_the_answer_is_complete(start_node: Start) -> None:
    trio = Trio(start_node, 2, query_hedge_delay="20ms")
    won = 0.0
    # The pace allows few at once; one that was asked before the member was suspected is enough.
    trio.aggregators[1].program.process.send_signal(19)
    try:
        for _ in range(40):
            answer = trio.count()
            assert answer["status"] == "success" and trio.value(answer) == SERVERS and not answer.get("warnings"), answer
            won = trio.coordinator.metric("murmur_query_hedges_won_total")
            if won:
                break
    finally:
        trio.aggregators[1].program.process.send_signal(18)
    assert won and trio.coordinator.metric("murmur_query_hedges_total") >= won


def test_a_replica_that_is_killed_is_replaced_at_once(start_node: Start) -> None:
    trio = Trio(start_node, 2)
    trio.aggregators[2].kill()
    for _ in range(20):
        answer = trio.count()
        assert answer["status"] == "success" and trio.value(answer) == SERVERS and not answer.get("warnings"), answer
        names = trio.coordinator.get("/api/v1/label/server_id/values", {"start": trio.time - 60, "end": trio.time + 60}).json
        assert len(names["data"]) == SERVERS and not names.get("warnings"), names


def test_what_a_lost_aggregator_had_alone_is_named_or_an_error(start_node: Start) -> None:
    trio = Trio(start_node, 1)
    lost = trio.aggregators[1]
    lost.kill()

    def checks(answer: dict, found: int) -> None:
        assert 0 < found < SERVERS, answer
        warning = "\n".join(answer["warnings"])
        assert "samples may be missing in" in warning and f"of {SLOTS} slots, with" in warning, warning
        assert "% of the servers" in warning and "no complete answer without aggregator-2" in warning and "slots " in warning, warning

    answer = trio.count()
    checks(answer, trio.value(answer))
    times = {"start": trio.time - 60, "end": trio.time + 60}
    for path in ("label/server_id/values", "series"):
        answer = trio.coordinator.get(f"/api/v1/{path}", {**times, "match[]": "asked"}).json
        checks(answer, len(answer["data"]))
    answer = trio.coordinator.get("/api/v1/servers", {"limit": 1000}).json
    checks(answer, answer["data"]["total"])
    refused = trio.count(partial_response="false")
    assert refused["status"] == "error" and "no complete answer without aggregator-2" in refused["error"], refused
    assert trio.coordinator.get("/api/v1/query", {"query": "asked", "partial_response": "false"}).status == 503
    # With nobody left the answer is an error that says so in words.
    for node in (trio.aggregators[0], trio.aggregators[2]):
        node.kill()
    reply = trio.coordinator.get("/api/v1/query", {"query": "asked", "time": trio.time})
    assert reply.status == 503 and "nothing could be read" in reply.json["error"] and "100.0 % of the servers" in reply.json["error"], reply.text


def test_a_server_is_counted_where_it_lies_now(start_node: Start) -> None:
    trio = Trio(start_node, 2)
    answer = trio.coordinator.data("/api/v1/servers", {"limit": 1000})
    assert answer["total"] == SERVERS and len(answer["servers"]) == SERVERS
    # Each has one series, though two aggregators keep it and a third may have had it.
    assert {entry["series"] for entry in answer["servers"]} == {1}


def test_an_explained_query_says_who_did_what(start_node: Start) -> None:
    trio = Trio(start_node, 2)
    planned = trio.ask("max by (server_id) (asked) + on (server_id) asked", explain="plan")["data"]
    assert planned["result"] == [] and planned["explain"]["mode"] == "plan" and planned["explain"]["slots"] == SLOTS
    parts = planned["explain"]["work"][0]["parts"]
    assert sum(part["slots"] for part in parts) == SLOTS and {part["outcome"] for part in parts} == {"planned"}
    assert abs(sum(part["share"] for part in parts) - 1) < 0.01

    answer = trio.ask("sum(last_over_time(asked[5m])) + count(asked)", explain="analyze")["data"]
    explain = answer["explain"]
    assert explain["mode"] == "analyze" and explain["cut"] in ("by server", "anywhere")
    tops = {work["text"]: work for work in explain["work"]}
    assert set(tops) == {"sum(last_over_time(asked[5m]))", "count(asked)"}
    for work in tops.values():
        used = [part for part in work["parts"] if part["outcome"] == "used"]
        assert sum(part["slots"] for part in used) == SLOTS
        assert sum(part["series"] for part in used) == SERVERS and sum(part["samples"] for part in used) == SERVERS
        for part in used:
            assert part["node"].startswith("aggregator-") and part["microseconds"] > 0
            assert part["chunks"] >= part["series"] and part["bytes"] >= 16 * part["series"]
            assert part["plan"][0]["operator"] in ("sum", "count")
    summed = next(part for part in tops["sum(last_over_time(asked[5m]))"]["parts"] if part["outcome"] == "used")
    assert summed["plan"][0]["children"][0]["operator"] == "last_over_time" and summed["plan"][0]["children"][0]["rows"] == summed["series"]
    root = explain["plan"][0]
    assert root["operator"] == "+" and [child["operator"] for child in root["children"]] == ["sum", "count"]
    # One server is asked of one aggregator, about one slot.
    pinned = trio.ask('asked{server_id="server-7"}', explain="analyze")["data"]
    assert [part["slots"] for work in pinned["explain"]["work"] for part in work["parts"]] == [1]
    assert trio.coordinator.get("/api/v1/query", {"query": "asked", "explain": "why"}).status == 400


def test_a_client_that_goes_away_ends_the_query_on_every_node(start_node: Start) -> None:
    trio = Trio(start_node, 2, query_timeout="10m")
    query = "sum_over_time(sum_over_time(asked[1d:1s])[1d:1s])"
    asked = urllib.parse.urlencode({"query": query, "time": trio.time + 1})
    with socket.create_connection((trio.coordinator.address, trio.coordinator.http_port)) as connection:
        connection.sendall(f"GET /api/v1/query?{asked} HTTP/1.1\r\nHost: murmur\r\n\r\n".encode())
        wait_for(
            "fragments at work on every aggregator",
            lambda: all(node.metric("murmur_cluster_queries_running") > 0 for node in trio.aggregators), PATIENCE, pause=0.02,
        )
        before = [node.metric("murmur_cluster_queries_cancelled_total") for node in trio.aggregators]
    wait_for(
        "no query at work anywhere",
        lambda: all(node.metric("murmur_cluster_queries_running") == 0 for node in trio.aggregators)
        and not json.loads(trio.coordinator.get("/api/v1/status/queries").text)["data"]["atWork"], PATIENCE, pause=0.02,
    )
    # They were ended, each of them, and did not come to their end.
    after = [node.metric("murmur_cluster_queries_cancelled_total") for node in trio.aggregators]
    assert all(late > early for early, late in zip(before, after)), (before, after)
    slowest = trio.coordinator.data("/api/v1/status/queries")["slowest"]
    assert any(entry["query"] == query and entry["failure"] == "canceled" for entry in slowest), slowest
    began = time.monotonic()
    assert trio.value(trio.count()) == SERVERS
    assert time.monotonic() - began < PATIENCE
