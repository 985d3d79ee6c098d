"""The Prometheus HTTP API over the whole path: methods, time formats, envelopes, errors."""

import json
import urllib.parse

import pytest

from harness.murmur import Standalone, now_ms

TENANT = "api-test"


@pytest.fixture(scope="module")
def base(shared_standalone: Standalone) -> int:
    """A minute of samples of three series; returns the time of the last, in whole seconds."""
    end = now_ms() // 1000 - 30
    series = [
        ({"__name__": "requests_total", "instance": host, "code": code}, [((end - 60 + n) * 1000, float(rate * n)) for n in range(61)])
        for host, code, rate in (("a", "200", 10), ("a", "500", 1), ("b", "200", 5))
    ]
    assert shared_standalone.push_series(series, TENANT).status == 204
    return end


def post_form(server: Standalone, path: str, parameters: dict[str, str]):
    """A form POST."""
    return server.request(
        "POST", path, body=urllib.parse.urlencode(parameters).encode(), tenant=TENANT,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )


def test_rates_and_sums_are_exact(shared_standalone, base):
    # Left-open window of 10 s: samples at base-9 … base, extrapolated to the window as Prometheus does.
    result = shared_standalone.query("sum by (instance) (rate(requests_total[10s]))", base, TENANT)
    assert {entry["metric"]["instance"]: float(entry["value"][1]) for entry in result} == pytest.approx({"a": 11.0, "b": 5.0})
    result = shared_standalone.query_range('count_over_time(requests_total{code="500"}[5s])', base - 20, base, 5, TENANT)
    assert [value for _, value in result[0]["values"]] == ["5"] * 5, "ranges are left-open"


def test_get_and_form_post_answer_alike(shared_standalone, base):
    for path, parameters in (
        ("/api/v1/query", {"query": "requests_total", "time": str(base)}),
        ("/api/v1/query_range", {"query": "requests_total", "start": str(base - 10), "end": str(base), "step": "2"}),
        ("/api/v1/series", {"match[]": "requests_total"}),
        ("/api/v1/labels", {"match[]": "requests_total"}),
    ):
        assert shared_standalone.get(path, parameters, TENANT).json == post_form(shared_standalone, path, parameters).json


def test_times_may_be_unix_or_rfc3339_and_steps_durations(shared_standalone, base):
    import datetime

    text = datetime.datetime.fromtimestamp(base, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    by_number = shared_standalone.data("/api/v1/query", {"query": "requests_total", "time": base}, TENANT)
    by_text = shared_standalone.data("/api/v1/query", {"query": "requests_total", "time": text}, TENANT)
    assert by_number == by_text
    parameters = {"query": "requests_total", "start": base - 30, "end": base}
    by_number = shared_standalone.data("/api/v1/query_range", {**parameters, "step": 15}, TENANT)
    assert by_number == shared_standalone.data("/api/v1/query_range", {**parameters, "step": "15s"}, TENANT)
    assert by_number["resultType"] == "matrix"


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/api/v1/query", {}),
        ("/api/v1/query", {"query": "requests_total{"}),
        ("/api/v1/query", {"query": "rate(requests_total)"}),
        ("/api/v1/query", {"query": "requests_total", "time": "yesterday"}),
        ("/api/v1/query_range", {"query": "requests_total", "start": "1", "end": "2"}),
        ("/api/v1/query_range", {"query": "requests_total", "start": "2", "end": "1", "step": "1"}),
        ("/api/v1/query_range", {"query": "requests_total", "start": "1", "end": "2", "step": "0"}),
        ("/api/v1/query_range", {"query": "requests_total", "start": "0", "end": "100000", "step": "1"}),
        ("/api/v1/query_range", {"query": "requests_total[5m]", "start": "1", "end": "2", "step": "1"}),
        ("/api/v1/series", {}),
        ("/api/v1/series", {"match[]": "{}"}),
        ("/api/v1/labels", {"match[]": "nonsense("}),
    ],
)
def test_bad_questions_are_bad_data(shared_standalone, path, parameters):
    reply = shared_standalone.get(path, parameters, TENANT)
    assert reply.status == 400, reply.text
    answer = reply.json
    assert answer["status"] == "error" and answer["errorType"] == "bad_data" and answer["error"]


def test_unknown_paths_and_methods_are_errors(shared_standalone):
    assert shared_standalone.get("/api/v1/nothing").status == 404
    assert shared_standalone.request("DELETE", "/api/v1/query").status in (404, 405)
    assert shared_standalone.get("/api/v1/live").status == 426


@pytest.mark.parametrize("path", ["/nope", "/nope/deep", "/server/instance/a", "/explore", "/styles/", "/nope.js"])
def test_a_path_that_names_no_file_is_not_found(shared_standalone, path):
    page = shared_standalone.request("GET", path, headers={"Accept": "text/html,*/*;q=0.8"})
    assert page.status == 404 and '<a href="/">' in page.text
    line = shared_standalone.get(path)
    assert line.status == 404 and "<" not in line.text and line.text.endswith("the web application is at /\n")


