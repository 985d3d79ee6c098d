"""Processes that find each other: routers, an aggregator, coordinators, killed, stopped, started again, and refused where they do not fit."""

import json
import secrets
import subprocess
from typing import Any, Callable

import pytest

from harness.murmur import BINARY, Node, clean_environment, now_ms
from harness.ports import free_port
from harness.waiting import DEADLINE_SECONDS, wait_for

Start = Callable[..., Node]


class Cluster:
    """2 routers, 1 aggregator, 2 coordinators, each of which joins through another one."""

    def __init__(self, start: Start, **settings: Any):
        self.aggregator = start("aggregator", "aggregator-1", **settings)
        # Any member is a seed, whatever its role.
        self.router_1 = start("router", "router-1", join=self.aggregator.cluster, **settings)
        self.coordinator_1 = start("coordinator", "coordinator-1", join=self.router_1.cluster, **settings)
        self.router_2 = start("router", "router-2", join=self.coordinator_1.cluster, **settings)
        self.coordinator_2 = start("coordinator", "coordinator-2", join=f"127.0.0.1:{free_port()},{self.router_2.cluster}", **settings)

    @property
    def routers(self) -> list[Node]:
        return [self.router_1, self.router_2]

    @property
    def coordinators(self) -> list[Node]:
        return [self.coordinator_1, self.coordinator_2]

    @property
    def nodes(self) -> list[Node]:
        return [self.aggregator, *self.routers, *self.coordinators]


def liveness(node: Node) -> dict[str, str]:
    """Who is in the cluster and how it is, as `node` sees it."""
    return {member["name"]: member["liveness"] for member in node.data("/api/v1/cluster/members") if member["state"] not in ("left", "forgotten")}


def wait_until_all_see(nodes: list[Node], names: list[str]) -> None:
    """Waits until each of `nodes` sees exactly `names`, all of them alive."""
    expected = {name: "alive" for name in names}
    for node in nodes:
        wait_for(f"{node.role} sees {names}", lambda: liveness(node) == expected)


def push(node: Node, server: str, value: float, at: int) -> int:
    """Pushes one sample; returns the status."""
    return node.push_series([({"__name__": "cluster_test", "instance": server}, [(at, value)])]).status


def answers(node: Node, at: int) -> list[tuple[str, str]]:
    """What a coordinator knows of the samples at a time."""
    result = node.query("cluster_test", at / 1000)
    return sorted((entry["metric"]["instance"], entry["value"][1]) for entry in result)


def ctl(node: Node, *words: str) -> subprocess.CompletedProcess:
    """Runs `murmur ctl` against a process."""
    return subprocess.run(
        [BINARY, "ctl", *words, "--endpoint", node.url], capture_output=True, text=True, timeout=DEADLINE_SECONDS, env=clean_environment(),
        stdin=subprocess.DEVNULL,
    )


ALL = ["aggregator-1", "coordinator-1", "coordinator-2", "router-1", "router-2"]


def test_processes_find_each_other_and_answer_alike_whoever_took_the_push(start_node: Start) -> None:
    cluster = Cluster(start_node)
    wait_until_all_see(cluster.nodes, ALL)
    at = now_ms()
    for number in range(20):
        assert push(cluster.routers[number % 2], f"web-{number}", number, at) == 204
    expected = sorted((f"web-{number}", str(number)) for number in range(20))
    for coordinator in cluster.coordinators:
        assert answers(coordinator, at) == expected
        assert coordinator.query("sum(cluster_test)", at / 1000)[0]["value"][1] == "190"
        assert {server["id"] for server in coordinator.data("/api/v1/servers")["servers"]} >= {"web-0", "web-19"}
    # Each role has its own surface and no other.
    assert cluster.router_1.get("/api/v1/query", {"query": "1"}).status == 404
    assert cluster.coordinator_1.push_json({"server_id": 1, "metric_type": "x", "value": 1}).status == 404
    assert cluster.aggregator.get("/api/v1/query", {"query": "1"}).status == 404
    assert cluster.aggregator.metric("murmur_cluster_members") == 5


def test_each_role_comes_back_after_a_kill(start_node: Start) -> None:
    cluster = Cluster(start_node)
    wait_until_all_see(cluster.nodes, ALL)
    at = now_ms()
    assert push(cluster.router_1, "web-1", 1, at) == 204
    for node in cluster.nodes:
        node.kill()
        node.start()
        wait_until_all_see(cluster.nodes, ALL)
    # The other router's connection to the aggregator, which was killed, is made anew.
    wait_for("a push through the other router", lambda: push(cluster.router_2, "web-2", 2, at) == 204)
    for coordinator in cluster.coordinators:
        assert answers(coordinator, at) == [("web-1", "1"), ("web-2", "2")]
    # Also processes that keep nothing are told apart from their earlier starts, once everybody has heard of the last one.
    wait_for(
        "the second start of each", lambda: all(member["boot"] >= 2 for member in cluster.router_1.data("/api/v1/cluster/members"))
    )


