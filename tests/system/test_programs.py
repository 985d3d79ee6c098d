"""Starting and stopping the programs: clear errors, non-zero exits, a graceful end."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from harness.murmur import BINARY, REPOSITORY, Program, Standalone, clean_environment, flags, now_ms
from harness.ports import free_port
from harness.waiting import DEADLINE_SECONDS, wait_for


def run(*arguments: str, deadline: float = DEADLINE_SECONDS, **environment: str) -> subprocess.CompletedProcess:
    """Runs the binary to its end."""
    return subprocess.run(
        [BINARY, *arguments], capture_output=True, text=True, timeout=deadline, env=clean_environment(**environment), stdin=subprocess.DEVNULL,
        cwd=REPOSITORY,
    )


def standalone_arguments(directory: pathlib.Path, **more: object) -> list[str]:
    """A whole command line on free ports."""
    settings = {
        "http": f"127.0.0.1:{free_port()}", "cluster": f"127.0.0.1:{free_port()}", "data_dir": directory / "data", **more,
    }
    return ["standalone", *flags(settings)]


def refused(result: subprocess.CompletedProcess, *named: str) -> None:
    """The process ended with an error that names all of these, and without a crash."""
    output = result.stdout + result.stderr
    assert result.returncode > 0, (result.returncode, output)
    assert "Fatal error" not in output and "Stack dump" not in output, output
    for text in named:
        assert text in output, output


@pytest.mark.parametrize("command", [[], ["standalone"], ["router"], ["aggregator"], ["coordinator"], ["agent"], ["loadgen"], ["query"], ["ctl"]])
def test_help_is_printed(command):
    result = run(*command, "--help")
    assert result.returncode == 0
    assert "USAGE" in result.stdout.upper()
    if command == ["standalone"]:
        assert "--data-dir" in result.stdout and "murmur standalone" in result.stdout


def test_an_unknown_command_is_an_error():
    refused(run("standalnoe"), "standalnoe")


def test_an_unknown_flag_is_an_error(tmp_path):
    refused(run(*standalone_arguments(tmp_path), "--retentoin", "3d"), "retentoin")


def test_an_unknown_variable_is_an_error(tmp_path):
    refused(run(*standalone_arguments(tmp_path), MURMUR_RETENTOIN="3d"), "MURMUR_RETENTOIN")


def test_an_unknown_key_of_the_file_is_an_error(tmp_path):
    file = tmp_path / "settings.yaml"
    file.write_text("retentoin: 3d\n")
    refused(run(*standalone_arguments(tmp_path, config=file)), "retentoin", "settings.yaml")


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("retention", "soon"), ("durability", "perhaps"), ("http", "nowhere"), ("http", "127.0.0.1:99999"), ("cluster", "127.0.0.1"),
        ("checkpoint", "oracle:/x"), ("late-window", "-2h"), ("log-level", "loud"),
    ],
)
def test_an_impossible_value_is_an_error_that_names_the_setting(tmp_path, flag, value):
    arguments = standalone_arguments(tmp_path, **{flag.replace("-", "_"): value})
    refused(run(*arguments), flag)


def test_flags_win_over_variables_over_the_file(tmp_path):
    file = tmp_path / "settings.yaml"
    file.write_text("durability: nonsense-in-file\n")
    # The file's bad value is never looked at twice: a flag that wins does not make a wrong file right.
    refused(run(*standalone_arguments(tmp_path, config=file)), "durability")
    refused(run(*standalone_arguments(tmp_path), MURMUR_DURABILITY="nonsense-in-variable"), "nonsense-in-variable")


def test_the_commented_settings_file_is_whole_and_has_the_defaults(start_standalone):
    file = REPOSITORY / "cluster-config" / "standalone.yaml"
    help_text = run("standalone", "--help").stdout
    in_help = set(re.findall(r"^\s+--([a-z-]+)", help_text, re.MULTILINE)) - {"config", "help"}
    in_file = set(re.findall(r"^(?:# )?([a-z]+(?:-[a-z]+)*): \S", file.read_text(), re.MULTILINE))
    assert in_help and in_file == in_help
    server = start_standalone(config=file)
    assert server.get("/").status == 200


def test_a_missing_settings_file_is_an_error(tmp_path):
    refused(run(*standalone_arguments(tmp_path, config=tmp_path / "absent.yaml")), "absent.yaml")


@pytest.mark.parametrize("which", ["http", "cluster"])
def test_a_port_in_use_is_an_error_that_names_it_and_nothing_is_begun(tmp_path, which):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        result = run(*standalone_arguments(tmp_path, **{which: address}))
    refused_plainly(result, f"cannot listen on {address}: the address is in use", f"--{which}")
    assert not (tmp_path / "data").exists()


def test_one_address_for_both_ports_is_an_error(tmp_path):
    address = f"127.0.0.1:{free_port()}"
    refused_plainly(run(*standalone_arguments(tmp_path, http=address, cluster=address)), address, "--cluster")


def test_who_connects_while_it_starts_is_answered_or_cut_off_but_not_left_waiting(start_standalone):
    server = start_standalone()
    left: list[str] = []
    answered = 0
    finished = threading.Event()

    def ask() -> None:
        nonlocal answered
        while not finished.is_set():
            try:
                with socket.create_connection(("127.0.0.1", server.http_port), timeout=DEADLINE_SECONDS / 3) as connection:
                    connection.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                    answered += connection.recv(1024).startswith(b"HTTP/1.1 200")
            except TimeoutError as error:
                left.append(str(error))
            except OSError:
                continue

    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    for _ in range(5):
        assert server.stop() == 0
        server.start()
    finished.set()
    for asker in askers:
        asker.join()
    assert answered and not left


def refused_plainly(result: subprocess.CompletedProcess, *named: str) -> None:
    """The error and its remedy are all that is said: a line each."""
    refused(result, *named)
    lines = [line for line in result.stderr.splitlines() if line]
    assert len(lines) == 2 and lines[0].startswith("murmur: error: "), result.stderr
    assert "NSError" not in result.stderr and "Domain=" not in result.stderr, result.stderr


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        # Nobody, root included, can make these: below a file, in its place, where the kernel keeps no files, in a read-only place.
        ("{tmp}/file/data", "Not a directory"), ("{tmp}/file", "Not a directory"), ("/proc/absent/data", "No such file or directory"),
        ("{tmp}/broken/data", "Not a directory"),
    ],
)
def test_an_unusable_directory_is_an_error_that_names_it_and_the_reason(tmp_path, path, reason):
    (tmp_path / "file").write_text("not a directory")
    (tmp_path / "broken").symlink_to(tmp_path / "file")
    directory = path.format(tmp=tmp_path)
    refused_plainly(run(*standalone_arguments(tmp_path, data_dir=directory)), f"data directory {directory} cannot be used", reason, "--data-dir")


def test_an_identity_that_cannot_be_read_is_told_with_its_reason_alone(tmp_path):
    # Another directory is no remedy for what is wrong in this one.
    (tmp_path / "data" / "node.json").mkdir(parents=True)
    result = run(*standalone_arguments(tmp_path))
    refused(result, "node.json: Is a directory")
    assert "--data-dir" not in result.stderr, result.stderr


def test_a_web_directory_that_is_not_there_is_found_before_anything_is_made(tmp_path):
    refused(run(*standalone_arguments(tmp_path, web_dir=tmp_path / "absent")), str(tmp_path / "absent"))
    assert not (tmp_path / "data").exists()


def test_a_directory_that_may_not_be_written_is_an_error_that_names_it(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir()
    closed.chmod(0o555)
    arguments = [BINARY, *standalone_arguments(tmp_path, data_dir=closed / "data")]
    reason = "Permission denied"
    if os.getuid() == 0:
        # Root may write it all the same, but not into a read-only file system.
        command = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
        arguments = ["unshare", "--mount", "sh", "-c", command, closed, *arguments]
        reason = "Read-only file system"
    result = subprocess.run(arguments, capture_output=True, text=True, timeout=DEADLINE_SECONDS, env=clean_environment(), cwd=REPOSITORY)
    refused_plainly(result, str(closed / "data"), reason, "--data-dir")


@pytest.mark.parametrize("path, reason", [("missing/checkpoint.db", "unable to open"), ("text", "not a database")])
def test_a_checkpoint_file_that_cannot_be_used_is_an_error_that_names_it(tmp_path, path, reason):
    (tmp_path / "text").write_text("root:x:0:0:root:/root:/bin/bash\n" * 100)
    refused(run(*standalone_arguments(tmp_path, checkpoint=f"sqlite:{tmp_path}/{path}")), f"{tmp_path}/{path}", reason)


def test_a_data_directory_belongs_to_one_process(standalone: Standalone, tmp_path):
    refused_plainly(run(*standalone_arguments(tmp_path, data_dir=standalone.data_directory)), str(standalone.data_directory), "--data-dir")
    assert standalone.get("/-/ready").status == 200


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_in_good_order_under_load_and_loses_nothing(start_standalone, signal_number):
    server = start_standalone()
    start_ms = now_ms() - 60_000
    acknowledged: list[int] = []
    finished = threading.Event()

    def load() -> None:
        number = 0
        while not finished.is_set():
            try:
                if server.push_series([({"__name__": "stop_test", "instance": "a"}, [(start_ms + number, 1.0)])]).status == 204:
                    acknowledged.append(start_ms + number)
            except Exception:
                return
            number += 1

    pusher = threading.Thread(target=load)
    pusher.start()
    try:
        wait_for("some load", lambda: len(acknowledged) > 10)
        server.program.process.send_signal(signal_number)
        assert server.program.wait_for_exit() == 0, server.program.output[-3000:]
    finally:
        finished.set()
        pusher.join()
    server.client.close()
    server.start()
    stored = server.samples("stop_test", start_ms, start_ms + 60_000)
    assert set(acknowledged) <= {timestamp for samples in stored.values() for timestamp, _ in samples}


def test_readiness_health_and_its_own_metrics(standalone: Standalone):
    assert standalone.get("/-/healthy").status == 200
    assert standalone.get("/-/ready").status == 200
    text = standalone.get("/metrics").text
    assert "murmur_" in text
    for line in text.splitlines():
        if line and not line.startswith("#"):
            float(line.rsplit(" ", 1)[1])


def test_the_query_program_prints_results(standalone: Standalone):
    assert standalone.push_json([{"server_id": "web-1", "metric_type": "cpu", "value": 42.5}]).status == 204
    result = run("query", "cpu", "--endpoint", standalone.url)
    assert result.returncode == 0 and "42.5" in result.stdout and "web-1" in result.stdout, result
    result = run("query", "cpu", "--endpoint", standalone.url, "--json")
    assert result.returncode == 0 and '"42.5"' in result.stdout
    refused(run("query", "cpu{", "--endpoint", standalone.url), "parse")
    refused(run("query", "cpu", "--endpoint", f"http://127.0.0.1:{free_port()}"))


def test_the_load_generator_is_stored_and_counted(standalone: Standalone, tmp_path):
    program = Program(
        tmp_path / "loadgen.log",
        ["loadgen", *flags({"push": standalone.url, "servers": 10, "metrics": 20, "interval": "1s", "duration": "3s"})],
    )
    assert program.wait_for_exit() == 0, program.output
    assert standalone.data("/api/v1/servers")["total"] == 10
    assert len(standalone.data("/api/v1/series", {"match[]": '{__name__=~".+"}'})) == 200


def test_the_load_generator_reports_the_rate_that_it_was_asked_for(standalone):
    asked = {"push": standalone.url, "servers": 10, "metrics": 20, "interval": "1s", "duration": "3s"}
    result = run("loadgen", *flags(asked), "--json")
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["samples"] == 600 and report["errors"] == 0
    # A slow machine takes longer; three rounds take no less than their three intervals.
    assert report["seconds"] >= 3 and report["rate"] <= 200


def test_a_load_of_which_nothing_was_stored_has_failed():
    asked = {"push": f"http://127.0.0.1:{free_port()}", "servers": 1, "metrics": 1, "interval": "1s", "duration": "1s"}
    refused(run("loadgen", *flags(asked)), "nothing was stored")
