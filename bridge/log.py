"""The structured log: one line per event of a call.

Owns the shape of a line and the wall that keeps secrets, audio and phone numbers out of it. Nobody
should log them in the first place; this is the second wall. Must not know what the events mean.

A line is a dict: `event`, `level`, `time` (seconds since the epoch), for a call `call_sid` and `ms`
(since its stream began), and the event's own fields.
"""

import datetime as dt
import json
import re
import sys
from collections.abc import Callable, Iterable, MutableMapping
from typing import Any, Literal

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
_KEY = re.compile(
    r"\b(?:sk|ek|pk)[-_][A-Za-z0-9_-]{8,}|\bBearer\s+\S+|\bBasic\s+[A-Za-z0-9+/=]{8,}"
)
_PHONE_NUMBER = re.compile(r"(?<![\w.])\+?\d{8,15}(?![\w.])|\+\d[\d\s().-]{6,18}\d")
_BASE64_AUDIO = re.compile(r"[A-Za-z0-9+/]{120,}={0,2}")


class Redaction:
    """A structlog processor: takes secrets, audio and phone numbers out of a line.

    Args:
        secrets: this process's own secrets, removed wherever they appear.
        mask_numbers: also phone numbers. Keys that callers press are always removed.
    """

    def __init__(self, secrets: Iterable[str] = (), *, mask_numbers: bool = True) -> None:
        self._secrets = [secret for secret in secrets if secret]
        self._fields = SENSITIVE_FIELDS | (NUMBER_FIELDS if mask_numbers else frozenset())
        self._patterns = (_KEY, _BASE64_AUDIO, *((_PHONE_NUMBER,) if mask_numbers else ()))

    def __call__(self, _logger: Any, _method: str, line: Line) -> Line:
        """The line without what must not be in it."""
        return {name: self._clean(name, value) for name, value in line.items()}

    def _clean(self, name: str, value: Any) -> Any:
        if name.lower() in self._fields and isinstance(value, str | bytes):
            return REMOVED
        match value:
            case str():
                return self._clean_text(value)
            case bytes() | bytearray() | memoryview():
                return f"{REMOVED} ({len(value)} bytes)"
            case dict():
                return {
                    self._clean_text(str(key)): self._clean(str(key), item)
                    for key, item in value.items()
                }
            case list() | tuple() | set() | frozenset():
                return [self._clean(name, item) for item in value]
            case bool() | int() | float() | None:
                return value
            case _:
                return self._clean_text(str(value))

    def _clean_text(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, REMOVED)
        for pattern in self._patterns:
            text = pattern.sub(REMOVED, text)
        return text


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
    """A sink that prints: JSON for machines, columns for a person at a terminal."""
    pretty = form == "pretty" or (form == "auto" and sys.stdout.isatty())
    render = _as_columns if pretty else as_json

    def write(line: dict[str, Any]) -> None:
        print(render(line), flush=True)  # noqa: T201 - this is where lines go

    return write


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
