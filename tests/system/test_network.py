"""The network of the fault tests: a cut line loses packets one way, silently, and a mended one does not."""

import socket
from typing import Iterator

import pytest

from harness import network
from harness.network import Host, Network
from harness.waiting import DEADLINE_SECONDS, wait_for


@pytest.fixture
def hosts() -> Iterator[tuple[Network, Host, Host]]:
    """A network with two hosts."""
    if reason := network.why_not():
        pytest.skip(reason)
    made = Network()
    yield made, made.host(), made.host()
    made.close()


def bound(host: Host) -> socket.socket:
    """A UDP socket on the host."""
    with host.inside():
        result = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    result.bind((host.address, 0))
    result.setblocking(False)
    return result


def received(sender: socket.socket, receiver: socket.socket, text: bytes) -> bool:
    """Whether the text has come; it is sent anew each time that this is asked."""
    sender.sendto(text, receiver.getsockname())
    try:
        while receiver.recv(100) != text:
            pass
        return True
    except BlockingIOError:
        return False


def test_a_line_is_cut_one_way_and_mended(hosts):
    made, first, second = hosts
    with bound(first) as here, bound(second) as there:
        wait_for("the first packet there", lambda: received(here, there, b"1"))
        wait_for("the first packet back", lambda: received(there, here, b"2"))
        made.cut(first, second)
        # The way back is open: what comes by it was sent after what is cut off.
        for text in (b"3", b"4", b"5"):
            assert not received(here, there, text)
            wait_for("a packet against the cut", lambda: received(there, here, text))
        assert not received(here, there, b"6")
        made.mend(first, second)
        wait_for("a packet after the cut", lambda: received(here, there, b"7"))


def test_a_connection_outlives_a_cut(hosts):
    made, first, second = hosts
    with second.inside():
        listener = socket.create_server((second.address, 0))
    with first.inside():
        client = socket.create_connection(listener.getsockname(), timeout=DEADLINE_SECONDS)
    server, _ = listener.accept()
    with listener, client, server:
        server.settimeout(DEADLINE_SECONDS)
        made.cut(first, second)
        client.sendall(b"kept")
        made.mend(first, second)
        assert server.recv(4) == b"kept"


def test_this_thread_is_not_moved(hosts):
    made, first, second = hosts
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with first.inside(), pytest.raises(ConnectionRefusedError):
            socket.create_connection(listener.getsockname(), timeout=DEADLINE_SECONDS)
        socket.create_connection(listener.getsockname(), timeout=DEADLINE_SECONDS).close()
