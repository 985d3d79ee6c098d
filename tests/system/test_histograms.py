"""Native histograms by remote write: what was acknowledged is read back after kill -9, after a seal, and from a cluster that loses and gains a member."""

import math
from typing import Any, Callable

import cramjam
import pytest

from harness import remote_write
from harness.fleet import PATIENCE, wait_until_settled
from harness.http import Reply
from harness.murmur import Node, Standalone, now_ms
from harness.waiting import wait_for

SERVERS = 24
# What makes a float histogram, or one of custom buckets, of an integer one.
FLOATS = {"positive_spans": [{"offset": 0, "length": 2}], "positive_deltas": [], "positive_counts": [1.0, 1.0]}
CUSTOM = {"schema": -53, "zero_threshold": 0.0, "count_float": 2.0, "custom_values": [1.0, 2.0], **FLOATS}


def histogram(observations: int, at: int) -> dict[str, Any]:
    """An integer histogram: schema 0, two observations in (0.5, 1], the rest in (2, 4]."""
    return {
        "count_int": observations, "sum": 3.0 * observations, "zero_threshold": 0.001, "positive_spans": [{"offset": 0, "length": 1}, {"offset": 1, "length": 1}],
        "positive_deltas": [2, observations - 4], "timestamp": at,
    }


class Sizes:
    """Pushes rounds of histograms and numbers, and knows what must be answered."""

    def __init__(self, push: Node, ask: Node):
        self.start = now_ms() // 1000 * 1000 - 600_000
        self.push, self.ask, self.rounds = push, ask, 0

    def round(self) -> None:
        at = self.start + self.rounds * 1000
        request = remote_write.messages()["prometheus.WriteRequest"]()
        for number in range(SERVERS):
            entry = request.timeseries.add()
            entry.labels.add(name="__name__", value="sizes")
            entry.labels.add(name="instance", value=f"web-{number}")
            # Every fourth series has numbers and histograms in turn.
            if number % 4 == 0 and self.rounds % 2 == 0:
                entry.samples.add(value=number, timestamp=at)
            else:
                entry.histograms.add(**histogram(10 * number + self.rounds + 4, at))
        body = remote_write.compressed(request)
        wait_for("an acknowledgement", lambda: self.push.request("POST", "/api/v1/write", body=body, headers=remote_write.HEADERS).status == 204, PATIENCE)
        self.rounds += 1

    def is_right(self) -> bool:
        """Whether an answer without a warning has everything, once; one that is short must say so."""
        parameters = {"query": "sizes[1h]", "time": (self.start + self.rounds * 1000) / 1000}
        reply = self.ask.get("/api/v1/query", parameters)
        if reply.status != 200:
            return False
        found = {}
        for entry in reply.json["data"]["result"]:
            histograms = [(round(at * 1000), value["count"], value["sum"]) for at, value in entry.get("histograms", [])]
            found[entry["metric"]["instance"]] = ([(round(at * 1000), value) for at, value in entry.get("values", [])], histograms)
        wanted = {}
        for number in range(SERVERS):
            numbers, histograms = [], []
            for step in range(self.rounds):
                at, count = self.start + step * 1000, 10 * number + step + 4
                if number % 4 == 0 and step % 2 == 0:
                    numbers.append((at, str(number)))
                else:
                    histograms.append((at, str(count), str(3 * count)))
            wanted[f"web-{number}"] = (numbers, histograms)
        warnings = reply.json.get("warnings")
        assert found == wanted or warnings, (self.rounds, found)
        return found == wanted and not warnings

    def check(self) -> None:
        wait_for("a complete answer", self.is_right, PATIENCE, pause=0.2)


def test_histograms_are_there_after_a_kill_and_after_a_seal(start_standalone: Callable[..., Standalone]) -> None:
    server = start_standalone(seal_interval="2s")
    sizes = Sizes(server, server)
    for _ in range(5):
        sizes.round()
    sizes.check()
    server.kill()
    server.start()
    sizes.check()
    for _ in range(5):
        sizes.round()
    wait_for("a seal", lambda: server.metric("murmur_engine_head_samples") == 0 and server.metric("murmur_block_files") > 0)
    sizes.check()
    # Some lie in blocks now, the new ones in the log.
    sizes.round()
    sizes.check()
    server.kill()
    server.start()
    sizes.check()


