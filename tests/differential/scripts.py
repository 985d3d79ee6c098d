"""Asks a Prometheus what the query engine's scripts expect of Murmuration: `python -m differential.scripts PROGRAM`, from tests/.

The scripts are Tests/QueryEngineTests/Fixtures/Scripts; their form stands in Tests/QueryEngineTests/Script.swift. Each is loaded into a Prometheus of its own, with
the features that they need, and every evaluation is asked. Meant for the version that docs/promql.md names; prints what differs, and exits 1 if anything does.
"""

import json
import math
import pathlib
import re
import struct
import sys
import tempfile
from dataclasses import dataclass, field

from harness.ports import free_port
from harness.prometheus import running_prometheus
from harness.remote_write import HEADERS, compressed, write_request

from differential import native

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "Tests/QueryEngineTests/Fixtures/Scripts"
(STALE,) = struct.unpack("<d", (0x7FF0000000000002).to_bytes(8, "little"))
UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
FEATURES = "promql-experimental-functions,promql-duration-expr,native-histograms"
FLAGS = ["--web.enable-remote-write-receiver", f"--enable-feature={FEATURES}"]
Value = float | native.Native | None


def milliseconds(text: str) -> int:
    """A duration of several units."""
    return sum(int(number) * UNITS[unit] for number, unit in re.findall(r"(\d+)(ms|[smhd])", text))


def labels_of(text: str) -> tuple[dict[str, str], str]:
    """The labels that a row begins with, and what follows them."""
    labels = {}
    name = re.match(r"[a-zA-Z_:][\w:]*", text)
    if name:
        labels["__name__"], text = name[0], text[name.end():]
    if text.startswith("{") and not text.startswith("{{"):
        text = text[1:]
        while not text.startswith("}"):
            label = re.match(r'(?:("(?:[^"\\]|\\.)*")|(\w+))=("(?:[^"\\]|\\.)*"),?\s*', text)
            labels[json.loads(label[1]) if label[1] else label[2]] = json.loads(label[3])
            text = text[label.end():]
        text = text[1:]
    return labels, text


def values_of(text: str) -> list[Value]:
    """`1 _ stale 2x3 0+1x5 {{count:1 …}}`, as numbers and histograms."""
    result: list[Value] = []
    for word in re.findall(r"(?:\{\{.*?\}\}|\S)+", text):
        if word.startswith("{{"):
            result += native.values_of(word)
            continue
        series = re.fullmatch(r"(.*?[^e])([+-].*)x(\d+)", word)
        if word == "_":
            result.append(None)
        elif word == "stale":
            result.append(STALE)
        elif word.startswith("_x"):
            result += [None] * int(word[2:])
        elif series:
            value = float(series[1])
            for _ in range(int(series[3]) + 1):
                result.append(value)
                value += float(series[2])
        elif "x" in word:
            value, _, count = word.partition("x")
            result += [float(value)] * (int(count) + 1)
        else:
            result.append(float(word))
    return result


@dataclass
class Evaluation:
    """One question and what is expected."""

    line: int
    query: str
    times: list[int]
    step: int
    rows: list[tuple[dict[str, str] | None, list[Value]]] = field(default_factory=list)
    failure: str | None = None
    note: str | None = None


def read(path: pathlib.Path) -> tuple[list, list[Evaluation]]:
    """What a script loads, as series of remote write, and what it asks."""
    series, evaluations, step = [], [], None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "load":
            step = milliseconds(words[1])
        elif words[:2] == ["eval", "instant"]:
            step = None
            evaluations.append(Evaluation(number, line.split(maxsplit=4)[4], [milliseconds(words[3])], 0))
        elif words[:2] == ["eval", "range"]:
            step = None
            start, end, by = (milliseconds(words[index]) for index in (3, 5, 7))
            evaluations.append(Evaluation(number, line.split(maxsplit=8)[8], list(range(start, end + 1, by)), by))
        elif step is not None:
            labels, text = labels_of(line.strip())
            series.append((labels, [(index * step, value) for index, value in enumerate(values_of(text)) if value is not None]))
        elif words[0] == "expect":
            rest = " ".join(words[2:])
            if words[1] == "fail":
                evaluations[-1].failure = rest
            elif words[1] in ("warn", "info"):
                evaluations[-1].note = rest
        elif re.match(r"[-\d]|NaN|\+Inf", line.strip()):
            evaluations[-1].rows.append((None, values_of(line)))
        else:
            labels, text = labels_of(line.strip())
            evaluations[-1].rows.append((labels, values_of(text)))
    return series, evaluations


