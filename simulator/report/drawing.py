"""A call as inline SVG: who was heard when, what the model did, where it was interrupted.

Owns the geometry. Colours are CSS classes of the page (`page.py`); every bar and tick carries its
words as a `<title>`, so hovering tells what it is.
"""

from html import escape

from simulator.report.chart import Bar, CallChart, Tick

ROW_PX = 34
TOP_PX = 22
GUTTER_PX = 118
PX_PER_S = 44.0
WIDTH_MIN_PX = 980
WIDTH_MAX_PX = 12_000

LANE_NAMES = {
    "caller": "caller speaks",
    "agent": "agent is heard",
    "model": "responses",
    "interruptions": "interruptions",
    "marks": "marks returned",
    "tools": "tool calls",
    "line": "line and links",
}

DOT_PX = {"clear": 26, "truncate": 17, "truncated": 17}
"""Where on its lane a tick has its dot, so that close ones can be told apart; else at the top."""

BARS = frozenset({"caller", "agent", "response", "cancelled", "failed", "outage"})

LEGEND = (
    ("caller", "caller"),
    ("agent", "agent, as heard"),
    ("response", "response"),
    ("cancelled", "cancelled"),
    ("failed", "failed"),
    ("outage", "link out"),
    ("speech", "speech_started"),
    ("clear", "clear"),
    ("truncate", "truncate"),
    ("mark", "mark played"),
    ("echo", "mark echoed by clear"),
    ("hangup", "line released"),
    ("stopped", "call stopped"),
)


def drawing(chart: CallChart) -> str:
    """Labels and a scrolling timeline side by side, as HTML."""
    used = {bar.lane for bar in chart.bars} | {tick.lane for tick in chart.ticks}
    lanes = [lane for lane in LANE_NAMES if lane in used or lane in ("caller", "agent")]
    seconds = max(chart.to_ms / 1000, 1.0)
    width = min(max(seconds * PX_PER_S, WIDTH_MIN_PX), WIDTH_MAX_PX)
    height = TOP_PX + ROW_PX * len(lanes) + 4
    rows = {lane: TOP_PX + ROW_PX * index for index, lane in enumerate(lanes)}
    scale = width / (seconds * 1000)
    labels = "".join(
        f'<text x="0" y="{y + ROW_PX / 2 + 4:.0f}">{LANE_NAMES[lane]}</text>'
        for lane, y in rows.items()
    )
    body = [
        _grid(seconds, scale, width, height),
        _end(chart, width, height),
        *(f'<path class="rule" d="M0 {y + ROW_PX}H{width:.0f}"/>' for y in rows.values()),
        *(_bar(bar, rows[bar.lane], scale) for bar in chart.bars),
        *(_tick(tick, rows[tick.lane], scale) for tick in chart.ticks),
    ]
    return (
        '<div class="chart">'
        f'<svg class="labels" width="{GUTTER_PX}" height="{height}">{labels}</svg>'
        f'<div class="{"scroll from-end" if chart.stopped else "scroll"}">'
        f'<svg width="{width:.0f}" height="{height}" role="img" '
        f'aria-label="timeline of the call, {seconds:.1f} seconds">'
        f"{''.join(body)}</svg></div></div>{_legend(chart)}"
    )


def _step_s(seconds: float, width: float) -> float:
    """The distance of the grid's lines: a round number, at least 70 px."""
    wanted = 70 * seconds / width
    return next((step for step in (1, 2, 5, 10, 15, 30, 60, 120, 300) if step >= wanted), 600)


def _grid(seconds: float, scale: float, width: float, height: float) -> str:
    step = _step_s(seconds, width)
    lines = []
    at = 0.0
    while at <= seconds:
        x = at * 1000 * scale
        anchor = ' text-anchor="end"' if x > width - 30 else ""
        nudge = -3 if anchor else 3
        lines.append(f'<path class="grid" d="M{x:.1f} 0V{height}"/>')
        lines.append(f'<text class="time" x="{x + nudge:.1f}" y="12"{anchor}>{_clock(at)}</text>')
        at += step
    return "".join(lines)


def _end(chart: CallChart, width: float, height: float) -> str:
    """Of a call that was stopped, when; the page shows its timeline from there."""
    if not chart.stopped:
        return ""
    said = f"stopped at {chart.to_ms / 1000:.1f} s"
    return (
        f'<path class="t stopped" d="M{width - 1:.0f} 0V{height}"/>'
        f'<text class="time" x="{width - 6:.0f}" y="{height - 6}" text-anchor="end">{said}</text>'
    )


def _clock(seconds: float) -> str:
    return f"{seconds:g} s" if seconds < 60 else f"{int(seconds // 60)}:{int(seconds % 60):02d}"


def _bar(bar: Bar, y: float, scale: float) -> str:
    x = bar.from_ms * scale
    width = max((bar.to_ms - bar.from_ms) * scale, 1.5)
    title = f"{bar.label or bar.style}: {bar.from_ms / 1000:.2f} - {bar.to_ms / 1000:.2f} s"
    inside = ""
    room = int((width - 8) / 6.2)
    if bar.style == "caller" and room >= 5:
        text = bar.label if len(bar.label) <= room else bar.label[: room - 1] + "…"
        inside = f'<text class="inside" x="{x + 4:.1f}" y="{y + 21}">{escape(text)}</text>'
    return (
        f'<g><title>{escape(title)}</title><rect class="{bar.style}" x="{x:.1f}" y="{y + 7}" '
        f'width="{width:.1f}" height="{ROW_PX - 14}" rx="3"/>{inside}</g>'
    )


def _tick(tick: Tick, y: float, scale: float) -> str:
    x = tick.at_ms * scale
    title = escape(f"{tick.label or tick.style} at {tick.at_ms / 1000:.3f} s")
    if tick.style in ("mark", "echo"):
        shape = f'<path class="t {tick.style}" d="M{x:.1f} {y + 11}V{y + ROW_PX - 11}"/>'
    else:
        shape = (
            f'<path class="t {tick.style}" d="M{x:.1f} {y + 4}V{y + ROW_PX - 4}"/>'
            f'<circle class="d {tick.style}" cx="{x:.1f}" '
            f'cy="{y + DOT_PX.get(tick.style, 8)}" r="3.6"/>'
        )
    return f"<g><title>{title}</title>{shape}</g>"


def _legend(chart: CallChart) -> str:
    used = {bar.style for bar in chart.bars} | {tick.style for tick in chart.ticks}
    entries = "".join(
        f'<li><svg width="12" height="12">{_sample(style)}</svg>{name}</li>'
        for style, name in LEGEND
        if style in used
    )
    return f'<ul class="legend">{entries}</ul>'


def _sample(style: str) -> str:
    if style in BARS:
        return f'<rect class="{style}" width="12" height="12" rx="3"/>'
    if style in ("mark", "echo"):
        return f'<path class="t {style}" d="M6 0V12"/>'
    return f'<circle class="d {style}" cx="6" cy="6" r="4"/>'
