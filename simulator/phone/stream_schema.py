"""What a bridge may send on a Media Stream: three messages, exactly these fields.

Owns the strict reading of them. Effects (playing, clearing) are `media_stream`'s.
"""

from __future__ import annotations

import binascii
from binascii import a2b_base64
from typing import Any

import msgspec


class Media(msgspec.Struct, frozen=True):
    """Audio to play: mu-law, any length."""

    audio: bytes


class Mark(msgspec.Struct, frozen=True):
    """A name to be sent back when the audio before it was heard."""

    name: str


class Clear(msgspec.Struct, frozen=True):
    """Drop what was not heard."""


class Invalid(msgspec.Struct, frozen=True):
    """A message Twilio ignores, with the warning it gives."""

    code: int
    text: str


Inbound = Media | Mark | Clear | Invalid

_CLEAR = Clear()
_decode = msgspec.json.Decoder().decode

_FIELDS: dict[str, frozenset[str]] = {
    "media": frozenset({"event", "streamSid", "media"}),
    "mark": frozenset({"event", "streamSid", "mark"}),
    "clear": frozenset({"event", "streamSid"}),
}


def read(data: bytes, stream_sid: str) -> Inbound:
    """Judge one text message of the bridge."""
    # fidelity: documented twilio.md 1.3, 1.4 - 31951: no JSON, unknown event, field, streamSid
    # fidelity: documented twilio.md 1.4 - 31950: undecodable
    try:
        message: Any = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _unreadable(data, error)
    if not isinstance(message, dict):
        return _invalid("it is not a JSON object")
    event = message.get("event")
    fields = _FIELDS.get(event) if isinstance(event, str) else None
    if fields is None:
        return _invalid(f"the event {str(event)[:80]!r} is not known; media, mark and clear are")
    if message.keys() != fields:
        return _invalid(f"of {event}, {_difference(message.keys(), fields)}")
    if message["streamSid"] != stream_sid:
        return _invalid(f"{event} has another streamSid than the start message gave")
    if event == "clear":
        return _CLEAR
    return _media(message["media"]) if event == "media" else _mark(message["mark"])


def _unreadable(data: bytes, error: Exception) -> Invalid:
    try:
        data.decode()
    except UnicodeDecodeError:
        text = "Stream - Media - Malformed Message: the text is not UTF-8. It is ignored"
        return Invalid(31950, text)
    return _invalid(f"it is not JSON ({error})")


def _invalid(text: str) -> Invalid:
    return Invalid(31951, f"Stream - Invalid Message: {text}. The message is ignored")


def _difference(given: Any, wanted: frozenset[str]) -> str:
    missing, extra = sorted(wanted - given), sorted(given - wanted)
    return ", ".join(
        [
            *(f"the field {name} is missing" for name in missing),
            *(f"the field {str(name)[:80]} is one too many" for name in extra),
        ]
    )


def _media(media: Any) -> Inbound:
    if not isinstance(media, dict) or media.keys() != {"payload"}:
        return _invalid("media must hold a payload and nothing else")
    payload = media["payload"]
    if not isinstance(payload, str):
        return _invalid("media.payload must be a string")
    try:
        # fidelity: inferred twilio.md 1.3 - a payload that is no base64 is an invalid message
        return Media(a2b_base64(payload, strict_mode=True) if payload else b"")
    except (binascii.Error, ValueError):
        return _invalid("media.payload must be base64")


def _mark(mark: Any) -> Inbound:
    if not isinstance(mark, dict) or mark.keys() != {"name"}:
        return _invalid("mark must hold a name and nothing else")
    if not isinstance(mark["name"], str):
        return _invalid("mark.name must be a string")
    return Mark(mark["name"])
