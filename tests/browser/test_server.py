"""The server view against the real binary."""

import math
import statistics
import time

import pytest
from playwright.sync_api import Page, WebSocket, expect

from harness.murmur import Standalone, now_ms
from harness.waiting import wait_for

from .views import card, changes, charts, expect_number, value

NODE_CARDS = ["node-cpu", "node-memory", "node-network", "node-load", "node-filesystem"]


def test_the_agents_machine_has_the_known_cards_and_moves_each_second(visit, agent) -> None:
    page: Page = visit("#/server/instance/this-machine", as_tenant=agent, height=1600)
    for card_id in NODE_CARDS:
        expect_number(value(page, card_id))
    expect(card(page, "node-cpu").locator("canvas")).to_be_visible()
    expect(page.locator(".facts")).to_contain_text("Uptime")
    expect(page.locator(".facts")).to_contain_text("Linux")
    seen = changes(lambda: card(page, "node-cpu").inner_text(), 4)
    assert len(seen) == 4
    expect(page.get_by_role("heading", name="All other metrics")).to_be_visible()


def test_pushed_metrics_have_cards_in_their_units(visit, pushing) -> None:
    def make(number: int) -> list[dict]:
        return [
            {"server_id": "edge", "metric_type": "cpu", "value": 42.5 + number % 2, "unit": "%"},
            {"server_id": "edge", "metric_type": "memory", "value": 6144, "unit": "MiB"},
            {"server_id": "edge", "metric_type": "disk", "value": 71, "unit": "%"},
            {"server_id": "edge", "metric_type": "network", "value": 1_572_864, "unit": "bytes/s"},
            {"server_id": "edge", "metric_type": "latency", "value": 0.25 * 1000, "unit": "ms"},
        ]

    pushing(make)
    page: Page = visit("#/server/server_id/edge", height=1400)
    expect(card(page, "metric-memory").locator(".headline")).to_contain_text("6.00GiB")
    expect(card(page, "metric-network").locator(".headline")).to_contain_text("1.50MiB/s")
    expect(card(page, "metric-disk").locator(".headline")).to_contain_text("71.0%")
    expect(card(page, "metric-latency").locator(".headline")).to_contain_text("250ms")
    changes(lambda: value(page, "metric-cpu").inner_text(), 3)


@pytest.mark.parametrize("address", ["#/server", "#/server/instance", "#/server//x", "#/server/a/b/c"])
def test_an_address_that_names_no_server_shows_the_fleet(visit, shared_standalone, tenant, address) -> None:
    shared_standalone.push_json({"server_id": "s", "metric_type": "cpu", "value": 1, "unit": "%"}, tenant)
    expect(visit(address).locator(".server-link")).to_have_text(["s"])


def test_a_new_metric_appears_with_its_first_push(visit, shared_standalone, tenant) -> None:
    shared_standalone.push_json({"server_id": "s", "metric_type": "cpu", "value": 1, "unit": "%"}, tenant)
    page: Page = visit("#/server/server_id/s")
    expect_number(value(page, "metric-cpu"))
    shared_standalone.push_json({"server_id": "s", "metric_type": "jobs_waiting", "value": 7}, tenant)
    expect(value(page, "metric-jobs_waiting")).to_have_text("7")


def test_a_pushed_sample_is_on_screen_within_a_second(
    visit, shared_standalone: Standalone, tenant, record_property
) -> None:
    """Measured from the push's acknowledgement to the change of the DOM, at phases spread over the second."""
    shared_standalone.push_json({"server_id": "s", "metric_type": "cpu", "value": 1, "unit": "%"}, tenant)
    page: Page = visit("#/server/server_id/s?window=1m")
    expect(value(page, "metric-cpu")).to_have_text("1.0")
    page.evaluate("""() => {
        window.shown = {};
        const target = document.querySelector('[data-card="metric-cpu"] [data-value]');
        const note = () => { window.shown[target.textContent] ??= Date.now(); };
        new MutationObserver(note).observe(target, { characterData: true, childList: true, subtree: true });
    }""")
    delays = []
    for number in range(12):
        text = f"{20 + number}.0"
        time.sleep(0.083 * (number % 4))  # Not a wait for anything: it spreads the pushes over the phases of the tick.
        reply = shared_standalone.push_json(
            {"server_id": "s", "metric_type": "cpu", "value": 20 + number, "unit": "%"}, tenant
        )
        acknowledged = time.time()
        assert reply.status == 204
        page.wait_for_function("text => window.shown[text]", arg=text, polling=20)
        delays.append(page.evaluate("text => window.shown[text]", text) / 1000 - acknowledged)
    worst, median = max(delays), statistics.median(delays)
    record_property("push_to_screen_seconds", f"median {median:.3f}, worst {worst:.3f}")
    print(f"push to screen: median {median * 1000:.0f} ms, worst {worst * 1000:.0f} ms of {len(delays)}")
    assert median < 1.0, delays
    # The machine may be busy with other tests: a lost tick is a second more, and no more than a few are ever lost.
    assert worst < 5.0, delays


