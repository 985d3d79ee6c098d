"""`make run` as a person uses it: a terminal, Ctrl-C, a busy port, no network the second time."""

import os
import pathlib
import socket
import subprocess
from typing import Iterator

import pytest

from harness.http import HTTPClient
from harness.murmur import REPOSITORY, clean_environment
from harness.ports import free_port, free_ports, is_open
from harness.terminal import Terminal
from harness.waiting import DEADLINE_SECONDS


@pytest.fixture
def address() -> str:
    """Where this run listens; the cluster's port is the next one, so both must be free."""
    return f"127.0.0.1:{free_ports(2)}"


@pytest.fixture
def make_run(address: str, tmp_path: pathlib.Path) -> Iterator[Terminal]:
    """A `make run` that is not ready yet."""
    terminal = Terminal(["make", "--no-print-directory", "run", f"HTTP={address}", f"DATA={tmp_path}/data"])
    yield terminal
    terminal.close()


def test_it_says_when_it_is_ready_and_control_c_stops_all_of_it(make_run: Terminal, address: str):
    make_run.read_until(f"Murmuration is ready: http://{address}/", 300)
    client = HTTPClient(int(address.split(":")[1]))
    assert client.request("GET", "/-/ready").status == 200
    assert client.request("GET", "/").status == 200
    servers = client.request("GET", "/api/v1/servers").json["data"]["servers"]
    assert os.uname().nodename in [entry["id"] for entry in servers]
    client.close()
    make_run.press_control_c()
    assert make_run.wait_for_exit() == 0, make_run.output[-3000:]
    assert not is_open(int(address.split(":")[1]))


def test_the_history_is_there_the_next_time(address: str, tmp_path: pathlib.Path):
    # A proxy that machines without a direct way to the network have set is nothing for a server on loopback.
    command = [
        "env", "http_proxy=http://127.0.0.1:1", "make", "--no-print-directory", "run", f"HTTP={address}", f"DATA={tmp_path}/data",
    ]
    for round_number in range(2):
        terminal = Terminal(command)
        try:
            terminal.read_until("Murmuration is ready", 300)
            client = HTTPClient(int(address.split(":")[1]))
            if round_number == 0:
                body = b'{"server_id":"kept","metric_type":"kept","value":1}'
                assert client.request("POST", "/api/metrics", body=body).status == 204
            else:
                result = client.request("GET", "/api/v1/query", {"query": "kept"}).json["data"]["result"]
                assert [entry["value"][1] for entry in result] == ["1"]
            client.close()
        finally:
            terminal.close()


def test_a_busy_port_names_the_way_out():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        busy = taken.getsockname()[1]
        for arguments in ([f"HTTP=127.0.0.1:{busy}"], [f"HTTP=127.0.0.1:{free_port()}", f"CLUSTER=127.0.0.1:{busy}"]):
            result = subprocess.run(
                ["make", "run", *arguments], cwd=REPOSITORY, capture_output=True, text=True, timeout=DEADLINE_SECONDS,
                env=clean_environment(), stdin=subprocess.DEVNULL,
            )
            assert result.returncode != 0
            assert "make run HTTP=127.0.0.1:8480" in result.stderr and str(busy) in result.stderr, result.stderr


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:70000", ":7480"])
def test_an_impossible_address_is_an_error(address: str):
    result = subprocess.run(
        ["make", "run", f"HTTP={address}"], cwd=REPOSITORY, capture_output=True, text=True, timeout=DEADLINE_SECONDS, env=clean_environment(),
        stdin=subprocess.DEVNULL,
    )
    assert result.returncode != 0 and address in result.stderr and "HOST:PORT" in result.stderr


def test_a_second_run_asks_the_network_for_nothing(address: str, tmp_path: pathlib.Path):
    probe = subprocess.run(["unshare", "--net", "--map-root-user", "true"], capture_output=True, text=True)
    if probe.returncode != 0:
        pytest.skip(f"network namespaces are not permitted here: {probe.stderr.strip()}")
    inside = f"ip link set lo up && exec make --no-print-directory run HTTP={address} DATA={tmp_path}/data"
    terminal = Terminal(["unshare", "--net", "--map-root-user", "sh", "-c", inside])
    try:
        terminal.read_until(f"Murmuration is ready: http://{address}/", 300)
        terminal.press_control_c()
        assert terminal.wait_for_exit() == 0, terminal.output[-3000:]
    finally:
        terminal.close()