def test_one_request_names_one_tenant(shared_standalone, base):
    for path, form in [("/api/v1/query?tenant=left", {"query": "1", "tenant": "right"}), ("/api/v1/series?tenant=left", {"tenant": "right"})]:
        reply = post_form(shared_standalone, path, form)
        assert reply.status == 400 and reply.json["errorType"] == "bad_data"
        assert '"left"' in reply.json["error"] and '"right"' in reply.json["error"]
    for path in ["/api/v1/query?query=1&tenant=left", "/api/v1/servers?tenant=left"]:
        assert shared_standalone.get(path, tenant="left").status == 200
        reply = shared_standalone.get(path, tenant="right")
        assert reply.status == 400 and '"left"' in reply.json["error"] and '"right"' in reply.json["error"]
    element = b'{"server_id":1,"metric_type":"of_one_tenant","value":1}'
    refused = shared_standalone.request("POST", "/api/metrics?tenant=left", body=element, tenant="right")
    assert refused.status == 400 and '"left"' in refused.json["error"] and '"right"' in refused.json["error"]
    for tenant in ("left", "right"):
        assert shared_standalone.query("of_one_tenant", tenant=tenant) == []


def test_experimental_parts_of_the_language_are_behind_settings(shared_standalone, start_standalone, tmp_path, base):
    for query, setting in [
        ("limitk(1, up)", "promql-experimental-functions"), ("mad_over_time(up[5m])", "promql-experimental-functions"),
        ("up[5m * 2]", "promql-duration-expressions"),
    ]:
        reply = shared_standalone.get("/api/v1/query", {"query": query})
        assert reply.status == 400 and reply.json["errorType"] == "bad_data" and setting in reply.json["error"], reply.text
    file = tmp_path / "settings.yaml"
    file.write_text("promql-experimental-functions: true\npromql-duration-expressions: true\n")
    server = start_standalone(config=file)
    elements = [{"server_id": server_id, "metric_type": "up", "value": 1} for server_id in (1, 2, 3)]
    assert server.push_json(elements).status == 204
    assert len(server.query("limitk(2, up)")) == 2
    assert [entry["value"][1] for entry in server.query("mad_over_time(up[1m * 5])")] == ["0"] * 3
    assert len(server.query("limit_ratio(0.5, up) or limit_ratio(-0.5, up)")) == 3
    assert len(server.query("info(up)")) == 3


def test_labels_values_and_series(shared_standalone, base):
    assert shared_standalone.data("/api/v1/label/code/values", {"match[]": 'requests_total{instance="a"}'}, TENANT) == ["200", "500"]
    assert set(shared_standalone.data("/api/v1/labels", tenant=TENANT)) >= {"__name__", "code", "instance"}
    found = shared_standalone.data("/api/v1/series", [("match[]", 'requests_total{code=~"5.."}'), ("match[]", 'requests_total{instance!="a"}')], TENANT)
    assert sorted((entry["instance"], entry["code"]) for entry in found) == [("a", "500"), ("b", "200")]


def test_build_information(shared_standalone):
    assert shared_standalone.data("/api/v1/status/buildinfo")["version"]


def test_values_keep_every_bit(shared_standalone, base):
    values = [5e-324, 1.7976931348623157e308, -0.0, 0.1 + 0.2, float("inf"), float("-inf"), 1e21, 123456789.123456789]
    series = [({"__name__": "bits", "instance": str(index)}, [(base * 1000, value)]) for index, value in enumerate(values)]
    assert shared_standalone.push_series(series, TENANT).status == 204
    found = {entry["metric"]["instance"]: entry["value"][1] for entry in shared_standalone.query("bits", base, TENANT)}
    for index, value in enumerate(values):
        text = found[str(index)].replace("Inf", "inf")
        assert float(text).hex() == value.hex(), (value, text)


def test_a_stale_marker_ends_a_series(shared_standalone, base):
    import struct

    stale = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
    labels = {"__name__": "goes_away", "instance": "a"}
    assert shared_standalone.push_series([(labels, [((base - 10) * 1000, 1.0), ((base - 5) * 1000, stale)])], TENANT).status == 204
    assert len(shared_standalone.query("goes_away", base - 6, TENANT)) == 1
    assert shared_standalone.query("goes_away", base, TENANT) == []
    assert shared_standalone.query("count_over_time(goes_away[30s])", base, TENANT)[0]["value"][1] == "1"


def test_a_value_written_twice_counts_once_and_the_greater_wins(shared_standalone, base):
    labels = {"__name__": "twice", "instance": "a"}
    for values in ([1.0], [3.0], [2.0], [3.0]):
        assert shared_standalone.push_series([(labels, [(base * 1000, value) for value in values])], TENANT).status == 204
    assert shared_standalone.samples("twice", base * 1000 - 5, base * 1000 + 5, TENANT) == {tuple(sorted(labels.items())): [(base * 1000, "3")]}


def test_what_the_evaluator_cannot_do_says_so(shared_standalone, base):
    reply = shared_standalone.get("/api/v1/query", {"query": "histogram_quantile(0.9, requests_total)", "time": base}, TENANT)
    assert reply.status in (200, 422)
    if reply.status == 422:
        assert reply.json["errorType"] == "execution" and "histogram_quantile" in reply.json["error"]


def test_grafana_finds_its_way(shared_standalone, base):
    """The requests that Grafana's Prometheus data source makes when it is saved and a panel is drawn."""
    assert shared_standalone.data("/api/v1/query", {"query": "1+1", "time": base}, TENANT) == {"resultType": "scalar", "result": [base, "2"]}
    reply = post_form(shared_standalone, "/api/v1/query_range", {"query": "requests_total", "start": str(base - 60), "end": str(base), "step": "15"})
    assert reply.status == 200 and reply.headers["content-type"].startswith("application/json")
    assert json.loads(reply.body)["data"]["result"]
    assert shared_standalone.data("/api/v1/metadata", {"limit": 10}, TENANT) is not None
