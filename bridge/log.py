"""The structured log: one line per event of a call.

Owns the shape of a line and the wall that keeps secrets, audio and phone numbers out of it. Nobody
should log them in the first place; this is the second wall. Must not know what the events mean.

A line is a dict: `event`, `level`, `time` (seconds since the epoch), for a call `call_sid` and `ms`
(since its stream began), and the event's own fields.
"""

import datetime as dt
import json
import math
import re
import select
import sys
from collections.abc import Callable, Iterable, MutableMapping
from contextlib import suppress
from typing import Any, Final, Literal

import outcome
import structlog

Sink = Callable[[dict[str, Any]], None]
Log = structlog.typing.FilteringBoundLogger
Line = MutableMapping[str, Any]

REMOVED = "***"
# Fields whose text is a secret, audio or what the caller typed (card numbers are typed).
SENSITIVE_FIELDS = frozenset(
    {
        *("api_key", "auth_token", "authorization", "secret", "signature", "token"),
        *("audio", "payload", "digit", "digits"),
    },
)
# Fields whose text is a phone number.
NUMBER_FIELDS = frozenset({"called", "caller", "from", "phone", "to"})
# The number rule is for what people said, typed or wrote. These hold ids and words of ours, which
# an operator needs whole; what is nothing but a telephone number is removed there, too.
_PLAIN_NAME = re.compile(r"(?:^|_)(?:agent|at|explain|ids?|mark|model|on|time|tool)$|sid$")
# As JSON numbers: amounts and points in time, which may be long.
_MEASURE_NAME = re.compile(
    r"(?:^|_)(?:at|began|bytes|chars|count|dropped|ended|limit|ms|remaining|s|seconds|size|time"
    r"|timestamp|tokens|total)$"
)
_KEY = re.compile(
    r"\b(?:sk|ek|pk)[-_][A-Za-z0-9_-]{8,}|\bBearer\s+\S+|\bBasic\s+[A-Za-z0-9+/=]{8,}"
)
_PHONE_NUMBER = re.compile(r"(?<![\w.])\+?\d{8,15}(?![\w.])|\+\d[\d\s().-]{6,18}\d")
_GAP = r"(?:(?:[\s().-]|%[0-9A-Fa-f]{2}){0,2}|\+)"
NUMBER: Final = re.compile(rf"(?:(?<!\w)|(?<=%[0-9A-Fa-f]{{2}}))\+?\d(?:{_GAP}\d){{5,}}(?!\w)")
"""Six or more digits, however they are grouped, also in a URL: telephone, card, account numbers."""
_BASE64_AUDIO = re.compile(r"[A-Za-z0-9+/]{120,}={0,2}")
_NOT_ZERO = re.compile(r"[^\D0]")
_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
LONG_NUMBER: Final = 10_000_000
"""As a JSON number: counters and milliseconds of a call are smaller, who can be called is not."""
LEVELS_MAX: Final = 32
"""Deeper in a value nothing is shown: a peer decides how deep its messages are."""
_COUNTABLE: Final = 2**63


class Redaction:
    """A structlog processor: takes secrets, audio and numbers of people out of a line.

    Whatever it is given becomes what JSON can hold.

    Args:
        secrets: this process's own secrets, removed wherever they appear.
        mask_numbers: also telephone, card and account numbers. Keys that callers press are always
            removed.
    """

    def __init__(self, secrets: Iterable[str] = (), *, mask_numbers: bool = True) -> None:
        self._secrets = [secret for secret in secrets if secret]
        self._fields = SENSITIVE_FIELDS | (NUMBER_FIELDS if mask_numbers else frozenset())
        self._mask_numbers = mask_numbers

    def __call__(self, _logger: Any, _method: str, line: Line) -> Line:
        """The line without what must not be in it."""
        return {name: self._clean(name, value, LEVELS_MAX) for name, value in line.items()}

    def _clean(self, name: str, value: Any, levels: int) -> Any:
        told = isinstance(value, str | bytes | int | float) and not isinstance(value, bool)
        if told and name.lower() in self._fields:
            return REMOVED
        match value:
            case str():
                return self._clean_text(name, value)
            case None | bool():
                return value
            case int() | float():
                return self._clean_number(name, value)
            case bytes() | bytearray() | memoryview():
                return f"{REMOVED} ({len(value)} bytes)"
            case dict() | list() | tuple() | set() | frozenset():
                return self._clean_inside(name, value, levels - 1) if levels else REMOVED
        words = outcome.capture(str, value)
        if isinstance(words, outcome.Value):
            return self._clean_text(name, words.value)
        if not isinstance(words.error, Exception):
            raise words.error
        return type(value).__name__

    def _clean_inside(self, name: str, value: Any, levels: int) -> Any:
        if isinstance(value, dict):
            return {
                self._clean_text("", str(key)): self._clean(str(key), item, levels)
                for key, item in value.items()
            }
        return [self._clean(name, item, levels) for item in value]

    def _clean_number(self, name: str, value: Any) -> Any:
        """Also what JSON has no word for, and an integer that is too long to be written."""
        if isinstance(value, float) and not math.isfinite(value):
            return str(value)
        if isinstance(value, int) and abs(value) >= _COUNTABLE:
            return REMOVED
        if not self._mask_numbers or abs(value) < LONG_NUMBER or value != int(value):
            return value
        return value if _MEASURE_NAME.search(name.lower()) else REMOVED

    def _clean_text(self, name: str, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, REMOVED)
        for pattern in (_KEY, _BASE64_AUDIO):
            text = pattern.sub(REMOVED, text)
        if self._mask_numbers:
            if not _PLAIN_NAME.search(name.lower()):
                text = NUMBER.sub(_removed, text)
            text = _PHONE_NUMBER.sub(_removed, text)
        return text


