"""WebSocket frames at the least cost, for thousands a second on one core.

Owns masking and an incremental reader that makes no object per message. Knows no socket and no
message. `simulator.websocket` says more about what a peer did wrong; this one only that it did.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from simulator.websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT

MESSAGE_BYTES_MAX: Final = 4 * 1024 * 1024
_KEYS_MAX: Final = 64
_WHOLE_TEXT: Final = 0x80 | TEXT

Take = Callable[[int, bytes], None]
"""Called with an opcode (TEXT, BINARY, PING, PONG, CLOSE) and the whole, unmasked payload."""


class Broken(Exception):  # noqa: N818 - what the far end did
    """The far end broke RFC 6455."""


def _head(opcode: int, size: int, bit: int) -> bytes:
    if size < 126:
        return bytes((0x80 | opcode, bit | size))
    if size < 65536:
        return bytes((0x80 | opcode, bit | 126)) + size.to_bytes(2)
    return bytes((0x80 | opcode, bit | 127)) + size.to_bytes(8)


class ClientFrames:
    """Writes masked frames, all of one connection with the same random mask.

    RFC 6455 5.3 asks for a fresh mask each time, to protect caches between browsers and servers
    from what a web page could choose to send (10.3). There is no web page here and the server
    cannot tell; its work of unmasking is the same. A mask of zeros would be cheaper still, but a
    server may skip it, and would then look better than it is.
    """

    def __init__(self, mask: bytes) -> None:
        assert len(mask) == 4
        self._mask = mask
        self._keys: dict[int, int] = {}

    def write(self, opcode: int, data: bytes) -> bytes:
        """One whole frame."""
        size = len(data)
        key = self._keys.get(size) or self._key(size)
        masked = (int.from_bytes(data) ^ key).to_bytes(size)
        return _head(opcode, size, 0x80) + self._mask + masked

    def _key(self, size: int) -> int:
        if len(self._keys) >= _KEYS_MAX:
            self._keys.clear()
        key = self._keys[size] = int.from_bytes((self._mask * (size // 4 + 1))[:size])
        return key


def server_frame(opcode: int, data: bytes) -> bytes:
    """One whole frame without a mask."""
    return _head(opcode, len(data), 0) + data


def unmask(mask: bytes, data: bytes) -> bytes:
    """Undo (or do) the masking of RFC 6455 5.3."""
    size = len(data)
    key = int.from_bytes((mask * (size // 4 + 1))[:size])
    return (int.from_bytes(data) ^ key).to_bytes(size)


class FrameReader:
    """Cuts bytes into messages. `masked`: whether the far end must mask, as clients must."""

    def __init__(self, take: Take, *, masked: bool) -> None:
        self._take = take
        self._masked = masked
        self._rest = b""
        self._parts: list[bytes] = []
        self._parts_opcode = 0
        self._closed = False

    def feed(self, data: bytes) -> None:
        """Take bytes as they come.

        Raises:
            Broken: they are no lawful frames.
        """
        if self._rest:
            data = self._rest + data
        at, size = 0, len(data)
        while size - at >= 2 and not self._closed:
            length, body = data[at + 1] & 0x7F, at + 2
            if length >= 126:
                body += 2 if length == 126 else 8
                if body > size:
                    break
                length = int.from_bytes(data[at + 2 : body])
                if length > MESSAGE_BYTES_MAX:
                    raise Broken(f"a frame of {length} bytes")
            if (data[at + 1] > 0x7F) is not self._masked:
                raise Broken("an unmasked frame" if self._masked else "a masked frame")
            start = body + 4 if self._masked else body
            end = start + length
            if end > size:
                break
            payload = data[start:end]
            if self._masked:
                payload = unmask(data[body:start], payload)
            first, at = data[at], end
            if first == _WHOLE_TEXT and not self._parts_opcode:
                self._take(TEXT, payload)
            else:
                self._seldom(first, payload)
        self._rest = data[at:]

    def _seldom(self, first: int, payload: bytes) -> None:
        """Control frames, fragments, binary messages."""
        opcode, final = first & 0x0F, bool(first & 0x80)
        if first & 0x70:
            raise Broken("reserved bits are set")
        if opcode in (CLOSE, PING, PONG):
            if not final or len(payload) > 125:
                raise Broken("a fragmented or overlong control frame")
            self._closed = opcode == CLOSE
            self._take(opcode, payload)
            return
        if (opcode == CONTINUATION) is not bool(self._parts_opcode):
            raise Broken("fragments out of order")
        if opcode not in (CONTINUATION, TEXT, BINARY):
            raise Broken(f"the unknown opcode {opcode:#x}")
        self._parts.append(payload)
        self._parts_opcode = self._parts_opcode or opcode
        if sum(map(len, self._parts)) > MESSAGE_BYTES_MAX:
            raise Broken("a message without end")
        if final:
            opcode, self._parts_opcode = self._parts_opcode, 0
            whole, self._parts = b"".join(self._parts), []
            self._take(opcode, whole)