def same(left: Value | list[float], right: Value | list[float]) -> bool:
    """Equal but for the last bits; histograms are told by their numbers."""
    left, right = (side.numbers() if isinstance(side, native.Native) else side for side in (left, right))
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if left is None or right is None or isinstance(left, list) or isinstance(right, list):
        return left is right
    return math.isnan(left) and math.isnan(right) or left == right or math.isclose(left, right, rel_tol=1e-12)


def cells_of(one: dict) -> dict[int, float | list[float]]:
    """A series' samples of both kinds by their times."""
    numbers = one.get("values", [one["value"]] if "value" in one else [])
    histograms = one.get("histograms", [one["histogram"]] if "histogram" in one else [])
    cells = [(round(time * 1000), float(value)) for time, value in numbers]
    return dict(sorted(cells + [(round(time * 1000), native.answered(value)) for time, value in histograms]))


def answered(evaluation: Evaluation, data: dict) -> list[tuple[dict[str, str] | None, list]]:
    """The answer's rows, in the script's form."""
    if data["resultType"] == "scalar":
        return [(None, [float(data["result"][1])])]
    rows = []
    for one in data["result"]:
        cells = cells_of(one)
        wanted = [cells.get(time) for time in evaluation.times] if evaluation.step else list(cells.values())
        rows.append((one["metric"], wanted))
    return rows


def difference(evaluation: Evaluation, answer: dict) -> str | None:
    """What is not as expected; nil when nothing is."""
    notes = answer.get("warnings", []) + answer.get("infos", [])
    if evaluation.failure is not None:
        return None if evaluation.failure in answer.get("error", "") else f"answered {answer}"
    if answer["status"] != "success":
        return answer["error"]
    if (evaluation.note is None) != (not notes) or evaluation.note and not any(evaluation.note in note for note in notes):
        return f"notes {notes}"
    found = answered(evaluation, answer["data"])
    rest = list(found)
    for labels, values in evaluation.rows:
        match = next((row for row in rest if row[0] == labels and len(row[1]) == len(values) and all(map(same, row[1], values))), None)
        if match is None:
            return f"no {labels} {values} in {found}"
        rest.remove(match)
    return f"more: {rest}" if rest else None


def requests(series: list) -> list:
    """The series as remote write: in one request, but time by time where histograms and numbers take turns."""
    if not any(isinstance(value, native.Native) for _, samples in series for _, value in samples):
        return [write_request(series)]
    result = []
    for time in sorted({time for _, samples in series for time, _ in samples}):
        found = [(labels, dict(samples).get(time)) for labels, samples in series]
        request = write_request(
            (labels, [] if isinstance(value, native.Native) else [(time, value)]) for labels, value in found if value is not None)
        for entry, value in zip(request.timeseries, [value for _, value in found if value is not None]):
            if isinstance(value, native.Native):
                value.fill(entry.histograms.add(), time)
        result.append(request)
    return result


def main() -> int:
    """All scripts."""
    differing = asked = 0
    for path in sorted(SCRIPTS.glob("*.promql")):
        series, evaluations = read(path)
        with tempfile.TemporaryDirectory() as directory:
            with running_prometheus(
                pathlib.Path(directory), "scrape_configs: []\n", free_port(), *FLAGS, program=sys.argv[1]
            ) as client:
                for request in requests(series):
                    pushed = client.request("POST", "/api/v1/write", body=compressed(request), headers=HEADERS)
                    assert pushed.status == 204, pushed
                for evaluation in evaluations:
                    asked += 1
                    if evaluation.step:
                        parameters = {"query": evaluation.query, "start": evaluation.times[0] / 1000,
                                      "end": evaluation.times[-1] / 1000, "step": evaluation.step / 1000}
                        answer = client.request("GET", "/api/v1/query_range", parameters)
                    else:
                        answer = client.request(
                            "GET", "/api/v1/query", {"query": evaluation.query, "time": evaluation.times[0] / 1000})
                    told = difference(evaluation, json.loads(answer.body))
                    if told:
                        differing += 1
                        print(f"{path.name}:{evaluation.line}: {evaluation.query}: {told}")
    print(f"{asked} evaluations, {differing} differ")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
