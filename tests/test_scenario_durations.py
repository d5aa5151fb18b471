"""Durations, as people write them."""

import pytest

from simulator.scenario.durations import duration_ms, duration_text


@pytest.mark.parametrize(
    ("text", "value_ms"),
    [
        ("450ms", 450),
        ("2s", 2_000),
        ("1.5s", 1_500),
        ("1m30s", 90_000),
        ("1m 30s", 90_000),
        ("1h", 3_600_000),
        ("", None),
        ("2", None),
        ("s", None),
        ("30s1m", None),
        ("1s1s", None),
        ("٣s", None),
    ],
)
def test_durations(text: str, value_ms: float | None) -> None:
    """Units go from large to small, each once, and there is always one."""
    assert duration_ms(text) == value_ms


@pytest.mark.parametrize("text", ["0ms", "450ms", "2s", "1m30s", "1h500ms", "1.5ms"])
def test_durations_are_written_as_they_are_read(text: str) -> None:
    """A duration's text is read as the same duration."""
    assert duration_text(duration_ms(text) or 0.0) == text
