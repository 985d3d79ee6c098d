"""The pushers, readers and faults of the cluster's trials, tried on one standalone: they see what is lost, and nothing else."""

import pathlib
from typing import Iterator

import pytest

from cluster import matrix, trial
from cluster.faults import FAULTS, all_killed, frozen
from harness.cluster import Cluster
from harness.judge import Audit, Ledger, Verdict
from harness.load import Pusher, Reader, audit_everything, wait_until_right
from harness.murmur import now_ms
from harness.waiting import wait_for

SCALE = trial.SMALL._replace(fault_seconds=1.0)


@pytest.fixture
def cluster(tmp_path: pathlib.Path) -> Iterator[Cluster]:
    """A cluster of one standalone."""
    made = Cluster(tmp_path)
    made.add("standalone")
    yield made.start().wait_until_ready()
    made.close()
    print(made.logs())


@pytest.mark.parametrize("strike", [
    all_killed, lambda cluster, duration: frozen(cluster.holders[0], cluster, duration),
], ids=["killed", "frozen"])
def test_a_standalone_loses_nothing(cluster, strike):
    outcome = trial.run(cluster, strike, SCALE)
    print(outcome, *outcome.remarks, sep="\n")
    assert outcome.audit.acknowledged >= SCALE.lanes * SCALE.servers * SCALE.series_per_server * SCALE.ticks_before
    assert (outcome.audit.lost, outcome.audit.doubled, outcome.problems) == (0, 0, [])
    assert outcome.verdicts[Verdict.RIGHT] > 0


def test_a_lost_disk_is_seen_by_readers_and_by_the_audit(cluster):
    node = cluster.holders[0]
    ledger = Ledger(SCALE.lanes, SCALE.servers, SCALE.series_per_server)
    start_ms = now_ms() - 1
    pusher = Pusher(ledger, lambda: cluster.routers, SCALE.interval, SCALE.timeout)
    pusher.wait_for_ticks(3)
    pusher.stop()
    wait_until_right(ledger, cluster, start_ms)
    acknowledged = ledger.samples(ledger.acknowledged())
    assert audit_everything(ledger, node, start_ms) == (Audit(acknowledged, 0, 0), [])

    node.kill()
    node.wipe()
    cluster.start().wait_until_ready()
    with pytest.raises(AssertionError, match="short"):
        wait_until_right(ledger, cluster, start_ms)
    audit, problems = audit_everything(ledger, node, start_ms)
    assert (audit[:3], problems) == ((acknowledged, acknowledged, 0), [])
    reader = Reader(ledger, node, start_ms, SCALE.timeout, 0.0, seed=1)
    reader.start()
    wait_for("a verdict", lambda: reader.verdicts[Verdict.SHORT] > 0)
    reader.stop()
    assert "missing" in reader.texts[Verdict.SHORT][0]


def test_a_cluster_that_does_not_get_well_is_accounted_for_all_the_same(cluster, monkeypatch):
    monkeypatch.setattr(trial, "HEALTHY_SECONDS", 3.0)

    def lose_the_disk(cluster: Cluster, duration: float) -> None:
        cluster.holders[0].kill()
        cluster.holders[0].wipe()
        cluster.start()

    outcome = trial.run(cluster, lose_the_disk, SCALE)
    assert outcome.audit.lost > 0 and outcome.audit.doubled == 0
    assert outcome.seconds_until_healthy == float("inf")
    assert any(problem.startswith("not well again") for problem in outcome.problems), outcome.problems
    assert any(problem.startswith("lost") for problem in outcome.problems), outcome.problems


def test_a_sample_that_nobody_acknowledged_is_seen(cluster):
    """Nothing else tells doubled samples from right ones: an answer that holds more than was pushed."""
    ledger = Ledger(1, 1, 1)
    start_ms = now_ms() - 1
    pusher = Pusher(ledger, lambda: cluster.routers, SCALE.interval, SCALE.timeout)
    pusher.wait_for_ticks(2)
    pusher.stop()
    lane = ledger.lanes[0]
    stranger = {**lane.labels(lane.servers[0])[0], "series": "another"}
    assert cluster.routers[0].push_series([(stranger, [(lane.times[0], 1.0)])]).status == 204
    audit, problems = audit_everything(ledger, cluster.coordinators[0], start_ms)
    assert (audit[:3], problems) == ((ledger.samples(ledger.acknowledged()), 0, 1), [])
    with pytest.raises(AssertionError, match="excess|at most"):
        wait_until_right(ledger, cluster, start_ms)


def test_the_table_names_each_fault_once_and_what_came_of_it():
    outcome = trial.Outcome(Audit(1_234_567, 3, 2), 5, 6, 7.25, {verdict: 8 for verdict in Verdict}, 9.0, ["something"], [])
    lines = matrix.table([matrix.HEAD, *(matrix.row(fault, outcome) for fault in FAULTS)]).splitlines()
    assert len(lines) == len(FAULTS) + 2 and len({len(line) for line in lines}) == 1
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert len({line[0] for line in cells}) == len(lines)
    # Short and excess are both wrong.
    assert cells[2][1:] == ["1,234,567", "3", "2", "5", "6", "7.2", "8", "8", "8", "16", "9.0"]