def test_a_hostile_histogram_is_refused_alone_and_ends_nothing(start_standalone: Callable[..., Standalone]) -> None:
    server = start_standalone()
    at = now_ms()
    changes: list[tuple[dict[str, Any], str]] = [
        ({"positive_spans": [{"offset": 0, "length": 2**32 - 1}]}, "out of range"),
        ({"positive_spans": [{"offset": 2**31 - 1, "length": 2}]}, "out of range"),
        ({"positive_spans": [{"offset": -(2**31), "length": 2}] * 3}, "out of range"),
        ({"positive_spans": [{"offset": 0, "length": 1}, {"offset": -1, "length": 1}]}, "negative offset"),
        ({"positive_spans": [{"offset": 0, "length": 0}] * 5000}, "histogram_spans_max"),
        ({"positive_deltas": [2**63 - 1, 2**63 - 1]}, "2^53"), ({"positive_deltas": [2, -3]}, "negative"),
        ({"positive_deltas": [0] * 5000}, "histogram_buckets_max"),
        ({"schema": 52, "positive_spans": [{"offset": 2**31 - 1, "length": 1}, {"offset": 2**31 - 1, "length": 1}]}, "out of range"),
        ({"schema": -128}, "schema -128"), ({"schema": 2**31 - 1}, "schema 2147483647"), ({"schema": -(2**31)}, "schema -2147483648"),
        ({"custom_values": [1.0]}, "custom bounds"), ({"count_int": 2**64 - 1}, "2^53"), ({"zero_threshold": math.nan}, "zero threshold"),
        # Each bucket is small enough, and at the schema that is kept they are one.
        ({"schema": 52, "positive_spans": [{"offset": 1, "length": 2048}], "positive_deltas": [2**53] + 2047 * [0], "count_int": 2**53}, "2^53"),
        ({"count_float": math.nan, **FLOATS}, "its count is not a finite number"), ({"count_float": -1.0, **FLOATS}, "its count is negative"),
        ({"count_float": 2.0, **FLOATS, "positive_counts": [math.inf, 1.0]}, "not a finite number"),
        ({"count_float": 2.0, **FLOATS, "positive_counts": [1.0, math.nan]}, "not a finite number"),
        ({"count_float": 2.0, **FLOATS, "zero_count_float": math.nan}, "its zero count is not a finite number"),
        ({"count_float": 2.0, **FLOATS, "positive_deltas": [1, 1]}, "mixes"),
        ({**CUSTOM, "custom_values": [2.0, 1.0]}, "ascending"), ({**CUSTOM, "custom_values": [1.0, math.nan]}, "ascending"),
        ({**CUSTOM, "custom_values": [1.0, math.inf]}, "ascending"), ({**CUSTOM, "custom_values": []}, "out of range"),
        ({**CUSTOM, "custom_values": [float(bound) for bound in range(5000)]}, "histogram_custom_bounds_max"),
        ({**CUSTOM, "positive_spans": [{"offset": -1, "length": 2}]}, "negative offset"),
        ({**CUSTOM, "negative_spans": [{"offset": 0, "length": 1}], "negative_counts": [1.0]}, "no negative side"),
        ({**CUSTOM, "zero_count_float": 1.0}, "no zero bucket"),
    ]
    for change, reason in changes:
        request = remote_write.write_request([({"__name__": "beside", "instance": "a"}, [(at, 1.0)])])
        entry = request.timeseries.add()
        entry.labels.add(name="__name__", value="hostile")
        entry.labels.add(name="instance", value="a")
        entry.histograms.add(**{**histogram(9, at), **change})
        reply = server.request(
            "POST", "/api/v1/write", body=remote_write.compressed(request), headers=remote_write.HEADERS,
        )
        assert reply.status == 400 and reply.text.startswith('1 rejected, 1 samples stored: series 1: native histogram of hostile{instance="a"}: ')
        assert reason in reply.text, (change, reply.text)
        at += 1
    assert server.query("hostile") == []
    assert server.query("count_over_time(beside[1h])", at=at / 1000)[0]["value"][1] == str(len(changes))


def test_histograms_are_refused_where_they_are_turned_off_and_numbers_beside_them_stored(start_standalone: Callable[..., Standalone]) -> None:
    server = start_standalone(native_histograms=False)
    at = now_ms()
    request = remote_write.write_request([({"__name__": "beside", "instance": "a"}, [(at, 1.0)])])
    entry = request.timeseries.add()
    entry.labels.add(name="__name__", value="sizes")
    entry.histograms.add(**histogram(9, at))
    reply = server.request("POST", "/api/v1/write", body=remote_write.compressed(request), headers=remote_write.HEADERS)
    assert reply.status == 400 and "native-histograms is off" in reply.text, reply.text
    assert server.query("sizes", at=at / 1000) == [] and len(server.query("beside", at=at / 1000)) == 1


