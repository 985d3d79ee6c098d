"""Asks Murmuration and a Prometheus random expressions and prints what differs.

    python -m differential.run --queries 5000 --seed 1 --prometheus prometheus
    python -m differential.run --queries 2000 --cluster

With --cluster it asks a cluster of three aggregators and a single node of Murmuration instead.
"""

import argparse
import collections
import contextlib
import pathlib
import sys
import tempfile
import time
from typing import Iterator, NamedTuple

from harness.murmur import Standalone

from .comparison import Verdict, judge, judge_alike
from .expressions import Expressions
from .nodes import SETTINGS, OneNode, ThreeNodes
from .peer import Prometheus
from .series import batches, make


Sides = tuple[Standalone | ThreeNodes, Prometheus | OneNode]


class Asked(NamedTuple):
    """One question and what came of it."""

    expression: str
    path: str
    parameters: dict[str, str]
    verdict: Verdict


def compare(
    ours: Standalone | ThreeNodes, theirs: Prometheus | OneNode, seed: int, queries: int, tenant: str = "differential"
) -> Iterator[Asked]:
    """Pushes the series of `seed` to both and asks `queries` questions."""
    # Two hours back: wholly in the past, and within what a new series may hold.
    start = int(time.time()) // 3600 * 3600 - 2 * 3600
    series = make(seed, start * 1000)
    for part in batches(series):
        theirs.push(part)
        reply = ours.push_series(part, tenant)
        assert reply.status == 204, reply.text
    expressions = Expressions(seed, float(start), newer=not theirs.is_old)
    for _ in range(queries):
        expression = expressions.draw()
        path, parameters = expressions.parameters()
        asked = {"query": expression, **parameters}
        mine = ours.get(f"/api/v1/{path}", asked, tenant).json
        other = theirs.client.request("GET", f"/api/v1/{path}", asked).json
        verdict = judge_alike(mine, other) if isinstance(theirs, OneNode) else judge(mine, other)
        yield Asked(expression, path, parameters, verdict)


def sides(cluster: bool, prometheus: str, directory: pathlib.Path, open_things: contextlib.ExitStack) -> Sides:
    """Starts both sides; `open_things` ends them, also one alone when the other does not start."""
    if not cluster:
        peer = Prometheus(prometheus, directory)
        open_things.callback(peer.stop)
        settings = directory / "settings.yaml"
        settings.write_text(SETTINGS)
        standalone = Standalone(directory, config=settings)
        open_things.callback(standalone.kill)
        return standalone.start(), peer
    for name in ("one", "three"):
        (directory / name).mkdir()
    one, three = OneNode(directory / "one"), ThreeNodes(directory / "three")
    open_things.callback(one.stop)
    open_things.callback(three.stop)
    return three.start(), one.start()


def main() -> int:
    """The command line; exit code 1 when anything differs by more than the last digits."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--prometheus", default="prometheus", help="the program to compare with")
    parser.add_argument("--cluster", action="store_true", help="compare a cluster of three with a single node")
    parser.add_argument("--shown", type=int, default=20, help="how many differences to print whole")
    options = parser.parse_args()
    counts: collections.Counter[str] = collections.Counter()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as open_things:
        ours, theirs = sides(options.cluster, options.prometheus, pathlib.Path(folder), open_things)
        for number, asked in enumerate(compare(ours, theirs, options.seed, options.queries), 1):
            kind = asked.verdict.kind
            counts[kind] += 1
            if kind in ("near", "different", "one failed") and sum(counts[k] for k in ("near", "different", "one failed")) <= options.shown:
                print(f"{kind}: {asked.expression}\n    {asked.path} {asked.parameters}\n    {asked.verdict.detail}")
            if number % 500 == 0:
                print(f"{number} of {options.queries} asked", file=sys.stderr)
    print(f"seed {options.seed}, Prometheus {theirs.version}: " + ", ".join(f"{counts[kind]} {kind}" for kind in sorted(counts)))
    return 1 if counts["different"] or counts["one failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
