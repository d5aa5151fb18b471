"""The messages of a Media Stream, byte for byte as Twilio writes them.

Owns field order, types and the sequence numbers. This is the hot path (fifty frames a second), so
frames are made from a bytes template and never pass through a JSON library.
"""

from __future__ import annotations

import json
from binascii import b2a_base64
from collections.abc import Mapping

from simulator.sound import SILENT_FRAME

# fidelity: observed twilio.md 1.2 - field order; sequenceNumber, chunk and timestamp are strings
CONNECTED = b'{"event":"connected","protocol":"Call","version":"1.0.0"}'
_SILENT_PAYLOAD = b2a_base64(SILENT_FRAME, newline=False)


def _text(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


class StreamMessages:
    """Writes the messages of one stream; each call takes the next sequence number."""

    def __init__(self, account_sid: str, call_sid: str, stream_sid: str) -> None:
        self._account = account_sid.encode()
        self._call = call_sid.encode()
        self._stream = stream_sid.encode()
        self._tail = b'"},"streamSid":"' + self._stream + b'"}'
        self._sequence = 0
        self._chunk = 0
        self._chunks: dict[str, int] = {}

    def start(
        self,
        parameters: Mapping[str, str],
        tracks: tuple[str, ...] = ("inbound",),
        encoding: str = "audio/x-mulaw",
    ) -> bytes:
        """The first message after `connected`."""
        self._sequence += 1
        return (
            b'{"event":"start","sequenceNumber":"%d","start":{"accountSid":"%b","streamSid":"%b",'
            b'"callSid":"%b","tracks":%b,"mediaFormat":{"encoding":"%b",'
            b'"sampleRate":8000,"channels":1},"customParameters":%b},"streamSid":"%b"}'
        ) % (
            self._sequence,
            self._account,
            self._stream,
            self._call,
            _text(tracks),
            encoding.encode(),
            _text(dict(parameters)),
            self._stream,
        )

    def media(self, frame: bytes, timestamp_ms: int) -> bytes:
        """One frame of the caller."""
        payload = _SILENT_PAYLOAD if frame is SILENT_FRAME else b2a_base64(frame, newline=False)
        return self.media_in_base64(payload, timestamp_ms)

    def media_in_base64(self, payload: bytes, timestamp_ms: int) -> bytes:
        """One frame of the caller, encoded before."""
        self._sequence += 1
        self._chunk += 1
        return (
            b'{"event":"media","sequenceNumber":"%d","media":{"track":"inbound","chunk":"%d",'
            b'"timestamp":"%d","payload":"%b%b'
        ) % (self._sequence, self._chunk, timestamp_ms, payload, self._tail)

    def media_of(self, track: str, frame: bytes, timestamp_ms: int) -> bytes:
        """One frame of a stream that only listens, where each track counts its own chunks."""
        # fidelity: inferred twilio.md 1.2 - with both tracks: chunks per track, one timestamp
        self._sequence += 1
        self._chunks[track] = chunk = self._chunks.get(track, 0) + 1
        return (
            b'{"event":"media","sequenceNumber":"%d","media":{"track":"%b","chunk":"%d",'
            b'"timestamp":"%d","payload":"%b%b'
        ) % (
            self._sequence,
            track.encode(),
            chunk,
            timestamp_ms,
            b2a_base64(frame, newline=False),
            self._tail,
        )

    def mark(self, name: str) -> bytes:
        """A mark of the bridge, returned."""
        self._sequence += 1
        return b'{"event":"mark","sequenceNumber":"%d","streamSid":"%b","mark":{"name":%b}}' % (
            self._sequence,
            self._stream,
            _text(name),
        )

    def dtmf(self, digit: str) -> bytes:
        """A key the caller pressed."""
        # fidelity: observed twilio.md 1.2 - the track is inbound_track; streamSid comes early
        self._sequence += 1
        return (
            b'{"event":"dtmf","streamSid":"%b","sequenceNumber":"%d",'
            b'"dtmf":{"track":"inbound_track","digit":%b}}'
        ) % (self._stream, self._sequence, _text(digit))

    def stop(self) -> bytes:
        """The last message."""
        self._sequence += 1
        return (
            b'{"event":"stop","sequenceNumber":"%d","streamSid":"%b",'
            b'"stop":{"accountSid":"%b","callSid":"%b"}}'
        ) % (self._sequence, self._stream, self._account, self._call)