def test_remote_read_answers_histograms_as_they_were_pushed(start_standalone: Callable[..., Standalone]) -> None:
    server = start_standalone()
    at = now_ms() - 10_000
    request = remote_write.messages()["prometheus.WriteRequest"]()
    pushed: list[dict[str, Any]] = [
        histogram(9, at), {**histogram(12, at + 1000), "reset_hint": 3, "zero_count_int": 2, "negative_spans": [{"offset": -1, "length": 1}], "negative_deltas": [1],
        "count_int": 15}, {"count_float": 2.5, "sum": 1.0, **FLOATS, "positive_counts": [1.5, 1.0], "timestamp": at + 2000},
        # Whole counts, but not those of an integer histogram, whose buckets would have to add up.
        {"count_float": 7.0, "sum": 1.0, **FLOATS, "timestamp": at + 3000}, {**CUSTOM, "count_float": 2.5, "positive_counts": [1.5, 1.0], "timestamp": at + 4000},
    ]
    for fields in pushed:
        entry = request.timeseries.add()
        entry.labels.add(name="__name__", value="sizes")
        entry.histograms.add(**fields)
        entry.samples.add(value=1.0, timestamp=fields["timestamp"] + 500)
    reply = server.request("POST", "/api/v1/write", body=remote_write.compressed(request), headers=remote_write.HEADERS)
    assert reply.status == 204, reply.text

    question = remote_write.messages()["prometheus.ReadRequest"]()
    query = question.queries.add(start_timestamp_ms=at, end_timestamp_ms=at + 60_000)
    query.matchers.add(name="__name__", value="sizes")
    reply = server.request("POST", "/api/v1/read", body=remote_write.compressed(question))
    assert reply.status == 200 and reply.headers["content-type"] == "application/x-protobuf", reply.text
    answer = remote_write.messages()["prometheus.ReadResponse"].FromString(bytes(cramjam.snappy.decompress_raw(reply.body)))
    (series,) = answer.results[0].timeseries
    assert [sample.timestamp for sample in series.samples] == [at + 500 + step * 1000 for step in range(len(pushed))]
    # A side without buckets has no counts, and what is 0 is told or left out.
    sent = [remote_write.messages()["prometheus.Histogram"](**fields) for fields in pushed]
    for one, other in zip(series.histograms, sent, strict=True):
        for kind in ("zero_count_int", "zero_count_float"):
            if not getattr(one, kind) and not getattr(other, kind):
                one.ClearField(kind)
                other.ClearField(kind)
        assert one == other


def test_histograms_survive_the_loss_of_an_aggregator_and_move_to_one_that_joins(start_node: Callable[..., Node]) -> None:
    first = start_node("aggregator", "aggregator-1", replication_factor=2)
    router = start_node("router", "router-1", join=first.cluster)
    coordinator = start_node("coordinator", "coordinator-1", join=first.cluster)
    second = start_node("aggregator", "aggregator-2", join=first.cluster)
    sizes = Sizes(router, coordinator)
    for _ in range(4):
        sizes.round()
    # What the two have is copied by the third; then one of them is gone, and what it alone was asked for is with another.
    third = start_node("aggregator", "aggregator-3", join=first.cluster)
    sizes.round()
    wait_until_settled([first, second, third])
    sizes.check()
    second.kill()
    for _ in range(4):
        sizes.round()
    sizes.check()


