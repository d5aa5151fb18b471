"""GPT-Live's own words: the events of its server, and the messages a client sends.

Owns their shapes on the wire. Knows no call and no state of a session.

Source: openai-python 3.52, ``openai.types.live``; docs/protocols/gpt-live.md.
"""

from typing import Any, Final, get_args

import msgspec

from bridge.core import realtime


class _Part(msgspec.Struct, frozen=True):
    """A nested object of an event: immutable, unknown fields ignored."""


class _Event(msgspec.Struct, frozen=True, tag_field="type"):
    """A JSON object told apart by its ``type``."""


# ------------------------------------------------------------------------ server → us
class Session(_Part, frozen=True):
    """A session, as far as we want to know it."""

    id: str = ""


class SessionStarted(_Event, frozen=True, tag="session.started"):
    """The answer to `session_start`: now audio and commands may be sent."""

    session: Session = Session()


class OutputAudioDelta(_Event, frozen=True, tag="session.output_audio.delta"):
    """The next piece of what the model sounds like, silence included, about as fast as it plays."""

    delta: bytes


class OutputTranscriptDelta(_Event, frozen=True, tag="session.output_transcript.delta"):
    """Words of the model; times are milliseconds of the session."""

    delta: str
    start_ms: float = 0.0


class InputTranscriptDelta(_Event, frozen=True, tag="session.input_transcript.delta"):
    """Words of the caller, up to a second after they were said."""

    delta: str
    start_ms: float = 0.0


class CommentaryAppended(_Event, frozen=True, tag="session.commentary.appended"):
    """What we asked the model to say has reached it. Not that it has said it."""

    client_event_id: str | None = None


class OutputItem(_Part, frozen=True):
    """An item of the backend's response."""

    type: str = ""
    id: str | None = None
    status: str | None = None
    name: str | None = None
    call_id: str | None = None
    arguments: str | None = None


class CachedTokens(_Part, frozen=True):
    """How many of the input tokens were cached."""

    cached_tokens: int = 0


class BackendUsage(_Part, frozen=True):
    """What a response of the backend cost, in text tokens."""

    input_tokens: int = 0
    output_tokens: int = 0
    input_tokens_details: CachedTokens | None = None


class BackendResponse(_Part, frozen=True):
    """The backend's response, as its last event shows it."""

    usage: BackendUsage | None = None


class Nested(_Part, frozen=True):
    """An event of the Responses API."""

    type: str
    item: OutputItem | None = None
    response: BackendResponse | None = None


class ResponseEvent(_Event, frozen=True, tag="response.event"):
    """The backend, to which the model delegates, goes on with one of its responses."""

    event: Nested
    delegation_id: str | None = None


class Seconds(_Part, frozen=True):
    """How long the session has lasted, in all; billed."""

    seconds: float = 0.0


class UsageUpdated(_Event, frozen=True, tag="session.usage.updated"):
    """About once a minute."""

    usage: Seconds


class SessionClosed(_Event, frozen=True, tag="session.closed"):
    """The end: close_requested, expired, content, remote_hangup or connection_lost."""

    reason: str = ""
    usage: Seconds = Seconds()


class ErrorDetail(_Part, frozen=True):
    """What went wrong; ``client_event_id`` names the message of ours."""

    type: str | None = None
    code: str | None = None
    message: str | None = None
    param: str | None = None
    client_event_id: str | None = None


class Error(_Event, frozen=True, tag="error"):
    """The server refused something. Most errors leave the session open."""

    error: ErrorDetail


ServerEvent = (
    SessionStarted
    | OutputAudioDelta
    | OutputTranscriptDelta
    | InputTranscriptDelta
    | CommentaryAppended
    | ResponseEvent
    | UsageUpdated
    | SessionClosed
    | Error
)
"""Events that mean something to us."""

PASSING: Final = frozenset(
    {
        "session.updated",
        "session.input_audio.muted",
        "session.input_audio.unmuted",
        "session.instructions.appended",
        "session.thinking.appended",
        "session.delegation.created",
        "info",
    }
)
"""Events that are known to exist and tell us nothing."""

_MEANT: Final = frozenset(str(event.__struct_config__.tag) for event in get_args(ServerEvent))
_DECODE_ERRORS: Final = (msgspec.MsgspecError, UnicodeError, RecursionError)


