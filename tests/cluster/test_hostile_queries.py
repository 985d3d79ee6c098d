"""Queries that were made to do harm: each is answered or refused with a reason, and the process goes on, answering others meanwhile."""

import concurrent.futures
import time
import urllib.parse

import pytest

from harness.memory import forget_peak, peak_bytes
from harness.murmur import Standalone, now_ms
from harness.waiting import wait_for

SERIES = 2_000
# Five times what the hungriest of them needs, far below what one without bounds would take.
MEMORY_MAX = 1 << 30
# Of a machine with other things to do; a query is ended after `query_timeout`.
QUERY_TIMEOUT = "20s"
PATIENCE = 240.0

DEEP = 200
ENDLESS_SUBQUERY = "sum_over_time(many[1d:1ms])"
QUERIES = {
    "deep parentheses": "(" * 5_000 + "1" + ")" * 5_000,
    "deep calls": "abs(" * DEEP + "many" + ")" * DEEP,
    "deep signs": "-" * 30_000 + "1",
    "a long chain of operators": "1" + "+1" * 30_000,
    "a long chain of joins": "many" + " or many" * 500,
    "deep subqueries": "many" + "[10m:1s]" * 60,
    "nested subqueries": "max_over_time(" * 12 + "many" + "[1h:1s])" * 12,
    "a subquery of many steps": ENDLESS_SUBQUERY,
    "a subquery of billions of steps": "count_over_time(vector(1)[100y:1ms])",
    "a subquery of billions of steps of time()": "max_over_time(vector(time())[100y:1ms])",
    "a subquery over a subquery": "sum_over_time(sum_over_time(many[1d:1s])[1d:1s])",
    "a catastrophic expression": 'many{instance=~"(a+)+b|(a|aa)+c|(x+x+)+y"}',
    "an expression with a huge repetition": 'many{instance=~"((a{0,1000}){0,1000}){0,1000}"}',
    "an expression of many branches": 'many{instance=~"' + "|".join(f"host-{number}.*x?" for number in range(4_000)) + '"}',
    "all series joined with themselves": '{__name__=~".+"} * on() {__name__=~".+"}',
    "all series joined with one": '{__name__=~".+"} * on() group_left() {__name__=~".+"}',
    "a join by a label of two values": "many * on(parity) group_left() many",
    "a join that gives all names": '{__name__=~".+"} + ignoring(instance, number) group_right() {__name__=~".+"}',
    "set operators of everything": '({__name__=~".+"} or {__name__=~".+"}) unless on() ({__name__=~".+"} and {__name__=~".+"})',
    "a huge replacement": f'label_replace(many, "big", "{"$1" * 20_000}", "instance", "(.*)")',
    "replacements of replacements": 'label_replace(' * 16 + "many" + ', "a", "$1$1$1", "a", "(.*)")' * 16,
    "replacements that double": "".join(
        ['label_replace(' * 40, 'label_replace(many, "a", "xxxxxxxxxxxxxxxx", "", "")', ', "a", "$1$1", "a", "(.*)")' * 40]
    ),
    "labels joined over and over": "label_join(" * 40 + "many" + ', "a", "xxxxxxxxxxxxxxxxxxxx", "a", "a", "a")' * 40,
    "values counted as labels": 'count_values("v", many * 1.0001)',
    "a quantile of everything": 'quantile by (instance, number) (0.99, {__name__=~".+"})',
    "the best of more than there are": "topk(1e308, many)",
    "the best of not a number": "topk(NaN, many)",
    "the largest window": "rate(many[292y])",
    "the largest offset": "many offset 292y",
    "a time beyond all": "many @ 9e15",
    "text that is no text": 'many{instance="\\xff\\xfe"}',
    "many matchers": "many{" + ",".join(f'l{number}!="x"' for number in range(2_000)) + "}",
    "random halves of everything": 'limit_ratio(0.5, {__name__=~".+"})',
    "a classic histogram of all": 'histogram_quantile(0.9, {__name__=~".+"})',
}


@pytest.fixture(scope="module")
def crowded(tmp_path_factory):
    """A standalone with many series, each with an hour of samples."""
    directory = tmp_path_factory.mktemp("hostile")
    settings = directory / "settings.yaml"
    settings.write_text("promql-experimental-functions: true\n")
    server = Standalone(directory, query_timeout=QUERY_TIMEOUT, query_concurrency_max=4, config=settings)
    try:
        server.start()
        now = now_ms() // 1000 * 1000
        for first in range(0, SERIES, 500):
            series = [
                (
                    {"__name__": "many", "instance": f"host-{number % 100}", "number": str(number), "parity": str(number % 2)},
                    [(now - 3_600_000 + step * 60_000, float(number + step)) for step in range(60)],
                )
                for number in range(first, first + 500)
            ]
            assert server.push_series(series).status == 204
        yield server
    finally:
        server.kill()
        print(server.log.read_text(errors="replace")[-4000:])


def ask(server: Standalone, query: str, ranged: bool) -> tuple[int, str]:
    """Asks over a connection of its own; returns status and error type."""
    now = time.time()
    asked = {"query": query, "time": now} if not ranged else {"query": query, "start": now - 3_600, "end": now, "step": 15}
    client = server.new_client(timeout=PATIENCE)
    body = urllib.parse.urlencode(asked).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    reply = client.request("POST", f"/api/v1/{'query_range' if ranged else 'query'}", body=body, headers=headers)
    return reply.status, reply.text if reply.status != 200 else ""


@pytest.mark.parametrize("ranged", [False, True], ids=["instant", "range"])
@pytest.mark.parametrize("name", QUERIES)
def test_a_hostile_query_is_answered_or_refused_while_others_are_answered(crowded: Standalone, name: str, ranged: bool) -> None:
    forget_peak(crowded.pid)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask, crowded, QUERIES[name], ranged)
        answered_meanwhile = 0
        while not asked.done():
            # The event loops go on: what needs no engine, and what needs one, is answered beside it.
            assert crowded.get("/-/healthy").status == 200
            assert crowded.get("/api/v1/query", {"query": "count(many)", "time": time.time() - 600}).json["data"]["result"][0]["value"][1] == str(SERIES)
            answered_meanwhile += not asked.done()
            time.sleep(0.05)
    status, error = asked.result()
    print(f"{status}, {answered_meanwhile} others answered meanwhile, at most {peak_bytes(crowded.pid) >> 20} MiB: {error[:200]}")
    assert status in (200, 400, 422, 503), (status, error)
    assert status == 200 or '"error":"' in error
    assert peak_bytes(crowded.pid) < MEMORY_MAX
    # One that was ended for its time was at work for all of it, by the server's own clock; others had it too.
    assert answered_meanwhile > 0 or '"errorType":"timeout"' not in error
    wait_for("no query at work", lambda: not crowded.data("/api/v1/status/queries")["atWork"], PATIENCE)
