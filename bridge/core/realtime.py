"""The vocabulary of the OpenAI Realtime API over a WebSocket, in the GA and the beta dialect.

Owns the shapes on the wire and nothing else: it does not know what a call is. Inbound events are
named in the vendor's past tense (`SpeechStarted`), outbound ones by the vendor's verb phrase
(`ConversationItemTruncate`). Structs have the GA shape; the beta dialect is translated at the
door. `decode` is total: what the server should not have sent is a value too.

Source: openai-python 3.52, ``openai.types.realtime`` and ``openai.types.beta.realtime``.
"""

from typing import Any, Final, Literal, get_args

import msgspec

from bridge.core.realtime_session import (
    Dialect,
    SemanticVad,
    ServerVad,
    SessionUpdate,
    Tool,
    TurnDetection,
    TurnDetectionUpdate,
    session_body,
)

__all__ = [
    "Dialect",
    "SemanticVad",
    "ServerVad",
    "SessionUpdate",
    "Tool",
    "TurnDetection",
    "TurnDetectionUpdate",
]


class _Part(msgspec.Struct, frozen=True):
    """A nested object of an event: immutable, unknown fields ignored."""


class _Event(msgspec.Struct, frozen=True, tag_field="type"):
    """A JSON object told apart by its ``type``; the tag is the GA name."""


# ------------------------------------------------------------------------------ OpenAI → us
class SessionCreated(_Event, frozen=True, tag="session.created"):
    """The first event, if we are admitted. The session still has the vendor's defaults."""


class SessionUpdated(_Event, frozen=True, tag="session.updated"):
    """A `SessionUpdate` or `TurnDetectionUpdate` is in force."""


class SpeechStarted(_Event, frozen=True, tag="input_audio_buffer.speech_started"):
    """The caller began to speak; ``interrupt_response`` cancels the active response by itself."""


class SpeechStopped(_Event, frozen=True, tag="input_audio_buffer.speech_stopped"):
    """The caller's turn is over."""


class InputAudioBufferCommitted(_Event, frozen=True, tag="input_audio_buffer.committed"):
    """The caller's turn is part of the conversation; with ``create_response`` an answer follows."""


class Response(_Part, frozen=True):
    """The head of a response, as `ResponseCreated` shows it."""

    id: str


class ResponseCreated(_Event, frozen=True, tag="response.created"):
    """A response began. It may come before the `ResponseDone` of a cancelled one."""

    response: Response


class OutputAudioDelta(_Event, frozen=True, tag="response.output_audio.delta"):
    """Audio of one item, far ahead of real time; ``delta`` is raw µ-law, usually about 250 ms."""

    response_id: str
    item_id: str
    delta: bytes


class OutputAudioDone(_Event, frozen=True, tag="response.output_audio.done"):
    """All audio of one item has been sent."""

    response_id: str
    item_id: str


class OutputItem(_Part, frozen=True):
    """An item of a response. A function call with status ``incomplete`` must not be executed."""

    type: str
    id: str | None = None
    status: str | None = None
    name: str | None = None
    call_id: str | None = None
    arguments: str | None = None


class OutputItemDone(_Event, frozen=True, tag="response.output_item.done"):
    """One item of a response is complete, or was cut off."""

    response_id: str
    item: OutputItem


class InputTokenDetails(_Part, frozen=True):
    """What the input tokens were; counts of tokens."""

    text_tokens: int = 0
    audio_tokens: int = 0
    cached_tokens: int = 0


class OutputTokenDetails(_Part, frozen=True):
    """What the output tokens were; counts of tokens."""

    text_tokens: int = 0
    audio_tokens: int = 0


class Usage(_Part, frozen=True):
    """What a response cost, in tokens. Cancelled responses cost too."""

    input_tokens: int = 0
    output_tokens: int = 0
    input_token_details: InputTokenDetails | None = None
    output_token_details: OutputTokenDetails | None = None


class ErrorDetail(_Part, frozen=True):
    """What went wrong. ``event_id`` names the event of ours that was refused.

    ``message`` is not for logs: the vendor quotes a part of the API key in it.
    """

    type: str | None = None
    code: str | None = None
    message: str | None = None
    param: str | None = None
    event_id: str | None = None


class StatusDetails(_Part, frozen=True):
    """Why a response did not complete, such as ``turn_detected`` or ``max_output_tokens``."""

    reason: str | None = None
    error: ErrorDetail | None = None


class FinishedResponse(_Part, frozen=True):
    """A response at its end. ``status``: completed, cancelled, failed or incomplete."""

    id: str
    status: str = "completed"
    status_details: StatusDetails | None = None
    usage: Usage | None = None


class ResponseDone(_Event, frozen=True, tag="response.done"):
    """A response is over; until now stragglers of a cancelled one may have come."""

    response: FinishedResponse


class Error(_Event, frozen=True, tag="error"):
    """The server refused something. Most errors leave the session open."""

    error: ErrorDetail


class Closed(_Part, frozen=True):
    """The connection is gone or never came to be. Made by the shell, not decoded."""

    code: int | None = None
    reason: str = ""


