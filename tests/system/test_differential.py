"""Random expressions about random series: Debian's Prometheus and Murmuration answer alike. `make compare` asks thousands."""

import pytest

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
