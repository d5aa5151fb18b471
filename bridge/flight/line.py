"""The format of a flight record: how one event of a wire becomes one line, and what it never holds.

Owns the lines and the masking. Pure: a writer calls this off the call path. Knows no file.

A line is a JSON object: `t` (milliseconds since the bridge accepted the stream, the bridge's own
monotonic clock), `leg` (twilio, realtime or call), `way` (in = received, out = sent, note = the
bridge's own remark) and `m`, the message in its vendor's names. Version 1; docs/flight.md.
"""

import base64
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal

import msgspec

from bridge.core import realtime, twilio
from bridge.log import NUMBER, Redaction

VERSION: Final = 1
MESSAGE_CHARS_MAX: Final = 256 * 1024
"""A longer message is written down as its length only."""
DEPTH_MAX: Final = 32
"""Of lists and objects in each other so many are written down; a tool's schema may have twenty."""
REMOVED: Final = "***"

LegName = Literal["twilio", "realtime", "call"]
Way = Literal["in", "out", "note"]
Entry = tuple[float, LegName, Way, Any]
"""Seconds since the stream was accepted, and a message as the shell has it: a struct, the text of
a Realtime event, or a dict for a note."""

# What was pressed, as the model is told: a PIN is shorter than a number.
_KEYS: Final = re.compile(r"(?<=The caller pressed the key)s? .{1,400}?(?= on the keypad)")
_DIGIT: Final = re.compile(r"\d")
_AUDIO_DELTAS: Final = frozenset({"response.output_audio.delta", "response.audio.delta"})
_IDS: Final = ("id", "_id", "_sid", "_at", "type", "object", "status", "reason", "model", "event")

COLLECTED: Final = '{"digits":'
"""So begins the output of a function call that waited for the caller's keys."""

_UNWRITABLE: Final = (
    *(TypeError, ValueError, OverflowError, RecursionError),
    *(AttributeError, LookupError, msgspec.MsgspecError),
)
"""What reading, masking and encoding may raise about a message that is otherwise than it should."""

_encode = msgspec.json.Encoder().encode


