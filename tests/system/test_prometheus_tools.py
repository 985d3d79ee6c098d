"""Prometheus' own tools against a Murmuration: promtool, a Prometheus that reads remotely, one that federates; and what Grafana asks."""

import gzip
import json
import os
import pathlib
import subprocess
import zlib
from typing import Any, Iterator

import pytest

from harness import remote_write
from harness.http import HTTPClient
from harness.murmur import Standalone, now_ms
from harness.ports import free_port
from harness.prometheus import running_prometheus
from harness.waiting import DEADLINE_SECONDS, wait_for

# promtool cannot name a tenant: these tests use the default one, and metric names of their own.
METRIC = "tools_requests_total"


@pytest.fixture(scope="module")
def base(shared_standalone: Standalone) -> int:
    """Ten minutes of samples of four series, each 5 s; returns the time of the last in whole seconds."""
    end = now_ms() // 5000 * 5 - 10
    series = [
        ({"__name__": METRIC, "instance": host, "code": code}, [((end - 600 + n * 5) * 1000, float(rate * n)) for n in range(121)])
        for host, code, rate in (("a", "200", 10), ("a", "500", 1), ("b", "200", 5), ("b", "500", 0.25))
    ]
    metadata = [{"type": 1, "metric_family_name": METRIC, "help": "Requests.", "unit": ""}]
    assert shared_standalone.push_series(series, metadata=metadata).status == 204
    return end


def promtool(*arguments: str) -> str:
    """What promtool prints; a failure is one of the test."""
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=DEADLINE_SECONDS)
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return done.stdout


def test_promtool_queries(shared_standalone, base):
    url = shared_standalone.url
    out = promtool("query", "instant", f"--time={base}", url, f"sum by (instance) (rate({METRIC}[1m]))")
    assert out.splitlines() == [f'{{instance="a"}} => 2.2 @[{base}]', f'{{instance="b"}} => 1.05 @[{base}]']
    out = promtool("query", "range", f"--start={base - 60}", f"--end={base}", "--step=30s", url, f'{METRIC}{{code="500",instance="a"}}')
    assert out.splitlines()[0].startswith(METRIC) and [line.split(" ")[0] for line in out.splitlines()[1:] if line] == ["108", "114", "120"]
    out = promtool("query", "series", f'--match={METRIC}{{code="500"}}', f"--start={base - 60}", f"--end={base}", url)
    assert len(out.splitlines()) == 2 and 'instance="a"' in out
    assert promtool("query", "labels", f"--match={METRIC}", url, "instance").split() == ["a", "b"]
    out = json.loads(promtool("query", "-o", "json", "instant", f"--time={base}", url, f"count({METRIC})"))
    assert out[0]["value"][1] == "4"


def test_promtool_sees_the_error(shared_standalone, base):
    done = subprocess.run(["promtool", "query", "instant", shared_standalone.url, "sum("], capture_output=True, text=True, timeout=DEADLINE_SECONDS)
    assert done.returncode != 0 and "parse error" in done.stdout + done.stderr


def test_promtool_finds_no_fault_in_the_federation(shared_standalone, base):
    reply = shared_standalone.get("/federate", {"match[]": f'{{__name__=~"{METRIC}|murmur_.*"}}'})
    assert reply.status == 200
    done = subprocess.run(["promtool", "check", "metrics"], input=reply.text, capture_output=True, text=True, timeout=DEADLINE_SECONDS)
    assert "error while linting" not in done.stderr, done.stderr


@pytest.fixture(scope="module")
def prometheus(shared_standalone: Standalone, base: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HTTPClient]:
    """A Prometheus without data of its own that reads remotely and scrapes the federation."""
    directory = tmp_path_factory.mktemp("reader")
    port = free_port()
    configuration = f"""
global: {{scrape_interval: 1s}}
remote_read:
  - url: {shared_standalone.url}/api/v1/read
    read_recent: true
scrape_configs:
  - job_name: federation
    honor_labels: true
    metrics_path: /federate
    params: {{"match[]": ['{{__name__="tools_federated"}}']}}
    static_configs: [{{targets: ["{shared_standalone.http}"]}}]
"""
    with running_prometheus(directory, configuration, port, program=os.environ.get("PROMETHEUS", "prometheus")) as client:
        yield client


