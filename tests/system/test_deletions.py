"""Deleted samples stay deleted: after kill -9, on every coordinator, when an aggregator comes back without its disk; what comes later is seen."""

import shutil
from typing import Any, Callable

from harness.fleet import PATIENCE
from harness.http import Reply
from harness.murmur import Node, Standalone, now_ms
from harness.waiting import wait_for

PATH = "/api/v1/admin/tsdb/delete_series"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def delete(node: Node, parameters: Any, method: str = "POST", tenant: str | None = None) -> Reply:
    """One request for a deletion."""
    return node.request(method, PATH, parameters, tenant=tenant)


def times(node: Node, selector: str, since: int, tenant: str | None = None) -> dict[str, list[int]]:
    """Milliseconds since `since` of all samples that are shown, by the label `instance`."""
    found = node.samples(selector, since, since + 3_600_000, tenant)
    return {dict(labels)["instance"]: [time - since for time, _ in samples] for labels, samples in found.items()}


def push(node: Node, since: int, offsets: list[int], tenant: str | None = None, instances: tuple[str, ...] = ("a", "b")) -> None:
    """Samples of `cpu` and `mem` of some instances."""
    series = [
        ({"__name__": name, "instance": instance}, [(since + offset, 1.0) for offset in offsets])
        for name in ("cpu", "mem") for instance in instances
    ]
    wait_for("an acknowledgement", lambda: node.push_series(series, tenant).status == 204, PATIENCE)


def test_without_the_setting_nothing_is_deleted(shared_standalone: Standalone, tenant: str) -> None:
    reply = delete(shared_standalone, {"match[]": "cpu"}, tenant=tenant)
    # Prometheus' own answer.
    assert reply.status == 500 and reply.json == {"status": "error", "errorType": "unavailable", "error": "admin APIs disabled"}
    assert shared_standalone.data("/api/v1/features")["api"]["admin"] is False


def test_a_standalone_deletes_and_keeps_it_through_kill(start_standalone: Callable[..., Standalone]) -> None:
    server = start_standalone(admin_api=True)
    since = now_ms() - 600_000
    for tenant in ("one", "two"):
        push(server, since, [0, 1_000, 2_000, 3_000], tenant)
    before = times(server, "cpu", since, "one")
    assert before == {"a": [0, 1_000, 2_000, 3_000], "b": [0, 1_000, 2_000, 3_000]}

    for parameters, error in [
        ({}, "no match[] parameter provided"),
        ({"match[]": "cpu{"}, "parse error"),
        ({"match[]": "{}"}, "at least one"),
        ({"match[]": "cpu", "start": "x"}, 'invalid parameter "start"'),
        ({"match[]": "cpu", "end": "x"}, 'invalid parameter "end"'),
        ({"match[]": ["cpu", 'cpu{instance=~"("}']}, "parse error"),
        ({"match[]": f'cpu{{instance="{"x" * 5_000}"}}'}, "deletion_bytes_max"),
    ]:
        reply = delete(server, parameters, tenant="one")
        assert reply.status == 400 and reply.json["errorType"] == "bad_data" and error in reply.json["error"], (parameters, reply.text)
    assert delete(server, {"match[]": "cpu"}, method="GET", tenant="one").status == 405
    foreign = server.request("POST", PATH, {"match[]": "cpu"}, tenant="one", headers={"Origin": "http://elsewhere.example"})
    assert foreign.status == 403
    assert times(server, "cpu", since, "one") == before, "what failed deleted nothing"

    window = {"start": (since + 1_000) / 1000, "end": (since + 2_000) / 1000}
    reply = delete(server, {"match[]": 'cpu{instance="a"}', **window}, tenant="one")
    assert reply.status == 204 and reply.body == b"", reply.text
    # By PUT, and by a form; a range that is empty does nothing.
    assert delete(server, {"match[]": ["mem"]}, method="PUT", tenant="one").status == 204
    form = server.request("POST", PATH, body=b"match[]=cpu&start=5&end=3", tenant="one", headers=FORM)
    assert form.status == 204, form.text

    def check() -> None:
        assert times(server, "cpu", since, "one") == {"a": [0, 3_000], "b": [0, 1_000, 2_000, 3_000]}
        assert times(server, "mem", since, "one") == {}
        at = (since + 2_500) / 1000
        counted = server.query("sum by (instance) (count_over_time(cpu[1h]))", at, "one")
        assert {entry["metric"]["instance"]: entry["value"][1] for entry in counted} == {"a": "1", "b": "3"}
        # The newest sample at that time is hidden, and an older one is within the look-back.
        assert {entry["metric"]["instance"]: entry["value"][1] for entry in server.query("timestamp(cpu)", at, "one")} == {
            "a": str(since / 1000).rstrip("0").rstrip("."), "b": str((since + 2_000) / 1000).rstrip("0").rstrip(".")
        }
        assert server.query("sum(mem)", at, "one") == []
        # Series stay listed, as in Prometheus before it cleans.
        listed = server.data("/api/v1/series", {"match[]": "mem"}, "one")
        assert sorted(entry["instance"] for entry in listed) == ["a", "b"]
        for name in ("cpu", "mem"):
            assert times(server, name, since, "two") == before, "another tenant's"

    check()
    server.kill()
    server.start()
    check()

    # What is stamped later than the deletion is seen; what is stamped within it stays hidden, also when it comes late.
    later = now_ms() - since
    push(server, since, [1_500, later], "one")
    assert times(server, "mem", since, "one") == {"a": [later], "b": [later]}
    assert times(server, "cpu", since, "one") == {"a": [0, 3_000, later], "b": [0, 1_000, 1_500, 2_000, 3_000, later]}
    assert server.metric("murmur_deletions") == 2
    server.stop()
    server.start()
    assert times(server, "mem", since, "one") == {"a": [later], "b": [later]}
    # Once more and wider takes the place of the first.
    assert delete(server, {"match[]": "mem"}, tenant="one").status == 204
    assert times(server, "mem", since, "one") == {} and server.metric("murmur_deletions") == 2


