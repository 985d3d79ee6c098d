"""Random expressions about random series: Debian's Prometheus and Murmuration answer alike. `make compare` asks thousands."""

import contextlib

import pytest

from differential.nodes import OneNode, ThreeNodes
from differential.peer import Prometheus
from differential.run import compare

SEED = 3
QUERIES = 300


@pytest.fixture
def prometheus(tmp_path):
    peer = Prometheus("prometheus", tmp_path)
    yield peer
    peer.stop()


def test_random_expressions_agree_with_prometheus(shared_standalone, prometheus):
    kinds = {}
    for asked in compare(shared_standalone, prometheus, SEED, QUERIES):
        # Of equal values each keeps other series: ours do not depend on how series are spread over nodes.
        if "topk" in asked.expression or "bottomk" in asked.expression:
            continue
        assert asked.verdict.kind in ("equal", "empty", "failed", "near"), (asked.expression, asked.path, asked.parameters, asked.verdict.detail)
        kinds[asked.verdict.kind] = kinds.get(asked.verdict.kind, 0) + 1
    assert kinds["equal"] > QUERIES // 2, kinds


@pytest.fixture
def cluster_and_node(tmp_path):
    for name in ("one", "three"):
        (tmp_path / name).mkdir()
    with contextlib.ExitStack() as open_things:
        three, one = ThreeNodes(tmp_path / "three"), OneNode(tmp_path / "one")
        open_things.callback(three.stop)
        open_things.callback(one.stop)
        yield three.start(), one.start()


def test_three_aggregators_answer_as_one_node_does(cluster_and_node):
    three, one = cluster_and_node
    kinds = {}
    for asked in compare(three, one, SEED, QUERIES):
        assert asked.verdict.kind in ("same", "equal", "near", "empty", "failed"), (asked.expression, asked.path, asked.parameters, asked.verdict.detail)
        kinds[asked.verdict.kind] = kinds.get(asked.verdict.kind, 0) + 1
    # A fifth has no result. Sums may differ in their last bits, by the order in which parts are added; little else is a sum.
    assert kinds["same"] > QUERIES * 7 // 10, kinds
