"""Set-up: done once, silent about the network the second time, and clear about what is missing."""

import hashlib
import os
import pathlib
import subprocess
import zipfile

import pytest

from harness.murmur import REPOSITORY


def run(*command: str, **environment: str) -> subprocess.CompletedProcess:
    """Runs a command in the repository."""
    return subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, env={**os.environ, **environment}
    )


@pytest.mark.parametrize("level", ["run", "test"])
def test_a_second_set_up_needs_no_network(level):
    probe = run("unshare", "--net", "--map-root-user", "true")
    if probe.returncode != 0:
        pytest.skip(f"network namespaces are not permitted here: {probe.stderr.strip()}")
    result = run("unshare", "--net", "--map-root-user", "bin/setup", level)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout == f"setup: ready ({level})\n"


def test_an_unknown_level_is_an_error():
    result = run("bin/setup", "everything")
    assert result.returncode != 0 and "run|test" in result.stderr


def test_a_missing_swift_is_an_error_with_its_remedy(tmp_path):
    # A PATH with everything the script needs but Swift.
    for directory in ("/usr/bin", "/bin"):
        for program in pathlib.Path(directory).iterdir():
            target = tmp_path / program.name
            if program.name != "swift" and not target.exists():
                target.symlink_to(program)
    result = run("bin/setup", "run", PATH=str(tmp_path))
    assert result.returncode != 0
    assert "swift is not on PATH" in result.stderr and "swift.org/install" in result.stderr


def test_an_old_swift_is_an_error_with_its_remedy(tmp_path):
    (tmp_path / "swift").write_text("#!/bin/sh\necho 'Swift version 5.10.1 (swift-5.10.1-RELEASE)'\n")
    (tmp_path / "swift").chmod(0o755)
    result = run("bin/setup", "run", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert result.returncode != 0 and "Swift 5.10 is too old" in result.stderr


def unpack(tmp_path: pathlib.Path, digest: str) -> subprocess.CompletedProcess:
    """Unpacks a made-up wheel with one file, listed with that SHA-256."""
    with zipfile.ZipFile(tmp_path / "made_up-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("made_up/library.js", "export {};")
    (tmp_path / "list").write_text(f"# libraries\nfile made_up/library.js folder/library.js {digest}\n")
    return run("python3", "bin/unpack-browser-libraries.py", str(tmp_path / "list"), str(tmp_path), str(tmp_path / "out"))


def test_browser_libraries_are_taken_only_with_their_hash(tmp_path):
    assert unpack(tmp_path, hashlib.sha256(b"something else").hexdigest()).returncode == 1
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").rglob("*.js"))
    assert unpack(tmp_path, hashlib.sha256(b"export {};").hexdigest()).returncode == 0
    assert (tmp_path / "out" / "folder" / "library.js").read_text() == "export {};"
