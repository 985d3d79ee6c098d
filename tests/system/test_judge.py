"""The judge of the fault tests: it must see what is short, what is doubled, and what was said."""

import pytest

from harness.judge import (
    Audit, Ledger, Question, Verdict, audit, counted, counted_by_server, counted_by_step, judge, newest, rows, samples_of_server, summed,
)

WINDOW = (1_000, 5_000)


@pytest.fixture
def ledger() -> Ledger:
    """Two lanes of 2 servers with 3 series; ticks at 2, 3, 4 s; the last one of lane 1 is not acknowledged."""
    ledger = Ledger(lanes=2, servers=2, series_per_server=3)
    for lane in ledger.lanes:
        for time_ms in (2_000, 3_000, 4_000):
            assert lane.begin(time_ms) == time_ms
            if (lane.number, time_ms) != (1, 4_000):
                lane.acknowledge()
    return ledger


def verdict(ledger: Ledger, question: Question, result: list, warnings: tuple[str, ...] = (), status: int = 200) -> Verdict:
    """The judge's word about an answer."""
    answer = {"status": "success", "data": {"resultType": "any", "result": result}, "warnings": list(warnings)}
    return judge(question, ledger.acknowledged(), ledger.attempted(), status, answer).verdict


def number(value: float, **labels: str) -> dict:
    """One element of an instant vector."""
    return {"metric": labels, "value": [5, str(value)]}


def stored(ledger: Ledger, server: str, ticks: int) -> list:
    """A server's samples as they are answered when the first `ticks` ticks are stored."""
    lane = next(lane for lane in ledger.lanes if server in lane.servers)
    return [
        {"metric": labels, "values": [[lane.times[tick] / 1000, str(tick + 1)] for tick in range(ticks)]}
        for labels in lane.labels(server)
    ]


@pytest.mark.parametrize("make, right", [
    (counted, range(5 * 6, 6 * 6 + 1)), (summed, range((1 + 2 + 3) * 6 + (1 + 2) * 6, (1 + 2 + 3) * 12 + 1)),
])
def test_a_total_between_acknowledged_and_attempted_is_right_and_no_other(ledger, make, right):
    question = make(ledger, *WINDOW)
    for value in range(2 * right.stop):
        expected = Verdict.RIGHT if value in right else Verdict.SHORT if value < right.start else Verdict.EXCESS
        assert verdict(ledger, question, [number(value)]) == expected, value
    assert verdict(ledger, question, []) == Verdict.SHORT


def test_a_warning_excuses_what_is_missing_and_not_what_is_there_twice(ledger):
    question = counted(ledger, *WINDOW)
    assert verdict(ledger, question, [number(7)], ("aggregator-2 does not answer",)) == Verdict.WARNED
    assert verdict(ledger, question, [number(37)], ("aggregator-2 does not answer",)) == Verdict.EXCESS


def test_an_error_is_a_failure_and_not_an_answer(ledger):
    assert judge(counted(ledger, *WINDOW), [0, 0], [3, 3], 503, {"status": "error", "error": "full"}).verdict == Verdict.FAILED
    assert verdict(ledger, counted(ledger, *WINDOW), [number(30)], status=500) == Verdict.FAILED


def test_what_was_acknowledged_after_the_question_need_not_be_in_the_answer(ledger):
    question = counted(ledger, *WINDOW)
    answer = {"status": "success", "data": {"result": [number(12)]}}
    assert judge(question, [1, 1], ledger.attempted(), 200, answer).verdict == Verdict.RIGHT
    assert judge(question, [2, 1], ledger.attempted(), 200, answer).verdict == Verdict.SHORT


def test_a_window_is_open_at_its_beginning_and_closed_at_its_end(ledger):
    assert verdict(ledger, counted(ledger, 2_000, 3_000), [number(12)]) == Verdict.RIGHT
    assert verdict(ledger, counted(ledger, 1_999, 3_000), [number(24)]) == Verdict.RIGHT
    assert verdict(ledger, counted(ledger, 2_000, 2_999), []) == Verdict.RIGHT


def test_each_server_must_be_there_whole_and_once(ledger):
    question = counted_by_server(ledger, *WINDOW)
    servers = [server for lane in ledger.lanes for server in lane.servers]
    whole = [number(9 if "-0-" in server else 6, server_id=server) for server in servers]
    assert verdict(ledger, question, whole) == Verdict.RIGHT
    assert verdict(ledger, question, whole[1:]) == Verdict.SHORT
    assert verdict(ledger, question, [number(8, server_id=servers[0]), *whole[1:]]) == Verdict.SHORT
    assert verdict(ledger, question, [*whole, whole[0]]) == Verdict.EXCESS
    assert verdict(ledger, question, [*whole, number(1, server_id="nobody")]) == Verdict.EXCESS


