"""Where Twilio believes we are: PUBLIC_URL, or what the request's headers say.

Owns the reading of Host and X-Forwarded-*. Must not know routes. Nothing here is trusted further
than a URL goes: a wrong host makes a signature fail or a stream connect nowhere.
"""

import re
from ipaddress import IPv6Address
from typing import Final
from urllib.parse import urlsplit

from werkzeug.datastructures import Headers

# Labels as DNS has them: with another, the framework's IDNA cannot route the request.
_LABEL: Final = "[A-Za-z0-9_-]{1,63}"
_HOST: Final = re.compile(
    rf"(?:{_LABEL}(?:\.{_LABEL})*\.?|\[(?P<ipv6>[0-9A-Fa-f:.]+)\])(?::(?P<port>[0-9]{{1,5}}))?"
)
_PORT_MAX: Final = 65_535
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def origins(public_url: str | None, headers: Headers) -> list[str]:
    """The http(s) origins this request may have been meant for, the likeliest first.

    Without PUBLIC_URL the scheme is a guess (a proxy that ends TLS need not say so), and both are
    given; with a host that is none, nothing. Whatever is given is a URL that can be taken apart.
    """
    if public_url is not None:
        return [public_url]
    host = _first(headers, "X-Forwarded-Host") or headers.get("Host", "")
    if not is_host(host):
        return []
    guess = _first(headers, "X-Forwarded-Proto").lower()
    if guess not in ("http", "https"):
        guess = "http" if urlsplit(f"//{host}").hostname in _LOOPBACK else "https"
    other = "http" if guess == "https" else "https"
    return [f"{guess}://{host}", f"{other}://{host}"]


def is_host(text: str) -> bool:
    """Whether this is a host of a URL, with a port or without. Total: a stranger chose it."""
    found = _HOST.fullmatch(text)
    if found is None or not 1 <= int(found["port"] or 1) <= _PORT_MAX:
        return False
    try:
        return found["ipv6"] is None or bool(IPv6Address(found["ipv6"]))
    except ValueError:
        return False


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