def _removed(number: re.Match[str]) -> str:
    """Zeros only are the shape of a number that was taken out before; hosts are no persons."""
    before, after = number.string[: number.start()], number.string[number.end() :]
    if _ADDRESS.fullmatch(number[0]) and (before.endswith("//") or re.match(r":\d", after)):
        return number[0]
    return REMOVED if _NOT_ZERO.search(number[0]) else number[0]


class _SinkLogger:
    """What structlog calls last: hands the finished line to the sink."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def __getattr__(self, _level: str) -> Callable[..., None]:
        return self._pass_on

    def _pass_on(self, **line: Any) -> None:
        self._sink(line)


def make_log(
    sink: Sink,
    wall_clock: Callable[[], float],
    secrets: Iterable[str] = (),
    *,
    mask_numbers: bool = True,
) -> Log:
    """The bridge's logger; bind `call_sid` and pass `ms` for lines of a call."""

    def dated(_logger: Any, _method: str, line: Line) -> Line:
        return {"time": round(wall_clock(), 3), **line}

    log: Log = structlog.wrap_logger(
        _SinkLogger(sink),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            Redaction(secrets, mask_numbers=mask_numbers),
            dated,
        ],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        cache_logger_on_first_use=True,
    )
    return log


def standard_output(form: Literal["auto", "json", "pretty"]) -> Sink:
    """A sink that prints: JSON for machines, columns for a person at a terminal.

    It waits for whoever reads, so a service has a thread do that (`operations.log_file`). A reader
    that has gone raises nothing, and lines are UTF-8 wherever they go.
    """
    stream = sys.stdout
    if stream is None:  # a process may have none
        return lambda _line: None
    pretty = form == "pretty" or (form == "auto" and stream.isatty())
    render = _as_columns if pretty else as_json
    with suppress(OSError, ValueError):
        stream.flush()  # what was printed before comes before
    # Past Python's buffer: a thread that hangs in it would keep the process from ending.
    buffer = getattr(stream, "buffer", None)
    raw = getattr(buffer, "raw", buffer)

    def write(line: dict[str, Any]) -> None:
        text = f"{render(line)}\n"
        with suppress(OSError, ValueError):  # its reader has gone, or somebody has closed it
            if raw is None:
                stream.write(text)
            else:
                _write_all(raw, text.encode(errors="backslashreplace"))

    return write


def _write_all(raw: Any, rest: bytes) -> None:
    while rest:
        written = raw.write(rest)
        if written is None:  # somebody has made it non-blocking
            select.select([], [raw], [])
        rest = rest[written or 0 :]


def as_json(value: Any) -> str:
    """JSON in one line that no peer's text can break or colour: the unprintable is escaped."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if text.isprintable() else json.dumps(value, default=str)


def _as_columns(line: dict[str, Any]) -> str:
    """Time, level, end of the call sid, milliseconds, event, fields: fixed columns first."""
    rest = dict(line)
    when = dt.datetime.fromtimestamp(rest.pop("time"), dt.UTC)
    level, event = rest.pop("level"), rest.pop("event")
    call, ms = str(rest.pop("call_sid", ""))[-6:], rest.pop("ms", "")
    fields = " ".join(f"{name}={_as_json_value(value)}" for name, value in rest.items())
    return (
        f"{when:%H:%M:%S.%f}"[:-3] + f" {level:<7} {call:>6} {ms:>8} {event:<20} {fields}".rstrip()
    )


def _as_json_value(value: Any) -> str:
    return value if isinstance(value, str) and value.isprintable() else as_json(value)
