"""Where Twilio believes we are: PUBLIC_URL, or what the request's headers say.

Owns the reading of Host and X-Forwarded-*. Must not know routes. Nothing here is trusted further
than a URL goes: a wrong host makes a signature fail or a stream connect nowhere.
"""

import re
from typing import Final
from urllib.parse import urlsplit

from werkzeug.datastructures import Headers

_HOST: Final = re.compile(r"[A-Za-z0-9._-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def origins(public_url: str | None, headers: Headers) -> list[str]:
    """The http(s) origins this request may have been meant for, the likeliest first.

    Without PUBLIC_URL the scheme is a guess (a proxy that ends TLS need not say so), and both are
    given; with a Host that is none, nothing.
    """
    if public_url is not None:
        return [public_url]
    host = _first(headers, "X-Forwarded-Host") or headers.get("Host", "")
    if not _HOST.fullmatch(host):
        return []
    guess = _first(headers, "X-Forwarded-Proto").lower()
    if guess not in ("http", "https"):
        guess = "http" if urlsplit(f"//{host}").hostname in _LOOPBACK else "https"
    other = "http" if guess == "https" else "https"
    return [f"{guess}://{host}", f"{other}://{host}"]


def stream_origin(origin: str, *, chosen: bool) -> str:
    """The WebSocket origin for a media stream. Twilio insists on wss.

    Args:
        origin: the http(s) origin.
        chosen: an operator wrote it; then `http` is what is wanted, for trials on one machine.
    """
    parts = urlsplit(origin)
    plain = parts.scheme == "http" and (chosen or parts.hostname in _LOOPBACK)
    return parts._replace(scheme="ws" if plain else "wss").geturl()


def as_websocket(origin: str) -> str:
    """The same origin with the WebSocket scheme: http → ws, https → wss."""
    return "ws" + origin.removeprefix("http")


def _first(headers: Headers, name: str) -> str:
    """The first of a list of values: the proxy nearest to Twilio wrote it."""
    return headers.get(name, "").split(",")[0].strip()
