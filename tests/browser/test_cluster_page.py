"""The cluster view, before a real cluster that is drained, killed and stopped while the page watches."""

import re
import threading
from typing import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from harness.cluster import Cluster
from harness.waiting import wait_for

from .views import width_beyond

SLOTS = 16_384
HEALTHY_MILLISECONDS = 180_000


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three aggregators in three zones, a router and a coordinator."""
    made = Cluster(tmp_path_factory.mktemp("cluster"))
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


@pytest.fixture
def watch(visit, cluster: Cluster):
    """Opens the view of the cluster."""
    cluster.coordinators[0].client.close()
    return lambda **options: visit("#/cluster", server=cluster.coordinators[0], as_tenant=None, **options)


def member(page: Page, name: str) -> Locator:
    """The card of a member."""
    return page.locator(f'[data-member="{name}"]')


def expect_well(page: Page) -> None:
    """Waits until the page says that every slot has all of its copies."""
    expect(page.locator(".cluster-summary")).to_have_text("All 16\u202f384 slots have both copies.", timeout=HEALTHY_MILLISECONDS)


def violations(page: Page) -> list[str]:
    """What axe finds."""
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {each['help']} at {[node['target'] for node in each['nodes']][:5]}" for each in found]


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
    expect(member(page, victim.name)).to_contain_text("dead for", timeout=HEALTHY_MILLISECONDS)
    expect(page.locator(".warnings")).to_contain_text(f"{victim.name} has been dead for")
    expect(page.locator(".warnings")).to_contain_text(f"murmur ctl forget {victim.name}")
    expect(page.locator(".cluster-summary")).to_contain_text("of 16\u202f384 slots have both copies.")
    page.get_by_role("slider").focus()
    page.keyboard.press("n")
    expect(page.get_by_role("slider")).to_have_attribute("aria-valuetext", re.compile(f"{victim.name} does not answer"))
    assert not violations(page)
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


def test_a_drain_is_watched_from_its_beginning_to_its_end(watch, cluster) -> None:
    page: Page = watch()
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
    wait_for("nothing on the move", lambda: page.locator(".move-row").count() == 0, 60)
    expect(page.locator(".member")).to_have_count(4)


def test_a_standalone_shows_itself_and_how_it_grows(visit, shared_standalone) -> None:
    page: Page = visit("#/cluster")
    expect(page.get_by_role("heading", name="One process does everything here")).to_be_visible()
    expect(page.locator(".member")).to_have_count(1)
    expect(page.locator(".member")).to_contain_text("standalone")
    expect(page.locator(".slots-slider")).to_have_count(0)
    expect(page.locator(".warnings")).to_have_count(0)
    assert not violations(page)