class _Head(msgspec.Struct, frozen=True):
    type: str


_decode_event = msgspec.json.Decoder(ServerEvent).decode
_decode_head = msgspec.json.Decoder(_Head).decode
_encode_json = msgspec.json.Encoder().encode


def decode(text: str) -> ServerEvent | realtime.Unknown | realtime.Malformed | None:
    """Return the event in ``text``; None for one that tells nothing. Never raises."""
    try:
        event: ServerEvent = _decode_event(text)
    except _DECODE_ERRORS as error:
        return _undecodable(text, error)
    return event


def _undecodable(text: str, error: Exception) -> realtime.Unknown | realtime.Malformed | None:
    try:
        kind = _decode_head(text).type
    except _DECODE_ERRORS:
        return realtime.Malformed(type(error).__name__)
    if kind in PASSING:
        return None
    return realtime.Malformed(f"{kind}: {error}") if kind in _MEANT else realtime.Unknown(kind)


# ------------------------------------------------------------------------ us → server
Message = dict[str, Any]

PCMU: Final = {"type": "audio/pcmu", "rate": 8000}

APPEND_BYTES_MAX: Final = 1000
"""An append holds 500 tokens; a token has more than two bytes in any language callers speak."""


def encode(message: Message) -> str:
    """Return the JSON text of ``message``."""
    return _encode_json(message).decode()


def session_start(
    event_id: str, model: str, voice: str, instructions: str, backend: Message
) -> Message:
    """Begin: the first message. µ-law both ways; ``backend`` takes what the model delegates."""
    session: Message = {
        "model": model,
        "audio": {"format": PCMU, "output": {"voice": voice}},
        "delegation": {"type": "responses", "responses": backend},
    }
    if instructions:
        session["instructions"] = instructions
    return {"type": "session.start", "event_id": event_id, "session": session}


def session_update(event_id: str, backend: Message) -> Message:
    """Change the backend; nothing else of a session can be changed."""
    delegation = {"type": "responses", "responses": backend}
    return {"type": "session.update", "event_id": event_id, "session": {"delegation": delegation}}


def append_audio(audio: bytes) -> Message:
    """Let the model hear this."""
    return {"type": "session.input_audio.append", "audio": audio}


def say(event_id: str, text: str) -> Message:
    """Let the model say something, in its own words."""
    return _append("commentary", event_id, text)


def remember(event_id: str, text: str) -> Message:
    """Let the model know something, without saying it."""
    return _append("thinking", event_id, text)


def obey(event_id: str, text: str) -> Message:
    """Give the model one more instruction."""
    return _append("instructions", event_id, text)


def _append(channel: str, event_id: str, text: str) -> Message:
    kind = f"session.{channel}.append"
    return {"type": kind, "event_id": event_id, "delegation_id": None, "content": text}


def mute(event_id: str, *, muted: bool) -> Message:
    """Replace what the caller says by silence, or not any more."""
    return {"type": f"session.input_audio.{'mute' if muted else 'unmute'}", "event_id": event_id}


def function_output(event_id: str, call_id: str, output: str) -> Message:
    """Answer one of the backend's function calls."""
    item = {"type": "function_call_output", "call_id": call_id, "output": output}
    return {"type": "response.item.create", "event_id": event_id, "item": item}


def go_on(event_id: str) -> Message:
    """Let the backend go on: all its function calls are answered."""
    return {"type": "response.create", "event_id": event_id}


CLOSE: Final[Message] = {"type": "session.close"}


def pieces(text: str) -> list[str]:
    """Return ``text`` in parts which an append can hold each, split between words if possible."""
    parts = [""]
    for word in text.split(" "):
        for part in _chopped(word):
            joined = f"{parts[-1]} {part}" if parts[-1] else part
            if len(joined.encode()) <= APPEND_BYTES_MAX:
                parts[-1] = joined
            else:
                parts.append(part)
    return parts


def _chopped(word: str) -> list[str]:
    """Return ``word``, cut where it is longer than an append by itself."""
    longest = APPEND_BYTES_MAX // 4  # no character has more than four bytes in UTF-8
    return [word[at : at + longest] for at in range(0, max(len(word), 1), longest)]
