"""Ingest over HTTP: what is refused says what was wrong, and what was good in it is stored."""

import json
import time

import cramjam
import pytest

from harness import remote_write
from harness.murmur import Standalone, now_ms


def post(server: Standalone, body: bytes, tenant: str, path: str = "/api/v1/write", **headers: str):
    """A POST with remote write's headers, some of them changed."""
    changed = {name.replace("_", "-"): value for name, value in headers.items()}
    return server.request("POST", path, body=body, tenant=tenant, headers={**remote_write.HEADERS, **changed})


def good_body(name: str) -> bytes:
    """One sample."""
    return remote_write.compressed(remote_write.write_request([({"__name__": name, "instance": "a"}, [(now_ms(), 1.0)])]))


@pytest.mark.parametrize("path", ["/api/v1/write", "/api/v1/push"])
def test_both_paths_take_remote_write(shared_standalone, tenant, path):
    assert post(shared_standalone, good_body("m"), tenant, path).status == 204
    assert len(shared_standalone.query("m", tenant=tenant)) == 1


def test_other_content_is_415(shared_standalone, tenant):
    assert post(shared_standalone, good_body("m"), tenant, Content_Type="text/plain").status == 415
    assert post(shared_standalone, good_body("m"), tenant, Content_Encoding="zstd").status == 415


@pytest.mark.parametrize("body", [b"", b"\x00", b"\xff" * 50, b"\x05hello", cramjam.snappy.compress_raw(b"\xff" * 100)], ids=range(5))
def test_garbage_is_400_and_nothing_else_suffers(shared_standalone, tenant, body):
    reply = post(shared_standalone, bytes(body), tenant)
    # An empty request is one of zero bytes in snappy's format: nothing to store is not an error.
    assert reply.status == 400 or (body == b"\x00" and reply.status == 204), reply
    assert post(shared_standalone, good_body("after"), tenant).status == 204


def test_a_truncated_request_is_400(shared_standalone, tenant):
    body = good_body("m")
    for length in range(1, len(body)):
        assert post(shared_standalone, body[:length], tenant).status == 400, length


def test_a_snappy_bomb_is_413_or_400_at_once(shared_standalone, tenant):
    # A header that promises 4 GiB.
    began = time.monotonic()
    assert post(shared_standalone, b"\xff\xff\xff\xff\x0f" + b"\x00" * 10, tenant).status in (400, 413)
    assert time.monotonic() - began < 5


def test_a_body_over_the_limit_is_413(shared_standalone, tenant):
    reply = None
    try:
        reply = post(shared_standalone, b"\x00" * (200 << 20), tenant)
    except OSError:
        # Refused while it was being sent.
        shared_standalone.client.close()
    assert reply is None or reply.status == 413
    assert shared_standalone.get("/-/ready").status == 200


def test_a_bad_series_is_named_and_the_good_are_stored(shared_standalone, tenant):
    now = now_ms()
    series = [({"__name__": f"good_{n}", "instance": "a"}, [(now, 1.0)]) for n in range(3)]
    series.insert(1, ({"instance": "nameless", "bad-label-name": "x"}, [(now, 1.0)]))
    request = remote_write.write_request(series)
    reply = post(shared_standalone, remote_write.compressed(request), tenant)
    if reply.status == 400:
        assert "3" in reply.text, "how many were stored"
    else:
        # A name with a dash is UTF-8, which newer Prometheus versions allow.
        assert reply.status == 204
    assert len(shared_standalone.query('{__name__=~"good_.*"}', tenant=tenant)) == 3


def test_a_wrong_native_histogram_is_a_clear_400_and_its_neighbours_are_stored(shared_standalone, tenant):
    request = remote_write.write_request([({"__name__": "plain", "instance": "a"}, [(now_ms(), 1.0)])])
    entry = request.timeseries.add()
    entry.labels.add(name="__name__", value="native")
    entry.histograms.add(count_int=3, timestamp=now_ms())
    reply = post(shared_standalone, remote_write.compressed(request), tenant)
    assert reply.status == 400 and "native histogram of native: its count is 3, but its buckets have 0" in reply.text
    assert len(shared_standalone.query("plain", tenant=tenant)) == 1