def test_a_prometheus_reads_what_is_stored(prometheus, shared_standalone, base):
    """Its remote read asks for streamed chunks; the samples are ours to the last."""
    for expression in (f"{METRIC}[10m]", f'{METRIC}{{code!="200"}}[90s]', f'{METRIC}{{instance=~"a|c"}}[1m]'):
        answer = prometheus.request("GET", "/api/v1/query", {"query": expression, "time": base + 1}).json
        assert answer["status"] == "success" and not answer.get("warnings"), answer
        theirs = {json.dumps(entry["metric"], sort_keys=True): entry["values"] for entry in answer["data"]["result"]}
        ours = {json.dumps(entry["metric"], sort_keys=True): entry["values"] for entry in shared_standalone.query(expression, base + 1)}
        assert theirs == ours and ours


def push_sizes(server: Standalone, base: int) -> None:
    """Five minutes of histograms: integer ones, some among numbers, float ones with resets, gauges, custom bounds."""
    request = remote_write.messages()["prometheus.WriteRequest"]()
    for host in "abcde":
        entry = request.timeseries.add()
        entry.labels.add(name="__name__", value="tools_sizes")
        entry.labels.add(name="instance", value=host)
        for number in range(60):
            at = (base - 300 + number * 5) * 1000
            counts = [0.5 + number % 20, 1.0 + number % 20 + number % 3]
            floats = {"count_float": sum(counts), "sum": 0.5 * number, "positive_counts": counts, "timestamp": at}
            spans = [{"offset": -3, "length": 1}, {"offset": 4 + number // 40, "length": 1}]
            if host == "b" and number % 3 == 0:
                entry.samples.add(value=number, timestamp=at)
            elif host in "ab":
                entry.histograms.add(
                    count_int=number + 6, sum=0.5 * number, schema=2, zero_threshold=0.001, zero_count_int=2,
                    negative_spans=[{"offset": 0, "length": 1}], negative_deltas=[1], positive_spans=spans, positive_deltas=[3, number - 3], timestamp=at,
                )
            elif host == "e":
                entry.histograms.add(schema=-53, custom_values=[0.25, 1e9 / 3], positive_spans=[{"offset": 1, "length": 2}], **floats)
            else:
                entry.histograms.add(schema=-1, zero_threshold=0.5, positive_spans=spans, reset_hint=3 if host == "d" else 0, **floats)
    reply = server.request("POST", "/api/v1/write", body=remote_write.compressed(request), headers=remote_write.HEADERS)
    assert reply.status == 204, reply.text


def test_a_prometheus_reads_native_histograms(prometheus, shared_standalone, base):
    """Debian's 2.42 does not read them remotely: of it the numbers beside them are looked at. `PROMETHEUS` may name a newer one."""
    push_sizes(shared_standalone, base)
    version = prometheus.request("GET", "/api/v1/status/buildinfo").json["data"]["version"]
    kinds = ["values"] if version.startswith("2.42.") else ["value", "values", "histogram", "histograms"]

    def by_series(result: list[dict[str, Any]]) -> dict[str, Any]:
        found = {json.dumps(entry["metric"], sort_keys=True): [entry.get(kind) for kind in kinds] for entry in result}
        return {metric: values for metric, values in found.items() if any(values)}

    expressions = ["tools_sizes[5m]"]
    if len(kinds) > 1:
        expressions += ["tools_sizes", 'increase(tools_sizes{instance=~"[ace]"}[3m])', 'histogram_quantile(0.9, rate(tools_sizes{instance="a"}[2m]))']
        expressions += ['resets(tools_sizes{instance=~"[ac]"}[5m])', 'sum(tools_sizes{instance!="e"})']
    for expression in expressions:
        answer = prometheus.request("GET", "/api/v1/query", {"query": expression, "time": base - 5}).json
        assert answer["status"] == "success" and not answer.get("warnings"), answer
        theirs, ours = by_series(answer["data"]["result"]), by_series(shared_standalone.query(expression, base - 5))
        assert theirs == ours and ours, expression


def test_a_prometheus_federates(prometheus, shared_standalone):
    def value() -> bool:
        element = {"server_id": "s", "metric_type": "tools_federated", "value": 7.5}
        assert shared_standalone.push_json(element).status == 204
        found = prometheus.request("GET", "/api/v1/query", {"query": 'count_over_time(tools_federated{server_id="s"}[30s])'}).json
        return bool(found["data"]["result"])

    wait_for("the federated series", value, pause=0.5)


def test_layouts_are_those_of_prometheus(prometheus, shared_standalone):
    """Debian's Prometheus is 2.42; the layout has not changed since for queries that both know."""
    queries = [
        'sum by(b,a)(rate(m{z="1",a="2"}[5m] offset 1m))', "-a ^ 2 + b * c / d % 3", "(((x)))", "+x - -(y)",
        'topk without (x) (2, some_metric_name_that_is_long{job="x",instance=~"y.*"}) / on(job, instance) '
        'group_left(version) build_info_with_long_name{job!="z"}',
        "histogram_quantile(0.9, sum by (le, job) (rate(http_request_duration_seconds_bucket"
        '{job="api-server",code!~"5.."}[5m] @ end())))',
        "max_over_time(rate(one_metric_name_that_is_long_enough_for_a_line_break"
        '{job="api"}[5m])[1h:1m] offset 5m) > bool 10 or vector(1)',
        "max_over_time(m[1h:1m]) + 123456 + "
        'some_metric_name_that_is_long{job="x",instance=~"y.*"} + another_long_metric_name',
        'label_replace(up{job="api-server",service="a:c"}, "foo", "$1", "service", "(.*):.*") '
        'unless ignoring(foo) label_join(x, "a", "-", "b", "c")',
        '"a string \\n with \\"quotes\\" é"', "foo[1w] offset -1d", "quantile(0.9, x) * ignoring(a) group_right () y",
        'absent(nonexistent{a="b",c=~"d"}) + count_values("v", x)', "a and on () b or c unless on (x) d", "foo @ 1.5",
    ]
    for query in queries:
        ours = shared_standalone.data("/api/v1/format_query", {"query": query})
        theirs = prometheus.request("GET", "/api/v1/format_query", {"query": query}).json["data"]
        assert ours == theirs, query
        assert shared_standalone.data("/api/v1/format_query", {"query": ours}) == ours


def test_parse_query_answers_the_tree(shared_standalone):
    tree = shared_standalone.data("/api/v1/parse_query", {"query": 'sum by (a) (rate(m{b="c"}[5m])) > 1'})
    assert tree["type"] == "binaryExpr" and tree["lhs"]["type"] == "aggregation" and tree["lhs"]["grouping"] == ["a"]
    assert tree["lhs"]["expr"]["args"][0]["range"] == 300_000
    reply = shared_standalone.get("/api/v1/parse_query", {"query": "sum("})
    assert reply.status == 400 and reply.json["errorType"] == "bad_data"


# Grafana's documentation of its Prometheus data source: health check, editor, variables, dashboards, exemplars, alert list.
GRAFANA = [
    ("POST", "/api/v1/query", {"query": "1+1", "time": "{end}"}),
    ("GET", "/api/v1/status/buildinfo", {}),
    ("POST", "/api/v1/labels", {"start": "{start}", "end": "{end}"}),
    ("GET", "/api/v1/label/__name__/values", {"start": "{start}", "end": "{end}", "limit": "40000"}),
    ("GET", "/api/v1/label/instance/values", {"match[]": METRIC, "start": "{start}", "end": "{end}"}),
    ("POST", "/api/v1/series", {"match[]": f'{METRIC}{{code="200"}}', "start": "{start}", "end": "{end}", "limit": "1"}),
    ("GET", "/api/v1/metadata", {"limit": "1000", "metric": METRIC}),
    ("POST", "/api/v1/query_range", {"query": f"rate({METRIC}[1m])", "start": "{start}", "end": "{end}", "step": "15"}),
    ("POST", "/api/v1/query_exemplars", {"query": METRIC, "start": "{start}", "end": "{end}"}),
    ("GET", "/api/v1/rules", {}),
    ("GET", "/api/v1/alerts", {}),
    ("GET", "/api/v1/parse_query", {"query": METRIC}),
    ("GET", "/api/v1/format_query", {"query": METRIC}),
]


@pytest.mark.parametrize("method, path, parameters", GRAFANA, ids=[f"{method} {path}" for method, path, _ in GRAFANA])
def test_what_grafana_asks_is_answered(shared_standalone, base, method, path, parameters):
    import urllib.parse

    filled = {name: value.format(start=base - 300, end=base) if value in ("{start}", "{end}") else value for name, value in parameters.items()}
    body = urllib.parse.urlencode(filled).encode() if method == "POST" else None
    headers = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
    # Grafana's data proxy asks for gzip always.
    reply = shared_standalone.request(method, path, None if body else filled, body, headers={**headers, "Accept-Encoding": "gzip"})
    text = gzip.decompress(reply.body) if reply.headers.get("content-encoding") == "gzip" else reply.body
    answer = json.loads(text)
    assert reply.status == 200 and answer["status"] == "success", answer
    assert "data" in answer
    if path == "/api/v1/series":
        assert len(answer["data"]) == 1 and answer["warnings"] == ["results truncated due to limit"]


def test_answers_are_compressed_for_those_who_ask(shared_standalone, base):
    parameters = {"query": METRIC, "start": base - 600, "end": base, "step": 1}
    plain = shared_standalone.get("/api/v1/query_range", parameters)
    assert "content-encoding" not in plain.headers and len(plain.body) > 40_000
    for coding, unpack in (("gzip", gzip.decompress), ("deflate", zlib.decompress)):
        packed = shared_standalone.request("GET", "/api/v1/query_range", parameters, headers={"Accept-Encoding": coding})
        assert packed.headers["content-encoding"] == coding and len(packed.body) < len(plain.body) / 4
        assert unpack(packed.body) == plain.body


def test_statistics_count_what_was_looked_at(shared_standalone, base):
    parameters = {"query": f"sum(rate({METRIC}[1m]))", "start": base - 60, "end": base, "step": 30, "stats": "all"}
    stats = shared_standalone.data("/api/v1/query_range", parameters)["stats"]
    assert stats["samples"]["totalQueryableSamplesPerStep"] == [[base - 60, 48], [base - 30, 48], [base, 48]]
    assert stats["samples"]["totalQueryableSamples"] == 144
    assert 0 < stats["timings"]["innerEvalTime"] <= stats["timings"]["execTotalTime"]
    assert "stats" not in shared_standalone.data("/api/v1/query", {"query": "1"})


def test_infos_stand_apart_from_warnings(shared_standalone, base):
    reply = shared_standalone.get("/api/v1/query", {"query": "rate(tools_gauge[1m])", "time": base}).json
    assert "infos" not in reply
    series = [({"__name__": "tools_gauge"}, [((base - 20) * 1000, 1.0), ((base - 10) * 1000, 2.0)])]
    assert shared_standalone.push_series(series).status == 204
    reply = shared_standalone.get("/api/v1/query", {"query": "rate(tools_gauge[1m])", "time": base}).json
    assert "warnings" not in reply and "might not be a counter" in reply["infos"][0]


def test_settings_are_told_without_passwords(start_standalone):
    server = start_standalone(ready=False, checkpoint="postgresql://murmur:hush-hush@127.0.0.1:1/none?sslmode=disable")
    wait_for("the settings", lambda: server.get("/api/v1/status/flags").status == 200)
    flags = server.data("/api/v1/status/flags")
    assert flags["checkpoint"] == "postgresql://murmur:<secret>@127.0.0.1:1/none?sslmode=disable"
    assert flags["http"] == server.http and flags["retention"] == "31d"
    config = server.data("/api/v1/status/config")["yaml"]
    assert 'retention: "31d"' in config and "hush" not in config
    info = server.data("/api/v1/status/runtimeinfo")
    assert info["storageRetention"] == "31d" and info["CWD"] == str(pathlib.Path(server.log).parent)


def test_the_stores_numbers_are_the_tenants_own(shared_standalone, tenant):
    end = now_ms()
    series = [({"__name__": "big" if n < 30 else "small", "instance": str(n % 7), "long": "x" * 300}, [(end - 5000, 1.0), (end, 2.0)]) for n in range(40)]
    # The instances repeat: 7 + 7 series.
    assert shared_standalone.push_series(series, tenant).status == 204
    data = shared_standalone.data("/api/v1/status/tsdb", {"limit": 3}, tenant)
    assert data["headStats"] == {"numSeries": 14, "numLabelPairs": 10, "chunkCount": 14, "minTime": end - 5000, "maxTime": end}
    assert data["seriesCountByMetricName"] == [{"name": "big", "value": 7}, {"name": "small", "value": 7}]
    assert data["labelValueCountByLabelName"][0] == {"name": "instance", "value": 7}
    assert data["seriesCountByLabelValuePair"][0]["value"] == 14 and len(data["seriesCountByLabelValuePair"]) == 3
    assert shared_standalone.data("/api/v1/status/tsdb", tenant="nobody")["headStats"]["numSeries"] == 0
