"""Whether two answers of the Prometheus API are the same."""

import math
from typing import Any, NamedTuple

# Sums are added in another order and `exp` and its kin are another library's: the last bits may differ, not more.
RELATIVE = 1e-9
# Differences between large numbers keep what rounding left of them.
NEAR = 1e-6


class Verdict(NamedTuple):
    """`kind` is `same` (byte by byte, and not nothing), `equal`, `empty` (and equal), `failed` (on both sides), `near`, `different` or `one failed`."""

    kind: str
    detail: str = ""


def judge(ours: dict[str, Any], theirs: dict[str, Any]) -> Verdict:
    """Compares two envelopes: the same series, times and values; or both failed."""
    if ours["status"] != theirs["status"]:
        return Verdict("one failed", f"ours: {ours.get('error', 'ok')} | theirs: {theirs.get('error', 'ok')}")
    if ours["status"] == "error":
        return Verdict("failed")
    left, right = _points(ours["data"]), _points(theirs["data"])
    if ours["data"]["resultType"] != theirs["data"]["resultType"]:
        return Verdict("different", f"{ours['data']['resultType']} instead of {theirs['data']['resultType']}")
    if left.keys() != right.keys():
        alone = sorted(left.keys() ^ right.keys(), key=str)
        return Verdict("different", f"{len(alone)} points on one side only: {alone[:2]}")
    apart = [(key, left[key], value) for key, value in right.items() if not _same(left[key], value, RELATIVE)]
    if not apart:
        return Verdict("equal" if right else "empty")
    kind = "near" if all(_same(mine, other, NEAR) for _, mine, other in apart) else "different"
    return Verdict(kind, f"{len(apart)} of {len(right)} values, first {apart[0]}")


def judge_alike(ours: dict[str, Any], theirs: dict[str, Any]) -> Verdict:
    """Compares two envelopes of Murmuration: the same text, or at least the same series in the same order, and the same notes."""
    if ours == theirs:
        if ours["status"] == "error":
            return Verdict("failed")
        return Verdict("same" if ours["data"]["result"] else "empty")
    if ours["status"] == theirs["status"] == "error":
        return Verdict("different", f"ours: {ours['error']} | theirs: {theirs['error']}")
    verdict = judge(ours, theirs)
    if verdict.kind not in ("equal", "near"):
        return verdict
    for name in ("warnings", "infos"):
        if sorted(ours.get(name, [])) != sorted(theirs.get(name, [])):
            return Verdict("different", f"{name}: {ours.get(name)} instead of {theirs.get(name)}")
    orders = [[entry["metric"] for entry in side["data"]["result"] if isinstance(entry, dict)] for side in (ours, theirs)]
    return verdict if orders[0] == orders[1] else Verdict("different", "the same series in another order")


def _points(data: dict[str, Any]) -> dict[tuple, float]:
    """(labels, time in ms) -> value."""
    if data["resultType"] in ("scalar", "string"):
        time, value = data["result"]
        return {("", round(time * 1000)): float(value)}
    points = {}
    for entry in data["result"]:
        labels = tuple(sorted(entry["metric"].items()))
        for time, value in entry.get("values") or [entry["value"]]:
            points[labels, round(time * 1000)] = float(value)
    return points


def _same(mine: float, other: float, tolerance: float) -> bool:
    if math.isnan(mine) or math.isnan(other):
        return math.isnan(mine) and math.isnan(other)
    return mine == other or math.isclose(mine, other, rel_tol=tolerance, abs_tol=tolerance if tolerance == NEAR else 0)
