"""Runs every fault at full size, each on a cluster of its own, and prints a table. Exit code 1 when anything was lost, doubled or silently wrong.

    python -m cluster.matrix [--fault TEXT] [--small] [--logs DIRECTORY]
"""

import argparse
import contextlib
import pathlib
import signal
import sys
import tempfile
import traceback

from harness import network
from harness.judge import Verdict
from harness.network import Network
from harness.postgres import Postgres

from .faults import FAULTS, Fault
from .trial import FULL, SMALL, Outcome, Scale, new_cluster, run

HEAD = [
    "fault", "acknowledged", "lost", "doubled", "refused", "unanswered", "longest wait, s", "right", "warned", "failed", "wrong", "healthy after, s",
]


def row(fault: Fault, outcome: Outcome) -> list[str]:
    """One line of the table."""
    verdicts = outcome.verdicts
    return [
        fault.name, f"{outcome.audit.acknowledged:,}", str(outcome.audit.lost), str(outcome.audit.doubled), str(outcome.refused),
        str(outcome.unanswered), f"{outcome.longest_wait:.1f}", str(verdicts[Verdict.RIGHT]), str(verdicts[Verdict.WARNED]),
        str(verdicts[Verdict.FAILED]), str(verdicts[Verdict.SHORT] + verdicts[Verdict.EXCESS]), f"{outcome.seconds_until_healthy:.1f}",
    ]


def table(lines: list[list[str]]) -> str:
    """The lines in Markdown, in columns."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    texts = [
        "| " + " | ".join(cell.rjust(width) if column else cell.ljust(width) for column, (cell, width) in enumerate(zip(line, widths))) + " |"
        for line in lines
    ]
    rule = "| " + " | ".join("-" * (width - 1) + ":" if column else "-" * width for column, width in enumerate(widths)) + " |"
    return "\n".join([texts[0], rule, *texts[1:]])


def attempt(fault: Fault, scale: Scale, directory: pathlib.Path, has_network: bool) -> Outcome:
    """One fault on a cluster of its own."""
    with contextlib.ExitStack() as open_things:
        hosts = None
        if has_network:
            hosts = Network()
            open_things.callback(hosts.close)
        postgres = Postgres()
        open_things.callback(postgres.close)
        cluster = new_cluster(directory, hosts, postgres)
        open_things.callback(cluster.close)
        return run(cluster, fault.strike, scale)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fault", default="", help="only faults whose name holds this text")
    parser.add_argument("--small", action="store_true", help="the size and the durations of the tests")
    parser.add_argument("--logs", type=pathlib.Path, help="where data and logs of the clusters stay")
    options = parser.parse_args()
    # As Ctrl-C: the processes end too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    scale = SMALL if options.small else FULL
    why_no_network = network.why_not()
    faults = [fault for fault in FAULTS if options.fault in fault.name]
    if not faults:
        parser.error(f"no fault is called {options.fault!r}; there are: " + "; ".join(fault.name for fault in FAULTS))
    lines, bad = [HEAD], 0
    with tempfile.TemporaryDirectory(prefix="murmur-matrix-") as folder:
        for number, fault in enumerate(faults):
            if fault.needs_network and why_no_network:
                print(f"{fault.name}: left out, {why_no_network}", flush=True)
                continue
            directory = (options.logs or pathlib.Path(folder)) / f"{number:02}-{fault.name.replace(' ', '-')}"
            try:
                outcome = attempt(fault, scale, directory, not why_no_network)
            except Exception:
                traceback.print_exc()
                print(f"{fault.name}: the trial came to no end", flush=True)
                lines.append([fault.name, *["-"] * (len(HEAD) - 2), "never"])
                bad += 1
                continue
            print(f"{fault.name}: {outcome}", *outcome.problems, *outcome.remarks, sep="\n    ", flush=True)
            lines.append(row(fault, outcome))
            bad += bool(outcome.audit.lost or outcome.audit.doubled or outcome.problems)
    size = scale.lanes * scale.servers * scale.series_per_server
    print(f"\n{size:,} series, {size / scale.interval:,.0f} samples a second; each fault lasts {scale.fault_seconds:g} s\n\n{table(lines)}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
