"""Draws the pictures of docs/images, on a Murmuration with made-up servers. `make screenshots` keeps them."""

import re
import threading
import urllib.parse

import pytest
from playwright.sync_api import Page, expect

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
    yield made_up
    done.set()
    thread.join()


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
        assert width_beyond(page) <= 0, name
        picture = page.screenshot(animations="disabled")
        assert len(picture) < PICTURE_BYTES_MAX, f"{name} has {len(picture)} bytes"
        (images / f"{name}.png").write_bytes(picture)
        page.close()