def test_the_newest_values_are_those_of_the_last_ticks(ledger):
    question = newest(ledger, *WINDOW)
    for second, expected in ((6 * 2, Verdict.RIGHT), (6 * 3, Verdict.RIGHT), (6 * 2 - 1, Verdict.SHORT), (6 * 3 + 1, Verdict.EXCESS)):
        assert verdict(ledger, question, [number(18, lane="0"), number(second, lane="1")]) == expected


def test_a_step_that_is_missing_or_short_is_seen(ledger):
    question = counted_by_step(ledger, 1_000, 4_000, 3)
    assert (question.parameters["start"], question.parameters["end"], question.parameters["step"]) == ("2.000", "4.000", "1.000")
    right = [[2, "12"], [3, "12"], [4, "6"]]
    assert verdict(ledger, question, [{"metric": {}, "values": right}]) == Verdict.RIGHT
    for index in range(3):
        assert verdict(ledger, question, [{"metric": {}, "values": right[:index] + right[index + 1 :]}]) == Verdict.SHORT
        less = [[time, str(int(value) - (place == index))] for place, (time, value) in enumerate(right)]
        assert verdict(ledger, question, [{"metric": {}, "values": less}]) == Verdict.SHORT
    assert verdict(ledger, question, [{"metric": {}, "values": [[2, "24"], *right[1:]]}]) == Verdict.EXCESS


def test_stored_samples_are_compared_one_by_one(ledger):
    lane = ledger.lanes[1]
    question = samples_of_server(ledger, lane, lane.servers[0], *WINDOW)
    for ticks, expected in ((1, Verdict.SHORT), (2, Verdict.RIGHT), (3, Verdict.RIGHT)):
        assert verdict(ledger, question, stored(ledger, lane.servers[0], ticks)) == expected
    other = stored(ledger, lane.servers[0], 2)
    other[0]["values"][0][1] = "7"
    assert verdict(ledger, question, other) == Verdict.EXCESS
    assert verdict(ledger, question, stored(ledger, lane.servers[0], 2)[1:]) == Verdict.SHORT


def test_an_audit_counts_what_is_lost_doubled_and_invented(ledger):
    lane = ledger.lanes[1]
    question = samples_of_server(ledger, lane, lane.servers[0], *WINDOW)

    def account(result: list) -> tuple[int, int, int]:
        found = audit(question, ledger.acknowledged(), ledger.attempted(), {"result": result})
        assert bool(found.examples) == bool(found.lost + found.doubled)
        return found[:3]

    assert account(stored(ledger, lane.servers[0], 2)) == (6, 0, 0)
    assert account(stored(ledger, lane.servers[0], 3)) == (6, 0, 0)
    assert account(stored(ledger, lane.servers[0], 1)) == (6, 3, 0)
    assert account(stored(ledger, lane.servers[0], 2)[:2]) == (6, 2, 0)
    twice = stored(ledger, lane.servers[0], 2)
    twice[0]["values"].append(twice[0]["values"][0])
    assert account([*twice, *stored(ledger, lane.servers[1], 1)]) == (6, 0, 1 + 3)
    other = stored(ledger, lane.servers[0], 2)
    other[0]["values"][0][1] = "7"
    assert account(other) == (6, 1, 0)
    assert Audit(1, 2, 3, ("a",) * 3).plus(Audit(4, 5, 6, ("b",) * 3)) == Audit(5, 7, 9, ("a", "a", "a", "b", "b"))


def test_a_tick_that_is_not_acknowledged_must_not_be_followed(ledger):
    assert ledger.lanes[0].begin(1_000) == 4_001, "times grow"
    with pytest.raises(AssertionError):
        ledger.lanes[1].begin(5_000)
    assert ledger.samples(ledger.acknowledged()) == 5 * 6 and ledger.samples(ledger.attempted()) == 7 * 6


def test_rows_keep_the_time_only_where_there_may_be_several():
    data = {"result": [number(1, a="b"), {"metric": {"c": "d"}, "values": [[1.5, "2"], [2, "NaN"]]}]}
    found = list(rows(data))
    assert found[:2] == [(((("a", "b"),), 0), 1.0), (((("c", "d"),), 1500), 2.0)] and found[2][1] != found[2][1]
