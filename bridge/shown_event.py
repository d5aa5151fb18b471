"""What of an event of the model's the log shows, when the operator has asked for its kind.

Owns what is taken out of it: audio, pressed keys, what a tool knows of the caller or is told of
him. Knows no log.
"""

import re
from typing import Any

import msgspec

from bridge.core import realtime

HIDDEN = "***"
_DIGIT = re.compile(r"\d")


def shown_event(
    text: str | None, event: realtime.Inbound, kinds: frozenset[str]
) -> dict[str, Any] | None:
    """The log's fields for this event; None: it is of none of ``kinds``."""
    if text is None or isinstance(event, realtime.Malformed | realtime.Closed):
        return None
    kind = realtime.wire_type(event)
    if kind not in kinds:
        return None
    try:
        body = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return {"type": kind, "body": HIDDEN}  # deeper than what reads all of it can follow
    _hide(body)
    if kind.endswith("audio.delta"):
        body["audio"] = body.pop("delta", "")
    elif "delta" in body:
        # A number may be spread over pieces, each of them too short to be taken for one.
        body["delta"] = _shape(body["delta"])
    response = body.get("response")
    said = response.get("output") if isinstance(response, dict) else None
    for item in (body.get("item"), *(said if isinstance(said, list) else ())):
        if isinstance(item, dict):
            _hide(item)
            _hide_told(item)
    return {"type": kind, "body": body}


def _hide(call: dict[str, Any]) -> None:
    """What a caller typed or said may be an argument; a PIN is shorter than a number."""
    if "arguments" in call:
        call["arguments"] = _shape(call["arguments"])


def _hide_told(item: dict[str, Any]) -> None:
    if item.get("role") == "user":
        item["content"] = HIDDEN  # may be pressed keys
    if "output" in item:
        item["output"] = HIDDEN  # the same, or what a tool knows of the caller


def _shape(text: Any) -> Any:
    return _DIGIT.sub("0", text) if isinstance(text, str) else HIDDEN