class Unknown(_Part, frozen=True):
    """An event we have no use for; those of `PASSING` are at least known to exist."""

    type: str


class Malformed(_Part, frozen=True):
    """Not a Realtime event. ``why`` names the place, never quotes the content."""

    why: str


TurnEvent = (
    OutputAudioDelta
    | SpeechStarted
    | SpeechStopped
    | InputAudioBufferCommitted
    | ResponseCreated
    | OutputAudioDone
    | OutputItemDone
    | ResponseDone
)
"""Events of a conversation under way."""
ServerEvent = TurnEvent | SessionCreated | SessionUpdated | Error
Inbound = ServerEvent | Closed | Unknown | Malformed

PASSING: Final = frozenset(
    {
        "conversation.created",
        "conversation.item.created",
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.retrieved",
        "conversation.item.deleted",
        "conversation.item.truncated",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.completed",
        "conversation.item.input_audio_transcription.failed",
        "conversation.item.input_audio_transcription.segment",
        "input_audio_buffer.cleared",
        "input_audio_buffer.timeout_triggered",
        "response.output_item.added",
        "response.content_part.added",
        "response.content_part.done",
        "response.output_audio_transcript.delta",
        "response.output_audio_transcript.done",
        "response.output_text.delta",
        "response.output_text.done",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "rate_limits.updated",
    }
)
"""Events of the vendor's that pass through without meaning for us (GA names)."""


# ------------------------------------------------------------------------------ us → OpenAI
class InputAudioBufferAppend(_Event, frozen=True, tag="input_audio_buffer.append"):
    """Caller audio, raw µ-law. The server never answers it."""

    event_id: str
    audio: bytes


class InputText(_Part, frozen=True, tag_field="type", tag="input_text"):
    """A piece of text from the caller's side."""

    text: str


class UserMessage(_Part, frozen=True, tag_field="type", tag="message"):
    """Something the caller did, in words."""

    content: tuple[InputText, ...]
    role: Literal["user"] = "user"


class FunctionCallOutput(_Part, frozen=True, tag_field="type", tag="function_call_output"):
    """The result of a function call; ``output`` is a JSON text."""

    call_id: str
    output: str


class ConversationItemCreate(_Event, frozen=True, tag="conversation.item.create"):
    """Add an item to the end of the conversation."""

    event_id: str
    item: UserMessage | FunctionCallOutput


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


# ------------------------------------------------------------------------------ the wire
class _Head(msgspec.Struct, frozen=True):
    type: str


_TO_GA: Final = {
    "response.audio.delta": "response.output_audio.delta",
    "response.audio.done": "response.output_audio.done",
    "response.audio_transcript.delta": "response.output_audio_transcript.delta",
    "response.audio_transcript.done": "response.output_audio_transcript.done",
    "response.text.delta": "response.output_text.delta",
    "response.text.done": "response.output_text.done",
}
_MEANT: Final = frozenset(str(event.__struct_config__.tag) for event in get_args(ServerEvent))
_DECODE_ERRORS: Final = (msgspec.MsgspecError, UnicodeError, RecursionError)

_decode_event = msgspec.json.Decoder(ServerEvent).decode
_decode_head = msgspec.json.Decoder(_Head).decode
_encode_json = msgspec.json.Encoder().encode


def decode(text: str | bytes, dialect: Dialect = "ga") -> ServerEvent | Unknown | Malformed:
    """Return the event in ``text``. Never raises; at worst the answer is `Malformed`."""
    try:
        return _decode_event(text) if dialect == "ga" else _decode_beta(text)
    except _DECODE_ERRORS as error:
        return _undecodable(text, dialect, error)


def _decode_beta(text: str | bytes) -> ServerEvent:
    event = msgspec.json.decode(text, type=dict[str, Any])
    kind = event.get("type")
    event["type"] = _TO_GA.get(kind, kind) if isinstance(kind, str) else kind
    decoded: ServerEvent = msgspec.convert(event, ServerEvent)
    return decoded


def _undecodable(text: str | bytes, dialect: Dialect, error: Exception) -> Unknown | Malformed:
    try:
        kind = _decode_head(text).type
    except _DECODE_ERRORS:
        return Malformed(type(error).__name__ if isinstance(error, UnicodeError) else str(error))
    kind = _TO_GA.get(kind, kind) if dialect == "beta" else kind
    return Malformed(f"{kind}: {error}") if kind in _MEANT else Unknown(kind)


def encode(event: Outbound, dialect: Dialect = "ga") -> str:
    """Return the JSON text of ``event`` in ``dialect``."""
    if isinstance(event, SessionUpdate | TurnDetectionUpdate):
        session = session_body(event, dialect)
        wire = {"type": "session.update", "event_id": event.event_id, "session": session}
        return _encode_json(wire).decode()
    return _encode_json(event).decode()


def wire_type(event: ServerEvent | Unknown) -> str:
    """Return the GA ``type`` under which ``event`` travels, for logs."""
    return event.type if isinstance(event, Unknown) else str(event.__struct_config__.tag)
