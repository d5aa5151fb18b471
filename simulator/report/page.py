"""The report as one HTML file: no script, no network, light and dark.

Owns the page's structure. Its style is in `style.css` beside this file; the drawing of a call is
`drawing.py`'s.
"""

from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

from simulator.judging.auditor import Violation
from simulator.judging.expect import Expectation
from simulator.report.drawing import drawing
from simulator.report.figures import COLUMNS, figures, number, same_digits
from simulator.report.result import MISSED, ScenarioResult
from simulator.scenario.names import LAWS, METRICS


def write_html(
    results: Sequence[ScenarioResult], path: Path, *, wall_s: float | None = None
) -> None:
    """Write the report of `results` to `path`. `wall_s`: real seconds for all of them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(results, wall_s=wall_s), "utf-8")


def page(results: Sequence[ScenarioResult], *, wall_s: float | None = None) -> str:
    """The whole page as text. `wall_s` None = the sum over the scenarios."""
    style = files("simulator.report").joinpath("style.css").read_text("utf-8")
    worst_first = sorted(results, key=lambda result: result.verdict == "passed")
    sections = "".join(_section(number, result) for number, result in enumerate(worst_first))
    passed = sum(result.verdict == "passed" for result in results)
    title = f"{passed} of {len(results)} calls passed"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{style}</style></head><body>"
        f"<header><h1>{title}</h1>{_sums(results, wall_s)}</header>"
        f"{_overview(worst_first)}{sections}</body></html>\n"
    )


def _sums(results: Sequence[ScenarioResult], wall_s: float | None) -> str:
    simulated_s = sum(result.simulated_s for result in results)
    spent_s = sum(result.wall_s for result in results) if wall_s is None else wall_s
    speed = f" ({simulated_s / spent_s:.0f}x real time)" if spent_s else ""
    return f"<p>{simulated_s:.0f} s of calls in {spent_s:.1f} s{speed}</p>"


def _overview(results: Sequence[ScenarioResult]) -> str:
    heads = "".join(
        f'<th title="{aggregate} of {metric}: {escape(METRICS[metric].meaning)}">{heading}</th>'
        for heading, metric, aggregate in COLUMNS
    )
    rows = "".join(
        f'<tr><td><span class="v {each.verdict}">{each.verdict}</span></td>'
        f'<td><a href="#c{index}">{escape(each.name)}</a></td>'
        f'<td class="dim">{escape(each.path)}</td>'
        f'<td class="n">{each.seed}</td><td class="n">{each.simulated_s:.1f} s</td>'
        + "".join(f'<td class="n">{figure}</td>' for figure in figures(each.metrics))
        + "</tr>"
        for index, each in enumerate(results)
    )
    return (
        '<div class="wide"><table class="overview"><thead><tr><th></th><th>call</th><th>file</th>'
        f"<th>seed</th><th>length</th>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
        '<p class="dim">milliseconds</p>'
    )


def _section(index: int, result: ScenarioResult) -> str:
    problem = f'<p class="problem">{escape(result.problem)}</p>' if result.problem else ""
    is_open = "" if result.verdict == "passed" else " open"
    why = f'<p class="why">{escape(result.why)}</p>' if result.why else ""
    repeat = f"<p>Repeat: <code>{escape(result.command)}</code></p>" if result.command else ""
    where = f"{escape(result.path)} · seed {result.seed}"
    return (
        f'<section id="c{index}"><details{is_open}><summary>'
        f'<span class="v {result.verdict}">{result.verdict}</span> <b>{escape(result.name)}</b> '
        f'<span class="dim">{where}</span></summary>{why}{problem}'
        f"{drawing(result.chart)}{_expectations(result.expectations)}{_violations(result)}"
        f"{_metrics(result)}{_lateness(result)}{_tail(result)}{repeat}"
        f'<p class="dim">trace digest {escape(result.digest) or "-"}</p></details></section>'
    )


def _expectations(expectations: Sequence[Expectation]) -> str:
    if not expectations:
        return ""
    rows = "".join(
        f'<tr><td><span class="v {each.verdict}">{each.verdict}</span></td>'
        f'<td>{escape(each.text)}</td><td class="n">{_measured(each.measured)}</td>'
        f'<td class="n dim">{each.line or ""}</td><td>{escape(each.explanation)}</td></tr>'
        for each in sorted(expectations, key=lambda each: each.verdict not in MISSED)
    )
    return (
        '<h3>Expectations</h3><div class="wide"><table><thead><tr><th></th><th>expected</th>'
        "<th>measured</th><th>line</th><th>why not</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def _measured(measured: float | str | None) -> str:
    return escape(measured) if isinstance(measured, str) else number(measured)


def _violations(result: ScenarioResult) -> str:
    rows = "".join(_violation(each, result.law_counts) for each in result.violations)
    allowed = "".join(
        f"<li>{escape(name)}: {count} times, excused by the scenario</li>"
        for name, count in result.allowed.items()
    )
    excused = f'<ul class="dim">{allowed}</ul>' if allowed else ""
    if not rows:
        return excused
    return (
        '<h3>Violations</h3><div class="wide"><table><thead><tr><th>at</th><th>law</th>'
        f"<th>what happened</th></tr></thead><tbody>{rows}</tbody></table></div>{excused}"
    )


def _violation(violation: Violation, counts: Mapping[str, int]) -> str:
    evidence = "".join(
        f'<br><span class="dim">{escape(fact)}</span>' for fact in violation.evidence
    )
    count = counts.get(violation.law, 1)
    times = f' <span class="dim">({count} in all)</span>' if count > 1 else ""
    return (
        f'<tr><td class="n">{violation.at_ms / 1000:.3f} s</td>'
        f'<td><code title="{escape(LAWS[violation.law])}">{violation.law}</code>{times}</td>'
        f"<td>{escape(violation.text)}{evidence}</td></tr>"
    )


def _metrics(result: ScenarioResult) -> str:
    rows = "".join(
        f'<tr><td title="{escape(info.meaning)}">{name}</td>'
        f'<td class="n">{number(summary.get("count"))}</td>'
        + "".join(
            f'<td class="n">{value}</td>'
            for value in same_digits([summary.get(key) for key in ("min", "p50", "p95", "max")])
        )
        + "</tr>"
        for name, info in METRICS.items()
        for summary in (result.metrics.get(name, {"count": 0}),)
        if summary.get("count")
    )
    if not rows:
        return ""
    return (
        "<details><summary>Metrics</summary><table><thead><tr><th>metric</th><th>samples</th>"
        "<th>min</th><th>p50</th><th>p95</th><th>max</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></details>"
    )


def _lateness(result: ScenarioResult) -> str:
    """How late the harness was while it played in real time."""
    if not result.lateness:
        return ""
    said = ", ".join(
        f"{name} {result.lateness[name]:.1f} ms" for name in ("p50", "p95", "p99", "max")
    )
    return (
        f'<p class="dim">played in real time against {escape(result.target)}; lateness {said}</p>'
    )


def _tail(result: ScenarioResult) -> str:
    if not result.tail or result.verdict == "passed":
        return ""
    lines = escape("\n".join(result.tail))
    return f"<details><summary>Last lines of the trace</summary><pre>{lines}</pre></details>"
