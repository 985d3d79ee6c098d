"""What an aggregator's pod does before it is stopped: it drains when the StatefulSet shrinks, and only then."""

import http.server
import os
import pathlib
import subprocess
import threading
import time
from typing import Iterator

import pytest

from harness.kubernetes_api import KubernetesAPI
from harness.murmur import BINARY, REPOSITORY, clean_environment
from harness.ports import free_port
from harness.waiting import wait_for

from .pods import Installation

HOOK = REPOSITORY / "docker" / "pre-stop"


@pytest.fixture
def api(tmp_path: pathlib.Path) -> Iterator[KubernetesAPI]:
    """An API server; three replicas are wanted."""
    made = KubernetesAPI(tmp_path / "api", "murmur", "murmur-aggregator", 3)
    yield made
    made.close()


class PodServer:
    """The process of the pod, as far as the hook asks it. `settled` is what its metric says, in turn, the last one for ever."""

    def __init__(self, *settled: int):
        self.settled = list(settled)
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            """One connection."""

            def do_GET(self) -> None:
                """Health and metrics."""
                body = b"ok"
                if self.path == "/metrics":
                    value = server.settled.pop(0) if len(server.settled) > 1 else server.settled[0]
                    body = f"# TYPE murmur_movement_settled gauge\nmurmur_movement_settled {value}\n".encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stops answering."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def pod_server() -> Iterator[PodServer]:
    """A process that is settled."""
    made = PodServer(1)
    yield made
    made.close()


def run_hook(api: KubernetesAPI, directory: pathlib.Path, pod: str, endpoint: str, **extra: str) -> tuple[list[str], str]:
    """Runs the hook with a `murmur` that notes what it is asked for; returns that and the hook's log."""
    programs, calls, log = directory / "bin", directory / "calls", directory / "log"
    programs.mkdir(exist_ok=True)
    (programs / "murmur").write_text(f'#!/bin/sh\necho "$@" >>{calls}\n')
    (programs / "murmur").chmod(0o755)
    environment = clean_environment(
        **{**api.environment, "POD_NAME": pod, "POD_NAMESPACE": "murmur", "OWN_ENDPOINT": endpoint, "PRE_STOP_LOG": str(log), **extra}
    )
    environment["PATH"] = f"{programs}:{environment['PATH']}"
    result = subprocess.run([HOOK], capture_output=True, text=True, timeout=120, env=environment, stdin=subprocess.DEVNULL)
    assert result.returncode == 0 and result.stderr == "", result
    return (calls.read_text().splitlines() if calls.exists() else []), log.read_text()


@pytest.mark.parametrize(("replicas", "pod", "drains"), [
    (3, "murmur-aggregator-0", False), (3, "murmur-aggregator-2", False), (3, "murmur-aggregator-3", True), (2, "murmur-aggregator-2", True),
    (11, "murmur-aggregator-10", False), (10, "murmur-aggregator-10", True), (1, "murmur-aggregator-1", True),
    # The whole cluster stops, or is deleted: nobody is there to take the slots.
    (0, "murmur-aggregator-0", False), (None, "murmur-aggregator-0", False), (None, "murmur-aggregator-2", False),
])
def test_only_a_pod_that_will_not_come_back_drains(api, pod_server, tmp_path, replicas, pod, drains):
    api.replicas = replicas
    calls, _ = run_hook(api, tmp_path, pod, pod_server.url)
    assert calls == ([f"ctl drain {pod} --force --endpoint {pod_server.url}"] if drains else [])
    assert api.asked == [api.path]


@pytest.mark.parametrize(("status", "body"), [
    (403, b'{"kind":"Status","status":"Failure","reason":"Forbidden","code":403}'), (200, b""), (200, b"<html>spec:{replicas:1}</html>"),
    (200, b'{"kind":"StatefulSet","spec":{"replicas":1}}'), (200, b'{"kind":"Scale","spec":{"replicas":-1}}'),
])
def test_a_pod_that_cannot_tell_keeps_its_slots_and_says_why(api, pod_server, tmp_path, status, body):
    api.other_answer = (status, body)
    calls, log = run_hook(api, tmp_path, "murmur-aggregator-2", pod_server.url)
    assert calls == [] and "the API does not" in log


