"""The cluster view, before a real cluster that is drained, killed and stopped while the page watches."""

import contextlib
import pathlib
import re
import threading
from typing import Any, Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from harness.cluster import Cluster
from harness.fleet import push_bulk
from harness.murmur import now_ms
from harness.ports import free_port, is_open
from harness.waiting import wait_for

from .views import violations, width_beyond

SLOTS = 16_384
HEALTHY_MILLISECONDS = 180_000


@contextlib.contextmanager
def running_cluster(directory: pathlib.Path, **settings: Any) -> Iterator[Cluster]:
    """Three aggregators in three zones, with these settings, a router and a coordinator."""
    made = Cluster(directory, settings={"aggregator": settings})
    for zone in "abc":
        made.add("aggregator", zone)
    made.add("router", "a")
    made.add("coordinator", "b")
    try:
        made.start().wait_until_ready()
        yield made
    finally:
        made.close()
        print(made.logs())


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster that every test leaves as it found it."""
    with running_cluster(tmp_path_factory.mktemp("cluster")) as made:
        yield made


@pytest.fixture
def cluster_to_change(tmp_path: pathlib.Path) -> Iterator[Cluster]:
    """A cluster of the test's own, with enough in it that a departure is seen."""
    with running_cluster(tmp_path, movement_rate="1MiB") as made:
        push_bulk(made.routers[0], 10, now_ms())
        yield made


@pytest.fixture
def watch(visit, cluster: Cluster):
    """Opens the view of the shared cluster."""
    return lambda **options: view_of(cluster, visit, **options)


def view_of(cluster: Cluster, visit: Callable[..., Page], **options: Any) -> Page:
    """Opens the view of a cluster."""
    cluster.coordinators[0].client.close()
    return visit("#/cluster", server=cluster.coordinators[0], as_tenant=None, **options)


def member(page: Page, name: str) -> Locator:
    """The card of a member."""
    return page.locator(f'[data-member="{name}"]')


def expect_well(page: Page) -> None:
    """Waits until the page says that every slot has all of its copies."""
    expect(page.locator(".cluster-summary")).to_have_text("All 16\u202f384 slots have both copies.", timeout=HEALTHY_MILLISECONDS)


def picked(page: Page) -> int:
    """The slot that the slider is at."""
    return int(page.get_by_role("slider").get_attribute("aria-valuenow") or -1)


@pytest.mark.parametrize("scheme, width", [("light", 1280), ("dark", 320)])
def test_a_cluster_that_is_well_is_shown_in_each_theme_and_width_and_passes_axe(watch, cluster, scheme, width) -> None:
    page: Page = watch(scheme=scheme, width=width)
    expect_well(page)
    for node in cluster.nodes.values():
        expect(member(page, node.name)).to_contain_text("answers")
    assert [zone.text_content() for zone in page.locator(".zone h2").all()] == ["Zone a", "Zone b", "Zone c"]
    expect(page.locator(".slots-slider canvas")).to_be_visible()
    expect(page.locator(".cluster-head").get_by_role("status")).to_have_text("All slots have all copies.")
    expect(page.locator(".warnings")).to_have_count(0)
    expect(page.locator(".slots-legend li").first).to_contain_text("16\u202f384 all copies")
    expect(page.get_by_role("link", name="Cluster", exact=True)).to_have_attribute("aria-current", "page")
    assert width_beyond(page) <= 0
    assert not violations(page)


def test_slots_are_told_with_the_keyboard_alone_and_by_the_pointer(watch, cluster) -> None:
    page: Page = watch()
    expect_well(page)
    slider = page.get_by_role("slider")
    slider.focus()
    words = slider.get_attribute("aria-valuetext") or ""
    assert re.match(r"Slot 0: every copy is whole\. aggregator-\d has it whole, aggregator-\d has it whole\.$", words), words
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert picked(page) == 2
    page.keyboard.press("ArrowDown")
    below = picked(page) - 2
    assert below > 16
    page.keyboard.press("End")
    assert picked(page) == SLOTS - 1
    page.keyboard.press("Home")
    page.keyboard.press("n")
    assert picked(page) == 0, "no slot lacks a copy"
    box = page.locator(".slots-slider canvas").bounding_box()
    assert box
    page.mouse.move(box["x"] + 1, box["y"] + 1 + box["height"] / 2)
    expect(page.locator(".slots-words")).not_to_contain_text("Slot 0:")
    page.get_by_role("button", name="First owner").click()
    page.get_by_role("button", name="aggregator-2").click()
    expect(page.get_by_role("button", name="aggregator-2")).to_have_attribute("aria-pressed", "true")


