"""Range queries answer the same from kept results as without: under late samples, retention, restarts, killed aggregators and moving slots."""

import random
from typing import Any, Callable

import pytest

from harness.fleet import PATIENCE, wait_until_settled
from harness.murmur import Node, Standalone, now_ms
from harness.waiting import wait_for

# Values are whole numbers: their sums do not depend on the order of series.
EXPRESSIONS = [
    "cpu", "sum by (zone) (cpu)", "max(rate(jobs_total[1m]))", "topk(2, cpu)", "count(cpu offset 1m)", "max_over_time(cpu[2m:20s])",
    "sum by (instance) (cpu) / on (instance) group_left () count by (instance) (jobs_total)", "absent(gone)", 'cpu{instance="web-1"}',
    "avg_over_time(cpu[90s]) > 40", "cpu @ end()", 'label_replace(cpu, "a", "$1", "zone", "(.*)")', "rate(cpu[1m])", "sum(cpu or jobs_total)",
]
HOSTS = 4


def push(router: Node, at: int, dice: random.Random) -> None:
    series = []
    for host in range(HOSTS):
        labels = {"instance": f"web-{host}", "zone": "ab"[host % 2]}
        series.append(({"__name__": "cpu", **labels}, [(at, float(dice.randrange(100)))]))
        series.append(({"__name__": "jobs_total", **labels}, [(at, float(at // 1000 % 100_000))]))
    some = dice.sample(series, dice.randrange(1, len(series) + 1))
    wait_for("an acknowledgement", lambda: router.push_series(some).status == 204, PATIENCE)


def answer(node: Node, expression: str, start: int, steps: int, step: int, **more: Any) -> Any:
    parameters = {"query": expression, "start": start, "end": start + (steps - 1) * step, "step": step, **more}
    reply = node.get("/api/v1/query_range", parameters)
    return reply.status, reply.body


def compare(node: Node, expression: str, start: int, steps: int, step: int) -> None:
    """Nothing is pushed meanwhile; an answer that something may be missing from may differ from the next."""
    for _ in range(20):
        kept, anew = (answer(node, expression, start, steps, step, **more) for more in ({}, {"cache": "off"}))
        if kept == anew or b'"warnings"' not in kept[1] + anew[1]:
            assert kept == anew, (expression, start, steps, step)
            return


def refresh(router: Node, coordinator: Node, rounds: int, dice: random.Random, base: int, clock: int) -> int:
    """A dashboard whose end moves, with samples in between, some of them late; returns the time that it has come to."""
    for _ in range(rounds):
        for _ in range(dice.randrange(3)):
            push(router, (clock - dice.choice([0, 0, 0, 25, 130, 400])) * 1000 + dice.choice([0, 1, 500]), dice)
        clock += dice.choice([0, 5, 10, 20])
        for expression in dice.sample(EXPRESSIONS, 5):
            step = dice.choice([5, 10])
            start = max(base, clock - dice.choice([200, 300, 300])) // step * step
            compare(coordinator, expression, start, (clock - start) // step + 1, step)
    return clock


def kept_steps(node: Node) -> float:
    return node.metric("murmur_result_cache_steps_kept_total", 0)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_refreshed_dashboard_answers_what_it_answers_without_kept_results(start_standalone: Callable[..., Standalone], seed: int) -> None:
    standalone = start_standalone()
    dice = random.Random(seed)
    base = now_ms() // 1000 - 1500
    clock = base + 400
    for at in range(base, clock, 10):
        push(standalone, at * 1000, dice)
    clock = refresh(standalone, standalone, 25, dice, base, clock)
    kept = kept_steps(standalone)
    assert kept > 300 and standalone.metric("murmur_result_cache_bytes") > 0
    # A restart forgets what it kept, and answers the same.
    standalone.stop()
    standalone.start()
    clock = refresh(standalone, standalone, 10, dice, base, clock)
    assert kept_steps(standalone) > 0


def test_a_refresh_computes_the_new_steps_alone_and_a_late_sample_what_it_touches(start_standalone: Callable[..., Standalone]) -> None:
    standalone = start_standalone()
    dice = random.Random(3)
    base = (now_ms() // 1000 - 1500) // 100 * 100
    for at in range(base, base + 1000, 10):
        assert standalone.push_series([({"__name__": "cpu", "instance": "web-1"}, [(at * 1000, float(dice.randrange(100)))])]).status == 204

    def explained(start: int, **more: str) -> tuple[str, int]:
        parameters = {"query": "max_over_time(cpu[1m])", "start": start, "end": start + 600, "step": 10, "explain": "analyze", **more}
        told = standalone.data("/api/v1/query_range", parameters)["explain"]
        return told["cache"], told["stepsKept"]

    assert explained(base + 100) == ("miss", 0)
    assert explained(base + 100) == ("hit", 61)
    assert explained(base + 120) == ("partial", 59)
    assert explained(base + 120, cache="off") == explained(base + 120, nocache="1") == ("none", 0)
    assert standalone.push_series([({"__name__": "cpu", "instance": "web-1"}, [((base + 400) * 1000 + 5, 1000.0)])]).status == 204
    use, kept = explained(base + 120)
    # A minute of steps reads the sample, and those that read the rest of its window of 16 s.
    assert use == "partial" and 61 - 10 <= kept <= 61 - 6
    compare(standalone, "max_over_time(cpu[1m])", base + 120, 61, 10)
    assert standalone.get("/api/v1/query_range", {"query": "cpu", "start": base, "end": base + 100, "step": 10, "cache": "perhaps"}).status == 400
    stats = standalone.data("/api/v1/query_range", {"query": "cpu", "start": base, "end": base + 100, "step": 10, "stats": "all"})["stats"]
    assert stats["samples"]["totalQueryableSamples"] > 0


def test_nothing_is_kept_where_it_is_switched_off(start_standalone: Callable[..., Standalone]) -> None:
    standalone = start_standalone(result_cache_bytes_max="0")
    now = now_ms() // 1000
    push(standalone, now * 1000, random.Random(1))
    for _ in range(2):
        parameters = {"query": "cpu", "start": now - 100, "end": now, "step": 5, "explain": "analyze"}
        assert standalone.data("/api/v1/query_range", parameters)["explain"]["cache"] == "none"


def test_a_cluster_answers_the_same_while_aggregators_die_and_slots_move(start_node: Callable[..., Node]) -> None:
    first = start_node("aggregator", "aggregator-1", replication_factor=2)
    router = start_node("router", "router-1", join=first.cluster)
    coordinator = start_node("coordinator", "coordinator-1", join=first.cluster)
    second = start_node("aggregator", "aggregator-2", join=first.cluster)
    wait_until_settled([first, second])
    dice = random.Random(4)
    base = now_ms() // 1000 - 1500
    clock = base + 300
    for at in range(base, clock, 10):
        push(router, at * 1000, dice)
    clock = refresh(router, coordinator, 8, dice, base, clock)
    assert kept_steps(coordinator) > 0
    # Slots move to a third.
    third = start_node("aggregator", "aggregator-3", join=first.cluster)
    clock = refresh(router, coordinator, 4, dice, base, clock)
    wait_until_settled([first, second, third])
    before = kept_steps(coordinator)
    clock = refresh(router, coordinator, 4, dice, base, clock)
    assert kept_steps(coordinator) > before
    second.kill()
    clock = refresh(router, coordinator, 3, dice, base, clock)
    second.start()
    refresh(router, coordinator, 3, dice, base, clock)


def test_a_coordinator_keeps_nothing_of_aggregators_that_do_not_tell_changes(start_node: Callable[..., Node]) -> None:
    aggregator = start_node("aggregator", "aggregator-1", withhold_feature="changes")
    router = start_node("router", "router-1", join=aggregator.cluster)
    coordinator = start_node("coordinator", "coordinator-1", join=aggregator.cluster)
    dice = random.Random(5)
    base = now_ms() // 1000 - 1000
    for at in range(base, base + 300, 10):
        push(router, at * 1000, dice)
    refresh(router, coordinator, 4, dice, base, base + 300)
    assert kept_steps(coordinator) == 0 and coordinator.metric("murmur_result_cache_bypasses_total") > 0
