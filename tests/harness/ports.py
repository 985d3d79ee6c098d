"""Free ports on loopback."""

import itertools
import os
import random
import socket

# Below what Linux gives to outgoing connections, which would take a port between its choice and its use. Test processes that run at the same
# time choose from ranges of their own.
FIRST, COUNT, PROCESSES_MAX = 10_000, 5_000, 4
_process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
assert _process < PROCESSES_MAX, f"there are ports for {PROCESSES_MAX} test processes at a time"
_numbers = itertools.count(random.randrange(COUNT))


def free_port() -> int:
    """A port on 127.0.0.1 that nobody has, for TCP or UDP, and that this process has not handed out lately."""
    for number in itertools.islice(_numbers, COUNT):
        port = FIRST + _process * COUNT + number % COUNT
        if is_free(port):
            return port
    raise OSError(f"no free port from {FIRST + _process * COUNT} on")


def free_ports(count: int) -> int:
    """The first of so many ports in a row that nobody has."""
    while True:
        first = free_port()
        rest = [next(_numbers) for _ in range(count - 1)]
        ports = [FIRST + _process * COUNT + number % COUNT for number in rest]
        if ports == list(range(first + 1, first + count)) and all(is_free(port) for port in ports):
            return first


def is_free(port: int) -> bool:
    """Whether nobody has the port."""
    try:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(socket.AF_INET, kind) as probe:
                probe.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


def is_open(port: int, host: str = "127.0.0.1") -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0
