"""The image: small, without Swift's libraries beside it, and content with a read-only root, a volume and no rights."""

import json
import pathlib
import subprocess
from typing import Iterator

import pytest

from harness.http import HTTPClient
from harness.kubernetes_api import KubernetesAPI
from harness.ports import free_port
from harness.waiting import DEADLINE_SECONDS, wait_for

from kubernetes import image
from kubernetes.image import Image, dockerfile


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The image, built once."""
    if reason := image.why_not():
        pytest.skip(reason)
    return Image(tmp_path_factory.mktemp("image"))


@pytest.fixture
def container(built: Image, tmp_path: pathlib.Path) -> Iterator[tuple[subprocess.Popen, HTTPClient, pathlib.Path]]:
    """A standalone as the image starts it, its port and its volume."""
    port, volume, log = free_port(), built.volume(tmp_path / "volume"), tmp_path / "log"
    command = json.loads(next(rest for word, rest in dockerfile() if word == "CMD"))
    with log.open("wb") as output:
        process = subprocess.Popen(
            built.command(volume, "murmur", *command, MURMUR_HTTP=f"127.0.0.1:{port}", MURMUR_CLUSTER=f"127.0.0.1:{free_port()}"),
            stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )
    client = HTTPClient(port)

    def is_ready() -> bool:
        assert process.poll() is None, log.read_text()
        return client.request("GET", "/-/ready").status == 200

    try:
        wait_for("/-/ready", is_ready)
        yield process, client, volume
    finally:
        client.close()
        process.kill()
        process.wait()


def test_the_dockerfile_runs_scripts_and_no_root():
    instructions = dockerfile()
    assert [rest for word, rest in instructions if word == "RUN"] == ["docker/build /out", "murmur-install"]
    assert [rest for word, rest in instructions if word == "USER"] == [f"{image.USER}:{image.USER}"]
    assert instructions[-2:] == [("ENTRYPOINT", '["murmur"]'), ("CMD", '["standalone", "--data-dir", "/var/lib/murmur"]')]


def test_swift_is_inside_the_binary_and_nothing_for_builds_beside_it(built):
    binary = built.contents / "usr/local/bin/murmur"
    needed = subprocess.run(["objdump", "-p", binary], check=True, capture_output=True, text=True).stdout
    libraries = [line.split()[1] for line in needed.splitlines() if line.split()[:1] == ["NEEDED"]]
    assert libraries and not [name for name in libraries if "swift" in name.lower() or "Foundation" in name or "dispatch" in name]
    assert {"libpq5", "libre2-9", "libsqlite3-0", "libstdc++6"} <= set(built.packages)
    assert not [name for name in built.packages if name.endswith("-dev")]
    # 76 MiB on x86-64, half of it Unicode's tables.
    assert binary.stat().st_size < 100 << 20


def test_it_takes_a_push_and_answers_on_a_root_that_is_read_only(container):
    process, client, volume = container
    status = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines() if ":\t" in line)
    assert status["Uid"].split() == [str(image.USER)] * 4 and status["Gid"].split() == [str(image.USER)] * 4
    assert status["NoNewPrivs"] == "1" and {status[name] for name in ("CapEff", "CapPrm", "CapInh", "CapBnd")} == {"0" * 16}
    mounts = [line.split() for line in pathlib.Path(f"/proc/{process.pid}/mounts").read_text().splitlines()]
    assert [options.split(",")[0] for _, place, _, options, *_ in mounts if place == "/"] == ["ro"]

    body = b'{"server_id":"web-1","metric_type":"boxed","value":5}'
    assert client.request("POST", "/api/metrics", body=body).status == 204
    answer = client.request("GET", "/api/v1/query", {"query": "boxed"}).json
    assert [entry["value"][1] for entry in answer["data"]["result"]] == ["5"]
    page = client.request("GET", "/")
    assert page.status == 200 and b"<html" in page.body
    assert {"engine-0", "node.json"} <= {path.name for path in volume.iterdir()}
    process.terminate()
    assert process.wait(DEADLINE_SECONDS) == 0


def test_its_pre_stop_hook_has_what_it_needs(built, tmp_path):
    api = KubernetesAPI(tmp_path / "api", "murmur", "murmur-aggregator", 3)
    volume = built.volume(tmp_path / "volume")
    for name in ("token", "ca.crt"):
        (volume / name).write_bytes((api.account / name).read_bytes())
    variables = {
        **api.environment, "SERVICE_ACCOUNT_DIRECTORY": "/var/lib/murmur", "POD_NAME": "murmur-aggregator-0", "POD_NAMESPACE": "murmur",
        "OWN_ENDPOINT": f"http://127.0.0.1:{free_port()}", "PRE_STOP_LOG": "/var/lib/murmur/log",
    }
    result = subprocess.run(built.command(volume, "murmur-pre-stop", **variables), capture_output=True, text=True, timeout=DEADLINE_SECONDS)
    api.close()
    assert result.returncode == 0 and result.stderr == "", result
    assert api.asked == [api.path]
    assert "it comes back" in (volume / "log").read_text()
