"""What the pages do when the server goes and comes back."""

from playwright.sync_api import Page, expect

from .views import row


def test_a_lost_server_is_said_kept_on_screen_and_recovered_from(visit, start_standalone, allowed_errors) -> None:
    allowed_errors += [
        r"ERR_CONNECTION_REFUSED",
        r"ERR_CONNECTION_RESET",
        r"ERR_EMPTY_RESPONSE",
        r"WebSocket connection to",
        r"status of 503",
    ]
    server = start_standalone()
    server.push_json({"server_id": "s", "metric_type": "cpu", "value": 11, "unit": "%"})
    page: Page = visit("#/fleet", server=server, as_tenant=None)
    expect(row(page, "s")).to_contain_text("11.0%")
    expect(page.locator(".pulse")).to_have_text("live")
    server.kill()
    banner = page.locator(".banner")
    expect(banner).to_contain_text("The server does not answer")
    expect(banner).to_contain_text("What you see is from")
    expect(page.locator(".pulse")).to_have_text("offline")
    expect(row(page, "s")).to_contain_text("11.0%")
    server.start()
    server.push_json({"server_id": "s", "metric_type": "cpu", "value": 22, "unit": "%"})
    expect(banner).to_have_count(0)
    expect(row(page, "s")).to_contain_text("22.0%")


def test_a_page_opened_without_a_server_waits_for_it(visit, start_standalone, allowed_errors) -> None:
    allowed_errors += [r"ERR_CONNECTION_REFUSED", r"ERR_CONNECTION_RESET", r"WebSocket connection to", r"status of 503"]
    server = start_standalone()
    page: Page = visit("#/explore", server=server, as_tenant=None)
    expect(page.locator(".pulse")).to_have_text("live")
    server.kill()
    expect(page.locator(".banner")).to_be_visible()
    page.get_by_role("navigation").get_by_role("link", name="Fleet").click()
    expect(page.get_by_text("could not be fetched")).to_be_visible()
    server.start()
    page.get_by_role("button", name="Try now").or_(
        page.get_by_role("heading", name="No server has pushed yet")
    ).first.wait_for()
    expect(page.get_by_role("heading", name="No server has pushed yet")).to_be_visible()
    expect(page.locator(".banner")).to_have_count(0)