def test_the_grid_counts_as_the_server_does(watch, cluster) -> None:
    page: Page = watch()
    expect_well(page)
    counted = page.evaluate("""async () => {
        const { unpack, slotStates } = await import("/views/cluster-data.js");
        const nodes = [["a", "4a"], ["b", "4b"], ["old", "4."]].map(([name, owns]) => ({ name, owns: unpack(owns), states: "" }));
        const states = [["4w", "w2rc", "...."], ["4w", "4h", "...."], ["4h", "4h", "...."], ["4w", "", "...."], ["", "", "...."], ["4r", "4c", "4w"]];
        return [unpack("3w2.c12a"), ...states.map((each) => slotStates(nodes.map((node, n) => ({ ...node, states: unpack(each[n]) })), 4, 2).join())];
    }""")
    assert counted == [
        "www..c" + 12 * "a", "full,moving,moving,moving", "fewer,fewer,fewer,fewer", "united,united,united,united", "fewer,fewer,fewer,fewer",
        "silent,silent,silent,silent", "moving,moving,moving,moving",
    ]


def test_a_killed_aggregator_is_missed_while_the_page_watches_and_welcomed_back(watch, cluster) -> None:
    page: Page = watch()
    expect_well(page)
    victim = cluster.holders[0]
    victim.kill()
    try:
        expect(member(page, victim.name)).to_contain_text("dead for", timeout=HEALTHY_MILLISECONDS)
        expect(page.locator(".warnings")).to_contain_text(f"{victim.name} has been dead for")
        expect(page.locator(".warnings")).to_contain_text(f"murmur ctl forget {victim.name}")
        expect(page.locator(".cluster-summary")).to_contain_text("of 16\u202f384 slots have both copies.")
        # The counts are not said aloud each second, but that something lacks is.
        expect(page.locator(".cluster-head").get_by_role("status")).to_have_text("Not all slots have all copies.")
        page.get_by_role("slider").focus()
        page.keyboard.press("n")
        expect(page.get_by_role("slider")).to_have_attribute("aria-valuetext", re.compile(f"{victim.name} does not answer"))
        assert not violations(page)
    finally:
        cluster.start([victim])
    expect_well(page)
    expect(page.locator(".warnings")).to_have_count(0, timeout=HEALTHY_MILLISECONDS)


def test_the_page_says_when_it_is_cut_off_and_goes_on_by_itself(watch, cluster, allowed_errors) -> None:
    allowed_errors += ["ERR_", "WebSocket", "Failed to load"]
    page: Page = watch()
    expect_well(page)
    page.context.set_offline(True)
    expect(page.locator(".as-of")).to_contain_text("not updated since")
    expect(page.get_by_role("alert").filter(has_text="Offline.")).to_be_visible()
    expect(page.locator(".member")).to_have_count(5)
    page.context.set_offline(False)
    expect(page.locator(".as-of")).to_contain_text("as of")
    expect(page.get_by_role("alert").filter(has_text="Offline.")).to_have_count(0)


def failing(route: Route) -> None:
    """Answers as a server with a trouble of its own."""
    route.fulfill(status=500, json={"status": "error", "errorType": "internal", "error": "something broke"})


def test_an_error_of_the_server_is_not_called_offline(watch, cluster, allowed_errors) -> None:
    allowed_errors += ["500"]
    page: Page = watch()
    expect_well(page)
    page.route("**/cluster/overview*", failing)
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("The cluster's state could not be fetched.")
    expect(alert).to_contain_text("something broke")
    expect(alert).not_to_contain_text("Offline")
    expect(page.locator(".as-of")).to_contain_text("not updated since")
    page.unroute("**/cluster/overview*")
    expect(alert).to_have_count(0)


