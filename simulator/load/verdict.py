"""Judges a load run: thresholds, and first whether this program may judge at all.

Owns the rule when a run is inconclusive: a generator that was late or out of breath has measured
itself. Knows no terminal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from simulator.judging.expect import COMPARISONS
from simulator.load.books import COUNTED, METRICS, Books
from simulator.load.generator import Measured
from simulator.load.histogram import Histogram
from simulator.scenario.desk import Desk, Refused
from simulator.scenario.format import Threshold
from simulator.scenario.problem import did_you_mean, one_of, quoted
from simulator.scenario.sounds import SoundFolders
from simulator.scenario.thresholds import ThresholdText
from simulator.scenario.tree import Scalar, Source

LATE_MS_MAX: Final = 20.0
"""A frame later than the next one's time is not the caller's rhythm any more."""
LATE_PERCENTILE: Final = 99.0
BUSY_MAX: Final = 0.9
"""Above this share of a processor the generator has no reserve."""
DEFAULTS: Final = ("errors: count==0", "leaked_sessions: count==0")
"""Hold unless their metric has a threshold of its own."""

Verdict = Literal["passed", "failed", "inconclusive"]


class Unusable(Exception):  # noqa: N818 - what the user wrote
    """A threshold that cannot be read; says why, for a person."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One threshold; `measured` None = there was nothing to measure, so it failed."""

    text: str
    passed: bool
    measured: float | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict. `why_not`: what makes the run inconclusive."""

    verdict: Verdict
    thresholds: tuple[Judged, ...]
    why_not: tuple[str, ...]


def read_threshold(text: str) -> Threshold:
    """`relay_up_ms: p(95)<50`.

    Raises:
        Unusable: it is none, or the metric is not one of a load run.
    """
    metric, _, rest = (part.strip() for part in text.partition(":"))
    if metric not in METRICS:
        hint = did_you_mean(metric, METRICS) or one_of(METRICS)
        raise Unusable(f"{quoted(text)}: unknown metric {quoted(metric)}; {hint}")
    desk = Desk(Source(Path("--threshold"), text), SoundFolders(Path()))
    try:
        read = ThresholdText().read(Scalar(rest, 1, 1 + text.find(rest)), desk)
    except Refused:
        problem = desk.problems[0]
        raise Unusable(f"{quoted(text)}: {problem.message}; {problem.hint}") from None
    if metric in COUNTED and read.aggregate != "count":
        raise Unusable(f"{quoted(text)}: {metric} is a number; write `{metric}: count<=1`")
    return Threshold(metric, read.aggregate, read.op, read.value, read.text, 0, read.percentile)


def metrics_of(books: Books, measured: Measured) -> dict[str, Histogram | float]:
    """Every metric: measurements, or a plain number of those counted."""
    cpu, memory, cpu_each, memory_each = (Histogram() for _ in range(4))
    for sample in measured.samples:
        if sample.bridge_cpu_percent is not None:
            cpu.add(sample.bridge_cpu_percent)
        if sample.bridge is not None:
            memory.add(sample.bridge.memory_kib / 1024)
            if sample.calls and measured.before is not None:
                grown_kib = sample.bridge.memory_kib - measured.before.memory_kib
                memory_each.add(grown_kib / sample.calls)
    if measured.bridge_cpu_s is not None and measured.calls_up:
        share = measured.bridge_cpu_s / measured.held_s
        cpu_each.add(100 * share / measured.calls_up)
    latencies = {
        name: value for name in METRICS if isinstance(value := getattr(books, name, 0), Histogram)
    }
    return {
        **latencies,
        "bridge_cpu_percent": cpu,
        "bridge_cpu_percent_per_call": cpu_each,
        "bridge_memory_mib": memory,
        "bridge_memory_kib_per_call": memory_each,
        "errors": float(books.error_count),
        "leaked_sessions": float(measured.leaked),
        "calls": float(books.totals["calls"]),
    }


def judge(
    books: Books, measured: Measured, metrics: Mapping[str, Any], thresholds: Sequence[Threshold]
) -> Judgement:
    """The verdict on a run that came to its end."""
    asked = {threshold.metric for threshold in thresholds}
    defaults = [read_threshold(text) for text in DEFAULTS]
    wanted = [each for each in defaults if each.metric not in asked] + list(thresholds)
    judged = tuple(_judged(threshold, metrics[threshold.metric]) for threshold in wanted)
    why_not = tuple(_why_not(books, measured))
    failed = any(not each.passed for each in judged)
    verdict: Verdict = "inconclusive" if why_not else "failed" if failed else "passed"
    return Judgement(verdict, judged, why_not)


def _judged(threshold: Threshold, values: Histogram | float) -> Judged:
    text = f"{threshold.metric}: {threshold.text}"
    if isinstance(values, float):
        measured = values
    elif not values.count:
        return Judged(text, passed=False, measured=None)
    else:
        measured = values.aggregate(threshold.aggregate, threshold.percentile)
    passed = COMPARISONS[threshold.op](measured, threshold.value)
    return Judged(text, passed=passed, measured=round(measured, 3))


def _why_not(books: Books, measured: Measured) -> list[str]:
    reasons = []
    late = books.send_late_ms
    if late.count and late.percentile(LATE_PERCENTILE) > LATE_MS_MAX:
        worst_ms = late.percentile(LATE_PERCENTILE)
        reasons.append(
            f"the generator was late: {100 - LATE_PERCENTILE:g} % of its frames by more than "
            f"{worst_ms:.0f} ms (allowed: {LATE_MS_MAX:g})"
        )
    if measured.own_cpu_share > BUSY_MAX:
        reasons.append(
            f"the generator was busy for {measured.own_cpu_share:.0%} of the time "
            f"(allowed: {BUSY_MAX:.0%}): it was the bottleneck"
        )
    if not measured.samples:
        reasons.append("nothing was measured")
    elif not late.count and not books.error_count:
        reasons.append("no call was up in the measured time")
    return reasons
