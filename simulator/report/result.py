"""The result of playing one scenario once: a value that every report is made from.

Owns the shape. Knows no output format.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from simulator.judging.auditor import Violation
from simulator.judging.expect import Expectation
from simulator.report.chart import CallChart

Verdict = Literal["passed", "failed", "violation", "inconclusive", "error"]

TAIL_LINES = 40
MISSED = frozenset({"failed", "violation"})
"""Verdicts of an expectation that did not hold."""


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """`metrics`: name -> {count, min, p50, p95, max}. `tail`: the last trace lines.

    `verdict`: violation (a law was broken) outweighs failed (an expectation); inconclusive = this
    machine was too slow to play it in real time; error = it could not be played. `problem` says
    why, of both. `command` repeats this run. `law_counts`: law -> how often it was broken, of which
    `violations` keeps the first ten each; `allowed`: those excused. `target`: the bridge of a run
    in real time, "" in virtual time; `lateness`: how late the harness was, {count, p50, p95, p99,
    max} in ms, only in real time.
    """

    name: str
    path: str
    seed: int
    verdict: Verdict
    metrics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    expectations: tuple[Expectation, ...] = ()
    violations: tuple[Violation, ...] = ()
    law_counts: Mapping[str, int] = field(default_factory=dict)
    allowed: Mapping[str, int] = field(default_factory=dict)
    simulated_s: float = 0.0
    wall_s: float = 0.0
    digest: str = ""
    chart: CallChart = field(default_factory=CallChart)
    tail: tuple[str, ...] = ()
    command: str = ""
    problem: str = ""
    why: str = ""
    target: str = ""
    lateness: Mapping[str, float] = field(default_factory=dict)

    @property
    def failures(self) -> list[Expectation]:
        """The expectations that did not hold."""
        return [each for each in self.expectations if each.verdict in MISSED]

    @property
    def unjudged(self) -> list[Expectation]:
        """The expectations that were neither met nor missed, and why is said."""
        return [each for each in self.expectations if each.verdict in ("skipped", "unobservable")]


def verdict_of(expectations: tuple[Expectation, ...], violations: tuple[Violation, ...]) -> Verdict:
    """A broken law outweighs a failed expectation."""
    if violations:
        return "violation"
    return "failed" if any(each.verdict == "failed" for each in expectations) else "passed"
