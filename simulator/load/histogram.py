"""Percentiles of any number of measurements in a bounded memory.

Owns the buckets. A value is known to one percent of itself (below 1 to 0.01), the least and the
largest are exact. Knows no metric and no unit.
"""

from __future__ import annotations

import math
from typing import Final

from simulator.scenario.wanted import Aggregate

GROWTH: Final = 1.01
LINEAR_STEPS: Final = 100  # buckets of equal width below 1
LARGEST: Final = 1e9
_PER_LOG: Final = 1 / math.log(GROWTH)


def bucket_of(value: float) -> int:
    """The bucket's number; buckets ascend with their values, below zero too."""
    magnitude = min(abs(value), LARGEST)
    if magnitude < 1:
        number = int(magnitude * LINEAR_STEPS)
    else:
        number = LINEAR_STEPS + int(math.log(magnitude) * _PER_LOG)
    return number if value >= 0 else -1 - number


def value_of(bucket: int) -> float:
    """The middle of a bucket."""
    number = bucket if bucket >= 0 else -1 - bucket
    if number < LINEAR_STEPS:
        magnitude = (number + 0.5) / LINEAR_STEPS
    else:
        magnitude = GROWTH ** (number - LINEAR_STEPS + 0.5)
    return magnitude if bucket >= 0 else -magnitude


class Histogram:
    """Measurements of one metric."""

    __slots__ = ("_buckets", "count", "largest", "least", "total")

    def __init__(self) -> None:
        self._buckets: dict[int, int] = {}
        self.count = 0
        self.total = 0.0
        self.least = math.inf
        self.largest = -math.inf

    def add(self, value: float, times: int = 1) -> None:
        """Take a measurement (`times` equal ones)."""
        bucket = bucket_of(value)
        self._buckets[bucket] = self._buckets.get(bucket, 0) + times
        self.count += times
        self.total += value * times
        if value < self.least:  # noqa: PLR1730 - half the cost of min(), and this is the hot path
            self.least = value
        if value > self.largest:  # noqa: PLR1730 - likewise
            self.largest = value

    def percentile(self, percent: float) -> float:
        """The value below which `percent` (0..100) of the measurements lie; there is at least one.

        Nearest rank, so no value is invented between two distant ones.
        """
        rank = max(1, math.ceil(self.count * percent / 100))
        seen = 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= rank:
                break
        if rank == self.count:
            return self.largest
        return min(max(value_of(bucket), self.least), self.largest)

    def aggregate(self, name: Aggregate, percent: float | None = None) -> float:
        """`p` (with `percent`), `min`, `max`, `avg`, `med` or `count`."""
        if name == "count":
            return float(self.count)
        if name == "p":
            assert percent is not None
            return self.percentile(percent)
        if name == "med":
            return self.percentile(50)
        return {"min": self.least, "max": self.largest, "avg": self.total / self.count}[name]

    def summary(self) -> dict[str, float]:
        """`{count, min, p50, p90, p95, p99, max}`; `{count: 0}` when there is no measurement."""
        if not self.count:
            return {"count": 0}
        ranks = {f"p{percent}": self.percentile(percent) for percent in (50, 90, 95, 99)}
        values = {"min": self.least, **ranks, "max": self.largest}
        return {"count": self.count, **{name: round(value, 3) for name, value in values.items()}}