def test_a_killed_router_is_noticed_and_can_be_forgotten(start_node: Start) -> None:
    cluster = Cluster(start_node)
    wait_until_all_see(cluster.nodes, ALL)
    refused = ctl(cluster.coordinator_1, "forget", "router-2")
    assert refused.returncode == 1 and "router-2 answers" in refused.stderr and "murmur ctl members" in refused.stderr
    cluster.router_2.kill()
    others = [node for node in cluster.nodes if node is not cluster.router_2]
    for node in others:
        wait_for("the router is suspected", lambda: liveness(node)["router-2"] != "alive")
    for node in others:
        wait_for("the router is dead", lambda: liveness(node)["router-2"] == "dead")
    doctor = ctl(cluster.coordinator_1, "doctor")
    assert doctor.returncode == 1 and "router-2 has been dead" in doctor.stdout and "murmur ctl forget router-2" in doctor.stdout
    assert ctl(cluster.coordinator_1, "forget", "router-2").returncode == 0
    wait_until_all_see(others, [name for name in ALL if name != "router-2"])


def test_the_cluster_comes_together_again_after_all_were_stopped(start_node: Start) -> None:
    cluster = Cluster(start_node)
    wait_until_all_see(cluster.nodes, ALL)
    identity = cluster.router_1.data("/api/v1/cluster/settings")["clusterID"]
    at = now_ms()
    assert push(cluster.router_1, "web-1", 1, at) == 204
    for node in cluster.nodes:
        assert node.stop() == 0
    # Those without a directory look for the cluster until there is one.
    for node in reversed(cluster.nodes):
        node.start(ready=False)
    for node in cluster.nodes:
        node.wait_until_ready()
    wait_until_all_see(cluster.nodes, ALL)
    for node in cluster.nodes:
        assert node.data("/api/v1/cluster/settings")["clusterID"] == identity
    for coordinator in cluster.coordinators:
        assert answers(coordinator, at) == [("web-1", "1")]


def test_a_stop_is_known_at_once_and_a_lost_disk_keeps_the_place_in_the_ring(start_node: Start) -> None:
    aggregator = start_node("aggregator", "aggregator-1")
    router = start_node("router", "router-1", join=aggregator.cluster)
    before = {member["name"]: member for member in router.data("/api/v1/cluster/members")}["aggregator-1"]
    assert aggregator.stop() == 0
    wait_for("the stop is known", lambda: liveness(router)["aggregator-1"] == "dead")
    aggregator.data_directory = aggregator.directory / "another-disk"
    aggregator.settings["join"] = router.cluster
    aggregator.start()
    wait_until_all_see([aggregator, router], ["aggregator-1", "router-1"])
    after = {member["name"]: member for member in router.data("/api/v1/cluster/members")}["aggregator-1"]
    assert after["instance"] != before["instance"] and after["boot"] > before["boot"] and after["state"] == "active"
    known = json.loads((aggregator.data_directory / "node.json").read_text())
    assert known["boot"] == after["boot"] and known["name"] == "aggregator-1"
    wait_for("a push", lambda: push(router, "web-1", 1, now_ms()) == 204)


def test_others_join_a_standalone(start_standalone: Callable[..., Any], start_node: Start) -> None:
    standalone = start_standalone(name="solo")
    at = now_ms()
    assert push(standalone, "web-1", 1, at) == 204
    seed = standalone.cluster
    router, coordinator = start_node("router", "router-1", join=seed), start_node("coordinator", "coordinator-1", join=seed)
    assert push(router, "web-2", 2, at) == 204
    for node in (standalone, coordinator):
        assert answers(node, at) == [("web-1", "1"), ("web-2", "2")]
    wait_until_all_see([standalone, router, coordinator], ["coordinator-1", "router-1", "solo"])


def refused(node: Node, *named: str) -> None:
    """The process ended with an error that names all of these, and says what to do."""
    assert node.program
    assert node.program.wait_for_exit() == 1, node.program.output
    for text in named:
        assert text in node.program.output, node.program.output
    assert "Fatal error" not in node.program.output, node.program.output


