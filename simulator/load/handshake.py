"""The HTTP half of both WebSockets, and a form to sign for the webhook.

Owns the bytes of upgrades. Knows no call's course.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from typing import Final

from simulator.websocket import accept_key

HEAD_BYTES_MAX: Final = 64 * 1024
_END: Final = b"\r\n\r\n"


class Head:
    """Collects bytes until an HTTP head is whole."""

    def __init__(self) -> None:
        self._data = b""

    def feed(self, data: bytes) -> tuple[str, dict[str, str], bytes] | None:
        """First line, headers (names in lower case) and what follows; None = not whole yet.

        Raises:
            ValueError: it is too long to be one.
        """
        self._data += data
        end = self._data.find(_END)
        if end < 0:
            if len(self._data) > HEAD_BYTES_MAX:
                raise ValueError("no end of headers")
            return None
        first, *lines = self._data[:end].decode("latin-1").split("\r\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        return first, headers, self._data[end + len(_END) :]


def _head(first: str, headers: Mapping[str, str]) -> bytes:
    lines = [first, *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


class Upgrade:
    """A client's upgrade request and the judgement of its answer."""

    def __init__(self) -> None:
        self._key = base64.b64encode(os.urandom(16)).decode()

    def request(self, host: str, path: str, headers: Mapping[str, str]) -> bytes:
        """As Twilio was seen to send it (twilio.md 1.1)."""
        upgrade = {
            "connection": "Upgrade",
            "upgrade": "websocket",
            "sec-websocket-key": self._key,
            "sec-websocket-version": "13",
        }
        return _head(f"GET {path} HTTP/1.1", {"host": host, **headers, **upgrade})

    def refusal(self, first: str, headers: Mapping[str, str]) -> str | None:
        """Why the connection is not open; None if it is."""
        words = first.split(" ", 2)
        if len(words) < 2 or words[1] != "101":
            return words[1] if len(words) > 1 and words[1].isdigit() else "no_http"
        if headers.get("sec-websocket-accept") != accept_key(self._key):
            return "wrong_accept"
        return None


def accept(first: str, headers: Mapping[str, str]) -> bytes | None:
    """The 101 for a client's upgrade; None if it is none."""
    key = headers.get("sec-websocket-key", "")
    if not first.startswith("GET ") or headers.get("upgrade", "").lower() != "websocket" or not key:
        return None
    answer = {
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec-websocket-accept": accept_key(key),
    }
    return _head("HTTP/1.1 101 Switching Protocols", answer)
