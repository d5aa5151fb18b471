"""The vocabulary of Twilio Media Streams (bidirectional) and its codec.

Owns the shapes on the wire and nothing else: it does not know what a call is. Inbound messages are
nouns (`Media`), outbound ones say what we do (`SendMedia`). `decode` is total: what Twilio should
not have sent is a value too.

Source: https://www.twilio.com/docs/voice/media-streams/websocket-messages. Numbers such as the
timestamp are JSON strings there, except in `mediaFormat`; Twilio warns (31951) about extra fields.
"""

from typing import Annotated, Final

import msgspec


class _Message(msgspec.Struct, frozen=True):
    """A message of either direction: immutable and comparable."""


# ------------------------------------------------------------------------------ Twilio → us
class Connected(_Message, frozen=True):
    """The first message; it says nothing of use."""


class MediaFormat(_Message, frozen=True, rename="camel"):
    """How the audio is encoded. Only µ-law, 8,000 Hz, one channel is known to exist."""

    encoding: str = "audio/x-mulaw"
    sample_rate: int = 8000
    channels: int = 1


class Start(_Message, frozen=True):
    """The stream begins. ``custom_parameters`` are the TwiML's ``<Parameter>`` elements."""

    stream_sid: str
    call_sid: str
    account_sid: str
    custom_parameters: dict[str, str]
    media_format: MediaFormat


class Media(_Message, frozen=True):
    """Caller audio: ``payload`` is µ-law, usually 20 ms; ``timestamp_ms`` since the start.

    The first timestamp is not 0 and steps are not exactly 20; during silence some carriers send
    nothing.
    """

    timestamp_ms: int
    chunk: int
    payload: bytes


class Mark(_Message, frozen=True):
    """All audio sent before the mark of this name has been played, or dropped by our `Clear`."""

    name: str


class Dtmf(_Message, frozen=True):
    """The caller pressed one key: 0-9, ``*``, ``#`` or A-D."""

    digit: str


class Stop(_Message, frozen=True):
    """The stream or the call is over; the socket closes next."""


class Closed(_Message, frozen=True):
    """The socket is closed, from whichever side. Made by the shell, not decoded."""

    code: int | None = None


class Unknown(_Message, frozen=True):
    """A message of a kind this codec does not know."""

    event: str


class Malformed(_Message, frozen=True):
    """Not a Media Streams message. ``why`` names the place, never quotes the content."""

    why: str


Inbound = Connected | Start | Media | Mark | Dtmf | Stop | Closed | Unknown | Malformed


# ------------------------------------------------------------------------------ us → Twilio
class SendMedia(_Message, frozen=True):
    """Audio to play after everything sent before. ``payload``: raw µ-law of any size."""

    stream_sid: str
    payload: bytes


class SendMark(_Message, frozen=True):
    """Ask for a `Mark` of this name when all audio sent so far has been played."""

    stream_sid: str
    name: str


class Clear(_Message, frozen=True):
    """Drop everything not yet played. All pending marks come back at once."""

    stream_sid: str


Outbound = SendMedia | SendMark | Clear


# ------------------------------------------------------------------------------ the wire
class _Event(msgspec.Struct, frozen=True, tag_field="event", rename="camel"):
    """A JSON object told apart by its ``event``."""


class _ConnectedEvent(_Event, frozen=True, tag="connected"):
    pass


class _StartBody(msgspec.Struct, frozen=True, rename="camel"):
    stream_sid: str
    call_sid: str
    account_sid: str
    media_format: MediaFormat
    custom_parameters: dict[str, str] = {}


class _StartEvent(_Event, frozen=True, tag="start"):
    start: _StartBody


class _MediaBody(msgspec.Struct, frozen=True):
    timestamp: int
    payload: bytes
    chunk: int = 0


class _MediaEvent(_Event, frozen=True, tag="media"):
    media: _MediaBody


class _MarkBody(msgspec.Struct, frozen=True):
    name: str


class _MarkEvent(_Event, frozen=True, tag="mark"):
    mark: _MarkBody


class _DtmfBody(msgspec.Struct, frozen=True):
    digit: Annotated[str, msgspec.Meta(pattern="^[0-9A-D*#]$")]


class _DtmfEvent(_Event, frozen=True, tag="dtmf"):
    dtmf: _DtmfBody


class _StopEvent(_Event, frozen=True, tag="stop"):
    pass


_InboundEvent = _MediaEvent | _MarkEvent | _ConnectedEvent | _StartEvent | _DtmfEvent | _StopEvent
_KNOWN: Final = frozenset({"connected", "start", "media", "mark", "dtmf", "stop"})


class _Head(msgspec.Struct, frozen=True):
    event: str


class _PlayBody(msgspec.Struct, frozen=True):
    payload: bytes


class _SendMediaEvent(_Event, frozen=True, tag="media"):
    stream_sid: str
    media: _PlayBody


class _SendMarkEvent(_Event, frozen=True, tag="mark"):
    stream_sid: str
    mark: _MarkBody


class _ClearEvent(_Event, frozen=True, tag="clear"):
    stream_sid: str


# Not strict: Twilio writes the timestamp as "155", and might one day write 155.
_decode_event = msgspec.json.Decoder(_InboundEvent, strict=False).decode
_decode_head = msgspec.json.Decoder(_Head).decode
_encode_json = msgspec.json.Encoder().encode
_DECODE_ERRORS: Final = (msgspec.MsgspecError, UnicodeError, RecursionError)


def decode(text: str | bytes) -> Inbound:
    """Return the message in ``text``. Never raises; at worst the answer is `Malformed`."""
    try:
        event = _decode_event(text)
    except _DECODE_ERRORS as error:
        return _undecodable(text, error)
    match event:
        case _MediaEvent(media=media):
            return Media(media.timestamp, media.chunk, media.payload)
        case _MarkEvent(mark=mark):
            return Mark(mark.name)
        case _ConnectedEvent():
            return Connected()
        case _StartEvent(start=start):
            return Start(
                stream_sid=start.stream_sid,
                call_sid=start.call_sid,
                account_sid=start.account_sid,
                custom_parameters=start.custom_parameters,
                media_format=start.media_format,
            )
        case _DtmfEvent(dtmf=dtmf):
            return Dtmf(dtmf.digit)
    return Stop()


def _undecodable(text: str | bytes, error: Exception) -> Unknown | Malformed:
    try:
        event = _decode_head(text).event
    except _DECODE_ERRORS:
        return Malformed(type(error).__name__ if isinstance(error, UnicodeError) else str(error))
    return Malformed(f"{event}: {error}") if event in _KNOWN else Unknown(event)


def encode(message: Outbound) -> str:
    """Return the JSON text of ``message``: the vendor's fields and no others."""
    event: _SendMediaEvent | _SendMarkEvent | _ClearEvent
    match message:
        case SendMedia(stream_sid=sid, payload=payload):
            event = _SendMediaEvent(sid, _PlayBody(payload))
        case SendMark(stream_sid=sid, name=name):
            event = _SendMarkEvent(sid, _MarkBody(name))
        case _:
            event = _ClearEvent(message.stream_sid)
    return _encode_json(event).decode()
