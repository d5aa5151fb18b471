"""Calls as a table for people, CSV for spreadsheets, JSON for programs; one at a time.

Owns the three forms and what makes them safe to open. Must not know where the calls come from.
"""

import csv
import io
import json
import re
import statistics
from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal

import msgspec

from bridge.records.entry import CallEntry

Format = Literal["table", "csv", "json"]

# A spreadsheet takes a cell that begins so for a formula (OWASP, "CSV Injection").
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
_PHONE_NUMBER: Final = re.compile(r"\+\d{1,15}")
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_NAMES: Final = CallEntry.__struct_fields__

_COLUMNS: Final = (
    ("started (UTC)", 19),
    ("way", 8),
    ("from", 16),
    ("to", 16),
    ("agent", 12),
    ("seconds", 7),
    ("end reason", 18),
    ("turns", 5),
    ("reply ms", 8),
    ("barge-ins", 9),
    ("USD", 8),
    ("call sid", 34),
)
_RIGHT: Final = frozenset({"seconds", "turns", "reply ms", "barge-ins", "USD"})


def lines_of(calls: Iterable[CallEntry], form: Format) -> Iterator[str]:
    """The text in pieces, line feeds included; nothing is held back but the current call."""
    if form == "csv":
        return _csv(calls)
    if form == "json":
        return _json(calls)
    return _table(calls)


def _json(calls: Iterable[CallEntry]) -> Iterator[str]:
    """An array, one call per line."""
    before = "["
    for call in calls:
        yield f"{before}\n{msgspec.json.encode(call).decode()}"
        before = ","
    yield "[]\n" if before == "[" else "\n]\n"


def _csv(calls: Iterable[CallEntry]) -> Iterator[str]:
    """RFC 4180 with a header; lists and objects as JSON, times as ISO 8601."""
    buffer = io.StringIO()
    rows = csv.writer(buffer)
    rows.writerow(_NAMES)
    for call in calls:
        yield _drained(buffer)
        facts = msgspec.to_builtins(call)
        rows.writerow([_cell(facts[name]) for name in _NAMES])
    yield _drained(buffer)


def _drained(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text


def _cell(value: Any) -> Any:
    """A value that no spreadsheet executes. A phone number has nothing to execute."""
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and value.startswith(_FORMULA) and not _PHONE_NUMBER.fullmatch(value):
        return f"'{value}"
    return value


def _table(calls: Iterable[CallEntry]) -> Iterator[str]:
    """Columns of fixed width, so that the first line need not wait for the last call.

    The heading waits for the first one: where no call can be had, nothing is printed.
    """
    line = _row([name for name, _ in _COLUMNS])
    for call in calls:
        yield line
        latencies = call.response_latencies_ms
        line = _row(
            [
                f"{call.started_at:%Y-%m-%d %H:%M:%S}",
                call.direction,
                call.from_number or "-",
                call.to_number or "-",
                call.agent or "-",
                str(round(call.duration_ms / 1000)),
                call.end_reason,
                str(call.responses),
                str(round(statistics.median(latencies))) if latencies else "-",
                str(call.barge_ins),
                "-" if call.cost_usd is None else f"{call.cost_usd:.4f}",
                call.call_sid,
            ]
        )
    yield line


def _row(cells: list[str]) -> str:
    """One line; what does not fit is cut, and nothing in it moves a terminal's cursor."""
    shown = []
    for (name, width), cell in zip(_COLUMNS, cells, strict=True):
        text = _CONTROLS.sub("?", cell)
        text = text if len(text) <= width else f"{text[: width - 1]}…"
        shown.append(text.rjust(width) if name in _RIGHT else text.ljust(width))
    return "  ".join(shown).rstrip() + "\n"
