"""Durations as people write them: `450ms`, `2s`, `1m30s`, `1h`. Knows nothing of files."""

import re

_NUMBER = r"[0-9]{1,9}(?:\.[0-9]{1,6})?"
PATTERN = " ?".join(f"(?:{_NUMBER}{unit})?" for unit in ("h", "m(?!s)", "s", "ms"))
EXAMPLES = "450ms, 2s or 1m30s"
LONGEST_MS = 24 * 3_600_000.0
LONG_MAX = 400

_UNIT_MS = {"h": 3_600_000.0, "m": 60_000.0, "s": 1_000.0, "ms": 1.0}
_WHOLE = re.compile(PATTERN)
_LONG = re.compile(r"[0-9]{10,}")
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|h|m|s)")


def duration_ms(text: str) -> float | None:
    """Milliseconds, or None if `text` is no duration. Units go from large to small, each once."""
    text = text.strip()
    if not text or len(text) > 40 or not _WHOLE.fullmatch(text):
        return None
    return sum(float(number) * _UNIT_MS[unit] for number, unit in _PART.findall(text))


def is_beyond_bounds(text: str) -> bool:
    """Whether `text` is no duration only for its sign or its size: -2s, 10000000000s."""
    text = text.strip()
    bare = _LONG.sub("1", text.removeprefix("-").lstrip()) if len(text) <= LONG_MAX else ""
    return bare != text and duration_ms(bare) is not None


def duration_text(value_ms: float) -> str:
    """The shortest way to write a duration: 90000.0 -> "1m30s"."""
    parts = []
    for unit, unit_ms in _UNIT_MS.items():
        count = value_ms // unit_ms if unit != "ms" else round(value_ms, 3)
        if count:
            parts.append(f"{count:g}{unit}")
            value_ms -= count * unit_ms
    return "".join(parts) or "0ms"
