"""The ring of a running cluster changes: more and fewer copies, a member that others replace, members that leave and stay; nothing acknowledged is lost."""

import json
import re
import shutil
import signal
import subprocess
from typing import Any, Callable

from harness.fleet import PATIENCE, Fleet, push_bulk, wait_until_settled
from harness.murmur import BINARY, Node, clean_environment, now_ms
from harness.waiting import wait_for

Start = Callable[..., Node]


def begin_ctl(node: Node, *words: str) -> subprocess.Popen:
    """Starts `murmur ctl` against a process."""
    return subprocess.Popen(
        [BINARY, "ctl", *words, "--endpoint", node.url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean_environment(),
        stdin=subprocess.DEVNULL,
    )


def finish(running: subprocess.Popen) -> tuple[int, str]:
    """Its exit code, and all that it said."""
    output, errors = running.communicate(timeout=2 * PATIENCE)
    return running.returncode, output + errors


def ctl(node: Node, *words: str) -> tuple[int, str]:
    """Runs `murmur ctl` against a process to its end."""
    return finish(begin_ctl(node, *words))


def done(node: Node, *words: str) -> str:
    """What a command said that had to succeed."""
    code, said = ctl(node, *words)
    assert code == 0, said
    return said


def refused(node: Node, *words: str, code: int = 1) -> str:
    """What a command said that had to fail, with the exit code 2 where it said what cannot be."""
    found, said = ctl(node, *words)
    assert found == code, said
    return said


def cluster(start: Start, aggregators: int, movement_rate: str = "64MiB", **settings: Any) -> tuple[list[Node], Node, Node]:
    """So many aggregators, a router and a coordinator. The settings are the cluster's: its first process brings them."""
    first = start("aggregator", "aggregator-1", movement_rate=movement_rate, **settings)
    router = start("router", "router-1", join=first.cluster)
    others = [
        start("aggregator", f"aggregator-{number}", join=router.cluster, movement_rate=movement_rate) for number in range(2, aggregators + 1)
    ]
    coordinator = start("coordinator", "coordinator-1", join=router.cluster)
    return [first, *others], router, coordinator


def states(node: Node) -> dict[str, str]:
    """What each member says of itself, as `node` sees it."""
    return {member["name"]: member["state"] for member in node.data("/api/v1/cluster/members")}


def test_copies_become_more_and_fewer_while_the_cluster_works(start_node: Start) -> None:
    aggregators, router, coordinator = cluster(start_node, 3, replication_factor=1)
    first, second, third = aggregators
    fleet = Fleet(router, coordinator)
    fleet.push()
    wait_until_settled(aggregators, 1)

    for value in ("0", "6", "two"):
        assert "from 1 to 5" in refused(router, "settings", "set", "replication-factor", value, code=2)
    assert "cannot be changed" in refused(router, "settings", "set", "placement-labels", "host", code=2)
    said = done(coordinator, "settings", "set", "replication-factor", "2")
    assert "replication-factor: 1 -> 2" in said and "copies of slots are there" in said and "done" in said
    settings = json.loads(done(third, "settings", "--json"))
    assert (settings["replicationFactor"], settings["placedCopies"], settings["assuredCopies"]) == (2, 2, 2)
    wait_until_settled(aggregators, 2)
    fleet.push()

    # One of two copies of everything is gone, also of what was acknowledged under one copy.
    second.kill()
    fleet.push()
    fleet.check()
    second.start()
    wait_until_settled(aggregators, 2)

    # What it was once started with does not undo the change, and does not refuse the start.
    first.kill()
    first.start()
    wait_until_settled(aggregators, 2)
    assert "replication-factor is 2 in the cluster and 1 here" in ctl(router, "doctor")[1]

    # A change in the middle of a change.
    done(router, "settings", "set", "replication-factor", "3", "--no-wait")
    said = done(router, "settings", "set", "replication-factor", "1")
    assert "replication-factor: 3 -> 1" in said
    wait_until_settled(aggregators, 1)
    fleet.push()
    fleet.check()

    # More copies than members is said, and there are as many as members.
    said = done(router, "settings", "set", "replication-factor", "4")
    assert "there are 3 aggregators: until more join" in said
    wait_until_settled(aggregators, 3)
    fleet.check()


def test_a_member_that_stays_away_is_replaced_and_comes_back_anew_but_not_two_of_three(start_node: Start) -> None:
    aggregators, router, coordinator = cluster(start_node, 3, replication_factor=2, replacement_delay="60s")
    first, second, third = aggregators
    fleet = Fleet(router, coordinator)
    fleet.push()
    wait_until_settled(aggregators, 2)

    # It lives and does not answer: what a switch that fell out looks like.
    assert second.program
    second.program.process.send_signal(signal.SIGSTOP)
    wait_for("its death", lambda: router.data("/api/v1/cluster/status").get("replacement"), PATIENCE)
    status = done(router, "status")
    assert re.search(r"Replacement +aggregator-2 not replaced yet: the member may come back within replacement-delay", status), status
    assert "murmur ctl forget aggregator-2" in ctl(router, "doctor")[1]
    fleet.push()
    wait_for("its replacement", lambda: states(router)["aggregator-2"] == "forgotten", PATIENCE)
    wait_until_settled([first, third], 2)
    assert sum(node.metric("murmur_cluster_replacements_total") for node in (first, third)) == 1
    fleet.push()
    fleet.check()

    # The start that was removed counts no more, and says so; the next one is a new member.
    second.program.process.send_signal(signal.SIGCONT)
    assert second.program.wait_for_exit(PATIENCE) == 1
    assert "was removed from the cluster while it did not answer" in second.program.output
    second.start()
    wait_until_settled(aggregators, 2)
    fleet.push()
    fleet.check()

    second.kill()
    third.kill()

    def is_overdue() -> bool:
        dead = [member for member in first.data("/api/v1/cluster/members") if member["liveness"] == "dead"]
        return len(dead) == 2 and all(member["seconds"] > 75 for member in dead)

    wait_for("both being dead for longer than the delay", is_overdue, PATIENCE)
    assert states(first) | {"aggregator-2": "active", "aggregator-3": "active"} == states(first)
    assert 'murmur_cluster_replacement_waiting{reason="no_majority"} 2' in first.get("/metrics").text
    assert "this side sees 1 of 3 members, no majority" in done(first, "status")
    for node in (second, third):
        node.start()
    wait_until_settled(aggregators, 2)
    fleet.check()


def test_drains_that_meet_leave_enough_and_a_member_that_leaves_may_stay(start_node: Start) -> None:
    aggregators, router, coordinator = cluster(start_node, 3, movement_rate="1MiB", replication_factor=2)
    router_2 = start_node("router", "router-2", join=router.cluster)
    fleet = Fleet(router, coordinator)
    fleet.push()
    wait_until_settled(aggregators, 2)
    # Enough that a departure at this rate is seen.
    push_bulk(router, 10, now_ms())

    assert "does not leave" in refused(router, "undrain", "aggregator-1")
    leaving = begin_ctl(router, "drain", "aggregator-1")
    wait_for("the departure", lambda: states(router_2)["aggregator-1"] == "leaving", PATIENCE, pause=0.05)
    assert "aggregator-1 stays" in done(router_2, "undrain", "aggregator-1")
    code, said = finish(leaving)
    assert code == 1 and "aggregator-1 stays" in said, said
    wait_until_settled(aggregators, 2)

    # Each alone could go; both cannot.
    drains = [begin_ctl(router, "drain", "aggregator-1"), begin_ctl(router_2, "drain", "aggregator-2")]
    results = [finish(drain) for drain in drains]
    assert sorted(code for code, _ in results) == [0, 1], results
    gone = 0 if results[0][0] == 0 else 1
    rest = [node for number, node in enumerate(aggregators) if number != gone]
    wait_until_settled(rest, 2)
    fleet.push()
    fleet.check()

    assert "1 aggregator for 2 copies" in refused(router, "drain", rest[0].settings["name"])
    # Asked twice at once, and by force: it goes once.
    drains = [begin_ctl(asked, "drain", rest[0].settings["name"], "--force") for asked in (router, router_2)]
    assert [finish(drain)[0] for drain in drains] == [0, 0]
    wait_until_settled(rest[1:], 1)
    fleet.push()
    fleet.check()
    assert "no other aggregator" in refused(router, "drain", rest[1].settings["name"], "--force")


def test_the_name_of_a_dead_aggregator_is_not_taken_by_another_role(start_node: Start) -> None:
    aggregators, router, _ = cluster(start_node, 2)
    aggregators[1].kill()
    wait_for(
        "its death",
        lambda: {m["name"]: m["liveness"] for m in router.data("/api/v1/cluster/members")}["aggregator-2"] == "dead", PATIENCE,
    )
    # Nor does its own directory make it another kind of process, were it for a moment.
    alone = start_node("standalone", "aggregator-2", ready=False, join=router.cluster, data_dir=aggregators[1].data_directory)
    assert alone.program and alone.program.wait_for_exit(PATIENCE) == 1
    assert "keeps all data by itself" in alone.program.output and "murmur aggregator" in alone.program.output
    assert {m["name"]: m["roles"] for m in router.data("/api/v1/cluster/members")}["aggregator-2"] == ["aggregator"]
    impostor = start_node("coordinator", "aggregator-2", ready=False, join=router.cluster)
    assert impostor.program and impostor.program.wait_for_exit(PATIENCE) == 1
    assert "is that of an aggregator" in impostor.program.output and "murmur ctl forget aggregator-2" in impostor.program.output
    done(router, "forget", "aggregator-2")
    impostor.start()


def test_one_departure_follows_another_after_the_copies_changed(start_node: Start) -> None:
    aggregators, router, coordinator = cluster(start_node, 4, replication_factor=2)
    fleet = Fleet(router, coordinator)
    fleet.push()
    push_bulk(router, 4, now_ms())
    wait_until_settled(aggregators, 2)
    done(router, "settings", "set", "replication-factor", "3")
    fleet.push()
    done(router, "settings", "set", "replication-factor", "2")

    leaving = begin_ctl(router, "drain", "aggregator-4")
    wait_for("the departure", lambda: states(router)["aggregator-4"] == "leaving", PATIENCE, pause=0.05)
    assert "stays" in done(router, "undrain", "aggregator-4")
    assert finish(leaving)[0] == 1
    for gone, rest in (("aggregator-4", aggregators[:3]), ("aggregator-3", aggregators[:2])):
        leaving = begin_ctl(router, "drain", gone)
        while leaving.poll() is None:
            fleet.push(1)
        code, said = finish(leaving)
        assert code == 0, said
        wait_until_settled(rest, 2)
        fleet.push()
        fleet.check()


def test_who_lost_its_disk_and_founded_a_second_cluster_is_kept_out_of_the_first(start_node: Start) -> None:
    aggregators, router, coordinator = cluster(start_node, 3, replication_factor=2)
    fleet = Fleet(router, coordinator)
    fleet.push()
    wait_until_settled(aggregators, 2)

    # Its name and address, and nobody to ask for the cluster.
    stranger = aggregators[0]
    stranger.kill()
    shutil.rmtree(stranger.data_directory)
    stranger.start()
    ours = router.data("/api/v1/cluster/status")["clusterID"]
    assert stranger.data("/api/v1/cluster/status")["clusterID"] != ours
    fleet.push()
    fleet.check()
    assert stranger.metric("murmur_engine_samples_appended_total") == 0

    stranger.kill()
    shutil.rmtree(stranger.data_directory)
    stranger.settings["join"] = router.cluster
    stranger.start()
    assert stranger.data("/api/v1/cluster/status")["clusterID"] == ours
    wait_until_settled(aggregators, 2)
    fleet.check()
