"""Adds up xUnit result files and prints one line: `N passed, N failed, N skipped`.

Usage: summarise-tests.py FILE…
Exit code 1: a test failed; a file is missing, unreadable or holds no test; or, with CI=true, a test was skipped for
another reason than that network namespaces are not to be had.
"""

import os
import sys
import xml.etree.ElementTree as ElementTree

EXCUSED = "network namespaces"


def outcome(case: ElementTree.Element) -> tuple[str, str]:
    """What became of one test case: passed, failed or skipped, and why it was skipped."""
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed", ""
    skipped = case.find("skipped")
    if skipped is not None:
        reason = (skipped.get("message") or "") + (skipped.text or "")
        return "skipped", reason.removeprefix("Skipped: ").strip()
    return "passed", ""


def main(paths: list[str], ci: bool) -> int:
    """Reads the files, prints the sum as the last line and returns the exit code."""
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    problems = []
    for path in paths:
        try:
            cases = list(ElementTree.parse(path).getroot().iter("testcase"))
        except (OSError, ElementTree.ParseError) as error:
            problems.append(f"{path}: {error}")
            continue
        if not cases:
            problems.append(f"{path}: no test ran")
        for case in cases:
            result, reason = outcome(case)
            counts[result] += 1
            name = f"{case.get('classname')} {case.get('name')}"
            if result == "failed":
                print(f"failed: {name}")
            if result == "skipped" and ci:
                if reason.startswith(EXCUSED):
                    print(f"left out: {name}: {reason}")
                else:
                    problems.append(f"skipped in CI: {name}: {reason}")
    for problem in problems:
        print(f"test: {problem}")
    # What did not even report is a failure too, so that the line alone tells the truth.
    counts["failed"] += len([problem for problem in problems if not problem.startswith("skipped in CI")])
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 1 if problems or counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ.get("CI") == "true"))
