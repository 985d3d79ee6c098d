"""Debian's Prometheus scrapes itself and writes to Murmuration: both answer the same questions alike."""

import math
from typing import Any, Iterator

import pytest

from harness.http import HTTPClient
from harness.murmur import Standalone, now_ms
from harness.ports import free_port
from harness.prometheus import running_prometheus
from harness.waiting import wait_for

# Ten and more; Prometheus 2.42 has ranges closed on both sides, so the times asked for lie between samples.
INSTANT = [
    "up",
    "prometheus_build_info",
    'prometheus_http_requests_total{code="200"}',
    "rate(prometheus_tsdb_head_samples_appended_total[10s])",
    "sum by (job) (rate(process_cpu_seconds_total[15s]))",
    "increase(prometheus_http_requests_total[10s])",
    "avg_over_time(go_goroutines[10s])",
    "max_over_time(process_resident_memory_bytes[15s]) - min_over_time(process_resident_memory_bytes[15s])",
    "topk(3, go_memstats_alloc_bytes_total or go_memstats_sys_bytes)",
    "count by (handler) (prometheus_http_request_duration_seconds_bucket)",
    "sum without (le) (rate(prometheus_http_request_duration_seconds_bucket[15s]))",
    "go_memstats_heap_inuse_bytes / on(instance) go_memstats_heap_sys_bytes > 0.01",
    "quantile(0.9, prometheus_http_response_size_bytes_sum)",
    "deriv(process_resident_memory_bytes[10s])",
    "irate(go_memstats_alloc_bytes_total[10s])",
    "changes(go_goroutines[10s]) + resets(go_goroutines[10s])",
    "go_goroutines offset 5s",
    "stddev by (instance) (prometheus_engine_query_duration_seconds)",
]
RANGE = ["go_goroutines", "rate(process_cpu_seconds_total[7s])", "sum(prometheus_http_requests_total) by (handler)"]


@pytest.fixture(scope="module")
def prometheus(shared_standalone: Standalone, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HTTPClient]:
    """A Prometheus that scrapes itself each second and writes what it finds to tenant `prometheus`."""
    directory = tmp_path_factory.mktemp("prometheus")
    port = free_port()
    configuration = f"""
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: prometheus
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
remote_write:
  - url: {shared_standalone.url}/api/v1/write?tenant=prometheus
    queue_config: {{batch_send_deadline: 500ms}}
    metadata_config: {{send_interval: 1s}}
"""
    with running_prometheus(directory, configuration, port) as client:
        yield client


@pytest.fixture(scope="module")
def moment(prometheus: HTTPClient, shared_standalone: Standalone) -> float:
    """A time, in seconds, between two scrapes, from which 25 s back both hold every sample."""

    def counts() -> tuple[list, list]:
        query = 'up{job="prometheus"}[10m]'
        ours = shared_standalone.query(query, now_ms() / 1000, "prometheus")
        theirs = prometheus.request("GET", "/api/v1/query", {"query": query}).json["data"]["result"]
        return (ours[0]["values"] if ours else []), (theirs[0]["values"] if theirs else [])

    def enough() -> float:
        ours, theirs = counts()
        if len(ours) < 32:
            return 0.0
        assert ours == theirs[: len(ours)], "the samples themselves differ"
        return ours[-3][0]

    # Half a second after a scrape: the samples of one target are a whole number of seconds apart.
    return wait_for("thirty scrapes in both", enough, deadline=120, pause=0.5) + 0.5


def comparable(result: list[dict[str, Any]]) -> dict[tuple, list[tuple[float, float]]]:
    """Labels -> points, in a form that does not depend on the order of series."""
    points = {}
    for entry in result:
        values = entry.get("values") or [entry["value"]]
        points[tuple(sorted(entry["metric"].items()))] = [(time, float(value)) for time, value in values]
    return points


def assert_alike(ours: list[dict[str, Any]], theirs: list[dict[str, Any]], expression: str) -> None:
    """The same series, times and values; values to 12 digits, because sums may be added in another order."""
    left, right = comparable(ours), comparable(theirs)
    assert left.keys() == right.keys(), (expression, left.keys() ^ right.keys())
    for labels, points in right.items():
        assert [time for time, _ in left[labels]] == [time for time, _ in points], (expression, labels)
        for (_, mine), (time, other) in zip(left[labels], points):
            same = mine == other or (math.isnan(mine) and math.isnan(other)) or math.isclose(mine, other, rel_tol=1e-12, abs_tol=1e-12)
            assert same, (expression, labels, time, mine, other)


@pytest.mark.parametrize("expression", INSTANT)
def test_instant_queries_agree(prometheus, shared_standalone, moment, expression):
    theirs = prometheus.request("GET", "/api/v1/query", {"query": expression, "time": moment}).json["data"]["result"]
    assert_alike(shared_standalone.query(expression, moment, "prometheus"), theirs, expression)
    if expression == "up":
        assert len(theirs) == 1


@pytest.mark.parametrize("expression", RANGE)
def test_range_queries_agree(prometheus, shared_standalone, moment, expression):
    parameters = {"query": expression, "start": moment - 15, "end": moment, "step": 1}
    theirs = prometheus.request("GET", "/api/v1/query_range", parameters).json["data"]["result"]
    assert theirs
    assert_alike(shared_standalone.query_range(expression, moment - 15, moment, 1, "prometheus"), theirs, expression)


def test_metadata_and_labels_agree(prometheus, shared_standalone, moment):
    ours = shared_standalone.data("/api/v1/metadata", {"metric": "go_goroutines"}, "prometheus")
    theirs = prometheus.request("GET", "/api/v1/metadata", {"metric": "go_goroutines"}).json["data"]
    assert [(entry["type"], entry["help"]) for entry in ours["go_goroutines"]] == [
        (entry["type"], entry["help"]) for entry in theirs["go_goroutines"]
    ]
    for path in ("/api/v1/labels", "/api/v1/label/handler/values", "/api/v1/label/__name__/values"):
        window = {"start": moment - 20, "end": moment}
        assert shared_standalone.data(path, window, "prometheus") == prometheus.request("GET", path, window).json["data"], path
