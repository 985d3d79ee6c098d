"""What the process says about itself, against the page that explains it and Prometheus' own checker."""

import pathlib
import re
import subprocess
from typing import Callable

from harness.murmur import Node, Standalone
from harness.waiting import DEADLINE_SECONDS

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "operating.md"


def test_every_metric_stands_in_the_documentation_and_every_documented_one_exists(
    shared_standalone: Standalone, start_node: Callable[..., Node]
) -> None:
    text = shared_standalone.request("GET", "/metrics").text + start_node("aggregator", "a").request("GET", "/metrics").text
    told = {(name, kind) for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE)}
    documented = set(re.findall(r"^\| `((?:murmur|process)_\w+)` \| (\w+) \|", PAGE.read_text(), re.MULTILINE))
    assert told == documented


def test_promtool_finds_nothing_wrong(shared_standalone: Standalone) -> None:
    text = shared_standalone.request("GET", "/metrics").body
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, timeout=DEADLINE_SECONDS)
    assert checked.returncode == 0, checked.stdout + checked.stderr