def test_a_sum_of_more_buckets_than_a_sample_may_have_is_answered_from_several_aggregators(start_node: Callable[..., Node]) -> None:
    first = start_node("aggregator", "aggregator-1")
    router = start_node("router", "router-1", join=first.cluster)
    coordinator = start_node("coordinator", "coordinator-1", join=first.cluster)
    second = start_node("aggregator", "aggregator-2", join=first.cluster)
    wait_until_settled([first, second])
    series, buckets, at = 60, 160, now_ms()
    request = remote_write.messages()["prometheus.WriteRequest"]()
    for number in range(series):
        entry = request.timeseries.add()
        entry.labels.add(name="__name__", value="wide")
        entry.labels.add(name="instance", value=f"web-{number}")
        spans = [{"offset": number * buckets, "length": buckets}]
        entry.histograms.add(count_int=buckets, sum=1.0, schema=8, positive_spans=spans, positive_deltas=[1] + (buckets - 1) * [0], timestamp=at)
    body = remote_write.compressed(request)
    wait_for("an acknowledgement", lambda: router.request("POST", "/api/v1/write", body=body, headers=remote_write.HEADERS).status == 204, PATIENCE)

    def answer(query: str) -> Any:
        reply = coordinator.get("/api/v1/query", {"query": query, "time": at / 1000})
        return reply.json["data"]["result"] if reply.status == 200 and not reply.json.get("warnings") else None

    wait_for("all series", lambda: answer("count(wide)") == [{"metric": {}, "value": [at / 1000, str(series)]}], PATIENCE)
    (whole,) = answer("sum(wide)")
    assert len(whole["histogram"][1]["buckets"]) == series * buckets
    assert whole["histogram"][1]["count"] == str(series * buckets)


@pytest.mark.parametrize("copies", [1, 2])
def test_a_cluster_from_before_histograms_refuses_them_for_now_and_takes_the_same_push_when_it_is_upgraded(start_node: Callable[..., Node], copies: int) -> None:
    first = start_node("aggregator", "aggregator-1", replication_factor=copies, withhold_feature="histograms")
    aggregators = [first] + [
        start_node("aggregator", f"aggregator-{number}", join=first.cluster, withhold_feature="histograms") for number in range(2, copies + 1)
    ]
    router = start_node("router", "router-1", join=first.cluster)
    coordinator = start_node("coordinator", "coordinator-1", join=first.cluster)
    wait_until_settled(aggregators, copies)
    at = now_ms()
    mixed = remote_write.write_request([({"__name__": "beside", "instance": "a"}, [(at, 1.0)])])
    entry = mixed.timeseries.add()
    entry.labels.add(name="__name__", value="sizes")
    entry.labels.add(name="instance", value="a")
    entry.histograms.add(**histogram(9, at))
    numbers = remote_write.compressed(remote_write.write_request([({"__name__": "alone", "instance": "a"}, [(at, 1.0)])]))

    def push(body: bytes) -> Reply:
        return router.request("POST", "/api/v1/write", body=body, headers=remote_write.HEADERS)

    wait_for("numbers are taken", lambda: push(numbers).status == 204, PATIENCE)
    for _ in range(2):
        reply = push(remote_write.compressed(mixed))
        assert reply.status == 503 and "takes no native histograms until its program is upgraded" in reply.text, (reply.status, reply.text)
        assert int(reply.headers["retry-after"]) >= 1
    # Numbers go on beside them.
    assert push(numbers).status == 204
    assert coordinator.query("count(alone)", at=at / 1000)[0]["value"][1] == "1"
    assert coordinator.query("sizes", at=at / 1000) == []
    for aggregator in aggregators:
        assert aggregator.stop() == 0
        del aggregator.settings["withhold_feature"]
        aggregator.start()
    wait_for("the push that was refused", lambda: push(remote_write.compressed(mixed)).status == 204, PATIENCE)
    wait_until_settled(aggregators, copies)
    assert coordinator.query("sizes", at=at / 1000)[0]["histogram"][1]["count"] == "9"
    assert coordinator.query("count_over_time(sizes[1h]) + count_over_time(beside[1h])", at=at / 1000)[0]["value"][1] == "2"


def test_a_member_from_before_histograms_gets_them_when_it_is_upgraded(start_node: Callable[..., Node]) -> None:
    first = start_node("aggregator", "aggregator-1", replication_factor=2)
    router = start_node("router", "router-1", join=first.cluster)
    coordinator = start_node("coordinator", "coordinator-1", join=first.cluster)
    second = start_node("aggregator", "aggregator-2", join=first.cluster)
    third = start_node("aggregator", "aggregator-3", join=first.cluster, withhold_feature="histograms")
    wait_until_settled([first, second, third])
    sizes = Sizes(router, coordinator)
    sizes.round()
    # The other two log what the third one would, and owe it.
    wait_for("a debt", lambda: first.metric("murmur_movement_batches_owed") + second.metric("murmur_movement_batches_owed") > 0, PATIENCE)
    assert third.metric("murmur_engine_head_samples") == 0
    assert third.stop() == 0
    del third.settings["withhold_feature"]
    third.start()
    wait_until_settled([first, second, third])
    assert third.metric("murmur_engine_head_samples") > 0
    second.kill()
    sizes.check()
