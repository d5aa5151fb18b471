"""RFC 6455 without I/O, for the fakes' side of both legs.

Owns handshakes and frames; knows no Twilio, no Realtime and no socket. It is our own because it is
the hot path of every simulated second: `python -m benchmarks framing` prints what the same
traffic costs through wsproto. It is also stricter than a tolerant peer: what breaks the RFC comes
out as a `Violation`, because a fake must be able to say what a bridge did wrong.
"""

import base64
import hashlib
import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Final

import msgspec

ACCEPT_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3
HEAD_BYTES_MAX: Final = 64 * 1024
MESSAGE_BYTES_MAX: Final = 24 * 1024 * 1024
"""Above the largest lawful append (15 MiB of audio, in base64)."""

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA

Headers = Sequence[tuple[str, str]]


class HandshakeRequest(msgspec.Struct):
    """A client wants to open: its request target and headers (names in lower case)."""

    path: str
    headers: dict[str, str]


class HandshakeDone(msgspec.Struct):
    """The server's answer: 101 opens the connection, anything else refuses it."""

    status: int
    headers: dict[str, str]
    body: bytes


class Text(msgspec.Struct):
    """A whole text message, still encoded."""

    data: bytes


class Binary(msgspec.Struct):
    """A whole binary message."""

    data: bytes


class Ping(msgspec.Struct):
    """A ping; the owner answers with `frame(PONG, …)`."""

    data: bytes


class Pong(msgspec.Struct):
    """A pong."""

    data: bytes


class Close(msgspec.Struct):
    """The far end's close frame; 1005 stands for a frame without a code."""

    code: int
    reason: str


class Violation(msgspec.Struct):
    """The far end broke RFC 6455; nothing more is read. `code` is the close code it deserves."""

    code: int
    why: str


Message = HandshakeRequest | HandshakeDone | Text | Binary | Ping | Pong | Close | Violation


def frame(opcode: int, data: bytes, *, mask: bytes = b"") -> bytes:
    """One unfragmented frame; clients pass a mask of four bytes, servers none."""
    size = len(data)
    bit = 0x80 if mask else 0
    if size < 126:
        head = bytes((0x80 | opcode, bit | size))
    elif size < 65536:
        head = bytes((0x80 | opcode, bit | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x80 | opcode, bit | 127)) + size.to_bytes(8, "big")
    return head + mask + _masked(data, mask) if mask else head + data


def close_data(code: int, reason: str = "") -> bytes:
    """The payload of a close frame."""
    return code.to_bytes(2, "big") + reason.encode()


def _masked(data: bytes, mask: bytes) -> bytes:
    size = len(data)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")


def accept_key(key: str) -> str:
    """The `Sec-WebSocket-Accept` that answers a `Sec-WebSocket-Key`."""
    return base64.b64encode(
        hashlib.sha1(key.encode() + ACCEPT_GUID, usedforsecurity=False).digest()
    ).decode()


