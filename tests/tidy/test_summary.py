"""The closing line of `make test` tells the truth, also about what did not run."""

import os
import pathlib
import subprocess
import sys
from typing import Any

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


def output(tmp_path: pathlib.Path, *cases: str, ci: bool = False, more: list[str] | None = None) -> tuple[int, list[str]]:
    """Runs the summary over one file with these test cases; returns its exit code and its lines."""
    file = tmp_path / "result.xml"
    file.write_text("<testsuites><testsuite>" + "".join(cases) + "</testsuite></testsuites>")
    result = subprocess.run(
        [sys.executable, REPOSITORY / "bin" / "summarise-tests.py", file, *(more or [])],
        capture_output=True, text=True, env={**os.environ, "CI": "true" if ci else ""},
    )
    return result.returncode, result.stdout.splitlines()


def summarise(tmp_path: pathlib.Path, *cases: str, **options: Any) -> tuple[int, str]:
    """Its exit code and its last line."""
    code, lines = output(tmp_path, *cases, **options)
    return code, lines[-1]


PASSED = '<testcase classname="a" name="p"/>'
FAILED = '<testcase classname="a" name="f"><failure message="no"/></testcase>'
BROKEN = '<testcase classname="a" name="e"><error message="no"/></testcase>'
SKIPPED = '<testcase classname="a" name="s"><skipped message="no reason"/></testcase>'
EXCUSED = '<testcase classname="a" name="n"><skipped>network namespaces are not permitted here</skipped></testcase>'


def test_passing_tests_pass(tmp_path):
    assert summarise(tmp_path, PASSED, PASSED) == (0, "2 passed, 0 failed, 0 skipped")


def test_failures_and_errors_fail(tmp_path):
    assert summarise(tmp_path, PASSED, FAILED, BROKEN) == (1, "1 passed, 2 failed, 0 skipped")


def test_a_skip_passes_by_hand_and_fails_in_ci(tmp_path):
    assert summarise(tmp_path, PASSED, SKIPPED) == (0, "1 passed, 0 failed, 1 skipped")
    assert summarise(tmp_path, PASSED, SKIPPED, ci=True) == (1, "1 passed, 0 failed, 1 skipped")


def test_missing_network_namespaces_are_excused_in_ci_and_told(tmp_path):
    code, lines = output(tmp_path, PASSED, EXCUSED, ci=True)
    assert (code, lines[-1]) == (0, "1 passed, 0 failed, 1 skipped")
    assert "left out: a n: network namespaces are not permitted here" in lines


def test_no_test_is_a_failure(tmp_path):
    assert summarise(tmp_path) == (1, "0 passed, 1 failed, 0 skipped")


def test_a_missing_result_is_a_failure(tmp_path):
    assert summarise(tmp_path, PASSED, more=[str(tmp_path / "absent.xml")]) == (1, "1 passed, 1 failed, 0 skipped")