def test_the_time_window_is_chosen_and_kept_in_the_address(visit, agent) -> None:
    page: Page = visit("#/server/instance/this-machine", as_tenant=agent)
    expect(card(page, "node-cpu").locator("canvas")).to_be_visible()
    for name, key in [("1 min", "1m"), ("15 min", "15m"), ("1 h", "1h")]:
        page.get_by_role("button", name=name, exact=True).click()
        assert f"window={key}" in page.url
        expect_number(value(page, "node-cpu"))
        expect(card(page, "node-cpu").locator("canvas")).to_be_visible()


def test_the_past_is_on_the_charts_when_the_view_opens(visit, shared_standalone, tenant) -> None:
    now = now_ms()
    past = [
        {"server_id": "s", "metric_type": "cpu", "value": 50, "unit": "%", "timestamp": now - 1000 * back}
        for back in range(200)
    ]
    assert shared_standalone.push_json(past, tenant).status == 204
    page: Page = visit("#/server/server_id/s")
    expect_number(value(page, "metric-cpu"))
    changes(lambda: page.locator(".facts").inner_text(), 3)
    # Painted pixels left of the middle: the line of two and a half minutes ago.
    painted = page.evaluate("""() => {
        const canvas = document.querySelector('[data-card="metric-cpu"] canvas');
        const { width, height } = canvas;
        const { data } = canvas.getContext("2d").getImageData(width * 0.45, 0, 1, height);
        const colours = new Set();
        for (let at = 0; at < data.length; at += 4) colours.add(data.slice(at, at + 4).join());
        return colours.size;
    }""")
    assert painted > 3, "nothing but the grid is drawn in the middle of the chart"


def test_walking_between_the_views_leaves_no_charts_and_no_subscriptions(visit, agent) -> None:
    page: Page = visit("#/fleet", as_tenant=agent)
    sent: list[str] = []

    def follow(socket: WebSocket) -> None:
        """Counts anew: what the page sent before it was loaded again ended with its connection."""
        sent.clear()
        socket.on("framesent", lambda frame: sent.append(str(frame)))

    page.on("websocket", follow)
    page.reload()
    for _ in range(4):
        page.get_by_role("link", name="this-machine").click()
        expect(card(page, "node-cpu").locator("canvas")).to_be_visible()
        page.get_by_role("navigation").get_by_role("link", name="Explore").click()
        expect(page.locator("#query")).to_be_visible()
        assert charts(page) == 0
        page.get_by_role("navigation").get_by_role("link", name="Fleet").click()
        expect(page.get_by_role("link", name="this-machine")).to_be_visible()
    page.get_by_role("navigation").get_by_role("link", name="Explore").click()
    expect(page.locator("#query")).to_be_visible()

    def counts() -> tuple[int, int]:
        """How many were subscribed and ended; asking the page lets the frames that are under way be counted."""
        page.evaluate("0")
        return sum('"subscribe"' in frame for frame in sent), sum('"unsubscribe"' in frame for frame in sent)

    wait_for("the end of all subscriptions", lambda: counts()[0] == counts()[1])
    assert counts()[0] > 20
    assert page.locator("body > div").count() <= 2, "tooltips of charts that are gone"


def test_a_server_that_never_pushed_is_said_to_be_unknown(visit) -> None:
    page: Page = visit("#/server/instance/nobody")
    expect(page.get_by_role("alert")).to_contain_text("No server with instance “nobody” has pushed")


@pytest.mark.parametrize(
    "unit,number,shown",
    [
        ("ms", 0.5, "500µs"),
        ("GB", 2, "1.86GiB"),
        ("req/s", 12_345, "12.3k req/s"),
        ("°C", -3.5, "-3.50°C"),
        ("", math.pi, "3.14"),
    ],
)
def test_units_are_written_as_people_read_them(visit, shared_standalone, tenant, unit, number, shown) -> None:
    shared_standalone.push_json(
        {"server_id": "s", "metric_type": "reading", "value": number, **({"unit": unit} if unit else {})}, tenant
    )
    page: Page = visit("#/server/server_id/s")
    expect(card(page, "metric-reading").locator(".headline")).to_contain_text(shown)