def _head(first: str, headers: Headers) -> bytes:
    lines = [first, *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


class _Connection(ABC):
    """Frames and messages of one side; the handshakes are the subclasses'."""

    _expects_mask: bool

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._open = False
        self._dead = False
        self._parts: list[bytes] = []
        self._parts_opcode = 0

    def feed(self, data: bytes) -> list[Message]:
        """What `data` completes, in order. After a `Violation` or `Close` nothing more comes."""
        if self._dead:
            return []
        self._buffer += data
        messages: list[Message] = []
        if not self._open and not self._read_head(messages):
            return messages
        try:
            self._read_frames(messages)
        except _Broken as broken:
            self._dead = True
            messages.append(Violation(broken.code, broken.why))
        return messages

    def _read_head(self, messages: list[Message]) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > HEAD_BYTES_MAX:
                self._dead = True
                messages.append(Violation(1002, f"no end of headers in {HEAD_BYTES_MAX} bytes"))
            return False
        lines = bytes(self._buffer[:end]).decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        return self._shake(lines[0], headers, messages)

    @abstractmethod
    def _shake(self, first: str, headers: dict[str, str], messages: list[Message]) -> bool:
        """Judge the far end's half of the handshake; True opens the connection."""

    def _read_frames(self, messages: list[Message]) -> None:
        buffer = self._buffer
        while len(buffer) >= 2 and not self._dead:
            first, second = buffer[0], buffer[1]
            size, at = second & 0x7F, 2
            if size >= 126:
                at = 4 if size == 126 else 10
                if len(buffer) < at:
                    return
                size = int.from_bytes(buffer[2:at], "big")
            if size > MESSAGE_BYTES_MAX:
                raise _Broken(1009, f"a frame of {size} bytes")
            mask = b""
            if second & 0x80:
                mask, at = bytes(buffer[at : at + 4]), at + 4
            if len(buffer) < at + size:
                return
            data = bytes(buffer[at : at + size])
            del buffer[: at + size]
            if bool(mask) is not self._expects_mask:
                raise _Broken(1002, "a masked frame" if mask else "an unmasked frame")
            self._take(first, _masked(data, mask) if mask else data, messages)

    def _take(self, first: int, data: bytes, messages: list[Message]) -> None:
        opcode, final = first & 0x0F, bool(first & 0x80)
        if first & 0x70:
            raise _Broken(1002, "reserved bits are set, and no extension was agreed")
        if opcode in (CLOSE, PING, PONG):
            self._take_control(opcode, final, data, messages)
            return
        if opcode == CONTINUATION:
            if not self._parts_opcode:
                raise _Broken(1002, "a continuation of nothing")
        elif opcode not in (TEXT, BINARY):
            raise _Broken(1002, f"the unknown opcode {opcode:#x}")
        elif self._parts_opcode:
            raise _Broken(1002, "a new message inside a fragmented one")
        else:
            self._parts_opcode = opcode
        self._parts.append(data)
        if not final:
            return
        whole = data if len(self._parts) == 1 else b"".join(self._parts)
        kind = Text if self._parts_opcode == TEXT else Binary
        self._parts, self._parts_opcode = [], 0
        messages.append(kind(whole))

    def _take_control(self, opcode: int, final: bool, data: bytes, messages: list[Message]) -> None:
        if not final or len(data) > 125:
            raise _Broken(1002, "a fragmented or overlong control frame")
        if opcode == PING:
            messages.append(Ping(data))
        elif opcode == PONG:
            messages.append(Pong(data))
        else:
            self._dead = True
            code = int.from_bytes(data[:2], "big") if len(data) >= 2 else 1005
            messages.append(Close(code, data[2:].decode("utf-8", "replace")))


class _Broken(Exception):  # noqa: N818 - never leaves this file
    """The far end broke the RFC; turned into a `Violation` at the border."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code
        self.why = why


class ClientConnection(_Connection):
    """The side that opens. Send `request()`, then frames with a mask."""

    _expects_mask = False

    def __init__(self, rng: random.Random) -> None:
        super().__init__()
        self._rng = rng
        self._key = base64.b64encode(rng.randbytes(16)).decode()

    def request(self, host: str, path: str, headers: Headers) -> bytes:
        """The opening request; `headers` come before the upgrade's own."""
        upgrade = [
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-key", self._key),
            ("sec-websocket-version", "13"),
        ]
        return _head(f"GET {path} HTTP/1.1", [("host", host), *headers, *upgrade])

    def text(self, data: bytes) -> bytes:
        """A text message as a masked frame."""
        return frame(TEXT, data, mask=self._rng.randbytes(4))

    def control(self, opcode: int, data: bytes) -> bytes:
        """A ping, pong or close as a masked frame."""
        return frame(opcode, data, mask=self._rng.randbytes(4))

    def _shake(self, first: str, headers: dict[str, str], messages: list[Message]) -> bool:
        parts = first.split(" ", 2)
        if len(parts) < 2 or not parts[1].isdigit():
            self._dead = True
            messages.append(Violation(1002, f"not an HTTP response: {first[:60]!r}"))
            return False
        status = int(parts[1])
        if status == 101 and headers.get("sec-websocket-accept") != accept_key(self._key):
            self._dead = True
            messages.append(Violation(1002, "Sec-WebSocket-Accept does not answer our key"))
            return False
        self._open = status == 101
        self._dead = not self._open
        body = b"" if self._open else bytes(self._buffer)
        messages.append(HandshakeDone(status, headers, body))
        return self._open


class ServerConnection(_Connection):
    """The side that is opened. Answer a `HandshakeRequest` with `accept()` or `refuse()`."""

    _expects_mask = True

    def __init__(self) -> None:
        super().__init__()
        self._key = ""

    def accept(self, headers: Headers = ()) -> bytes:
        """The 101 that opens the connection."""
        upgrade = [
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-accept", accept_key(self._key)),
        ]
        return _head("HTTP/1.1 101 Switching Protocols", [*upgrade, *headers])

    def refuse(self, status: int, phrase: str, body: bytes, headers: Headers = ()) -> bytes:
        """An HTTP answer instead of the upgrade."""
        self._dead = True
        length = ("content-length", str(len(body)))
        return _head(f"HTTP/1.1 {status} {phrase}", [*headers, length]) + body

    def text(self, data: bytes) -> bytes:
        """A text message as a frame."""
        return frame(TEXT, data)

    def control(self, opcode: int, data: bytes) -> bytes:
        """A ping, pong or close as a frame."""
        return frame(opcode, data)

    def _shake(self, first: str, headers: dict[str, str], messages: list[Message]) -> bool:
        method, _, rest = first.partition(" ")
        path, _, version = rest.rpartition(" ")
        self._key = headers.get("sec-websocket-key", "")
        upgrade = headers.get("upgrade", "").lower()
        if method != "GET" or version != "HTTP/1.1" or upgrade != "websocket" or not self._key:
            self._dead = True
            messages.append(Violation(1002, f"not a WebSocket request: {first[:60]!r}"))
            return False
        self._open = True
        messages.append(HandshakeRequest(path, headers))
        return True
