"""Keyboard, themes and the accessibility rules of axe."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
import pytest

from .views import expect_number, value

ROUTES = ["#/fleet", "#/server/instance/this-machine", "#/explore?query=node_load1&range=5m"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("route", ROUTES)
def test_the_views_pass_axe(visit, agent, route, scheme) -> None:
    page: Page = visit(route, as_tenant=agent, scheme=scheme)
    expect(page.locator(".server-link, .chart canvas").first).to_be_visible()
    violations = Axe().run(page).response["violations"]
    told = [f"{each['id']}: {each['help']} at {[node['target'] for node in each['nodes']][:5]}" for each in violations]
    assert not told, "\n".join(told)


def test_the_empty_fleet_passes_axe(visit) -> None:
    page: Page = visit("#/fleet")
    expect(page.get_by_role("heading", name="No server has pushed yet")).to_be_visible()
    assert not Axe().run(page).response["violations"]


def test_everything_is_reached_with_the_keyboard_alone(visit, agent) -> None:
    page: Page = visit("#/fleet", as_tenant=agent)
    expect(page.get_by_role("link", name="this-machine")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("link", name="this-machine")).to_be_focused()
    outline = page.locator(".fleet-row", has=page.locator(":focus")).evaluate(
        "row => getComputedStyle(row).outlineStyle"
    )
    assert outline == "solid", "what has the focus must be seen to have it"
    page.keyboard.press("Enter")
    expect_number(value(page, "node-cpu"))
    page.get_by_role("button", name="5 min", exact=True).focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="15 min")).to_have_attribute("aria-pressed", "true")


def test_the_theme_follows_the_system_until_it_is_chosen_and_is_then_remembered(visit) -> None:
    page: Page = visit("#/explore", scheme="dark")
    paper = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(paper)
    page.emulate_media(color_scheme="light")
    page.wait_for_function(f"dark => {paper} !== dark", arg=dark)
    light = page.evaluate(paper)
    page.emulate_media(color_scheme="dark")
    toggle = page.get_by_role("button", name="Theme:")
    for choice, expected in [("light", light), ("dark", dark)]:
        toggle.click()
        expect(toggle).to_have_accessible_name(f"Theme: {choice}. Change")
        assert page.evaluate(paper) == expected
    page.emulate_media(color_scheme="light")
    page.reload()
    expect(toggle).to_have_accessible_name("Theme: dark. Change")
    assert page.evaluate(paper) == dark, "remembered, whatever the system prefers"
    toggle.click()
    assert page.evaluate(paper) == light, "after dark comes the system's own"
