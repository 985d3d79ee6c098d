"""`make cluster` as a person uses it: it says what to try, starts again who was killed, and Ctrl-C stops all of it."""

import os
import re
import signal
import socket
import subprocess

from harness.http import HTTPClient
from harness.murmur import REPOSITORY, clean_environment
from harness.ports import free_ports, is_open
from harness.terminal import Terminal


def command(port: int) -> list[str]:
    """What is typed."""
    return ["make", "--no-print-directory", "cluster", f"HTTP=127.0.0.1:{port}"]


def test_it_says_what_to_try_and_control_c_stops_all_of_it():
    port = free_ports(12)
    terminal = Terminal(command(port))
    try:
        terminal.read_until(f"Murmuration is ready: http://127.0.0.1:{port}/", 300)
        pids = {name: int(pid) for name, pid in re.findall(r"^([a-z-]+-\d) +\w? +(\d+) ", terminal.output, re.MULTILINE)}
        assert sorted(pids) == ["aggregator-1", "aggregator-2", "aggregator-3", "coordinator-1", "router-1", "router-2"], terminal.output
        client = HTTPClient(port)
        assert client.request("GET", "/").status == 200
        assert len(client.request("GET", "/api/v1/servers").json["data"]["servers"]) == 2
        client.close()
        assert f"kill -9 {pids['aggregator-1']}" in terminal.output and "ctl drain aggregator-3" in terminal.output
        assert f"http://127.0.0.1:{port}/#/cluster" in terminal.output
        os.kill(pids["router-2"], signal.SIGKILL)
        terminal.read_until("router-2 started again", 300)
        terminal.press_control_c()
        assert terminal.wait_for_exit(180) == 0, terminal.output[-3000:]
        assert not any(is_open(port + number) for number in range(12))
        assert not any(os.path.exists(f"/proc/{pid}") for pid in pids.values())
    finally:
        terminal.close()


def test_a_busy_port_names_the_way_out():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        busy = taken.getsockname()[1]
        result = subprocess.run(
            command(busy), cwd=REPOSITORY, capture_output=True, text=True, timeout=300, env=clean_environment(), stdin=subprocess.DEVNULL,
        )
    assert result.returncode != 0 and str(busy) in result.stderr and "make cluster HTTP=127.0.0.1:8480" in result.stderr, result.stderr
