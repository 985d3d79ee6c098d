"""Native histograms in the query engine's scripts: `{{schema:1 count:4 sum:5 buckets:[1 2 1]}}`, as remote write carries them and as the API answers them."""

import math
import re
from dataclasses import dataclass, field, replace

HINTS = {"unknown": 0, "reset": 1, "not_reset": 2, "gauge": 3}
CUSTOM = -53


@dataclass
class Native:
    """One histogram; buckets by their index."""

    schema: int = 0
    count: float = 0
    sum: float = 0
    z_bucket: float = 0
    z_bucket_w: float = 0
    positive: dict[int, float] = field(default_factory=dict)
    negative: dict[int, float] = field(default_factory=dict)
    custom_values: list[float] = field(default_factory=list)
    hint: int = 0

    def plus(self, other: "Native", sign: int) -> "Native":
        """The sum of two with the same buckets."""

        def both(left: dict[int, float], right: dict[int, float]) -> dict[int, float]:
            return {index: left.get(index, 0) + sign * right.get(index, 0) for index in sorted(left | right)}

        return replace(
            self, count=self.count + sign * other.count, sum=self.sum + sign * other.sum,
            z_bucket=self.z_bucket + sign * other.z_bucket, positive=both(self.positive, other.positive),
            negative=both(self.negative, other.negative))

    def bound(self, index: int) -> float:
        """The upper bound of a bucket."""
        if self.schema == CUSTOM:
            return -math.inf if index < 0 else self.custom_values[index] if index < len(self.custom_values) else math.inf
        try:
            power = 2.0 ** (index * 2.0**-self.schema)
        except OverflowError:
            power = math.inf
        return math.nextafter(math.inf, 0) if index == 1024 * 2.0**self.schema else power

    def ranges(self) -> list[tuple[float, float, float]]:
        """Bounds and counts of the buckets that have something."""
        result = [(-self.z_bucket_w, self.z_bucket_w, self.z_bucket)] if self.z_bucket else []
        for index, count in self.positive.items():
            result.append((self.clamped(self.bound(index - 1)), self.bound(index), count))
        for index, count in self.negative.items():
            result.append((-self.bound(index), -self.clamped(self.bound(index - 1)), count))
        return sorted(one for one in result if one[2] != 0)

    def clamped(self, bound: float) -> float:
        """A lower bound outside the zero bucket."""
        return max(bound, self.z_bucket_w) if bound > 0 else bound

    def numbers(self) -> list[float]:
        """All that is compared."""
        return [self.count, self.sum] + [number for bucket in self.ranges() for number in bucket]

    def fill(self, message: object, timestamp: int) -> None:
        """Sets remote write's message."""
        message.count_float, message.sum, message.schema = self.count, self.sum, self.schema
        message.zero_threshold, message.zero_count_float = self.z_bucket_w, self.z_bucket
        message.reset_hint, message.timestamp = self.hint, timestamp
        message.custom_values.extend(self.custom_values)
        for buckets, spans, counts in (
            (self.positive, message.positive_spans, message.positive_counts),
            (self.negative, message.negative_spans, message.negative_counts),
        ):
            end = 0
            for index, count in buckets.items():
                if spans and index == end:
                    spans[-1].length += 1
                else:
                    spans.add(offset=index - end, length=1)
                counts.append(count)
                end = index + 1


def parse(text: str) -> Native:
    """`{{…}}`."""
    members = dict(re.findall(r"(\w+):(\[[^\]]*\]|[^\s\[\]]+)", text.strip("{}")))

    def numbers(name: str) -> list[float]:
        return [float(word) for word in members.get(name, "[]").strip("[]").split()]

    def buckets(prefix: str) -> dict[int, float]:
        return dict(enumerate(numbers(prefix + "buckets"), int(members.get(prefix + "offset", 0))))

    single = {name: float(members.get(name, 0)) for name in ("count", "sum", "z_bucket", "z_bucket_w")}
    return Native(
        schema=int(members.get("schema", 0)), positive=buckets(""), negative=buckets("n_"),
        custom_values=numbers("custom_values"), hint=HINTS[members.get("counter_reset_hint", "unknown")], **single)


def values_of(word: str) -> list[Native]:
    """`{{…}}`, `{{…}}x3`, `{{…}}+{{…}}x3`."""
    first, sign, second, count = re.fullmatch(r"(\{\{.*?\}\})(?:([+-])(\{\{.*?\}\}))?(?:x(\d+))?", word).groups()
    value = parse(first)
    result = [value]
    for _ in range(int(count or 0)):
        value = value.plus(parse(second), 1 if sign == "+" else -1) if sign else value
        result.append(value)
    return result


def answered(histogram: dict) -> list[float]:
    """What the API has of a histogram, as `Native.numbers` has it."""
    buckets = sorted([float(lower), float(upper), float(count)] for _, lower, upper, count in histogram.get("buckets", []))
    return [float(histogram["count"]), float(histogram["sum"])] + [number for bucket in buckets for number in bucket]
