"""What we say to the Realtime API: the events of ours and how either dialect spells them.

Owns their shapes. Named by the vendor's verb phrase; structs have the GA shape, the beta dialect is
translated at the door. Knows no event of the server's.

Source: openai-python 3.52, ``openai.types.realtime`` and ``openai.types.beta.realtime``.
"""

from typing import Any, Literal

import msgspec

from bridge.core.realtime_items import AssistantMessage, Item
from bridge.core.realtime_session import (
    Dialect,
    SessionUpdate,
    TurnDetectionUpdate,
    session_body,
)


class _Part(msgspec.Struct, frozen=True):
    """A nested object of an event: immutable."""


class _Event(msgspec.Struct, frozen=True, tag_field="type"):
    """A JSON object told apart by its ``type``; the tag is the GA name."""


class InputAudioBufferAppend(_Event, frozen=True, tag="input_audio_buffer.append"):
    """Caller audio, raw µ-law. The server never answers it."""

    event_id: str
    audio: bytes


class ConversationItemCreate(_Event, frozen=True, tag="conversation.item.create"):
    """Add an item: to the end, or behind the item ``after`` ("root" = as the first one).

    ``item_id``: the name it shall have; empty: the server's choice.
    """

    event_id: str
    item: Item
    item_id: str = ""
    after: str = ""


class ConversationItemTruncate(_Event, frozen=True, tag="conversation.item.truncate"):
    """Forget the audio of an assistant item after ``audio_end_ms`` from the item's own start.

    More than the item has is an error, and the model then remembers all of it. The vendor
    documents ``content_index`` as 0.
    """

    event_id: str
    item_id: str
    audio_end_ms: int
    content_index: int = 0


class ResponseOptions(_Part, frozen=True, omit_defaults=True):
    """What one response shall differ in. ``instructions`` replace the session's."""

    instructions: str | None = None
    tool_choice: Literal["none"] | None = None


class ResponseCreate(_Event, frozen=True, tag="response.create"):
    """Ask for a response. An error, if one is active."""

    event_id: str
    response: ResponseOptions = ResponseOptions()


class ResponseCancel(_Event, frozen=True, tag="response.cancel"):
    """Stop a response; its `ResponseDone` follows."""

    event_id: str
    response_id: str


Outbound = (
    SessionUpdate
    | TurnDetectionUpdate
    | InputAudioBufferAppend
    | ConversationItemCreate
    | ConversationItemTruncate
    | ResponseCreate
    | ResponseCancel
)


_encode_json = msgspec.json.Encoder().encode


def encode(event: Outbound, dialect: Dialect = "ga") -> str:
    """Return the JSON text of ``event`` in ``dialect``."""
    if isinstance(event, SessionUpdate | TurnDetectionUpdate):
        session = session_body(event, dialect)
        wire = {"type": "session.update", "event_id": event.event_id, "session": session}
        return _encode_json(wire).decode()
    if isinstance(event, ConversationItemCreate):
        return _encode_json(_item_create(event, dialect)).decode()
    return _encode_json(event).decode()


def _item_create(event: ConversationItemCreate, dialect: Dialect) -> dict[str, Any]:
    item: dict[str, Any] = msgspec.to_builtins(event.item)
    if event.item_id:
        item["id"] = event.item_id
    if dialect == "beta" and isinstance(event.item, AssistantMessage):
        item["content"] = [{**part, "type": "text"} for part in item["content"]]
    wire = {"type": "conversation.item.create", "event_id": event.event_id, "item": item}
    return {**wire, "previous_item_id": event.after} if event.after else wire