def test_who_does_not_fit_is_refused_with_a_reason(start_node: Start) -> None:
    aggregator = start_node("aggregator", "aggregator-1", late_window="1h")
    seed = aggregator.cluster
    others = [
        (start_node("router", "router-1", ready=False, join=seed, cluster_name="elsewhere"), ["another cluster, murmuration", "--cluster-name murmuration"]),
        (start_node("standalone", "alone", ready=False, join=seed), ["keeps all data by itself", "aggregator-1", "murmur aggregator"]),
        (
            start_node("aggregator", "aggregator-3", ready=False, join=seed, replication_factor=3, late_window="2h"),
            ["replication-factor is 2 in the cluster and 3 here", "late-window is 3600000 ms in the cluster and 7200000 ms here"],
        ),
        (start_node("coordinator", "aggregator-1", ready=False, join=seed), ["the name aggregator-1 is that of an aggregator", "--name"]),
    ]
    for node, named in others:
        refused(node, *named)
    wait_until_all_see([aggregator], ["aggregator-1"])


def test_seals_keep_out_who_has_no_key_and_are_rotated_live(start_node: Start, tmp_path) -> None:
    first, second = secrets.token_hex(32), secrets.token_hex(32)
    keyring, wrong = tmp_path / "keyring", tmp_path / "wrong"
    keyring.write_text(first + "\n")
    wrong.write_text(second + "\n")
    aggregator = start_node("aggregator", "aggregator-1", keyring_file=keyring)
    router = start_node("router", "router-1", join=aggregator.cluster, keyring_file=keyring)
    strangers = [
        start_node("router", "keyless", ready=False, join=aggregator.cluster),
        start_node("coordinator", "stranger", ready=False, join=aggregator.cluster, keyring_file=wrong),
    ]
    for stranger in strangers:
        refused(stranger, "do not take this process' messages", "--keyring-file")
    wait_until_all_see([aggregator, router], ["aggregator-1", "router-1"])
    # The new key is added everywhere, then used everywhere, then the old one removed everywhere.
    for keys in ([first, second], [second, first], [second]):
        keyring.write_text("\n".join(keys) + "\n")
        for node in (aggregator, router):
            told = ctl(node, "keyring", "reload")
            assert told.returncode == 0 and not any(key in told.stdout for key in keys), told.stdout + told.stderr
    keyring.write_text("no key\n")
    broken = ctl(router, "keyring", "reload")
    assert broken.returncode == 1 and "line 1" in broken.stderr
    start_node("coordinator", "coordinator-1", join=router.cluster, keyring_file=wrong)
    wait_until_all_see([aggregator, router], ["aggregator-1", "coordinator-1", "router-1"])


def test_ctl_tells_in_words_and_as_json(start_node: Start) -> None:
    cluster = Cluster(start_node)
    wait_until_all_see(cluster.nodes, ALL)
    status = ctl(cluster.router_1, "status")
    assert status.returncode == 0 and "murmuration" in status.stdout and "2, all answer" in status.stdout, status.stdout
    members = ctl(cluster.aggregator, "members").stdout.splitlines()
    assert [line.split()[0] for line in members] == ["NAME", *ALL]
    assert json.loads(ctl(cluster.coordinator_2, "settings", "--json").stdout)["replicationFactor"] == 2
    # One aggregator keeps one copy; the doctor is content once no more are wanted.
    wait_for("one finding", lambda: "1 thing is wrong" in ctl(cluster.coordinator_2, "doctor").stdout)
    assert "1 aggregator for 2 copies" in ctl(cluster.coordinator_2, "doctor").stdout
    changed = ctl(cluster.router_1, "settings", "set", "replication-factor", "1")
    assert changed.returncode == 0, changed.stdout + changed.stderr
    wait_for("the doctor finds nothing", lambda: ctl(cluster.coordinator_2, "doctor").returncode == 0)
    unknown = ctl(cluster.router_1, "forget", "nobody")
    assert unknown.returncode == 1 and "nobody" in unknown.stderr
    assert ctl(cluster.router_1, "staus").returncode == 2
    stray = ctl(cluster.router_1, "status", "--watch")
    assert stray.returncode == 2 and "takes no --watch: it is for murmur ctl movements" in stray.stderr, stray.stderr


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
def test_a_command_that_a_foreign_page_could_send_is_refused(start_node: Start, kind: str) -> None:
    aggregator = start_node("aggregator", "aggregator-1")
    reply = aggregator.request("POST", "/api/v1/cluster/forget", body=b'{"name":"aggregator-1"}', headers={"Content-Type": kind})
    assert reply.status == 400 and "application/json" in reply.text
