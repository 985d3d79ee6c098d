"""Starts and stops the real binary, and asks it over HTTP."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import time
from typing import Any, Callable, ContextManager, Iterable, Mapping, Self

from . import remote_write
from .http import HTTPClient, Reply
from .network import Host
from .ports import free_port
from .waiting import DEADLINE_SECONDS, wait_for

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("MURMUR_TEST_BINARY") or REPOSITORY / ".build" / "release" / "murmur")


def clean_environment(**extra: str) -> dict[str, str]:
    """The environment without settings of Murmuration's own: a test says what it sets."""
    return {**{name: value for name, value in os.environ.items() if not name.startswith("MURMUR_")}, **extra}


def flags(settings: Mapping[str, Any]) -> list[str]:
    """`late_window="2h"` as `--late-window 2h`; a switch, `admin_api=True`, as its flag alone, and turned off as `--admin-api=false`."""
    words = []
    for name, value in settings.items():
        flag = "--" + name.replace("_", "-")
        words += [flag] if value is True else [f"{flag}=false"] if value is False else [flag, str(value)]
    return words


class Program:
    """One process of the binary; its output goes to a file that a failing test prints."""

    def __init__(
        self, log: pathlib.Path, arguments: list[str], environment: Mapping[str, str] | None = None,
        inside: Callable[[], ContextManager[None]] = contextlib.nullcontext,
    ):
        """`inside` is entered to start it: it brings the process into its network."""
        assert BINARY.exists(), f"{BINARY} does not exist; run `make build`"
        self.log = log
        with log.open("ab") as output, inside():
            self.process = subprocess.Popen(
                [BINARY, *arguments], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env=dict(environment or clean_environment()), cwd=log.parent, start_new_session=True,
            )

    @property
    def output(self) -> str:
        """What it has written so far."""
        return self.log.read_text(errors="replace")

    def wait_for_exit(self, deadline: float = DEADLINE_SECONDS) -> int:
        """Its exit code; fails when it does not end in time."""
        try:
            return self.process.wait(deadline)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {deadline:g} s:\n{self.output[-4000:]}") from None

    def terminate(self, deadline: float = DEADLINE_SECONDS) -> int:
        """SIGTERM; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait_for_exit(deadline)

    def kill(self) -> None:
        """SIGKILL, if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class Node:
    """A process of a cluster on free ports; may be stopped, killed and started again.

    `role` is its command. Settings are the command line's: `Node("router", directory, join="127.0.0.1:7481")`. `ports` are those of HTTP and
    of the cluster; on a host of a test's own network they are the usual ones.
    """

    def __init__(self, role: str, directory: pathlib.Path, host: Host | None = None, ports: tuple[int, int] | None = None, **settings: Any):
        self.role = role
        self.directory = directory
        self.data_directory = pathlib.Path(settings.pop("data_dir", directory / "data"))
        self.log = directory / f"{role}.log"
        self.host = host
        self.address = host.address if host else "127.0.0.1"
        self.http_port, self.cluster_port = ports or ((7480, 7481) if host else (free_port(), free_port()))
        self.http = f"{self.address}:{self.http_port}"
        self.url = f"http://{self.http}"
        self.settings = settings
        self.program: Program | None = None
        # Whether answers may name something that is missing; else a warning is a failure.
        self.may_warn = False
        self.client = self.new_client()

    @property
    def cluster(self) -> str:
        """The address of the cluster port."""
        return f"{self.address}:{self.cluster_port}"

    def inside(self) -> ContextManager[None]:
        """Brings a thread to where the process is."""
        return self.host.inside() if self.host else contextlib.nullcontext()

    def new_client(self, timeout: float = 30.0) -> HTTPClient:
        """One more connection to it, for another thread."""
        return HTTPClient(self.http_port, self.address, timeout, self.inside)

    def start(self, ready: bool = True) -> Self:
        """Starts the process; with `ready`, returns once /-/ready answers 200."""
        settings: dict[str, Any] = {"http": self.http, "cluster": self.cluster}
        if self.role in ("standalone", "aggregator"):
            settings["data_dir"] = self.data_directory
        if self.role in ("standalone", "coordinator"):
            settings["web_dir"] = REPOSITORY / "web"
        self.program = Program(self.log, [self.role, *flags({**settings, **self.settings})], inside=self.inside)
        if ready:
            self.wait_until_ready()
        return self

    def wait_until_ready(self) -> None:
        """Waits for /-/ready; a process that ended instead is a failure with its output."""

        def is_ready() -> bool:
            assert self.program
            if self.program.process.poll() is not None:
                raise AssertionError(
                    f"{self.role} ended with {self.program.process.returncode} instead of getting ready:\n{self.program.output[-4000:]}"
                )
            return self.get("/-/ready").status == 200

        wait_for("/-/ready", is_ready, pause=0.02)

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self.program
        return self.program.process.pid

    def stop(self) -> int:
        """SIGTERM and the exit code; nothing if it does not run."""
        self.client.close()
        return self.program.terminate() if self.program else 0

    def kill(self) -> None:
        """SIGKILL."""
        self.client.close()
        if self.program:
            self.program.kill()

    # Asking.

    def request(
        self, method: str, path: str, parameters: Any = None, body: bytes | None = None, tenant: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One request; `tenant` becomes the X-Scope-OrgID header."""
        all_headers = dict(headers or {})
        if tenant is not None:
            all_headers["X-Scope-OrgID"] = tenant
        return self.client.request(method, path, parameters, body, all_headers)

    def get(self, path: str, parameters: Any = None, tenant: str | None = None) -> Reply:
        """A GET."""
        return self.request("GET", path, parameters, tenant=tenant)

    def data(self, path: str, parameters: Any = None, tenant: str | None = None) -> Any:
        """The `data` of a successful answer of the Prometheus API, without warnings unless these are expected."""
        reply = self.get(path, parameters, tenant)
        assert reply.status == 200, f"{path} {parameters}: {reply.status} {reply.text[:1000]}"
        answer = reply.json
        assert answer["status"] == "success", answer
        assert self.may_warn or not answer.get("warnings"), answer
        return answer["data"]

    def query(self, expression: str, at: float | None = None, tenant: str | None = None) -> list[dict[str, Any]]:
        """The result of an instant query."""
        parameters: dict[str, Any] = {"query": expression}
        if at is not None:
            parameters["time"] = at
        return self.data("/api/v1/query", parameters, tenant)["result"]

    def query_range(self, expression: str, start: float, end: float, step: float, tenant: str | None = None) -> list[dict[str, Any]]:
        """The result of a range query."""
        return self.data("/api/v1/query_range", {"query": expression, "start": start, "end": end, "step": step}, tenant)["result"]

    def samples(self, selector: str, start_ms: int, end_ms: int, tenant: str | None = None) -> dict[tuple, list[tuple[int, str]]]:
        """Every stored sample in [start, end] by a range selector: sorted labels -> [(timestamp in ms, value's text)]."""
        window = end_ms - start_ms + 1
        result = self.query(f"{selector}[{window}ms]", end_ms / 1000, tenant)
        return {
            tuple(sorted(entry["metric"].items())): [(round(time * 1000), value) for time, value in entry["values"]]
            for entry in result
        }

    def metric(self, name: str, absent: float | None = None) -> float:
        """One of its own metrics from /metrics, summed over labels. One that it does not have is `absent`, or else a KeyError."""
        lines = [line for line in self.get("/metrics").text.splitlines() if line.startswith((f"{name} ", f"{name}{{"))]
        if lines:
            return sum(float(line.rsplit(" ", 1)[1]) for line in lines)
        if absent is None:
            raise KeyError(f"{self.role} in {self.directory.name} has no metric {name}")
        return absent

    def about_checkpoint(self) -> list[dict[str, Any]]:
        """How the databases of its checkpoints stand."""
        return self.data("/api/v1/cluster/status")["checkpoint"]

    # Pushing.

    def push_json(self, elements: Any, tenant: str | None = None, headers: Mapping[str, str] | None = None) -> Reply:
        """A JSON push of one object or an array."""
        return self.request(
            "POST", "/api/metrics", body=json.dumps(elements).encode(), tenant=tenant,
            headers={"Content-Type": "application/json", **(headers or {})},
        )

    def push_series(
        self, series: Iterable[tuple[Mapping[str, str], Iterable[tuple[int, float]]]], tenant: str | None = None,
        metadata: Iterable[Mapping[str, Any]] = (),
    ) -> Reply:
        """A remote write of (labels, [(timestamp in ms, value)]) pairs."""
        body = remote_write.compressed(remote_write.write_request(series, metadata))
        return self.request("POST", "/api/v1/write", body=body, tenant=tenant, headers=remote_write.HEADERS)


class Standalone(Node):
    """A `murmur standalone` with a data directory of its own: `Standalone(directory, durability="fsync")`."""

    def __init__(self, directory: pathlib.Path, **settings: Any):
        super().__init__("standalone", directory, **settings)


def now_ms() -> int:
    """The clock in Unix milliseconds."""
    return time.time_ns() // 1_000_000
