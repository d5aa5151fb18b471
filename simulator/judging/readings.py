"""What a trace event says, read the same way by everyone who judges it.

Owns where a fact stands in an event's fields: flat (`response_id`) or inside the vendor's object
(`response.id`). Knows both dialects' names of the audio events. Judges nothing.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

BYTES_PER_MS = 8
"""μ-law at 8000 samples a second."""

AUDIO_DELTAS = ("response.output_audio.delta", "response.audio.delta")
"""Names of one piece of the model's audio: GA and beta (protocols/realtime.md 2.2)."""

SILENT_BYTES = b"\xff\x7f"
"""The two μ-law codes of sample value zero."""


def inner(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object `name` of an event, or an empty one."""
    value = data.get(name)
    return value if isinstance(value, Mapping) else {}


def response_id(data: Mapping[str, Any]) -> str:
    """The response an event is about, "" if about none."""
    return str(data.get("response_id") or inner(data, "response").get("id") or "")


def response_status(data: Mapping[str, Any]) -> str:
    """One of completed | cancelled | failed | incomplete, of a `response.done`."""
    return str(data.get("status") or inner(data, "response").get("status") or "")


def item_id(data: Mapping[str, Any]) -> str:
    """The conversation item an event is about, "" if about none."""
    return str(data.get("item_id") or inner(data, "item").get("id") or "")


def item_type(data: Mapping[str, Any]) -> str:
    """One of message | function_call | function_call_output, "" if not said."""
    return str(data.get("item_type") or inner(data, "item").get("type") or "")


def item_status(data: Mapping[str, Any]) -> str:
    """One of completed | incomplete | in_progress, of an item event."""
    return str(
        data.get("item_status") or data.get("status") or inner(data, "item").get("status") or ""
    )


def call_id(data: Mapping[str, Any]) -> str:
    """The function call an event is about, "" if about none."""
    return str(data.get("call_id") or inner(data, "item").get("call_id") or "")


def function_name(data: Mapping[str, Any]) -> str:
    """The function called, "" if not said."""
    return str(data.get("function") or data.get("name") or inner(data, "item").get("name") or "")


def usage(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """The token usage of a `response.done`, empty if not said."""
    return inner(data, "usage") or inner(inner(data, "response"), "usage")


def connection(data: Mapping[str, Any]) -> int:
    """Which Realtime connection of the call; 0 when the trace does not number them."""
    return int(data.get("connection", 0))


def is_live(data: Mapping[str, Any]) -> bool:
    """Whether a connection that was upgraded is GPT-Live's: by the path, as a judge sees it."""
    return urlsplit(str(data.get("path", ""))).path.endswith("/live/sessions")


def sounding_bytes(audio: bytes) -> int:
    """Bytes of `audio` that are not digital silence."""
    return len(audio) - audio.count(0xFF) - audio.count(0x7F)


def silent(audio: bytes) -> bool:
    """Whether `audio` is digital silence from end to end."""
    return not audio.strip(SILENT_BYTES)


def in_words_ms(at_ms: float) -> str:
    """A moment for people: 12.345 s."""
    return f"{at_ms / 1000:.3f} s"
