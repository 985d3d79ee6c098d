"""What `murmur ctl` tells of a cluster at work: copies, load, movements, queries; also while a member is missing or leaves."""

import json
import pathlib
import subprocess
import threading
import time
from typing import Iterator

import pytest

from harness.cluster import Cluster, Member
from harness.fleet import push_bulk
from harness.murmur import BINARY, clean_environment, now_ms
from harness.terminal import Terminal
from harness.waiting import wait_for

SLOTS = 16_384
HEALTHY_SECONDS = 180.0


@pytest.fixture
def cluster(tmp_path: pathlib.Path) -> Iterator[Cluster]:
    """Three aggregators in three zones, a router and a coordinator, with some samples."""
    made = Cluster(tmp_path, settings={"aggregator": {"replication_factor": 2}})
    for zone in "abc":
        made.add("aggregator", zone)
    made.add("router", "a")
    made.add("coordinator", "b")
    try:
        made.start().wait_until_ready()
        at = now_ms()
        series = [({"__name__": "work", "instance": f"web-{number}"}, [(at, float(number))]) for number in range(200)]
        assert made.routers[0].push_series(series).status == 204
        yield made
    finally:
        made.close()
        print(made.logs())


def ctl(node: Member, *words: str) -> str:
    """What `murmur ctl` prints."""
    result = subprocess.run(
        [BINARY, "ctl", *words, "--endpoint", node.url], capture_output=True, text=True, timeout=120, env=clean_environment(),
        stdin=subprocess.DEVNULL,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def replication(node: Member) -> dict:
    """How the copies of all slots stand, as one process gathers it."""
    return node.data("/api/v1/cluster/overview")["replication"]


def letters(runs: str) -> str:
    """`3w2.` as `www..`."""
    text, length = "", ""
    for letter in runs:
        if letter.isdigit():
            length += letter
        else:
            text, length = text + letter * int(length or 1), ""
    return text


def tells_all_is_well(node: Member, cluster: Cluster) -> bool:
    """Whether a process sees everybody, each with a report of its own, all copies, and nothing on the move."""
    overview = node.data("/api/v1/cluster/overview")
    return (
        overview["replication"]["full"] == SLOTS
        and [(each["name"], each.get("report", {}).get("name")) for each in overview["nodes"]] == [(name, name) for name in sorted(cluster.nodes)]
        and overview["movements"] == {"movements": [], "silent": [], "isSettled": True}
    )


def ring_is_whole(node: Member) -> bool:
    """Whether each slot has a first and a second owner, and these and nobody else have it whole."""
    ring = node.data("/api/v1/cluster/ring")
    owns = [letters(each["owns"]) for each in ring["nodes"]]
    # One that did not answer has no states.
    states = [letters(each.get("states", "")) for each in ring["nodes"]]
    return all(len(each) == SLOTS for each in states) and all(
        sorted(own[slot] for own in owns if own[slot] != ".") == ["a", "b"]
        and all((state[slot] == "w") == (own[slot] != ".") for own, state in zip(owns, states))
        for slot in range(SLOTS)
    )


def test_every_role_tells_the_same_of_a_cluster_that_is_well(cluster: Cluster) -> None:
    # What is seen of others is what they said in the last seconds: on a slow machine a single look may find somebody late.
    for node in cluster.nodes.values():
        wait_for(f"{node.name} tells that all is well", lambda node=node: tells_all_is_well(node, cluster), HEALTHY_SECONDS)
    wait_for("a whole ring", lambda: ring_is_whole(cluster.routers[0]), HEALTHY_SECONDS)
    holder = cluster.holders[0]
    report = holder.data("/api/v1/cluster/node")
    assert report["store"]["series"] > 0 and report["store"]["diskFreeBytes"] > 0 and report["checkpoint"]["kind"] == "SQLite"
    wait_for("a load", lambda: holder.data("/api/v1/cluster/node").get("load", {}).get("memoryBytes", 0) > 0)


def test_ctl_fits_a_terminal_of_100_columns(cluster: Cluster) -> None:
    node = cluster.routers[0]

    def is_well() -> bool:
        return f"{SLOTS} of {SLOTS} slots have all 2 copies" in ctl(node, "status") and ctl(node, "ring").count("#" * 20) == 3

    wait_for("all copies", is_well, HEALTHY_SECONDS)
    wait_for("rest", lambda: "Nothing moves." in ctl(node, "movements"), HEALTHY_SECONDS)
    status = ctl(node, "status")
    # With names of this length: a line lists those of all aggregators.
    for text in (status, ctl(node, "ring"), ctl(node, "queries")):
        assert max(map(len, text.splitlines())) <= 100, text
    told = [json.loads(ctl(node, *words, "--json")) for words in (("status",), ("ring",), ("movements",))]
    assert told[0]["overview"]["replication"]["copies"] == told[1]["replication"]["copies"] == 2
    assert told[2].keys() == {"movements", "silent", "isSettled"}


def test_a_member_that_is_killed_or_hangs_is_shown_as_such_and_delays_nobody(cluster: Cluster) -> None:
    node, victim = cluster.coordinators[0], cluster.holders[0]
    wait_for("all copies", lambda: replication(node)["full"] == SLOTS, HEALTHY_SECONDS)
    victim.freeze()
    try:
        wait_for("its silence", lambda: node.data("/api/v1/cluster/movements")["silent"] == [victim.name], HEALTHY_SECONDS)

        def is_missed() -> bool:
            overview = node.data("/api/v1/cluster/overview")
            shown = next(each for each in overview["nodes"] if each["name"] == victim.name)
            return (
                overview["replication"]["full"] < SLOTS and not shown.get("report")
                and any(victim.name in warning["text"] for warning in overview["warnings"])
            )

        def ring_has_no_word_of_it() -> bool:
            return "?" in next(line for line in ctl(node, "ring").splitlines() if line.startswith(victim.name)).split()[-1]

        wait_for("its absence in the overview", is_missed, HEALTHY_SECONDS)
        wait_for("its silence in words", lambda: f"{victim.name} does not answer" in ctl(node, "movements"), HEALTHY_SECONDS)
        wait_for("its silence in the ring", ring_has_no_word_of_it, HEALTHY_SECONDS)
    finally:
        victim.thaw()
    wait_for("all copies again", lambda: replication(node)["full"] == SLOTS, HEALTHY_SECONDS)


def test_a_drain_is_seen_from_elsewhere_and_in_a_terminal(cluster: Cluster) -> None:
    node, leaver = cluster.coordinators[0], cluster.holders[-1]
    wait_for("all copies", lambda: replication(node)["full"] == SLOTS, HEALTHY_SECONDS)
    seen: list[dict] = []
    done = threading.Event()

    def watch() -> None:
        with node.inside():
            client = node.new_client()
            while not done.wait(0.2):
                seen.append(client.request("GET", "/api/v1/cluster/movements").json["data"])
            client.close()

    watcher = threading.Thread(target=watch)
    watcher.start()
    terminal = Terminal([str(BINARY), "ctl", "drain", leaver.name, "--endpoint", node.url])
    try:
        assert terminal.wait_for_exit(HEALTHY_SECONDS) == 0, terminal.output
    finally:
        done.set()
        watcher.join()
        terminal.close()
    assert f"{leaver.name} has left the cluster" in terminal.output and "\r\x1b[K[" in terminal.output, terminal.output
    gives = [each["move"] for movements in seen for each in movements["movements"] if (each["node"], each["direction"]) == (leaver.name, "gives")]
    assert gives and all(0 <= move["slotsLeft"] <= move["slots"] for move in gives), seen[-1]
    assert gives[-1]["slotsLeft"] < gives[0]["slots"]
    gainers = {each["node"] for movements in seen for each in movements["movements"] if each["direction"] == "gains"}
    assert gainers == {holder.name for holder in cluster.holders if holder is not leaver}
    wait_for("all copies", lambda: replication(node) == {**replication(node), "full": SLOTS, "copies": 2}, HEALTHY_SECONDS)


def test_a_movement_keeps_to_its_rate_and_comes_to_its_end(tmp_path: pathlib.Path) -> None:
    made = Cluster(tmp_path, settings={"aggregator": {"replication_factor": 1, "movement_rate": "1MiB"}})
    made.add("aggregator")
    made.add("router")
    made.add("coordinator")
    try:
        made.start().wait_until_ready()
        router, coordinator, at = made.routers[0], made.coordinators[0], now_ms()
        # Some 10 MiB, half of which move.
        push_bulk(router, 20, at)
        expected = coordinator.query('count({__name__=~"m.*"})', at / 1000)[0]["value"][1]
        second = made.add("aggregator")
        began, moved = time.monotonic(), 0
        made.start([second])

        def is_well() -> bool:
            nonlocal moved
            movements = coordinator.data("/api/v1/cluster/movements")["movements"]
            gains = [each["move"]["bytes"] for each in movements if (each["node"], each["direction"]) == (second.name, "gains")]
            moved = max([moved, *gains])
            return not movements and moved > 0 and replication(coordinator)["full"] == SLOTS and made.complaints() == []

        wait_for("all copies after a movement", is_well, HEALTHY_SECONDS)
        took = time.monotonic() - began
        print(f"moved {moved / (1 << 20):.1f} MiB in {took:.1f} s")
        # A second's worth is free at the beginning, and pages that were asked for may come to another one. Never less, however slow the machine.
        assert moved > 3 << 20 and took > moved / (1 << 20) - 2
        assert coordinator.query('count({__name__=~"m.*"})', at / 1000)[0]["value"][1] == expected == "10000"
    finally:
        made.close()
        print(made.logs())


def test_queries_are_told_through_any_process(cluster: Cluster) -> None:
    router, coordinator = cluster.routers[0], cluster.coordinators[0]
    assert coordinator.query("count(work)", now_ms() / 1000)[0]["value"][1] == "200"
    for node in (router, coordinator):
        (told,) = json.loads(ctl(node, "queries", "--json"))
        assert told["node"] == coordinator.name and told["atWork"] == []
        assert "count(work)" in {query["query"] for query in told["slowest"]}
        assert "No query is at work." in ctl(node, "queries") and "count(work)" in ctl(node, "queries")
    refused = subprocess.run(
        [BINARY, "ctl", "queries", "kill", "7", "--endpoint", router.url], capture_output=True, text=True, timeout=120, env=clean_environment(),
        stdin=subprocess.DEVNULL,
    )
    assert refused.returncode == 1 and "no query 7" in refused.stderr, refused.stderr
