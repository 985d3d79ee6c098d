"""The explore view against the real binary."""

import re
import time
import urllib.parse

import pytest
from playwright.sync_api import Page, Route, expect

from harness import remote_write
from harness.murmur import Standalone, now_ms

from .views import violations

WRONG_QUERY = [r"status of 400"]


def push_history(server: Standalone, tenant: str) -> None:
    """Ten minutes of two series of `queue_depth`, 10 s apart."""
    now = int(time.time()) // 10 * 10
    elements = [
        {
            "server_id": f"q-{which}",
            "metric_type": "queue_depth",
            "value": 10 * which + back % 7,
            "timestamp": now - 10 * back,
        }
        for which in (1, 2)
        for back in range(60)
    ]
    reply = server.push_json(elements, tenant)
    assert reply.status == 204, reply.text


def test_a_query_gives_a_chart_a_table_and_their_size(visit, shared_standalone, tenant) -> None:
    push_history(shared_standalone, tenant)
    page: Page = visit("#/explore")
    page.keyboard.press("/")
    page.keyboard.type("sum by (server_id) (queue_depth)")
    page.keyboard.press("Enter")
    expect(page.locator(".explore-chart canvas")).to_be_visible()
    expect(page.locator(".size")).to_have_text(re.compile(r"^2 series · \d+ points · step 15 s · \d+ ms"))
    expect(page.get_by_role("rowheader")).to_have_text(['{server_id="q-1"}', '{server_id="q-2"}'])
    shared = page.url
    assert "query=sum+by+" in shared
    other: Page = visit(urllib.parse.urlsplit(shared).fragment and "#" + urllib.parse.urlsplit(shared).fragment)
    expect(other.locator("#query")).to_have_value("sum by (server_id) (queue_depth)")
    expect(other.locator(".explore-chart canvas")).to_be_visible()


def test_an_instant_query_gives_exact_values(visit, shared_standalone, tenant) -> None:
    shared_standalone.push_json({"server_id": "s", "metric_type": "exactly", "value": 0.1 + 0.2}, tenant)
    page: Page = visit("#/explore?query=exactly&mode=instant")
    expect(page.locator("td.number")).to_have_text(["0.30000000000000004"])
    expect(page.locator(".size")).to_contain_text("1 series")


def test_a_wrong_query_is_marked_where_it_is_wrong(visit, allowed_errors) -> None:
    allowed_errors += WRONG_QUERY
    page: Page = visit("#/explore")
    page.locator("#query").fill("sum(rate(up[5m])) by (job) + )")
    page.get_by_role("button", name="Run").click()
    expect(page.locator("#query-failure")).to_contain_text("parse error")
    expect(page.locator(".wrong")).to_have_text(")")
    expect(page.locator("#query")).to_have_attribute("aria-invalid", "true")
    page.locator("#query").press("Backspace")
    expect(page.locator("#query-failure")).to_have_count(0)


def test_a_wrong_live_query_is_marked_too(visit, shared_standalone, tenant) -> None:
    page: Page = visit("#/explore?query=" + urllib.parse.quote("sum(1 +)") + "&range=5m&live=1")
    expect(page.locator("#query-failure")).to_be_visible()
    expect(page.locator(".wrong")).to_have_text(")")


