"""What the browser tests do on pages, in the words of the views."""

import re
from typing import Callable

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from harness.waiting import wait_for


def row(page: Page, server: str) -> Locator:
    """The fleet's row of a server."""
    link = page.get_by_role("link", name=server, exact=True)
    return page.locator(".fleet-row", has=link)


def card(page: Page, card_id: str) -> Locator:
    """A card of the server view: `node-cpu`, or `metric-NAME`."""
    return page.locator(f'[data-card="{card_id}"]')


def value(page: Page, card_id: str) -> Locator:
    """The large number of a card."""
    return card(page, card_id).locator("[data-value]")


def expect_number(locator: Locator) -> None:
    """Waits until a number stands there, and not the dash of no value."""
    expect(locator).to_have_text(re.compile(r"\d"))


def changes(read: Callable[[], str], count: int) -> list[str]:
    """Waits until a text has taken `count` different values one after the other; returns them."""
    seen = [read()]

    def is_enough() -> bool:
        now = read()
        if now != seen[-1]:
            seen.append(now)
        return len(seen) >= count

    wait_for(f"{count} values after {seen}", is_enough, pause=0.05)
    return seen


def width_beyond(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


def violations(page: Page) -> list[str]:
    """What axe finds."""
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {each['help']} at {[node['target'] for node in each['nodes']][:5]}" for each in found]


def charts(page: Page) -> int:
    """How many charts are drawn."""
    return page.locator(".chart canvas").count()
