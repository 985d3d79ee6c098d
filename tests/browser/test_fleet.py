"""The fleet view against the real binary."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from harness.murmur import Standalone, now_ms

from .views import changes, row, width_beyond


def push_many(server: Standalone, tenant: str, count: int) -> None:
    """Servers web-0001 … with a CPU each."""
    elements = [
        {"server_id": f"web-{number:04d}", "metric_type": "cpu", "value": number % 100, "unit": "%"}
        for number in range(1, count + 1)
    ]
    for start in range(0, count, 1000):
        reply = server.push_json(elements[start : start + 1000], tenant)
        assert reply.status == 204, reply.text


def test_an_empty_fleet_shows_how_to_begin_and_then_the_first_push(visit, shared_standalone, tenant) -> None:
    page: Page = visit("#/fleet", permissions=["clipboard-read", "clipboard-write"])
    expect(page.get_by_role("heading", name="No server has pushed yet")).to_be_visible()
    page.get_by_role("button", name="Copy the curl command").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert f"{shared_standalone.url}/api/metrics" in copied and "server_id" in copied
    assert f"X-Scope-OrgID: {tenant}" in copied, "the command has to reach the tenant of the page"
    shared_standalone.push_json({"server_id": "first", "metric_type": "cpu", "value": 12.5, "unit": "%"}, tenant)
    expect(row(page, "first")).to_contain_text("12.5%")
    expect(row(page, "first")).to_contain_text("live")


def test_this_machines_agent_is_in_the_fleet_and_its_numbers_move(visit, agent) -> None:
    page: Page = visit("#/fleet", as_tenant=agent)
    own = row(page, "this-machine")
    expect(own).to_contain_text("live")
    expect(own.locator(".cell-cpu")).to_contain_text(re.compile(r"\d%"))
    expect(own.locator(".cell-memory")).to_contain_text(re.compile(r"\d%"))
    expect(own.locator(".sparkline-line")).to_have_attribute("d", re.compile("^M.*L"))
    line = own.locator(".sparkline-line")
    cells = [own.locator(f".cell-{column}") for column in ("memory", "network")]
    # Together: the line of a machine whose CPUs are busy throughout is flat.
    changes(lambda: "\n".join([line.get_attribute("d") or "", *(cell.inner_text() for cell in cells)]), 4)


def test_search_status_and_sort_choose_what_is_listed_and_stand_in_the_address(
    visit, shared_standalone, tenant
) -> None:
    push_many(shared_standalone, tenant, 30)
    shared_standalone.push_json({"server_id": "db-1", "metric_type": "cpu", "value": 99, "unit": "%"}, tenant)
    page: Page = visit("#/fleet")
    expect(row(page, "db-1")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("db")
    expect(page.locator(".server-link")).to_have_text(["db-1"])
    assert "search=db" in page.url
    page.get_by_role("searchbox", name="Search servers").fill("nothing like it")
    expect(page.get_by_text("No server matches")).to_be_visible()
    page.get_by_role("button", name="Show all").click()
    expect(page.locator(".cell-cpu b").first).to_be_visible()
    page.get_by_role("button", name="CPU").click()
    expect(page.locator(".server-link").first).to_have_text("db-1")
    page.reload()
    expect(page.locator(".server-link").first).to_have_text("db-1")
    assert page.locator('[aria-sort="descending"]').inner_text().startswith("CPU")


def test_a_server_that_stopped_pushing_is_late_then_silent_in_words(visit, shared_standalone, tenant) -> None:
    push_many(shared_standalone, tenant, 3)
    ages = {"web-0002": 60, "web-0003": 3600}

    def age(route: Route) -> None:
        """The answer as it would be had two of the servers stopped a while ago."""
        answer = route.fetch()
        listed = answer.json()
        for entry in listed["data"]["servers"]:
            entry["lastPush"] -= ages.get(entry["id"], 0)
        route.fulfill(response=answer, json=listed)

    page: Page = visit()
    page.route("**/api/v1/servers*", age)
    page.reload()
    expect(row(page, "web-0001").locator(".status")).to_have_text("live")
    expect(row(page, "web-0002").locator(".status")).to_have_text("late")
    expect(row(page, "web-0003").locator(".status")).to_have_text("silent")
    page.get_by_role("button", name="1 silent").click()
    expect(page.locator(".server-link")).to_have_text(["web-0003"])


def test_thousands_of_servers_are_listed_without_drawing_them_all(visit, shared_standalone, tenant) -> None:
    push_many(shared_standalone, tenant, 3000)
    page: Page = visit("#/fleet")
    expect(page.get_by_role("button", name=re.compile(r"^3.000 servers$"))).to_be_visible()
    expect(page.locator(".flock canvas")).to_be_visible()
    assert page.locator(".server-link").count() < 60
    page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
    expect(row(page, "web-3000")).to_be_in_viewport()
    assert page.locator(".server-link").count() < 60


def test_labels_of_a_pusher_stay_text(visit, shared_standalone, tenant) -> None:
    attack = '<img src=x onerror="window.broken = true">'
    shared_standalone.push_json(
        [
            {"server_id": attack, "metric_type": "cpu", "value": 1, "unit": attack, "tags": {"core": attack}},
            {"server_id": attack, "metric_type": "cpu", "value": 2, "unit": attack, "tags": {"core": "{{ 7 * 7 }}"}},
        ],
        tenant,
    )
    page: Page = visit("#/fleet")
    row(page, attack).get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(attack)
    cpu = page.locator('[data-card="metric-cpu"]')
    expect(cpu.locator(".legend")).to_contain_text("onerror")
    expect(cpu.locator(".legend")).to_contain_text("{{ 7 * 7 }}")
    cpu.locator("canvas").hover()
    expect(page.locator(".tooltip")).to_contain_text("onerror")
    assert page.locator("img").count() == 0
    assert page.evaluate("window.broken") is None


def test_a_server_without_a_known_cpu_metric_has_a_dash_there(visit, shared_standalone, tenant) -> None:
    target = {"instance": "app:9090", "job": "app"}
    series = [({"__name__": name, **target}, [(now_ms(), 42.0)]) for name in ("aaa_first", "go_goroutines", "up")]
    assert shared_standalone.push_series(series, tenant).status == 204
    shared_standalone.push_json({"server_id": "pushes-cpu", "metric_type": "cpu", "value": 31, "unit": "%"}, tenant)
    page: Page = visit("#/fleet")
    expect(row(page, "pushes-cpu").locator(".cell-cpu")).to_contain_text("31.0%")
    expect(row(page, "app:9090").locator(".cell-cpu")).to_have_text("–")
    expect(row(page, "app:9090").locator(".cell-series")).to_have_text("3")


@pytest.mark.parametrize("width", [320, 390, 721, 820, 861, 1041])
def test_no_column_is_cut_off(visit, shared_standalone, tenant, width) -> None:
    push_many(shared_standalone, tenant, 3)
    page: Page = visit("#/fleet?sort=push", width=width, height=844)
    buttons = page.locator(".fleet-labels button:visible")
    expect(buttons.last).to_have_text(re.compile("^Last push"))
    table = page.locator(".table").bounding_box()
    for part in [*buttons.all(), *page.locator(".fleet-row[style] > *:visible").all()]:
        box = part.bounding_box()
        assert box["x"] >= table["x"] and box["x"] + box["width"] <= table["x"] + table["width"], part.inner_text()


def test_on_a_phone_nothing_is_wider_than_the_screen(visit, shared_standalone, tenant, agent) -> None:
    push_many(shared_standalone, tenant, 20)
    for as_tenant, route in [
        (tenant, "#/fleet"),
        (f"nobody-with-{'a-long-name-' * 4}", "#/fleet"),
        (agent, "#/server/instance/this-machine"),
        (agent, "#/explore?query=node_load1&range=5m"),
    ]:
        page: Page = visit(route, as_tenant=as_tenant, width=390, height=844)
        expect(page.locator(".server-link, .chart canvas, .first-steps li").first).to_be_visible()
        assert width_beyond(page) <= 0, route
        # What is clipped would not make the page wider: the last control of the header has to be there whole.
        box = page.locator(".masthead button").last.bounding_box()
        assert box["x"] + box["width"] <= 390, route
        for step in page.locator(".first-steps .command").all():
            assert step.bounding_box()["width"] <= 390 - 2 * 14, route