def test_exemplars_are_kept_and_the_samples_stored(shared_standalone, tenant):
    now = now_ms() // 1000 * 1000
    request = remote_write.write_request([({"__name__": "with_exemplar", "instance": host}, [(now, 1.0)]) for host in "ab"])
    # Prometheus sends exemplars in entries of their own, without samples.
    entry = request.timeseries.add()
    for name, value in (("__name__", "with_exemplar"), ("instance", "a")):
        entry.labels.add(name=name, value=value)
    for age in range(20, 0, -1):
        exemplar = entry.exemplars.add(value=age / 2, timestamp=now - age * 1000)
        exemplar.labels.add(name="trace_id", value=f"t{age}")
    # Sent twice: kept once.
    for _ in range(2):
        assert post(shared_standalone, remote_write.compressed(request), tenant).status == 204
    assert len(shared_standalone.query("with_exemplar", tenant=tenant)) == 2
    query = {"query": 'rate(with_exemplar{instance=~"a|b"}[5m]) > 0', "start": now / 1000 - 100, "end": now / 1000}
    data = shared_standalone.data("/api/v1/query_exemplars", query, tenant)
    assert [entry["seriesLabels"] for entry in data] == [{"__name__": "with_exemplar", "instance": "a"}]
    kept = data[0]["exemplars"]
    assert len(kept) == 16, "the newest 16 of a series"
    assert kept[-1] == {"labels": {"trace_id": "t1"}, "value": "0.5", "timestamp": now / 1000 - 1}
    query["start"] = now / 1000 - 2
    assert len(shared_standalone.data("/api/v1/query_exemplars", query, tenant)[0]["exemplars"]) == 2
    assert shared_standalone.data("/api/v1/query_exemplars", {"query": "other"}, tenant) == []
    assert shared_standalone.data("/api/v1/query_exemplars", {"query": "with_exemplar"}, "nobody") == []


def test_samples_far_in_the_future_or_past_are_refused_with_a_reason(shared_standalone, tenant):
    for timestamp in (now_ms() + 86_400_000, 1):
        body = remote_write.compressed(remote_write.write_request([({"__name__": "m", "instance": "a"}, [(timestamp, 1.0)])]))
        reply = post(shared_standalone, body, tenant)
        assert reply.status == 400 and reply.text


def test_json_push_stores_labels_unit_and_time(shared_standalone, tenant):
    now = time.time()
    elements = [
        {"server_id": 1, "metric_type": "cpu", "value": 42.5, "unit": "%"},
        {"server_id": "web-2", "metric_type": "cpu", "value": 7, "tags": {"core": "0"}, "timestamp": now - 5},
        {"server_id": "web-3", "metric_type": "cpu", "value": 8, "timestamp": int((now - 5) * 1000)},
    ]
    assert shared_standalone.push_json(elements, tenant).status == 204
    found = {entry["metric"]["server_id"]: entry for entry in shared_standalone.query("cpu", tenant=tenant)}
    assert found["1"]["metric"] == {"__name__": "cpu", "server_id": "1"} and found["1"]["value"][1] == "42.5"
    assert found["web-2"]["metric"]["core"] == "0"
    stored = shared_standalone.samples('cpu{server_id="web-3"}', now_ms() - 60_000, now_ms(), tenant)
    assert [[timestamp for timestamp, _ in samples] for samples in stored.values()] == [[int((now - 5) * 1000)]]
    assert shared_standalone.data("/api/v1/metadata", {"metric": "cpu"}, tenant)["cpu"][0]["unit"] == "%"


@pytest.mark.parametrize("shape", ["object", "array", "lines"])
def test_json_push_takes_one_many_or_lines(shared_standalone, tenant, shape):
    element = {"server_id": "a", "metric_type": "m", "value": 1}
    text = {"object": json.dumps(element), "array": json.dumps([element, {**element, "server_id": "b"}]),
            "lines": json.dumps(element) + "\n" + json.dumps({**element, "server_id": "b"}) + "\n"}[shape]
    reply = shared_standalone.request("POST", "/api/metrics", body=text.encode(), tenant=tenant, headers={"Content-Type": "application/json"})
    assert reply.status == 204, reply
    assert len(shared_standalone.query("m", tenant=tenant)) == (1 if shape == "object" else 2)


