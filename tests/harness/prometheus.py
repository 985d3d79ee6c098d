"""A real Prometheus beside Murmuration."""

import contextlib
import pathlib
import subprocess
from typing import Iterator

from .http import HTTPClient
from .waiting import DEADLINE_SECONDS, wait_for


@contextlib.contextmanager
def running_prometheus(
    directory: pathlib.Path, configuration: str, port: int, *flags: str, program: str = "prometheus"
) -> Iterator[HTTPClient]:
    """Runs `program` in `directory` with a configuration file of that text, ready on `port` of the loopback, until the block ends."""
    (directory / "prometheus.yml").write_text(configuration)
    log = directory / "prometheus.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                program, f"--config.file={directory}/prometheus.yml", f"--storage.tsdb.path={directory}/prometheus",
                f"--web.listen-address=127.0.0.1:{port}", "--web.console.templates=/nonexistent", *flags,
            ],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=directory,
        )
    client = HTTPClient(port)
    try:
        wait_for("Prometheus", lambda: client.request("GET", "/-/ready").status == 200)
        yield client
    finally:
        client.close()
        process.terminate()
        process.wait(DEADLINE_SECONDS)
        print(log.read_text(errors="replace")[-3000:])
