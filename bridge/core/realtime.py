"""The vocabulary of the OpenAI Realtime API over a WebSocket, in the GA and the beta dialect.

Owns the shapes on the wire and nothing else: it does not know what a call is. Inbound events are
named in the vendor's past tense (`SpeechStarted`); ours are in `realtime_requests`. Structs have
the GA shape; the beta dialect is translated at the door. `decode` is total: what the server should
not have sent is a value too.

Source: openai-python 3.52, ``openai.types.realtime`` and ``openai.types.beta.realtime``.
"""

from typing import Any, Final, get_args

import msgspec

from bridge.core.realtime_items import (
    AssistantMessage,
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputText,
    Item,
    OutputText,
    SystemMessage,
    UserMessage,
)
from bridge.core.realtime_requests import (
    ConversationItemCreate,
    ConversationItemTruncate,
    InputAudioBufferAppend,
    Outbound,
    ResponseCancel,
    ResponseCreate,
    ResponseOptions,
    encode,
)
from bridge.core.realtime_session import (
    Dialect,
    SemanticVad,
    ServerVad,
    SessionUpdate,
    Tool,
    TurnDetection,
    TurnDetectionUpdate,
)

__all__ = [
    "AssistantMessage",
    "ConversationItemCreate",
    "ConversationItemTruncate",
    "Dialect",
    "FunctionCall",
    "FunctionCallOutput",
    "InputAudio",
    "InputAudioBufferAppend",
    "InputText",
    "Item",
    "Outbound",
    "OutputText",
    "ResponseCancel",
    "ResponseCreate",
    "ResponseOptions",
    "SemanticVad",
    "ServerVad",
    "SessionUpdate",
    "SystemMessage",
    "Tool",
    "TurnDetection",
    "TurnDetectionUpdate",
    "UserMessage",
    "encode",
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
    """The caller began to speak; ``interrupt_response`` cancels the active response by itself.

    ``audio_start_ms``: where in the audio appended so far, padding before the words included.
    """

    audio_start_ms: float | None = None


class SpeechStopped(_Event, frozen=True, tag="input_audio_buffer.speech_stopped"):
    """The caller's turn is over. ``audio_end_ms``: where in the audio appended so far."""

    audio_end_ms: float | None = None


class InputAudioBufferCommitted(_Event, frozen=True, tag="input_audio_buffer.committed"):
    """The caller's turn is part of the conversation; with ``create_response`` an answer follows."""

    item_id: str = ""


class InputTranscribed(
    _Event, frozen=True, tag="conversation.item.input_audio_transcription.completed"
):
    """The words of one of the caller's turns; often later than the answer to it."""

    item_id: str
    transcript: str | None = None


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


class OutputTranscriptDelta(_Event, frozen=True, tag="response.output_audio_transcript.delta"):
    """More words of one item; they run ahead of its audio."""

    response_id: str
    item_id: str
    delta: str


class OutputTranscriptDone(_Event, frozen=True, tag="response.output_audio_transcript.done"):
    """All words of one item, as far as it was made."""

    response_id: str
    item_id: str
    transcript: str


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


class CachedTokensDetails(_Part, frozen=True):
    """What the cached ones among the input tokens were; counts of tokens."""

    text_tokens: int = 0
    audio_tokens: int = 0


class InputTokenDetails(_Part, frozen=True):
    """What the input tokens were; counts of tokens. ``cached_tokens`` are among the others."""

    text_tokens: int = 0
    audio_tokens: int = 0
    cached_tokens: int = 0
    cached_tokens_details: CachedTokensDetails | None = None


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


class SessionLasted(_Event, frozen=True, tag="session.lasted"):
    """The session has gone on for so many seconds more; told by engines billed by them.

    Our own word: the Realtime API has none.
    """

    seconds: float


class Error(_Event, frozen=True, tag="error"):
    """The server refused something. Most errors leave the session open."""

    error: ErrorDetail


class Closed(_Part, frozen=True):
    """The connection is gone or never came to be. Made by the shell, not decoded.

    ``deaf``: it took nothing any more, or answered no ping; nobody knows what was the last that the
    far end heard.
    """

    code: int | None = None
    reason: str = ""
    deaf: bool = False


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
WordEvent = InputTranscribed | OutputTranscriptDelta | OutputTranscriptDone | SessionLasted
"""What is only written down: words of what is said, and how long the session has lasted."""
ServerEvent = TurnEvent | WordEvent | SessionCreated | SessionUpdated | Error
Inbound = ServerEvent | Closed | Unknown | Malformed

PASSING: Final = frozenset(
    {
        "conversation.created",
        "ping",  # xAI's, in JSON
        "conversation.item.created",
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.retrieved",
        "conversation.item.deleted",
        "conversation.item.truncated",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.failed",
        "conversation.item.input_audio_transcription.segment",
        "input_audio_buffer.cleared",
        "input_audio_buffer.timeout_triggered",
        "response.output_item.added",
        "response.content_part.added",
        "response.content_part.done",
        "response.output_text.delta",
        "response.output_text.done",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "rate_limits.updated",
    }
)
"""Events of the vendor's that pass through without meaning for us (GA names)."""


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


def decode(text: str | bytes, dialect: Dialect = "ga") -> ServerEvent | Unknown | Malformed:
    """Return the event in ``text``. Never raises; at worst the answer is `Malformed`."""
    try:
        return _decode_beta(text) if dialect == "beta" else _decode_event(text)
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


def wire_type(event: ServerEvent | Unknown) -> str:
    """Return the GA ``type`` under which ``event`` travels, for logs."""
    return event.type if isinstance(event, Unknown) else str(event.__struct_config__.tag)
