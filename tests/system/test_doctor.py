"""`murmur ctl doctor`: each thing that it can find, told by members that a test makes up, and UDP that does not get through between real ones."""

import contextlib
import http.server
import json
import select
import shutil
import socket
import subprocess
import threading
from typing import Any, Callable, Iterator

import pytest

from harness.fleet import PATIENCE
from harness.murmur import BINARY, Node, clean_environment, now_ms
from harness.ports import free_port
from harness.waiting import wait_for

NAMES = ["aggregator-1", "aggregator-2", "aggregator-3", "router-1", "coordinator-1"]


class MadeUpCluster:
    """What processes of a cluster answer, on a port each; a test changes it."""

    def __init__(self) -> None:
        self.ports = {name: free_port() for name in NAMES}
        self.members: dict[str, dict[str, Any]] = {}
        self.statuses: dict[str, dict[str, Any]] = {}
        for number, name in enumerate(NAMES):
            role = name.split("-")[0]
            self.members[name] = {
                "name": name, "roles": [role], "state": "active", "liveness": "alive", "seconds": 60, "zone": "", "weight": 1,
                "address": f"10.0.0.{number}:7481", "http": f"127.0.0.1:{self.ports[name]}", "instance": "a", "boot": 1,
            }
            self.statuses[name] = {
                "cluster": "murmuration", "clusterID": "1", "node": name, "roles": [role], "version": "1", "isReady": True, "waitingFor": [],
                "members": [{"role": "router", "members": 1, "alive": 1}], "suspected": [], "dead": [], "ring": NAMES[:3],
                "replicationFactor": 2, "view": "1", "time": 0, "outdatedSettings": [], "unreachable": [],
            }
            if role == "aggregator":
                self.members[name]["diskFill"] = 40
                self.statuses[name]["slots"] = {"wanted": 10_923, "held": 10_923, "whole": 10_923, "batchesOwed": 0, "isSettled": True}
        # How far each clock is ahead, milliseconds.
        self.clocks = dict.fromkeys(NAMES, 0)

    def answer(self, name: str, path: str) -> Any:
        """The data of one page of one member."""
        if path.endswith("/status"):
            return {**self.statuses[name], "time": now_ms() + self.clocks[name]}
        return list(self.members.values())

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """All members answer inside."""
        made_up = self

        def handler(name: str) -> type[http.server.BaseHTTPRequestHandler]:
            class Handler(http.server.BaseHTTPRequestHandler):
                protocol_version = "HTTP/1.1"

                def do_GET(self) -> None:
                    body = json.dumps({"status": "success", "data": made_up.answer(name, self.path)}).encode()
                    self.send_response(200)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

                def log_message(self, format: str, *args: Any) -> None:
                    pass

            return Handler

        servers = [http.server.ThreadingHTTPServer(("127.0.0.1", port), handler(name)) for name, port in self.ports.items()]
        for server in servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            for server in servers:
                server.shutdown()
                server.server_close()


def doctor(url: str) -> tuple[int, str]:
    """Its exit code and what it said."""
    result = subprocess.run(
        [BINARY, "ctl", "doctor", "--endpoint", url], capture_output=True, text=True, timeout=PATIENCE, env=clean_environment(),
        stdin=subprocess.DEVNULL,
    )
    return result.returncode, result.stdout + result.stderr


def change_fills(cluster: MadeUpCluster, *fills: int) -> None:
    """How full the disks of the aggregators are."""
    for name, fill in zip(NAMES, fills):
        cluster.members[name]["diskFill"] = fill


def change_zones(cluster: MadeUpCluster, *zones: str) -> None:
    """In which zones the aggregators are."""
    for name, zone in zip(NAMES, zones):
        cluster.members[name]["zone"] = zone


def change_first(cluster: MadeUpCluster, **values: Any) -> None:
    """What the member that is asked first says."""
    cluster.statuses["aggregator-1"].update(values)


