"""Fixtures shared by the system and browser tests: real programs on loopback, stopped by their process ids."""

import itertools
import pathlib
from typing import Any, Callable, Iterator

import pytest

from harness.murmur import Node, Standalone
from harness.postgres import Postgres


@pytest.fixture
def start_standalone(tmp_path: pathlib.Path) -> Iterator[Callable[..., Standalone]]:
    """A factory of running standalones: `start_standalone(durability="fsync")`. `ready=False` returns at once.

    All of them are killed at the end, and what they wrote is printed, which pytest shows when the test failed.
    """
    started: list[Standalone] = []
    numbers = itertools.count()

    def start(ready: bool = True, **settings: Any) -> Standalone:
        directory = tmp_path / f"standalone-{next(numbers)}"
        directory.mkdir()
        standalone = Standalone(directory, **settings)
        started.append(standalone)
        return standalone.start(ready)

    yield start
    for standalone in started:
        standalone.kill()
        if standalone.log.exists():
            print(f"--- {standalone.log}\n{standalone.log.read_text(errors='replace')[-6000:]}")


@pytest.fixture
def start_node(tmp_path: pathlib.Path) -> Iterator[Callable[..., Node]]:
    """A factory of running processes of a cluster: `start_node("router", "router-1", join=…)`. `ready=False` returns at once.

    All of them are killed at the end, and what they wrote is printed, which pytest shows when the test failed.
    """
    started: list[Node] = []
    numbers = itertools.count()

    def start(role: str, name: str, ready: bool = True, **settings: Any) -> Node:
        directory = tmp_path / f"{name}-{next(numbers)}"
        directory.mkdir()
        node = Node(role, directory, name=name, **settings)
        started.append(node)
        return node.start(ready)

    yield start
    for node in started:
        node.kill()
        if node.log.exists():
            print(f"--- {node.log}\n{node.log.read_text(errors='replace')[-6000:]}")


@pytest.fixture
def standalone(start_standalone: Callable[..., Standalone]) -> Standalone:
    """One running standalone with the defaults."""
    return start_standalone()


@pytest.fixture(scope="session")
def shared_standalone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standalone]:
    """One running standalone for all tests that only push and ask; each takes a tenant of its own."""
    server = Standalone(tmp_path_factory.mktemp("shared")).start()
    yield server
    assert server.stop() == 0, server.log.read_text(errors="replace")[-4000:]


@pytest.fixture
def tenant(request: pytest.FixtureRequest) -> str:
    """A tenant that no other test uses."""
    return "t-" + "".join(letter if letter.isalnum() else "-" for letter in request.node.nodeid.split("::", 1)[-1])[-60:]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """One PostgreSQL for the session."""
    server = Postgres()
    yield server
    server.close()


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL that the test may stop."""
    server = Postgres()
    yield server
    server.close()
