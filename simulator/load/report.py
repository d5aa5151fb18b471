"""A load run for people and for machines.

Owns the table and the JSON. Decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from simulator.load.books import METRICS, Books
from simulator.load.generator import Measured
from simulator.load.histogram import Histogram
from simulator.load.verdict import Judgement

SCHEMA_VERSION: Final = 1
_STYLES: Final = {"passed": "green", "failed": "red", "inconclusive": "yellow"}


@dataclass(frozen=True, slots=True)
class LoadResult:
    """All of a run."""

    target: str
    scenario: str
    calls: int
    ramp_s: float
    for_s: float
    books: Books
    measured: Measured
    metrics: Mapping[str, Histogram | float]
    judgement: Judgement
    batch_ms: Mapping[str, float]


def as_json(result: LoadResult) -> dict[str, Any]:
    """What `--json` writes."""
    books, measured = result.books, result.measured
    return {
        "schema_version": SCHEMA_VERSION,
        "target": result.target,
        "scenario": result.scenario,
        "calls": result.calls,
        "ramp_s": result.ramp_s,
        "for_s": result.for_s,
        "verdict": result.judgement.verdict,
        "inconclusive_because": list(result.judgement.why_not),
        "thresholds": [
            {"text": each.text, "passed": each.passed, "measured": each.measured}
            for each in result.judgement.thresholds
        ],
        "metrics": {
            name: value.summary() if isinstance(value, Histogram) else {"count": int(value)}
            for name, value in result.metrics.items()
        },
        "lost_percent": {way: round(books.lost_percent(way), 4) for way in ("up", "down")},
        "totals": dict(sorted(books.totals.items())),
        "errors": {
            kind: {"count": wrong.count, "example": wrong.example}
            for kind, wrong in sorted(books.errors.items())
        },
        "generator": {
            "cpu_share": round(measured.own_cpu_share, 4),
            "send_late_ms": books.send_late_ms.summary(),
            "batch_ms": dict(result.batch_ms),
        },
    }


def print_result(console: Console, result: LoadResult) -> None:
    """The tables and the verdict."""
    measured, judgement = result.measured, result.judgement
    console.print(
        f"{result.calls} calls against {result.target}: ramp {result.ramp_s:g} s, "
        f"measured {measured.held_s:.1f} s, {measured.calls_up:.1f} calls up on the average",
        markup=False,
    )
    console.print(_figures(result))
    _print_wrongs(console, result)
    console.print(
        f"generator: {measured.own_cpu_share:.0%} of a processor; frames late "
        f"{_short(result.books.send_late_ms)}; socket batches p99 "
        f"{result.batch_ms.get('p99', 0):g} ms",
        markup=False,
    )
    for each in judgement.thresholds:
        mark = "passed" if each.passed else "failed"
        got = "nothing to measure" if each.measured is None else f"{each.measured:g}"
        console.print(f"[{_STYLES[mark]}]{mark:<6}[/] {each.text}  ({got})", highlight=False)
    for reason in judgement.why_not:
        console.print(f"inconclusive: {reason}", style=_STYLES["inconclusive"], markup=False)
    console.print(judgement.verdict, style=f"bold {_STYLES[judgement.verdict]}")


def _figures(result: LoadResult) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("metric")
    for name in ("count", "min", "p50", "p95", "p99", "max"):
        table.add_column(name, justify="right")
    table.add_column("what it is", style="dim")
    for name, meaning in METRICS.items():
        value = result.metrics[name]
        if isinstance(value, float):
            table.add_row(name, f"{value:g}", *[""] * 5, meaning)
        elif value.count:
            summary = value.summary()
            rest = [f"{summary[key]:.1f}" for key in ("min", "p50", "p95", "p99", "max")]
            table.add_row(name, str(value.count), *rest, meaning)
        else:
            table.add_row(name, "0", *[""] * 5, meaning)
    return table


def _print_wrongs(console: Console, result: LoadResult) -> None:
    books = result.books
    console.print(
        f"lost: {books.lost_percent('up'):.3f} % of the callers' audio, "
        f"{books.lost_percent('down'):.3f} % of the model's",
        markup=False,
    )
    notable = {
        "frames_discarded": "caller frames discarded, the bridge read too slowly (31930)",
        "frames_repeated": "caller frames that came twice or out of order",
        "frames_added": "frames at the model that no caller sent",
    }
    for name, meaning in notable.items():
        if books.totals[name]:
            console.print(f"{books.totals[name]} {meaning}", markup=False)
    for kind, wrong in sorted(books.errors.items(), key=lambda each: -each[1].count):
        console.print(f"{wrong.count} x {kind}: {wrong.example}", style="red", markup=False)
    if result.measured.bridge_died:
        console.print(result.measured.bridge_died, style="red", markup=False)


def _short(late: Histogram) -> str:
    if not late.count:
        return "unknown"
    return (
        f"p95 {late.percentile(95):.1f} ms, p99 {late.percentile(99):.1f} ms, "
        f"max {late.largest:.1f} ms"
    )
