"""What `murmur ctl` tells of a cluster at work: copies, load, movements, queries; also while a member is missing or leaves."""

import json
import pathlib
import subprocess
import threading
import time
from typing import Iterator

import pytest

from harness.cluster import Cluster, Member
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


def test_every_role_tells_the_same_of_a_cluster_that_is_well(cluster: Cluster) -> None:
    for node in cluster.nodes.values():
        wait_for(f"{node.name} sees all copies", lambda node=node: replication(node)["full"] == SLOTS, HEALTHY_SECONDS)
        overview = node.data("/api/v1/cluster/overview")
        assert [each["name"] for each in overview["nodes"]] == sorted(cluster.nodes)
        assert all(each["report"]["name"] == each["name"] for each in overview["nodes"])
        assert overview["movements"] == {"movements": [], "silent": [], "isSettled": True}
    ring = cluster.routers[0].data("/api/v1/cluster/ring")
    owns = {node["name"]: letters(node["owns"]) for node in ring["nodes"]}
    states = {node["name"]: letters(node["states"]) for node in ring["nodes"]}
    for slot in range(SLOTS):
        owners = {name: letter[slot] for name, letter in owns.items() if letter[slot] != "."}
        assert sorted(owners.values()) == ["a", "b"]
        assert all((states[name][slot] == "w") == (name in owners) for name in states)
    holder = cluster.holders[0]
    report = holder.data("/api/v1/cluster/node")
    assert report["store"]["series"] > 0 and report["store"]["diskFreeBytes"] > 0 and report["checkpoint"]["kind"] == "SQLite"
    wait_for("a load", lambda: holder.data("/api/v1/cluster/node").get("load", {}).get("memoryBytes", 0) > 0)


def test_ctl_fits_a_terminal_of_80_columns(cluster: Cluster) -> None:
    node = cluster.routers[0]
    wait_for("all copies", lambda: replication(node)["full"] == SLOTS, HEALTHY_SECONDS)
    status = ctl(node, "status")
    assert f"{SLOTS} of {SLOTS} slots have all 2 copies" in status and "aggregator-3" in status, status
    ring = ctl(node, "ring")
    assert ring.count("#" * 32) == 3, ring
    assert "Nothing moves." in ctl(node, "movements")
    # Of the cluster's own lines; names and addresses may be longer.
    for text in (ring, ctl(node, "queries")):
        assert max(map(len, text.splitlines())) <= 80, text
    assert max(map(len, status.splitlines())) <= 100, status
    assert json.loads(ctl(node, "status", "--json"))["overview"]["replication"]["full"] == SLOTS
    assert json.loads(ctl(node, "ring", "--json"))["replication"]["copies"] == 2
    assert json.loads(ctl(node, "movements", "--json"))["isSettled"] is True


def test_a_member_that_is_killed_or_hangs_is_shown_as_such_and_delays_nobody(cluster: Cluster) -> None:
    node, victim = cluster.coordinators[0], cluster.holders[0]
    wait_for("all copies", lambda: replication(node)["full"] == SLOTS, HEALTHY_SECONDS)
    victim.freeze()
    try:
        wait_for("its silence", lambda: node.data("/api/v1/cluster/movements")["silent"] == [victim.name], HEALTHY_SECONDS)
        overview = node.data("/api/v1/cluster/overview")
        assert overview["replication"]["full"] < SLOTS
        assert not next(each for each in overview["nodes"] if each["name"] == victim.name).get("report")
        assert any(victim.name in warning["text"] for warning in overview["warnings"]), overview["warnings"]
        assert f"{victim.name} does not answer" in ctl(node, "movements")
        assert "?" in next(line for line in ctl(node, "ring").splitlines() if line.startswith(victim.name)).split()[-1]
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


def test_a_movement_held_to_a_rate_comes_to_its_end(tmp_path: pathlib.Path) -> None:
    made = Cluster(tmp_path, settings={"aggregator": {"replication_factor": 1, "movement_rate": "1MiB"}})
    made.add("aggregator")
    made.add("router")
    made.add("coordinator")
    try:
        made.start().wait_until_ready()
        router, coordinator, at = made.routers[0], made.coordinators[0], now_ms()
        # Some 10 MiB, half of which move.
        for part in range(20):
            series = [
                ({"__name__": f"m{metric}", "instance": f"web-{part}-{server}"}, [(at - 1000 * back, (server * 7919 + back * 104729 + metric) % 99991 / 7) for back in range(120)])
                for server in range(25) for metric in range(20)
            ]
            assert router.push_series(series).status == 204
        expected = coordinator.query('count({__name__=~"m.*"})', at / 1000)[0]["value"][1]
        second = made.add("aggregator")
        made.start([second])
        wait_for("slots on their way", lambda: coordinator.data("/api/v1/cluster/movements")["movements"] != [], HEALTHY_SECONDS)
        began = time.monotonic()
        wait_for("all copies", lambda: replication(coordinator)["full"] == SLOTS and made.complaints() == [], HEALTHY_SECONDS)
        print(f"moved in {time.monotonic() - began:.1f} s")
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
        [BINARY, "ctl", "queries", "kill", "7", "--endpoint", router.url], capture_output=True, text=True, timeout=60, env=clean_environment(),
        stdin=subprocess.DEVNULL,
    )
    assert refused.returncode == 1 and "no query 7" in refused.stderr, refused.stderr