def test_a_bad_json_element_is_named_by_its_index_and_the_good_are_kept(shared_standalone, tenant):
    elements: list = [{"server_id": f"s-{n}", "metric_type": "m", "value": n} for n in range(51)]
    elements[25] = {"server_id": "bad", "metric_type": "m", "value": "not a number"}
    reply = shared_standalone.push_json(elements, tenant)
    assert reply.status == 400
    answer = reply.json
    assert answer["stored"] == 50 and answer["error"]
    assert [entry["index"] for entry in answer["rejected"]] == [25] and answer["rejected"][0]["error"]
    assert len(shared_standalone.query("m", tenant=tenant)) == 50


@pytest.mark.parametrize(
    "bad",
    [
        {}, {"server_id": "a", "metric_type": "m"}, {"metric_type": "m", "value": 1}, {"server_id": "a", "value": 1},
        {"server_id": "a", "metric_type": "", "value": 1}, {"server_id": "a", "metric_type": "m", "value": None},
        {"server_id": "a", "metric_type": "m", "value": 1, "timestamp": "soon"}, {"server_id": "a", "metric_type": "m", "value": 1, "tags": 3},
        7, "text", None, [],
    ],
    ids=str,
)
def test_each_kind_of_bad_json_element_is_refused(shared_standalone, tenant, bad):
    good = {"server_id": "good", "metric_type": "good", "value": 1}
    reply = shared_standalone.push_json([good, bad], tenant)
    assert reply.status == 400, reply
    assert reply.json["stored"] == 1 and [entry["index"] for entry in reply.json["rejected"]] == [1]
    assert len(shared_standalone.query("good", tenant=tenant)) == 1


def test_json_that_is_none_is_400(shared_standalone, tenant):
    for text in (b"", b"{", b"[1", b"nonsense", b"\xff\xfe"):
        reply = shared_standalone.request("POST", "/api/metrics", body=text, tenant=tenant, headers={"Content-Type": "application/json"})
        assert reply.status == 400, (text, reply)


def test_an_idempotency_key_makes_a_retry_the_same_sample(shared_standalone, tenant):
    element = {"server_id": "a", "metric_type": "retried", "value": 1}
    for _ in range(3):
        assert shared_standalone.push_json([element], tenant, headers={"Idempotency-Key": "one-push"}).status == 204
    assert shared_standalone.query("count_over_time(retried[5m])", tenant=tenant)[0]["value"][1] == "1"


def test_what_is_not_json_is_said_so(shared_standalone, tenant):
    reply = shared_standalone.request(
        "POST", "/api/metrics", body=b"not json", tenant=tenant, headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert reply.status == 400 and reply.json["stored"] == 0
    assert reply.json["rejected"] == [{"index": 0, "error": 'not JSON: "not" is no JSON value: text stands in double quotes, at byte 0'}]


def test_an_array_that_is_not_json_is_answered_in_json(shared_standalone, tenant):
    reply = shared_standalone.request("POST", "/api/metrics", body=b"[{},", tenant=tenant)
    assert reply.status == 400 and reply.json["stored"] == 0 and reply.json["rejected"] == []
    assert reply.json["error"].startswith("not JSON: "), reply.text


def test_lines_of_one_series_in_one_push_are_one_sample_unless_they_carry_times(shared_standalone, tenant):
    at = now_ms() // 1000 * 1000
    line = '{"server_id":1,"metric_type":"%s","value":%d%s}'
    unstamped = [line % ("unstamped", value, "") for value in (2, 7, 5)]
    stamped = [line % ("stamped", value, f',"timestamp":{at - index}') for index, value in enumerate((2, 7, 5))]
    reply = shared_standalone.request("POST", "/api/metrics", body="\n".join(unstamped + stamped).encode(), tenant=tenant)
    assert reply.status == 204, reply.text
    [(_, found)] = shared_standalone.samples("unstamped", at - 60_000, at + 60_000, tenant).items()
    assert [value for _, value in found] == ["7"]
    [(_, found)] = shared_standalone.samples("stamped", at - 60_000, at + 60_000, tenant).items()
    assert found == [(at - 2, "5"), (at - 1, "7"), (at, "2")]
