"""What a bridge sends on a Media Stream, read as what it must be.

Owns that nothing else is accepted. Knows no socket; what a caller sends is the phone's business.
"""

from __future__ import annotations

from typing import Final

import msgspec


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
