"""Samples of one metric and their aggregates.

Owns the definition of a percentile: linear interpolation between the closest ranks (as k6 and
numpy do), so p(50) of 10 and 20 is 15. Knows no metric by name.
"""

from dataclasses import dataclass, field
from math import ceil, floor

KEPT_MAX = 10_000
"""Samples kept per metric; an hour-long call has a few hundred."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement, when it was complete, and what it was measured from, in words."""

    value: float
    at_ms: float
    note: str = ""


@dataclass(slots=True)
class Samples:
    """All measurements of one metric in one call."""

    kept: list[Sample] = field(default_factory=list)

    def add(self, value: float, at_ms: float, note: str = "") -> None:
        """Take one measurement; beyond the bound the newest are not kept."""
        if len(self.kept) < KEPT_MAX:
            self.kept.append(Sample(value, at_ms, note))

    @property
    def values(self) -> list[float]:
        """The measured values in the order of time."""
        return [sample.value for sample in self.kept]

    def summary(self) -> dict[str, float]:
        """`{count, min, p50, p95, max}`, as the JSON result has it; `{count: 0}` if empty."""
        values = sorted(self.values)
        if not values:
            return {"count": 0}
        return {
            "count": len(values),
            "min": round(values[0], 6),
            "p50": round(percentile(values, 50), 6),
            "p95": round(percentile(values, 95), 6),
            "max": round(values[-1], 6),
        }


def percentile(ordered: list[float], percent: float) -> float:
    """The `percent`-th percentile (0..100) of values in ascending order."""
    rank = (len(ordered) - 1) * percent / 100
    below, above = ordered[floor(rank)], ordered[ceil(rank)]
    return below + (above - below) * (rank - floor(rank))


def aggregate(values: list[float], name: str, percent: float | None = None) -> float:
    """`p` (with `percent`), `min`, `max`, `avg`, `med` or `count` of values, which are not empty.

    Raises:
        KeyError: no such aggregate.
    """
    ordered = sorted(values)
    if name == "p":
        assert percent is not None
        return percentile(ordered, percent)
    return {
        "min": ordered[0],
        "max": ordered[-1],
        "avg": sum(ordered) / len(ordered),
        "med": percentile(ordered, 50),
        "count": float(len(ordered)),
    }[name]
