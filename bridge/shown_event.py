"""What of an event of the model's the log shows, when the operator has asked for its kind.

Owns what is taken out of it: audio, pressed keys, what a tool knows of the caller. Knows no log.
"""

from typing import Any

import msgspec

from bridge.core import realtime

HIDDEN = "***"


def shown_event(
    text: str | None, event: realtime.Inbound, kinds: frozenset[str]
) -> dict[str, Any] | None:
    """The log's fields for this event; None: it is of none of ``kinds``."""
    if text is None or isinstance(event, realtime.Malformed | realtime.Closed):
        return None
    kind = realtime.wire_type(event)
    if kind not in kinds:
        return None
    body = msgspec.json.decode(text)
    if kind.endswith("audio.delta"):
        body["audio"] = body.pop("delta", "")
    item = body.get("item")
    if isinstance(item, dict) and item.get("role") == "user":
        item["content"] = HIDDEN  # may be pressed keys
    elif isinstance(item, dict) and "output" in item:
        item["output"] = HIDDEN  # the same, or what a tool knows of the caller
    return {"type": kind, "body": body}