def test_a_ring_that_cannot_be_fetched_leaves_the_rest_up_to_date(watch, cluster, allowed_errors) -> None:
    allowed_errors += ["500"]
    page: Page = watch()
    expect_well(page)
    page.route("**/cluster/ring*", failing)
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("The slots could not be fetched. something broke. They are asked for again each second.")
    expect_well(page)
    expect(page.locator(".as-of")).to_contain_text("as of")
    expect(page.locator(".slots-slider")).to_have_count(0)
    assert not violations(page)
    page.unroute("**/cluster/ring*")
    expect(page.locator(".slots-slider canvas")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_who_comes_back_to_the_page_sees_the_state_of_now(watch, cluster) -> None:
    page: Page = watch()
    page.clock.install()
    page.reload()
    expect_well(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/cluster/overview" in request.url else None)
    # Its timers stand still from here on, so that it asks for nothing by itself once what they began is through.
    page.clock.pause_at(page.evaluate("Date.now()") + 60_000)

    def is_at_rest() -> bool:
        before = len(asked)
        page.wait_for_timeout(1_500)
        return len(asked) == before

    wait_for("a page that asks for nothing", is_at_rest)
    before = len(asked)

    def has_asked() -> bool:
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        page.wait_for_timeout(200)
        return len(asked) > before

    # A look that is still under way is not begun a second time.
    wait_for("a look at the state of now", has_asked)


def test_more_aggregators_than_colours_are_told_apart(watch, cluster) -> None:
    page: Page = watch()
    expect_well(page)

    def as_if_of_ten(route: Route) -> None:
        answer = route.fetch()
        told = answer.json()
        part = SLOTS // 10
        told["data"]["nodes"] = [
            {"name": f"aggregator-{n + 1}", "zone": "a", "isInRing": True, "owns": f"{n * part}.{part}a{SLOTS - (n + 1) * part}.", "states": f"{SLOTS}w"}
            for n in range(10)
        ]
        route.fulfill(response=answer, json=told)

    page.route("**/cluster/ring*", as_if_of_ten)
    page.reload()
    page.get_by_role("button", name="First owner").click()
    expect(page.get_by_text("Colours repeat")).to_be_visible()

    def bright() -> int:
        """How many of the canvas' pixels are not faint."""
        return page.evaluate("""() => {
            const canvas = document.querySelector(".slots-slider canvas");
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            return data.filter((value, index) => index % 4 === 3 && value > 128).length;
        }""")

    everybody = bright()
    # The first and the ninth have one colour: only the one that was chosen stands out.
    page.get_by_role("button", name="aggregator-9", exact=True).click()
    wait_for("the others to fade", lambda: 0 < bright() < everybody / 5)
    assert not violations(page)


def test_a_process_that_has_not_found_its_cluster_says_what_it_waits_for(visit, start_node, allowed_errors) -> None:
    # It has no live connection to offer yet, and is ended before the page.
    allowed_errors += ["503", "WebSocket", "ERR_CONNECTION_REFUSED"]
    lost = start_node("coordinator", "coordinator-1", ready=False, join=f"127.0.0.1:{free_port()}")
    wait_for("its port", lambda: is_open(lost.http_port))
    page: Page = visit("#/cluster", server=lost, as_tenant=None)
    expect(page.locator(".cluster-summary")).to_have_text("Not part of a cluster yet: no seed that has a cluster answers.")
    expect(page.locator(".cluster-head").get_by_role("status")).to_have_text("Not part of a cluster yet.")
    assert not violations(page)


def test_a_drain_is_watched_from_its_beginning_to_its_end(visit, cluster_to_change) -> None:
    cluster = cluster_to_change
    page = view_of(cluster, visit)
    expect_well(page)
    leaver = cluster.holders[-1]
    drain = threading.Thread(target=cluster.drain, args=(leaver,))
    drain.start()
    try:
        expect(member(page, leaver.name)).to_contain_text("leaves", timeout=HEALTHY_MILLISECONDS)
        bar = page.get_by_role("progressbar", name=f"{leaver.name} gives slots")
        expect(bar).to_be_visible(timeout=HEALTHY_MILLISECONDS)
        expect(page.locator(".move-row").first).to_contain_text("to go")
        expect(member(page, leaver.name)).to_have_count(0, timeout=HEALTHY_MILLISECONDS)
    finally:
        drain.join()
    expect_well(page)
    wait_for("nothing on the move", lambda: page.locator(".move-row").count() == 0)
    expect(page.locator(".member")).to_have_count(4)


def test_a_standalone_shows_itself_and_how_it_grows(visit, shared_standalone) -> None:
    page: Page = visit("#/cluster")
    expect(page.get_by_role("heading", name="One process does everything here")).to_be_visible()
    expect(page.locator(".member")).to_have_count(1)
    expect(page.locator(".member")).to_contain_text("standalone")
    expect(page.locator(".slots-slider")).to_have_count(0)
    expect(page.locator(".warnings")).to_have_count(0)
    assert not violations(page)
