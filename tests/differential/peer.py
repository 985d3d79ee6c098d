"""A Prometheus that takes remote write."""

import pathlib
import subprocess
from typing import Iterable

from harness import remote_write
from harness.http import HTTPClient
from harness.ports import free_port
from harness.waiting import wait_for

from .series import Series


class Prometheus:
    """Runs `program` in `directory` until `stop`; it keeps everything and scrapes nothing."""

    def __init__(self, program: str, directory: pathlib.Path):
        told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
        words = (told.stdout + told.stderr).split()
        self.version = words[words.index("version") + 1].split("+")[0]
        (directory / "prometheus.yml").write_text("global: {}\n")
        port = free_port()
        features = "promql-at-modifier,promql-negative-offset" if self.is_old else "promql-experimental-functions"
        self._log = (directory / "prometheus.log").open("wb")
        self._process = subprocess.Popen(
            [
                program, f"--config.file={directory}/prometheus.yml", f"--storage.tsdb.path={directory}/prometheus",
                f"--web.listen-address=127.0.0.1:{port}", "--web.console.templates=/nonexistent",
                "--web.enable-remote-write-receiver", f"--enable-feature={features}",
            ],
            stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, cwd=directory,
        )
        self.client = HTTPClient(port)
        wait_for("Prometheus", lambda: self.client.request("GET", "/-/ready").status == 200)

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
        self.client.close()
        self._process.terminate()
        self._process.wait(30)
        self._log.close()