def test_a_cluster_deletes_on_all_of_its_nodes(start_node: Callable[..., Node]) -> None:
    first = start_node("aggregator", "aggregator-1", replication_factor=2)
    join = {"join": first.cluster, "ready": False}
    second, third = [start_node("aggregator", f"aggregator-{number}", **join) for number in (2, 3)]
    one, other = [start_node("coordinator", f"coordinator-{number}", admin_api=True, **join) for number in (1, 2)]
    router = start_node("router", "router-1", **join)
    for node in (second, third, one, other, router):
        node.wait_until_ready()
    since = now_ms() - 600_000
    instances = tuple(f"web-{number}" for number in range(20))
    push(router, since, [0, 1_000, 2_000], instances=instances)

    # Refused until everybody is connected to everybody.
    wait_for("a deletion", lambda: delete(one, {"match[]": "cpu", "start": (since + 1_000) / 1000}).status == 204)
    kept = {instance: [0] for instance in instances}
    for node in (one, other):
        node.may_warn = True
        wait_for("an answer", lambda: node.get("/api/v1/query", {"query": "cpu"}).status == 200)
        assert times(node, "cpu", since) == kept
    # The one that took it is gone, and with it all that it knows in memory: the other one, and itself when it is back, know it of the aggregators.
    one.kill()
    at = (since + 5_000) / 1000
    assert other.query("sum(count_over_time(cpu[1h]))", at)[0]["value"][1] == "20"

    # An aggregator comes back with nothing, is given samples that are deleted, and shows none.
    third.kill()
    shutil.rmtree(third.data_directory)
    third.settings["join"] = second.cluster
    third.start()
    assert third.metric("murmur_deletions") == 1, "it asks the others before it is ready"
    one.start()
    one.may_warn = True
    complete = {instance: [0, 1_000, 2_000] for instance in instances}
    for node in (one, other):
        wait_for("what was not deleted", lambda: node.get("/api/v1/query", {"query": "mem"}).status == 200 and times(node, "mem", since) == complete)
        assert times(node, "cpu", since) == kept
        assert node.query("sum(count_over_time(cpu[1h]))", at)[0]["value"][1] == "20"

    # With one of three aggregators away a deletion is known to all that answer, and to more than half; the third hears of it when it is back.
    third.kill()
    wait_for("a deletion", lambda: delete(one, {"match[]": "mem"}).status == 204)
    third.start()
    assert third.metric("murmur_deletions") == 2
    for node in (one, other):
        node.may_warn = True
        assert times(node, "mem", since) == {}
