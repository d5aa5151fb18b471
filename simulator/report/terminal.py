"""The results for a person at a terminal: a table, then each failure told in full.

Owns the words and columns. Writes to the console it is given and nowhere else.
"""

import io
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from simulator.report.figures import COLUMNS, figures
from simulator.report.result import ScenarioResult

STYLES = {
    "passed": "green",
    "failed": "red",
    "violation": "magenta",
    "inconclusive": "yellow",
    "error": "yellow",
}
TAIL_LINES = 12
FAILURE_WIDTH = 120


def print_results(
    console: Console,
    results: Sequence[ScenarioResult],
    *,
    wall_s: float | None = None,
) -> None:
    """Print the table, the failures and one closing line."""
    console.print(_table(results))
    for result in results:
        if result.verdict != "passed":
            print_failure(console, result)
    _tell_unjudged(console, results)
    _tell_lateness(console, results)
    console.print(_closing(results, wall_s), highlight=False)


def print_report(console: Console, page: str) -> None:
    """Print where the HTML report lies."""
    console.print(f"report: {escape(page)}", highlight=False, soft_wrap=True)


def _table(results: Sequence[ScenarioResult]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("")
    table.add_column("call", overflow="fold")
    table.add_column("seed", justify="right")
    table.add_column("length", justify="right")
    for heading, _, _ in COLUMNS:
        table.add_column(heading, justify="right")
    for result in results:
        style = STYLES[result.verdict]
        table.add_row(
            f"[{style}]{result.verdict}[/]",
            escape(result.name),
            str(result.seed),
            f"{result.simulated_s:.1f} s",
            *figures(result.metrics),
        )
    return table


def print_failure(console: Console, result: ScenarioResult) -> None:
    """Tell what did not hold, with the last lines of the trace and the command that repeats it."""
    style = STYLES[result.verdict]

    console.print()
    _say(console, f"{result.verdict}: {result.name} (seed {result.seed})", f"bold {style}")
    _say(console, result.path, "dim")
    if result.problem:
        _say(console, f"  {result.problem}")
    for each in result.failures:
        line = f" (line {each.line})" if each.line else ""
        _say(console, f"  {each.text}{line}", "bold")
        _say(console, f"    {each.explanation}")
    _tell_violations(console, result)
    if result.tail:
        _say(console, "  last lines of the trace:", "dim")
        for row in result.tail[-TAIL_LINES:]:
            _say(console, f"  {row}", "dim")
    if result.command:
        _say(console, f"  repeat: {result.command}", "bold")


def _tell_unjudged(console: Console, results: Sequence[ScenarioResult]) -> None:
    """What was neither met nor missed, each reason once."""
    reasons: dict[str, int] = {}
    for result in results:
        for each in result.unjudged:
            reasons[each.explanation] = reasons.get(each.explanation, 0) + 1
    for reason, count in reasons.items():
        _say(console, f"not judged: {count} expectation(s): {reason}", "yellow")


def _tell_lateness(console: Console, results: Sequence[ScenarioResult]) -> None:
    """How late the harness itself was, at its worst call."""
    late = [result.lateness for result in results if result.lateness]
    if late:
        worst = max(late, key=lambda each: each["max"])
        said = ", ".join(f"{name} {worst[name]:.1f} ms" for name in ("p50", "p95", "p99", "max"))
        _say(console, f"this machine's own lateness, in its worst call: {said}", "dim")


def _tell_violations(console: Console, result: ScenarioResult) -> None:
    for violation in result.violations:
        moment = f"{violation.at_ms / 1000:.3f} s"
        _say(console, f"  {moment} {violation.law}: {violation.text}", "bold")
        for fact in violation.evidence:
            _say(console, f"    {fact}")
    for law, count in result.law_counts.items():
        shown = sum(violation.law == law for violation in result.violations)
        if count > shown:
            _say(console, f"  {law}: {count - shown} more")


def _say(console: Console, text: str, style: str = "") -> None:
    """One line, as it is: no markup, no wrapping, so that commands can be copied."""
    console.print(text, style=style or None, highlight=False, markup=False, soft_wrap=True)


def failure_text(result: ScenarioResult) -> str:
    """What `print_failure` prints, as plain text."""
    text = io.StringIO()
    print_failure(Console(file=text, width=FAILURE_WIDTH), result)
    return text.getvalue()


def _closing(results: Sequence[ScenarioResult], wall_s: float | None) -> str:
    counts = dict.fromkeys(STYLES, 0)
    for result in results:
        counts[result.verdict] += 1
    said = (
        ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count) or "no calls"
    )
    simulated_s = sum(result.simulated_s for result in results)
    spent_s = sum(result.wall_s for result in results) if wall_s is None else wall_s
    speed = f" ({simulated_s / spent_s:.0f}x real time)" if spent_s > 0 else ""
    style = "green" if counts["passed"] == len(results) else "red"
    return f"\n[{style}]{said}[/] · {simulated_s:.0f} s of calls in {spent_s:.1f} s{speed}"
