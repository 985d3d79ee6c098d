"""A Prometheus that takes remote write."""

import contextlib
import pathlib
import subprocess
from typing import Iterable

from harness import remote_write
from harness.ports import free_port
from harness.prometheus import running_prometheus

from .series import Series


class Prometheus:
    """Runs `program` in `directory` until `stop`; it keeps everything and scrapes nothing."""

    def __init__(self, program: str, directory: pathlib.Path):
        told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
        words = (told.stdout + told.stderr).split()
        self.version = words[words.index("version") + 1].split("+")[0]
        features = "promql-at-modifier,promql-negative-offset" if self.is_old else "promql-experimental-functions"
        self._open = contextlib.ExitStack()
        self.client = self._open.enter_context(
            running_prometheus(
                directory, "global: {}\n", free_port(), "--web.enable-remote-write-receiver", f"--enable-feature={features}",
                program=program,
            )
        )

    @property
    def is_old(self) -> bool:
        """Whether it predates Prometheus 3."""
        return self.version.startswith("2.")

    def push(self, series: Iterable[Series]) -> None:
        """A remote write that must be taken whole."""
        body = remote_write.compressed(remote_write.write_request(series))
        reply = self.client.request("POST", "/api/v1/write", body=body, headers=remote_write.HEADERS)
        assert reply.status in (200, 204), f"{reply.status} {reply.text}"

    def stop(self) -> None:
        """SIGTERM, and waits."""
        self._open.close()
