"""The pages' pure modules, asked in the browser itself: units, PromQL's text, and the window of a live subscription."""

import random

import pytest
from playwright.sync_api import Page


@pytest.fixture
def modules(visit) -> Page:
    """A page on which the application's modules can be imported."""
    return visit("#/explore")


def test_values_are_written_in_their_units(modules: Page) -> None:
    table = [
        (0, "bytes", "0 B"), (1023, "bytes", "1023 B"), (1536, "bytes", "1.50 KiB"), (2, "GB", "1.86 GiB"),
        (12_500, "B/s", "12.2 KiB/s"), (1.5, "Mbps", "1.50 Mbit/s"), (0.5, "%", "0.50%"), (99.94, "%", "99.9%"),
        (0.25, "ratio", "25.0%"), (0.0000021, "s", "2.10 µs"), (90, "s", "90.0 s"), (7300, "s", "2.0 h"),
        (1234567, "", "1.23 M"), (9999, "", "9999"), (0.0042, "", "0.0042"), (12.345, "req/s", "12.3 req/s"),
        (5, "widgets", "5 widgets"), (float("inf"), "", "∞"), (float("nan"), "%", "–"),
    ]  # fmt: skip
    script = """async (rows) => {
        const { formatValue, unitNamed } = await import("/format.js");
        return rows.map(([value, unit]) => formatValue(value, unitNamed(unit)).replace(/\\u202f/g, " "));
    }"""
    assert modules.evaluate(script, [[value, unit] for value, unit, _ in table]) == [text for _, _, text in table]


def test_every_character_of_a_query_is_in_one_token(modules: Page) -> None:
    source = random.Random(7)
    alphabet = "ab_1.5m[](){}\"'`\\=!~<>+-*/^%,: \n#é😀by sum"
    queries = ["".join(source.choices(alphabet, k=source.randrange(60))) for _ in range(400)]
    script = """async (queries) => {
        const { tokenize } = await import("/promql.js");
        return queries.map((query) => tokenize(query).map(({ text }) => text).join(""));
    }"""
    assert modules.evaluate(script, queries) == queries


def test_the_place_of_an_error_is_found_in_its_text(modules: Page) -> None:
    script = """async ([message, query]) => (await import("/promql.js")).errorPlace(message, query)"""
    place = modules.evaluate(script, ["1:5: parse error: unexpected <op:+>", "sum(+ foo)"])
    assert place == {"offset": 4, "length": 1}
    place = modules.evaluate(script, ["2:1: parse error: bad", "sum(\nfoobar baz)"])
    assert place == {"offset": 5, "length": 6}
    assert modules.evaluate(script, ["query timed out", "up"])["offset"] == -1


def test_lengths_of_time_in_a_plan_are_as_one_types_them(modules: Page) -> None:
    table = [
        ('{__name__="up"}[60000 ms]', '{__name__="up"}[1m]'), ("[5400000 ms:1500 ms] offset -86400000 ms", "[1h30m:1s500ms] offset -1d"),
        ('{a="5 ms",b="\\"7 ms"}[250 ms] @ 1700000000500 ms', '{a="5 ms",b="\\"7 ms"}[250ms] @ 1700000000.5'), ("by (host)", "by (host)"),
    ]
    script = """async (texts) => { const { typed } = await import("/promql.js"); return texts.map(typed); }"""
    assert modules.evaluate(script, [text for text, _ in table]) == [text for _, text in table]


def test_a_value_cannot_leave_its_quotes(modules: Page) -> None:
    script = """async (text) => (await import("/promql.js")).selector({ server_id: text })"""
    assert modules.evaluate(script, 'a"} or {b="\\') == '{server_id="a\\"} or {b=\\"\\\\"}'


def test_a_window_keeps_its_span_shows_gaps_and_skips_what_it_has(modules: Page) -> None:
    script = """async () => {
        const { SeriesWindow } = await import("/window.js");
        const { parsePoint, parseValue } = await import("/api.js");
        const window = new SeriesWindow(1000, 5000);
        window.restart({ type: "subscribed", id: "a", key: 1, step: 1, time: 10,
            series: [{ s: 0, metric: { a: "1" }, values: [[9, "1"], [10, "2"]] }] }, parsePoint);
        const frame = (time, values, more) => window.advance({ type: "data", key: 1, time, values, ...more }, parseValue);
        const known = [frame(10, [[0, "99"]]), frame(11, [[0, "3"]]), frame(14, [[0, "+Inf"]]), frame(15, [[7, "1"]])];
        return { known, points: [...window.series.get(0).points].map(([t, v]) => [t, String(v)]), latest: window.latest(window.series.get(0)) };
    }"""
    result = modules.evaluate(script)
    assert result["known"] == [True, True, True, False], "an unknown series makes the window ask again"
    assert result["points"] == [[10_000, "2"], [11_000, "3"], [12_000, "NaN"], [14_000, "Infinity"]]
    assert result["latest"] == float("inf")


def test_late_samples_correct_the_last_steps(modules: Page) -> None:
    script = """async () => {
        const { SeriesWindow } = await import("/window.js");
        const { parsePoint, parseValue } = await import("/api.js");
        const window = new SeriesWindow(1000, 60_000);
        window.restart({ type: "subscribed", id: "a", key: 1, step: 1, time: 10,
            series: [{ s: 0, metric: { a: "1" }, values: [[9, "1"], [10, "2"]] }] }, parsePoint);
        window.advance({ type: "data", key: 1, time: 13, values: [[0, "5"]] }, parseValue);
        const isWhole = window.advance({ type: "data", key: 1, time: 14, new: [{ s: 1, metric: { a: "2" } }], values: [[0, "6"]], corrected: [
            { time: 9, values: [], gone: [0] }, { time: 10, values: [], histograms: [[0, { count: "3", sum: "5" }]] },
            { time: 11, values: [[0, "3"]] }, { time: 12, values: [[0, "4"], [1, "7"], [9, "8"]] }] }, parseValue);
        return [isWhole, ...[0, 1].map((number) => window.series.get(number).points.map(([t, v]) => [t, String(v)]))];
    }"""
    is_whole, first, second = modules.evaluate(script)
    assert is_whole
    assert first == [[9_000, "NaN"], [10_000, "NaN"], [11_000, "3"], [12_000, "4"], [13_000, "5"], [14_000, "6"]], "a histogram is no point of a line"
    assert second == [[12_000, "7"]]


def test_half_steps_move_the_newest_point_alone(modules: Page) -> None:
    script = """async () => {
        const { SeriesWindow } = await import("/window.js");
        const window = new SeriesWindow(500, 60_000);
        const points = [];
        for (let half = 20; half <= 27; half += 1) window.append(points, [half * 500, half]);
        return points;
    }"""
    assert modules.evaluate(script) == [[10_000, 20], [11_000, 22], [12_000, 24], [13_000, 26], [13_500, 27]]