DEAD = {"dead": ["aggregator-3"], "reason": "every member of zone z is dead"}
WAITING = {"wanted": 2, "placed": 2, "assured": 1, "waitsFor": ["aggregator-2"], "reason": "does not have all of its copies yet"}
DATABASE = {
    "name": "db:5432/metrics", "state": "active", "isAway": False, "slots": 16_384, "pendingFiles": 0, "pendingBytes": 0, "lagSeconds": 0.0,
    "mapVersion": 1,
}
FAULTS: dict[str, tuple[Callable[[MadeUpCluster], Any], list[str]]] = {
    "clock": (lambda it: it.clocks.update({"router-1": 9_000}), ["the clock of router-1 is", "s off ours", "chrony"]),
    "clock behind": (lambda it: it.clocks.update({"aggregator-2": -9_000}), ["the clock of aggregator-2 is"]),
    "UDP": (
        lambda it: it.statuses["router-1"].update(unreachable=[{"name": "aggregator-2", "by": "UDP", "address": "10.0.0.1:7481"}]),
        ["UDP to aggregator-2 at 10.0.0.1:7481 does not get through from router-1", "open UDP to the cluster port"],
    ),
    "TCP": (
        lambda it: [
            it.statuses[name].update(unreachable=[{"name": "aggregator-1", "by": "TCP", "address": "10.0.0.0:7481"}]) for name in NAMES[1:]
        ],
        ["TCP to aggregator-1 at 10.0.0.0:7481 does not get through from aggregator-2, aggregator-3, router-1 and 1 more"],
    ),
    "keys": (
        lambda it: it.statuses["router-1"].update(stranger={"name": "aggregator-2", "address": "10.0.0.1:7481", "seconds": 3}),
        ["router-1: gossip that comes from aggregator-2 at 10.0.0.1:7481 cannot be opened: other keys, or none", "murmur ctl keyring"],
    ),
    "a survivor of a cluster that is gone": (
        lambda it: it.statuses["router-1"].update(stranger={"address": "10.0.0.9:7481", "clusterID": "99", "seconds": 3}),
        ["router-1: gossip that comes from 10.0.0.9:7481 is of another cluster, ID 99", "stop it and start it again"],
    ),
    "founded anew": (
        lambda it: (it.members["aggregator-2"].update(liveness="dead"), it.statuses["aggregator-2"].update(clusterID="2")),
        ["aggregator-2 lives in another cluster, ID 2; aggregator-1 is still in 1", "stop aggregator-1 and all who are still in it"],
    ),
    "dead to one": (
        lambda it: it.members["aggregator-2"].update(liveness="dead"),
        ["aggregator-2 is dead to aggregator-1, and answers HTTP", "UDP and TCP get to 10.0.0.1:7481"],
    ),
    "checkpoint": (
        lambda it: it.statuses["aggregator-2"].update(checkpoint=[{**DATABASE, "isAway": True, "reason": "it sleeps"}]),
        ["checkpoint server db:5432/metrics cannot be used by aggregator-2: it sleeps", "start it again"],
    ),
    "another cluster's checkpoint": (
        lambda it: it.statuses["aggregator-2"].update(checkpoint=[{**DATABASE, "isAway": True, "isOthers": True, "reason": "it is the neighbours'"}]),
        ["checkpoint server db:5432/metrics cannot be used by aggregator-2: it is the neighbours'", "a database of its own"],
    ),
    "settings": (
        lambda it: it.statuses["aggregator-3"].update(outdatedSettings=["replication-factor is 2 in the cluster and 1 here"]),
        ["aggregator-3 was started with another setting: replication-factor is 2 in the cluster and 1 here"],
    ),
    "versions": (lambda it: it.statuses["router-1"].update(version="2"), ["different versions: 1, 2"]),
    "views": (lambda it: it.statuses["router-1"].update(view="2"), ["members see different things"]),
    "not ready": (lambda it: it.statuses["router-1"].update(isReady=False, waitingFor=["the moon"]), ["router-1 is not ready: the moon"]),
    "silent": (lambda it: it.members["router-1"].update(http=f"127.0.0.1:{free_port()}"), ["router-1 does not answer HTTP from here"]),
    "dead": (
        lambda it: it.members["router-1"].update(liveness="dead", http=f"127.0.0.1:{free_port()}"),
        ["router-1 has been dead for 1m", "murmur ctl forget router-1"],
    ),
    "too few aggregators": (
        lambda it: change_first(it, replicationFactor=4), ["there are 3 aggregators for 4 copies", "settings set replication-factor 3"],
    ),
    "copies": (lambda it: change_first(it, copiesChange=WAITING), ["not every sample has 2 copies yet: aggregator-2 does not have all"]),
    "replacement": (
        lambda it: change_first(it, replacement=DEAD),
        ["aggregator-3 not replaced yet: every member of zone z is dead", "murmur ctl forget aggregator-3"],
    ),
    "too few zones": (
        lambda it: change_zones(it, "a", "a", "a"), ["2 copies of each sample are in one zone, a", "start aggregators in another zone"],
    ),
    "no zone": (lambda it: change_zones(it, "a", "b", ""), ["aggregator-3 names no zone, and others do"]),
    "slots": (
        lambda it: it.members["aggregator-3"].update(weight=0.5), ["aggregator-3 is to hold 10923 slots, 167 per cent of its share by weight"],
    ),
    "full disk": (lambda it: change_fills(it, 50, 60, 86), ["the disk of aggregator-3 is 86 per cent full", "--retention"]),
    "uneven disks": (lambda it: change_fills(it, 20, 60, 30), ["filled unevenly: aggregator-2 60 per cent, aggregator-1 20 per cent"]),
}