def test_an_api_that_is_away_or_not_the_real_one_is_not_believed(api, pod_server, tmp_path):
    api.replicas = 1
    calls, _ = run_hook(api, tmp_path, "murmur-aggregator-2", pod_server.url, KUBERNETES_SERVICE_PORT=str(free_port()))
    assert calls == []
    another = KubernetesAPI(tmp_path / "another", "murmur", "murmur-aggregator", 1)
    calls, _ = run_hook(api, tmp_path, "murmur-aggregator-2", pod_server.url, SERVICE_ACCOUNT_DIRECTORY=str(another.account))
    another.close()
    assert calls == [] and api.asked == []


def test_a_restart_waits_until_nobody_waits_for_the_node(api, tmp_path):
    busy = PodServer(0, 0, 1)
    run_hook(api, tmp_path, "murmur-aggregator-0", busy.url)
    busy.close()
    assert busy.settled == [1]


def test_a_restart_does_not_wait_for_ever_nor_for_a_process_that_is_gone(api, tmp_path):
    never = PodServer(0)
    assert "after 2 s" in run_hook(api, tmp_path, "murmur-aggregator-0", never.url, PRE_STOP_PATIENCE="2")[1]
    never.close()
    assert "after 0 s" in run_hook(api, tmp_path, "murmur-aggregator-0", f"http://127.0.0.1:{free_port()}")[1]


def test_a_set_that_shrinks_gives_its_slots_away_and_loses_nothing(api, tmp_path, postgres_server):
    installation = Installation("three-zones", tmp_path / "pods", postgres_server.create_database(f"shrinks_{time.time_ns()}"))
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "murmur").symlink_to(BINARY)
    leaving, staying = installation.aggregators[-1], installation.aggregators[:-1]

    def run(pod) -> subprocess.CompletedProcess:
        environment = pod.environment(installation.pods) | api.environment
        environment |= {"OWN_ENDPOINT": pod.url, "PRE_STOP_LOG": str(tmp_path / "log"), "PATH": f"{programs}:{os.environ['PATH']}"}
        return subprocess.run([HOOK], capture_output=True, text=True, timeout=300, env=environment, stdin=subprocess.DEVNULL)

    def answer() -> dict[str, str]:
        result = installation.coordinator.get("/api/v1/query?query=kept").json
        if "warnings" in result:
            return {"not": "complete"}
        return {entry["metric"]["server_id"]: entry["value"][1] for entry in result["data"]["result"]}

    try:
        installation.start()
        lines = [f'{{"server_id":"web-{number}","metric_type":"kept","value":{number}}}' for number in range(300)]
        wait_for(
            "a push", lambda: installation.router.client.request("POST", "/api/metrics", body="\n".join(lines).encode()).status == 204, 180
        )
        expected = {f"web-{number}": str(number) for number in range(300)}
        wait_for("all samples", lambda: answer() == expected, 180)

        # Three are wanted, and there are three: a rolling restart.
        assert run(leaving).returncode == 0
        assert leaving.members()[leaving.name] == "active" and leaving.program.process.poll() is None

        api.replicas = 2
        assert run(leaving).returncode == 0, (tmp_path / "log").read_text()
        assert leaving.program.wait_for_exit(60) == 0
        for pod in staying:
            wait_for("it has left", lambda: pod.members().get(leaving.name, "left") == "left", 180)
        wait_for("all samples without it", lambda: answer() == expected, 180)

        # The set grows again: the pod comes back with its old volume, and takes its share.
        api.replicas = 3
        leaving.start(installation.pods)
        leaving.wait_until_ready()
        for pod in staying:
            wait_for("it is back", lambda: pod.members().get(leaving.name) == "active", 180)
        wait_for("all samples with it", lambda: answer() == expected, 180)
    finally:
        installation.close()
