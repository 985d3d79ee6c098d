"""A switch with hosts on it, so that a test can cut the line between two programs of this machine.

Each host is a network namespace without a name: it is gone with the process that made it, however that ends. A cut is silent, as a broken line
is: packets are sent to a hardware address that nobody has. Needs the right to make namespaces, as root in a container has it.
"""

import contextlib
import ctypes
import os
import subprocess
import threading
from typing import Iterator

CLONE_NEWNET = 0x40000000
NOBODY = "02:00:00:00:ff:ff"
_libc = ctypes.CDLL(None, use_errno=True)


class Host:
    """One host: an address and the namespace that has it."""

    def __init__(self, number: int, namespace: int):
        self.namespace = namespace
        self.address = f"10.77.0.{number}"
        self.hardware = f"02:00:00:00:00:{number:02x}"

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """In this block the thread is on the host: sockets that it makes and programs that it starts stay there."""
        with _inside(self.namespace):
            yield


class Network:
    """A switch; `host()` plugs in one more host."""

    def __init__(self) -> None:
        self._switch = _new_namespace()
        self._hosts: list[Host] = []
        with _inside(self._switch):
            _ip("link add switch type bridge")
            _ip("link set switch up")

    def host(self) -> Host:
        """A new host that reaches all others."""
        host = Host(len(self._hosts) + 1, _new_namespace())
        assert len(self._hosts) < 250, "the network has no more addresses"
        port = f"port{len(self._hosts)}"
        with _inside(self._switch):
            _ip(f"link add {port} type veth peer name eth0 address {host.hardware} netns /proc/{os.getpid()}/fd/{host.namespace}")
            _ip(f"link set {port} master switch up")
        with host.inside():
            _ip("link set lo up")
            _ip(f"addr add {host.address}/24 dev eth0")
            _ip("link set eth0 up")
        self._hosts.append(host)
        return host

    def cut(self, sender: Host, receiver: Host) -> None:
        """What `sender` sends to `receiver` is lost from now on; the other direction is not touched."""
        with sender.inside():
            _ip(f"neigh replace {receiver.address} lladdr {NOBODY} nud permanent dev eth0")

    def mend(self, sender: Host, receiver: Host) -> None:
        """What `sender` sends to `receiver` arrives again."""
        with sender.inside():
            _ip(f"neigh replace {receiver.address} lladdr {receiver.hardware} nud permanent dev eth0")

    def close(self) -> None:
        """Takes the hosts and the switch away, once no program runs on them."""
        for namespace in [self._switch, *(host.namespace for host in self._hosts)]:
            os.close(namespace)
        self._hosts.clear()


def why_not() -> str | None:
    """Why this machine cannot have such a network; None where it can. It names network namespaces, which excuses a skipped test."""
    try:
        network = Network()
        network.host()
        network.close()
    except (OSError, subprocess.CalledProcessError) as error:
        return f"network namespaces are not permitted here: {error}"
    return None


def _ip(arguments: str) -> None:
    subprocess.run(["ip", *arguments.split()], check=True, capture_output=True, text=True)


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _new_namespace() -> int:
    """A descriptor that keeps a new network namespace alive."""
    made: list[int | OSError] = []

    def make() -> None:
        # On a thread of its own, which ends there: no other thread is moved.
        try:
            _checked(_libc.unshare(CLONE_NEWNET))
            made.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))
        except OSError as error:
            made.append(error)

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    if isinstance(made[0], OSError):
        raise made[0]
    return made[0]


@contextlib.contextmanager
def _inside(namespace: int) -> Iterator[None]:
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _checked(_libc.setns(namespace, CLONE_NEWNET))
        try:
            yield
        finally:
            _checked(_libc.setns(before, CLONE_NEWNET))
    finally:
        os.close(before)