class LineWriter:
    """Makes lines.

    Args:
        audio: whether both voices are kept; without it their place holds the number of bytes.
        secrets: this process's own, removed wherever they appear.
    """

    def __init__(self, *, audio: bool, secrets: Iterable[str] = ()) -> None:
        self._audio = audio
        self._redacted = Redaction(secrets)

    def header(self, facts: Mapping[str, Any]) -> bytes:
        """The first line: the format's version, and facts of the call and its settings."""
        return _encode({"flight": VERSION, "audio": self._audio, **self._masked(dict(facts))})

    def line(self, entry: Entry) -> bytes:
        """One event, without a line feed. Total: what cannot be told is `malformed`."""
        seconds, leg, way, what = entry
        head = {"t": round(seconds * 1000, 3), "leg": leg, "way": way}
        try:
            return _encode({**head, "m": self._message(what)})
        except _UNWRITABLE as error:
            return _encode({**head, "m": _malformed(what, error)})

    def _message(self, what: Any) -> dict[str, Any]:
        if isinstance(what, str):
            return self._event(what)
        if isinstance(what, dict):
            return self._masked(what)
        return self._struct(what)

    # -- Twilio, and our own words to the model -----------------------------------
    def _struct(self, what: Any) -> dict[str, Any]:
        match what:
            case twilio.Media(timestamp_ms=timestamp, chunk=chunk, payload=audio):
                return {"event": "media", "timestamp": timestamp, "chunk": chunk, **self._of(audio)}
            case twilio.SendMedia(payload=audio):
                return {"event": "media", **self._of(audio)}
            case twilio.Mark(name=name) | twilio.SendMark(name=name):
                return {"event": "mark", "name": name}
            case twilio.Clear():
                return {"event": "clear"}
            case twilio.Start():
                return _start(what)
            case twilio.Dtmf(digit=digit):
                # Callers type card numbers: which digit it was is nobody's business.
                return {"event": "dtmf", "digit": "0" if digit.isdigit() else digit}
            case twilio.Connected() | twilio.Stop() | twilio.Closed():
                return {"event": type(what).__name__.lower()}
            case twilio.Unknown() | twilio.Malformed():
                return {"event": type(what).__name__.lower(), **msgspec.to_builtins(what)}
            case realtime.InputAudioBufferAppend(event_id=event_id, audio=audio):
                kind = "input_audio_buffer.append"
                return {"type": kind, "event_id": event_id, **self._of(audio)}
        return self._event(realtime.encode(what))

    def _of(self, audio: bytes) -> dict[str, Any]:
        if self._audio:
            return {"audio": base64.b64encode(audio).decode("ascii")}
        return {"bytes": len(audio)}

    # -- Realtime events -----------------------------------------------------------
    def _event(self, text: str) -> dict[str, Any]:
        if len(text) > MESSAGE_CHARS_MAX:
            return {"type": "oversize", "chars": len(text)}
        event = msgspec.json.decode(text)
        if not isinstance(event, dict):
            raise TypeError("no object")
        return self._known(event)

    def _known(self, event: dict[str, Any]) -> dict[str, Any]:
        kind = event.get("type", "")
        if not isinstance(kind, str):
            raise TypeError("its type is no text")
        event.pop("obfuscation", None)
        sound: dict[str, Any] = {}
        given = event.get("delta", "")
        if kind in _AUDIO_DELTAS and isinstance(given, str):
            event.pop("delta", None)
            size = len(given) * 3 // 4 - given.count("=", -2)
            sound = {"audio": given} if self._audio else {"bytes": size}
        elif "delta" in event and isinstance(given, str):
            # A number may be spread over pieces, so pieces of text are not kept; the whole is.
            event["chars"] = len(event.pop("delta"))
        item = event.get("item")
        if isinstance(item, dict) and _is_collected(item.get("output")):
            item["output"] = REMOVED  # a PIN is shorter than what is taken for a number
        if kind == "error" and isinstance(event.get("error"), dict):
            event["error"].pop("message", None)  # the vendor quotes a part of the key in it
        return {**self._masked(event), **sound}

    def _masked(self, event: dict[str, Any]) -> dict[str, Any]:
        plain: dict[str, Any] = _each_text(event, _without_numbers)
        return dict(self._redacted(None, "", plain))


def _is_collected(output: Any) -> bool:
    return isinstance(output, str) and output.startswith(COLLECTED)


def _start(start: twilio.Start) -> dict[str, Any]:
    """Names of the call's parameters, not their values: a token and telephone numbers are there."""
    return {
        "event": "start",
        "stream_sid": start.stream_sid,
        "call_sid": start.call_sid,
        "parameters": sorted(start.custom_parameters),
        "media_format": msgspec.to_builtins(start.media_format),
    }


def _without_numbers(text: str, name: str) -> str:
    """The model may hand on what was typed, as an argument; the shape stays, for a replay."""
    if name == "arguments":
        return _zeros(text)
    return NUMBER.sub(REMOVED, _KEYS.sub(lambda keys: _zeros(keys[0]), text))


def _zeros(text: str) -> str:
    return _DIGIT.sub("0", text)


def _each_text(
    value: Any, change: Callable[[str, str], str], name: str = "", depth: int = 0
) -> Any:
    """`value` with all texts changed, except ids and the vendor's own words; bounded in depth."""
    match value:
        case str():
            return value if name.endswith(_IDS) else change(value, name)
        case dict() | list() if depth > DEPTH_MAX:
            return REMOVED
        case dict():
            return {
                key: _each_text(item, change, str(key), depth + 1) for key, item in value.items()
            }
        case list():
            return [_each_text(item, change, name, depth + 1) for item in value]
    return value


def _malformed(what: Any, error: Exception) -> dict[str, Any]:
    """A message that could not be told, by the name its leg has for that."""
    if isinstance(what, str):
        return {"type": "malformed", "chars": len(what)}
    return {"event": "malformed", "why": type(error).__name__}
