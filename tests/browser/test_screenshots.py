"""Draws the pictures of docs/images, on a Murmuration with made-up servers. `make screenshots` keeps them."""

import pathlib
import re
import threading
import urllib.parse
from typing import Iterator

import pytest
from playwright.sync_api import Page, expect

from harness.cluster import Cluster
from harness.murmur import now_ms

from .fleet_of_servers import Fleet
from .views import card, expect_number, value, width_beyond

PICTURE_BYTES_MAX = 300_000

RECEIVED = 'sum by (instance) (rate(node_network_receive_bytes_total{instance=~"fra-(db|cache)-0[1-3]"}[30s]))'
PICTURES = [
    ("fleet-light", "#/fleet", "light", 1360, 850),
    ("fleet-dark", "#/fleet", "dark", 1360, 850),
    ("fleet-phone", "#/fleet", "light", 390, 844),
    ("server-light", "#/server/instance/fra-db-03", "light", 1360, 980),
    ("server-dark", "#/server/instance/fra-db-03", "dark", 1360, 980),
    ("server-phone", "#/server/instance/fra-db-03", "dark", 390, 844),
    ("explore-light", "#/explore?range=15m&query=" + urllib.parse.quote(RECEIVED), "light", 1360, 850),
    ("explore-phone", "#/explore?range=15m&query=" + urllib.parse.quote(RECEIVED), "light", 390, 844),
    ("explore-dark", "#/explore?range=15m&query=" + urllib.parse.quote(RECEIVED), "dark", 1360, 850),
]


@pytest.fixture
def fleet(start_standalone):
    """A fleet that is pushed each second while the pictures are taken."""
    made_up = Fleet(start_standalone())
    made_up.push_past()
    done = threading.Event()

    def push() -> None:
        while not done.wait(1.0):
            made_up.push_now()

    thread = threading.Thread(target=push)
    thread.start()
    try:
        yield made_up
    finally:
        done.set()
        thread.join()


def keep(images: pathlib.Path, name: str, page: Page) -> None:
    """Takes the page's picture, and closes it."""
    assert width_beyond(page) <= 0, name
    picture = page.screenshot(animations="disabled")
    assert len(picture) < PICTURE_BYTES_MAX, f"{name} has {len(picture)} bytes"
    (images / f"{name}.png").write_bytes(picture)
    page.close()


def test_screenshots_of_the_three_views(visit, fleet, images) -> None:
    for name, route, scheme, width, height in PICTURES:
        page: Page = visit(route, server=fleet.server, as_tenant=None, scheme=scheme, width=width, height=height)
        if "fleet" in route:
            expect(page.locator(".fleet-row .cell-cpu b").nth(5)).to_have_text(re.compile(r"\d"))
            expect(page.locator(".flock canvas")).to_be_visible()
            expect(page.locator(".cell-push").nth(1)).to_have_text("now")
        elif "server" in route:
            expect_number(value(page, "node-cpu"))
            expect(card(page, "node-cpu").locator("canvas")).to_be_visible()
            if width > 390:
                expect_number(value(page, "node-pressure"))
                expect(page.locator(".facts")).to_contain_text("Uptime")
        else:
            expect(page.locator(".size")).to_contain_text("series")
        keep(images, name, page)


CLUSTER_PICTURES = [("cluster-light", "light", 1360, 980), ("cluster-dark", "dark", 1360, 980), ("cluster-phone", "light", 390, 844)]
# So many servers with so many metrics a second and, of the past, enough that a drain at 1 MiB a second is seen.
CLUSTER_SERVERS, CLUSTER_METRICS, CLUSTER_PAST_SECONDS = 150, 20, 300


@pytest.fixture
def cluster(tmp_path: pathlib.Path) -> Iterator[Cluster]:
    """Four aggregators in three zones, two routers and a coordinator, which are pushed at while the pictures are taken."""
    made = Cluster(tmp_path, settings={"aggregator": {"replication_factor": 2, "movement_rate": "1MiB"}})
    for zone in "abca":
        made.add("aggregator", zone)
    for role, zone in (("router", "b"), ("router", "c"), ("coordinator", "c")):
        made.add(role, zone)
    done = threading.Event()

    def push(router, seconds: range) -> None:
        now = now_ms()
        series = [
            ({"__name__": f"node_{metric}", "instance": f"web-{server:03d}"}, [(now - 1000 * back, (server * 7919 + back * 104729 + metric) % 99991 / 7) for back in seconds])
            for server in range(CLUSTER_SERVERS) for metric in range(CLUSTER_METRICS)
        ]
        for start in range(0, len(series), 500):
            reply = router.push_series(series[start : start + 500])
            assert reply.status in (200, 204), reply.text

    def push_on() -> None:
        while not done.wait(1.0):
            for router in made.routers:
                push(router, range(1))

    thread = threading.Thread(target=push_on)
    try:
        made.start().wait_until_ready()
        push(made.routers[0], range(CLUSTER_PAST_SECONDS, 0, -1))
        thread.start()
        yield made
    finally:
        done.set()
        if thread.is_alive():
            thread.join()
        made.close()


def explained(visit, cluster: Cluster) -> Page:
    """How a cluster found an answer."""
    page: Page = visit(
        "#/explore?range=5m&explain=1&query=" + urllib.parse.quote("sum(avg_over_time(node_7[1m])) / 150"), server=cluster.coordinators[0],
        as_tenant=None, width=1360, height=1250,
    )
    expect(page.get_by_label("How the answer was found")).to_contain_text("Asked of")
    expect(page.locator(".size")).to_contain_text("series")
    return page


def test_screenshots_of_the_cluster_view_while_a_node_leaves(visit, cluster, images) -> None:
    pages = []
    for name, scheme, width, height in CLUSTER_PICTURES:
        page: Page = visit("#/cluster", server=cluster.coordinators[0], as_tenant=None, scheme=scheme, width=width, height=height)
        expect(page.locator(".cluster-summary")).to_have_text("All 16\u202f384 slots have both copies.", timeout=180_000)
        pages.append((name, page))
    # Until each has been watched for a while there is no load to show.
    expect(page.locator('[data-member="aggregator-1"]')).to_contain_text("Samples")
    keep(images, "explain-light", explained(visit, cluster))
    drain = threading.Thread(target=cluster.drain, args=(cluster.holders[-1],))
    drain.start()
    try:
        for name, page in pages:
            expect(page.locator(".move-details").first).to_contain_text("done", timeout=180_000)
            expect(page.locator(".move-left").first).to_contain_text("about")
            keep(images, name, page)
    finally:
        drain.join()
