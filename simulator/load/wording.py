"""The messages of a Media Stream, written from templates and read as what they must be.

Owns their bytes, in the field order Twilio was seen to write (twilio.md 1.2). Knows no socket.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

import msgspec

# fidelity: observed twilio.md 1.2 - field order; numbers are strings (lean, load)
CONNECTED: Final = b'{"event":"connected","protocol":"Call","version":"1.0.0"}'
_encode: Final = msgspec.json.Encoder().encode


class StreamWording:
    """Writes one stream's messages; each takes the next sequence number."""

    def __init__(self, account_sid: str, call_sid: str) -> None:
        self.stream_sid = "MZ" + os.urandom(16).hex()
        self._account = account_sid.encode()
        self._call = call_sid.encode()
        self._stream = self.stream_sid.encode()
        self._tail = b'"},"streamSid":"' + self._stream + b'"}'
        self._sequence = 0
        self._chunk = 0

    def start(self, parameters: Mapping[str, str]) -> bytes:
        """The first message after `connected`."""
        self._sequence += 1
        return (
            b'{"event":"start","sequenceNumber":"%d","start":{"accountSid":"%b","streamSid":"%b",'
            b'"callSid":"%b","tracks":["inbound"],"mediaFormat":{"encoding":"audio/x-mulaw",'
            b'"sampleRate":8000,"channels":1},"customParameters":%b},"streamSid":"%b"}'
        ) % (
            self._sequence,
            self._account,
            self._stream,
            self._call,
            _encode(dict(parameters)),
            self._stream,
        )

    def media(self, payload: bytes, timestamp_ms: int) -> bytes:
        """One frame, already in base64."""
        self._sequence += 1
        self._chunk += 1
        return (
            b'{"event":"media","sequenceNumber":"%d","media":{"track":"inbound","chunk":"%d",'
            b'"timestamp":"%d","payload":"%b%b'
        ) % (self._sequence, self._chunk, timestamp_ms, payload, self._tail)

    def mark(self, name: str) -> bytes:
        """A mark, returned."""
        self._sequence += 1
        return b'{"event":"mark","sequenceNumber":"%d","streamSid":"%b","mark":{"name":%b}}' % (
            self._sequence,
            self._stream,
            _encode(name),
        )

    def dtmf(self, digit: str) -> bytes:
        """A key."""
        self._sequence += 1
        return (
            b'{"event":"dtmf","streamSid":"%b","sequenceNumber":"%d",'
            b'"dtmf":{"track":"inbound_track","digit":%b}}'
        ) % (self._stream, self._sequence, _encode(digit))

    def stop(self) -> bytes:
        """The last message."""
        self._sequence += 1
        return (
            b'{"event":"stop","sequenceNumber":"%d","streamSid":"%b",'
            b'"stop":{"accountSid":"%b","callSid":"%b"}}'
        ) % (self._sequence, self._stream, self._account, self._call)


class _Message(msgspec.Struct, tag_field="event", forbid_unknown_fields=True, gc=False):
    streamSid: str  # noqa: N815 - Twilio's name


class _Sound(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    payload: bytes


class _Name(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    name: str


class Media(_Message, tag="media"):
    """Audio to be played."""

    media: _Sound


class Mark(_Message, tag="mark"):
    """To be returned when what came before was played."""

    mark: _Name


class Clear(_Message, tag="clear"):
    """Stop playing."""


_DECODE: Final = msgspec.json.Decoder(Media | Mark | Clear).decode


def decode(data: bytes, stream_sid: str) -> bytes | Mark | Clear:
    """A message of the bridge; of media, the sound itself.

    Raises:
        msgspec.DecodeError: it is not one of the three, or has other fields (31951).
        ValueError: it is for another stream (31951).
    """
    message = _DECODE(data)
    if message.streamSid != stream_sid:
        raise ValueError("a message with another streamSid")
    return message.media.payload if isinstance(message, Media) else message
