"""What an aggregator's pod does before it is stopped: it drains when the StatefulSet shrinks, and only then."""

import http.server
import json
import os
import pathlib
import subprocess
import threading
import time
from typing import Any, Iterator

import pytest

from harness.kubernetes_api import KubernetesAPI
from harness.murmur import BINARY, REPOSITORY, clean_environment
from harness.ports import free_port
from harness.waiting import DEADLINE_SECONDS, wait_for

from .pods import Installation, Pod

HOOK = REPOSITORY / "docker" / "pre-stop"


@pytest.fixture
def api(tmp_path: pathlib.Path) -> Iterator[KubernetesAPI]:
    """An API server; three replicas are wanted."""
    made = KubernetesAPI(tmp_path / "api", "murmur", "murmur-aggregator", 3)
    yield made
    made.close()


def movements(*silent: str, is_settled: bool) -> dict[str, Any]:
    """What a process says of the slots that are on their way in its cluster."""
    move = {"slots": 10, "slotsLeft": 4, "slotsCopying": 1, "seconds": 3, "bytes": 9, "bytesPerSecond": 3, "samples": 0, "samplesPerSecond": 0}
    under_way = [] if is_settled else [{"node": "murmur-aggregator-1", "direction": "gains", "move": move}]
    return {"movements": under_way, "silent": list(silent), "isSettled": is_settled}


class PodServer:
    """The process of the pod, as far as the hook asks it. `answers` is what it says of movements, in turn, the last one for ever."""

    def __init__(self, *answers: dict[str, Any]):
        self.answers = list(answers)
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            """One connection."""

            def do_GET(self) -> None:
                """Health and movements."""
                body = b"ok"
                if self.path == "/api/v1/cluster/movements":
                    data = server.answers.pop(0) if len(server.answers) > 1 else server.answers[0]
                    body = json.dumps({"status": "success", "data": data}).encode()
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
    """A process of a cluster that is settled."""
    made = PodServer(movements(is_settled=True))
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
    result = subprocess.run([HOOK], capture_output=True, text=True, timeout=600, env=environment, stdin=subprocess.DEVNULL)
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


def test_a_restart_waits_until_all_aggregators_are_there_and_have_everything(api, tmp_path):
    settled = movements(is_settled=True)
    last = movements("murmur-aggregator-1", is_settled=True)
    busy = PodServer(movements(is_settled=False), movements("murmur-aggregator-1", is_settled=False), last, settled)
    _, log = run_hook(api, tmp_path, "murmur-aggregator-0", busy.url)
    busy.close()
    assert busy.answers == [settled] and "goes while" not in log


@pytest.mark.parametrize("answer", [movements(is_settled=False), movements("murmur-aggregator-1", is_settled=True)])
def test_a_restart_does_not_wait_for_ever(api, tmp_path, answer):
    never = PodServer(answer)
    assert "goes while" in run_hook(api, tmp_path, "murmur-aggregator-0", never.url, PRE_STOP_PATIENCE="2")[1]
    never.close()


def test_a_restart_does_not_wait_for_a_process_that_is_gone(api, tmp_path):
    assert "after 0 s" in run_hook(api, tmp_path, "murmur-aggregator-0", f"http://127.0.0.1:{free_port()}")[1]


def test_a_set_that_shrinks_gives_its_slots_away_and_loses_nothing(api, tmp_path, postgres_server):
    installation = Installation("three-zones", tmp_path / "pods", postgres_server.create_database(f"shrinks_{time.time_ns()}"))
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "murmur").symlink_to(BINARY)
    leaving, staying = installation.aggregators[-1], installation.aggregators[:-1]
    log = tmp_path / "log"

    def run(pod: Pod) -> subprocess.CompletedProcess:
        environment = pod.environment(installation.pods) | api.environment
        environment |= {"OWN_ENDPOINT": pod.url, "PRE_STOP_LOG": str(log), "PATH": f"{programs}:{os.environ['PATH']}"}
        return subprocess.run([HOOK], capture_output=True, text=True, timeout=600, env=environment, stdin=subprocess.DEVNULL)

    def body(metric: str) -> bytes:
        return "\n".join(f'{{"server_id":"web-{number}","metric_type":"{metric}","value":{number}}}' for number in range(300)).encode()

    def answer() -> dict[str, str]:
        result = installation.coordinator.get("/api/v1/query?query=kept").json
        if "warnings" in result:
            return {"not": "complete"}
        return {entry["metric"]["server_id"]: entry["value"][1] for entry in result["data"]["result"]}

    try:
        installation.start()
        kept = body("kept")
        wait_for("a push", lambda: installation.router.client.request("POST", "/api/metrics", body=kept).status == 204)
        expected = {f"web-{number}": str(number) for number in range(300)}
        wait_for("all samples", lambda: answer() == expected)
        # Before that a slot may have no holder but the pod that is to be killed.
        wait_for("two copies of every slot", lambda: all(pod.is_settled() for pod in installation.aggregators))

        # Three are wanted, and there are three: a rolling restart. The last pod is back and ready, and may still copy from others than the next.
        leaving.program.kill()
        more = body("more")
        wait_for("a push that it misses", lambda: installation.router.client.request("POST", "/api/metrics", body=more).status == 204)
        leaving.start(installation.pods)
        leaving.wait_until_ready()
        assert run(staying[0]).returncode == 0
        assert "it comes back" in log.read_text() and "goes while" not in log.read_text()
        assert all(pod.is_settled() for pod in installation.aggregators)
        assert staying[0].members()[leaving.name] == "active" and staying[0].program.process.poll() is None

        api.replicas = 2
        assert run(leaving).returncode == 0, log.read_text()
        assert leaving.program.wait_for_exit(DEADLINE_SECONDS) == 0
        for pod in staying:
            wait_for("it has left", lambda: pod.members().get(leaving.name, "left") == "left")
        wait_for("all samples without it", lambda: answer() == expected)

        # The set grows again: the pod comes back with its old volume, and takes its share.
        api.replicas = 3
        leaving.start(installation.pods)
        leaving.wait_until_ready()
        for pod in staying:
            wait_for("it is back", lambda: pod.members().get(leaving.name) == "active")
        wait_for("all samples with it", lambda: answer() == expected)
    finally:
        installation.close()
