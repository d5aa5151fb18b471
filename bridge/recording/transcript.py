"""What was said in a call in words, which of the agent's the caller heard, and which tools ran.

Owns that account. Heard is what the bridge itself went by: a truncation says how much of an item
was heard, a mark that came back how far it was. The words of a part are its share of the text by
time, whole words only, since the API does not say when a word sounds. Pure and total: what is odd
tells nothing. Knows no file.
"""

import base64
import binascii
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from bridge.core import realtime, twilio
from bridge.core.mulaw import BYTES_PER_MS

ENTRIES_MAX: Final = 5000
TEXT_CHARS_MAX: Final = 100_000
TOOL_NAME_CHARS_MAX: Final = 64
POSITION_CHARS_MAX: Final = 12
"""A position in an item is a number of bytes."""
_DELTAS: Final = frozenset({"response.output_audio.delta", "response.audio.delta"})
_TEXTS: Final = frozenset(
    {"response.output_audio_transcript.delta", "response.audio_transcript.delta"}
)
_TEXTS_DONE: Final = frozenset(
    {"response.output_audio_transcript.done", "response.audio_transcript.done"}
)
_CALLER: Final = "conversation.item.input_audio_transcription.completed"
_ITEM: Final = "response.output_item.done"
_WANTED: Final = tuple(
    f'"{kind}"' for kind in sorted({*_DELTAS, *_TEXTS, *_TEXTS_DONE, _CALLER, _ITEM})
)
Values = dict[str, Any]


@dataclass
class _Said:
    """An item. `at_ms`: when its first sound or its text came, since the stream's start."""

    who: str
    at_ms: float
    text: str = ""
    generated: int = 0
    heard: int = 0
    cut: int | None = None


@dataclass
class _Tool:
    """A call of a tool. Neither its arguments nor its output are kept."""

    at_ms: float
    name: str
    outcome: str = "unanswered"
    took_ms: float = 0.0


@dataclass
class Transcript:
    """One call's account."""

    _items: dict[str, _Said] = field(default_factory=dict)
    _tools: dict[str, _Tool] = field(default_factory=dict)

    def realtime(self, way: str, event: Any, at_ms: float) -> None:
        """An event received (its text), or one of ours."""
        if isinstance(event, realtime.ConversationItemTruncate):
            item = self._items.get(event.item_id)
            if item is not None:
                item.cut = event.audio_end_ms * BYTES_PER_MS
        elif isinstance(event, realtime.ConversationItemCreate):
            self._answered(event.item, at_ms)
        elif way == "in" and isinstance(event, str) and any(kind in event for kind in _WANTED):
            self._received(event, at_ms)

    def _received(self, text: str, at_ms: float) -> None:
        try:
            event: Any = msgspec.json.decode(text)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return
        kind = event.get("type") if isinstance(event, dict) else None
        if kind == _ITEM:
            self._called(event.get("item"), at_ms)
        if not isinstance(kind, str) or not isinstance(event.get("item_id"), str):
            return
        if kind in _DELTAS:
            self._item(event, "agent", at_ms).generated += _bytes_in(event.get("delta"))
        elif kind in _TEXTS:
            item = self._item(event, "agent", at_ms)
            item.text = (item.text + _text(event.get("delta")))[:TEXT_CHARS_MAX]
        elif kind in _TEXTS_DONE:
            self._item(event, "agent", at_ms).text = _text(event.get("transcript"))
        elif kind == _CALLER:
            self._item(event, "caller", at_ms).text = _text(event.get("transcript"))

    def _called(self, item: Any, at_ms: float) -> None:
        if isinstance(item, dict) and item.get("type") == "function_call":
            call_id, name = item.get("call_id"), _text(item.get("name"))
            if isinstance(call_id, str) and len(self._tools) < ENTRIES_MAX:
                self._tools.setdefault(call_id, _Tool(at_ms, name[:TOOL_NAME_CHARS_MAX]))

    def _answered(self, item: object, at_ms: float) -> None:
        """An item of ours. A session that takes over is told the outputs once more."""
        if isinstance(item, realtime.FunctionCallOutput):
            tool = self._tools.get(item.call_id)
            if tool is not None and tool.outcome == "unanswered":
                failed = item.output.lstrip("{ ").startswith('"error"')
                tool.outcome = "failed" if failed else "done"
                tool.took_ms = at_ms - tool.at_ms

    def returned(self, mark: twilio.Mark) -> None:
        """A mark came back. Its name carries the item and the position in it."""
        _, _, rest = mark.name.partition(":")
        item_id, _, position = rest.rpartition(":")
        item = self._items.get(item_id)
        is_number = position.isdecimal() and len(position) <= POSITION_CHARS_MAX
        if item is not None and item.cut is None and is_number:
            item.heard = max(item.heard, int(position))

    def entries(self) -> list[Values]:
        """The account in the order of time: of the agent's items `heard` and `unheard`."""
        told = [_entry(item) for item in self._items.values()]
        told += [_tool_entry(tool) for tool in self._tools.values()]
        return sorted(told, key=lambda entry: float(entry["at_ms"]))

    def _item(self, event: Values, who: str, at_ms: float) -> _Said:
        item_id = event["item_id"]
        if item_id not in self._items and len(self._items) >= ENTRIES_MAX:
            return _Said(who, at_ms)
        return self._items.setdefault(item_id, _Said(who, at_ms))


def _tool_entry(tool: _Tool) -> Values:
    entry: Values = {"at_ms": round(tool.at_ms), "who": "tool", "name": tool.name}
    took = {} if tool.outcome == "unanswered" else {"took_ms": round(tool.took_ms)}
    return entry | {"outcome": tool.outcome} | took


def _text(value: object) -> str:
    return value[:TEXT_CHARS_MAX] if isinstance(value, str) else ""


def _bytes_in(delta: object) -> int:
    if not isinstance(delta, str):
        return 0
    try:
        return len(base64.b64decode(delta, validate=True))
    except (binascii.Error, ValueError):
        return 0


def _entry(item: _Said) -> Values:
    text = item.text.strip()
    if item.who == "caller":
        return {"at_ms": round(item.at_ms), "who": "caller", "said": text}
    heard = item.heard if item.cut is None else item.cut
    # The last piece of an item can be shorter than a frame, and is then never sent.
    whole = heard >= item.generated - BYTES_PER_MS * 20
    share = 1.0 if whole else heard / max(item.generated, 1)
    words = text.split()
    count = round(share * len(words))
    return {
        "at_ms": round(item.at_ms),
        "who": "agent",
        "heard": " ".join(words[:count]),
        "unheard": " ".join(words[count:]),
        "generated_ms": item.generated // BYTES_PER_MS,
        "heard_ms": min(heard, item.generated) // BYTES_PER_MS,
    }
