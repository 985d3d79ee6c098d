"""Chromium for the browser tests: a page per test, which fails on whatever the page's console calls an error."""

import os
import pathlib
import re
import threading
from typing import Any, Callable, Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from harness.murmur import Program, Standalone, clean_environment

CHROMIUM = "/usr/bin/chromium"
# Generous, because a test machine may have two slow cores that do other work too.
ACTION_MILLISECONDS_MAX = 120_000

Visit = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, headless; without its sandbox, which root cannot have."""
    expect.set_options(timeout=ACTION_MILLISECONDS_MAX)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield chromium
        chromium.close()


@pytest.fixture
def allowed_errors() -> list[str]:
    """Patterns of console messages that the test provokes on purpose; it appends to this list."""
    return []


@pytest.fixture(autouse=True)
def fresh_connection(shared_standalone: Standalone) -> None:
    """The harness pushes over a kept connection, which the server closes when tests that only look leave it idle."""
    shared_standalone.client.close()


@pytest.fixture
def visit(browser: Browser, shared_standalone: Standalone, tenant: str, allowed_errors: list[str]) -> Iterator[Visit]:
    """`visit("#/fleet", width=390, scheme="dark")` opens a page in a fresh context, by default as this test's tenant."""
    contexts = []
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(f"{message.text} ({message.location.get('url', '')})")

    def open_page(
        route: str = "",
        server: Standalone = shared_standalone,
        as_tenant: str | None = tenant,
        width: int = 1280,
        height: int = 800,
        **options: Any,
    ) -> Page:
        scheme = options.pop("scheme", "light")
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(ACTION_MILLISECONDS_MAX)
        page.on("console", note)
        page.on("pageerror", lambda error: errors.append(f"uncaught: {error}"))
        query = f"?tenant={as_tenant}" if as_tenant else ""
        page.goto(f"{server.url}/{query}{route}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    unexpected = [error for error in errors if not any(re.search(pattern, error) for pattern in allowed_errors)]
    assert not unexpected, "the page's console has errors:\n" + "\n".join(unexpected)


@pytest.fixture(scope="session")
def agent(shared_standalone: Standalone, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running agent of this machine, pushing each second into the tenant whose name it yields; its server ID is `this-machine`."""
    log = tmp_path_factory.mktemp("agent") / "agent.log"
    arguments = [
        "agent",
        "--push",
        shared_standalone.url,
        "--server-id",
        "this-machine",
        "--interval",
        "1s",
        "--tenant",
        "browser-agent",
    ]
    program = Program(log, arguments, clean_environment())
    yield "browser-agent"
    program.kill()
    print(log.read_text(errors="replace")[-2000:])


class Pusher:
    """Pushes what `make(number)` returns, once a second, on a thread of its own until stopped."""

    def __init__(self, server: Standalone, tenant: str, make: Callable[[int], Any]):
        self._done = threading.Event()
        # The harness's client keeps one connection and is not for two threads.
        self._server = Standalone.__new__(Standalone)
        self._server.__dict__.update(server.__dict__)
        self._server.client = type(server.client)(server.http_port)
        self._thread = threading.Thread(target=self._run, args=(tenant, make), daemon=True)
        self._thread.start()

    def _run(self, tenant: str, make: Callable[[int], Any]) -> None:
        number = 0
        while True:
            self._server.push_json(make(number), tenant)
            number += 1
            if self._done.wait(1.0):
                return

    def stop(self) -> None:
        """Stops pushing."""
        self._done.set()
        self._thread.join()
        self._server.client.close()


@pytest.fixture
def pushing(shared_standalone: Standalone, tenant: str) -> Iterator[Callable[..., Pusher]]:
    """`pushing(lambda number: {...})` pushes to this test's tenant each second until the test ends."""
    pushers: list[Pusher] = []

    def start(make: Callable[[int], Any], server: Standalone = shared_standalone) -> Pusher:
        pushers.append(Pusher(server, tenant, make))
        return pushers[-1]

    yield start
    for pusher in pushers:
        pusher.stop()


@pytest.fixture
def images(tmp_path: pathlib.Path) -> pathlib.Path:
    """Where screenshots go: `MURMUR_SCREENSHOTS`, which `make screenshots` sets, or nowhere that stays."""
    return pathlib.Path(os.environ.get("MURMUR_SCREENSHOTS", tmp_path))