def test_names_labels_and_values_are_completed(visit, shared_standalone, tenant) -> None:
    push_history(shared_standalone, tenant)
    page: Page = visit("#/explore")
    page.locator("#query").focus()
    page.keyboard.type("queue_")
    expect(page.get_by_role("option", name="queue_depth")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.keyboard.type("{serv")
    expect(page.get_by_role("option", name="server_id")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.keyboard.type('="')
    expect(page.get_by_role("option")).to_have_count(2)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.keyboard.type("}")
    expect(page.locator("#query")).to_have_value('queue_depth{server_id="q-2"}')
    page.keyboard.press("Enter")
    expect(page.locator(".size")).to_contain_text("1 series")


def push_histograms(server: Standalone, tenant: str, observations: int, at: int) -> None:
    """One sample of a series of native histograms and of one of numbers."""
    request = remote_write.write_request([({"__name__": "sizes", "instance": "number"}, [(at, observations)])])
    entry = request.timeseries.add()
    entry.labels.add(name="__name__", value="sizes")
    entry.labels.add(name="instance", value="histogram")
    entry.histograms.add(
        count_int=observations, sum=observations / 4, schema=1, timestamp=at,
        positive_spans=[{"offset": -1, "length": 2}], positive_deltas=[1, observations - 2],
    )
    body = remote_write.compressed(request)
    reply = server.request("POST", "/api/v1/write", body=body, headers=remote_write.HEADERS, tenant=tenant)
    assert reply.status == 204, reply.text


@pytest.mark.parametrize("view", ["mode=instant", "range=5m", "range=5m&live=1"])
def test_native_histograms_are_bars_in_the_table_and_numbers_of_them_are_offered(visit, shared_standalone, tenant, view) -> None:
    push_histograms(shared_standalone, tenant, 12, now_ms() - 60_000)
    page: Page = visit(f"#/explore?query=sizes&{view}")
    histogram = page.locator(".histogram")
    expect(histogram).to_have_count(1)
    expect(histogram.locator("rect")).to_have_count(2)
    expect(histogram).to_contain_text(re.compile(r"12 observed · mean 0\.25 .*0\.50 to 1"))
    expect(page.get_by_role("rowheader")).to_have_text(['{instance="histogram"}', '{instance="number"}'])
    note = page.locator(".histogram-note")
    expect(note).to_contain_text("1 of these series are native histograms")
    assert violations(page) == []
    if "live" in view:
        push_histograms(shared_standalone, tenant, 20, now_ms())
        expect(histogram).to_contain_text("20 observed")
    note.get_by_role("button", name="histogram_avg(").click()
    expect(page.locator("#query")).to_have_value("histogram_avg(sizes)")
    expect(page.locator(".explore-chart canvas")).to_be_visible()
    expect(note).to_have_count(0)


def test_live_follows_what_is_pushed(visit, pushing) -> None:
    pushing(lambda number: {"server_id": "s", "metric_type": "count_up", "value": number})
    page: Page = visit("#/explore?query=count_up&range=5m&live=1")
    last = page.locator("td.number").first
    expect(last).to_have_text(re.compile(r"^\d+$"))
    first = int(last.inner_text())
    expect(last).to_have_text(str(first + 3))
    expect(page.locator(".size")).to_contain_text("live")


def test_a_range_may_be_absolute_and_a_step_given(visit, shared_standalone, tenant) -> None:
    push_history(shared_standalone, tenant)
    page: Page = visit("#/explore?query=queue_depth&range=15m")
    expect(page.locator(".size")).to_contain_text("step 5 s")
    page.get_by_label("Step").fill("30s")
    page.get_by_label("Step").press("Enter")
    expect(page.locator(".size")).to_contain_text("step 30 s")
    page.locator(".range-absolute").click()
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(".size")).to_contain_text("2 series")
    assert re.search(r"start=\d+&end=\d+", page.url)
    page.get_by_label("Step").fill("soon")
    page.get_by_label("Step").press("Enter")
    expect(page.get_by_label("Step")).to_have_attribute("aria-invalid", "true")


def test_dragging_across_the_chart_zooms_and_back_returns(visit, shared_standalone, tenant) -> None:
    push_history(shared_standalone, tenant)
    page: Page = visit("#/explore?query=queue_depth&range=15m")
    expect(page.locator(".explore-chart canvas")).to_be_visible()
    box = page.locator(".explore-chart canvas").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 120, steps=8)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"start=\d+"))
    page.go_back()
    expect(page).to_have_url(re.compile(r"range=15m"))
    expect(page.get_by_role("button", name="15m", exact=True)).to_have_attribute("aria-pressed", "true")


def test_a_query_without_a_match_says_so(visit) -> None:
    page: Page = visit("#/explore?query=there_is_no_such_metric")
    expect(page.get_by_text("nothing matches it")).to_be_visible()


def test_an_answer_explains_itself_as_a_tree(visit, shared_standalone, tenant) -> None:
    push_history(shared_standalone, tenant)
    page: Page = visit("#/explore?query=sum by (server_id) (queue_depth) %2B 1")
    expect(page.get_by_role("rowheader")).to_have_count(2)
    expect(page.locator(".explain")).to_have_count(0)
    page.get_by_role("button", name="Explain").click()
    explained = page.get_by_label("How the answer was found")
    expect(explained).to_contain_text("Asked of one aggregator")
    expect(explained.locator(".explain-part")).to_contain_text(re.compile(r"16.384 slots \(100\.0 %\)"))
    operators = explained.locator(".explain-part .plan-operator b")
    expect(operators).to_have_text(["+", "sum", "selector"])
    expect(explained.locator(".explain-part .plan-tree .plan-tree .plan-tree .plan-operator")).to_contain_text("2 rows")
    assert "explain=1" in page.url
    assert not violations(page)
    page.get_by_role("button", name="Explain").click()
    expect(page.locator(".explain")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_explained_answer_of_several_nodes_is_in_the_order_of_their_names(visit, shared_standalone, tenant, scheme) -> None:
    push_history(shared_standalone, tenant)

    def as_if_of_three(route: Route) -> None:
        answer = route.fetch()
        told = answer.json()
        if "explain" in told["data"]:
            parts = told["data"]["explain"]["work"][0]["parts"]
            parts[:] = [{**parts[0], "node": node, "outcome": outcome} for node, outcome in (("node-10", "used"), ("node-9", "late"), ("node-1", "used"))]
        route.fulfill(response=answer, json=told)

    page: Page = visit("#/explore?query=sum by (server_id) (queue_depth)", scheme=scheme)
    page.route("**/api/v1/query_range", as_if_of_three)
    page.get_by_role("button", name="Explain").click()
    expect(page.locator(".explain-part > p > b")).to_have_text(["node-1", "node-9", "node-10"])
    expect(page.locator(".explain-part.unused")).to_contain_text("late")
    assert not violations(page)