def test_a_cluster_that_is_well_has_nothing_wrong() -> None:
    cluster = MadeUpCluster()
    change_zones(cluster, "a", "b", "c")
    with cluster.serving():
        code, said = doctor(f"http://127.0.0.1:{cluster.ports['aggregator-1']}")
    assert code == 0 and "Nothing is wrong." in said and "WRONG" not in said, said
    assert "copies are spread over 3 zones" in said


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_is_found_and_told_what_to_do_about(fault: str) -> None:
    cluster = MadeUpCluster()
    change, expected = FAULTS[fault]
    change(cluster)
    with cluster.serving():
        code, said = doctor(f"http://127.0.0.1:{cluster.ports['aggregator-1']}")
    assert code == 1 and "1 thing is wrong." in said and said.count("->") == 1, said
    for text in expected:
        assert text in said, said


class StreamsOnly:
    """An address where TCP leads to another one, and UDP nowhere."""

    def __init__(self, target: str):
        host, port = target.rsplit(":", 1)
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "%s:%d" % self._listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        with near, contextlib.suppress(OSError):
            with socket.create_connection(self._target) as far:
                while True:
                    for source in select.select([near, far], [], [])[0]:
                        data = source.recv(65_536)
                        if not data:
                            return
                        (far if source is near else near).sendall(data)

    def close(self) -> None:
        """No new connections."""
        self._listener.close()


def test_who_outlives_a_cluster_that_lost_all_disks_is_found_from_both_sides(start_node: Callable[..., Node]) -> None:
    aggregator = start_node("aggregator", "aggregator-1")
    router = start_node("router", "router-1", join=aggregator.cluster)
    aggregator.kill()
    shutil.rmtree(aggregator.data_directory)
    wait_for("the router's word", lambda: "aggregator-1 has been dead" in doctor(router.url)[1], PATIENCE, pause=0.5)
    aggregator.start()
    wait_for("the survivor's word", lambda: "aggregator-1 lives in another cluster, ID" in doctor(router.url)[1], PATIENCE, pause=0.5)
    said = f"gossip that comes from {router.cluster} is of another cluster, ID"
    wait_for("the new cluster's word", lambda: said in doctor(aggregator.url)[1], PATIENCE, pause=0.5)
    # As it is advised.
    assert router.stop() == 0
    router.start()
    wait_for("one cluster", lambda: "all 2 members answer gossip" in doctor(router.url)[1], PATIENCE, pause=0.5)


def test_udp_that_does_not_get_through_is_found(start_node: Callable[..., Node]) -> None:
    first = start_node("aggregator", "aggregator-1")
    port = free_port()
    way = StreamsOnly(f"127.0.0.1:{port}")
    try:
        router = Node("router", first.directory, ports=(free_port(), port), name="router-1", join=first.cluster, advertise=way.address)
        router.start()
        try:
            wait_for("the doctor's word", lambda: "UDP to router-1" in doctor(first.url)[1], PATIENCE, pause=0.5)
        finally:
            router.kill()
    finally:
        way.close()
