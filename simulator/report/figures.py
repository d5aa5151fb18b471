"""Which figures of a call stand in a table, and how numbers are written for people.

Owns columns and digits, which are the same in the terminal and on the page.
"""

from collections.abc import Mapping, Sequence

COLUMNS = (
    ("first audio", "time_to_first_audio_ms", "max"),
    ("reply p95", "response_latency_ms", "p95"),
    ("barge-in", "barge_in_stop_ms", "max"),
    ("drift", "memory_drift_ms", "max"),
    ("dead air", "dead_air_ms", "max"),
    ("lost", "caller_audio_lost_ms", "max"),
    ("leak", "leaked_session_ms", "max"),
)
"""Heading, metric and aggregate; milliseconds."""


def figures(metrics: Mapping[str, Mapping[str, float]]) -> list[str]:
    """The columns of one call: whole milliseconds, so that a column can be compared."""
    found = (metrics.get(metric, {}).get(aggregate) for _, metric, aggregate in COLUMNS)
    return ["-" if value is None else _grouped(round(value), 0) for value in found]


def number(value: float | None) -> str:
    """A value that stands alone: no more digits than matter."""
    return same_digits([value])[0]


def same_digits(values: Sequence[float | None]) -> list[str]:
    """Values that stand beside each other, all with the digits of the one that needs most."""
    digits = max((_digits(abs(value)) for value in values if value is not None), default=0)
    return ["-" if value is None else _grouped(value, digits) for value in values]


def _digits(value: float) -> int:
    """How many behind the point matter: none of hundreds, three figures of what is below one."""
    if value >= 100 or value == int(value):
        return 0
    if value >= 1:
        return 1
    return len(f"{value:.3g}".partition(".")[2]) if value >= 0.0001 else 6


def _grouped(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}".replace(",", " ")
