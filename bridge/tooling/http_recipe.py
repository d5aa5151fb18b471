"""How a request is made of a tool's arguments: the URL, its placeholders, the query, the body.

Owns what becomes of each argument, and that none of them can change more than its own place. Must
not know connections or headers.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args
from urllib.parse import quote, urlencode, urlsplit

from bridge.errors import BridgeError

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
METHODS: Final[tuple[str, ...]] = get_args(Method)
SAFE: Final = frozenset({"GET"})
"""Methods that may be repeated, because they change nothing (RFC 9110, 9.2.1)."""
BODILESS: Final = frozenset({"GET", "DELETE"})
"""Arguments of these go into the query."""
TARGET_CHARS_MAX: Final = 4096

_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_HOST: Final = re.compile(
    r"(?=.{1,253}$)(?:(?:[0-9A-Za-z_-]{1,63}\.)*[0-9A-Za-z_-]{1,63}\.?|[0-9A-Fa-f:.]+:[0-9A-Fa-f:.]*)"
)
_TARGET: Final = re.compile(r"[!-~]*")


class WrongUrl(BridgeError):  # noqa: N818 - the base is the error
    """This is no URL for a tool."""


class UnusableArgument(BridgeError):  # noqa: N818 - the base is the error
    """An argument cannot stand in the URL. The message is for the model."""


@dataclass(frozen=True)
class Place:
    """Where a tool's endpoint is. `path` and `query` may have placeholders."""

    tls: bool
    host: str
    port: int
    path: str
    query: str

    @property
    def authority(self) -> str:
        """As the Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = 443 if self.tls else 80
        return host if self.port == usual else f"{host}:{self.port}"

    @property
    def placeholders(self) -> tuple[str, ...]:
        """The names of arguments in path and query."""
        return tuple(_PLACEHOLDER.findall(f"{self.path}?{self.query}"))


def place_of(url: str) -> Place:
    """The place that a URL names.

    Raises:
        WrongUrl: it names none.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise WrongUrl("this is no URL") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise WrongUrl("a URL begins with https:// and a host")
    if parts.username is not None or parts.password is not None:
        raise WrongUrl("a password does not stand in a URL; put it into a header")
    if parts.fragment or not _HOST.fullmatch(parts.hostname):
        raise WrongUrl("a URL is https://host/path, placeholders only behind the host")
    path, query = parts.path or "/", parts.query
    if not _TARGET.fullmatch(path + query):
        raise WrongUrl("a URL has no spaces and no letters outside of ASCII")
    if re.search(r"[{}]", _PLACEHOLDER.sub("", path + query)):
        raise WrongUrl("a brace alone; {name} is the place of an argument")
    tls = parts.scheme == "https"
    return Place(tls, parts.hostname, port or (443 if tls else 80), path, query)


def filled(place: Place, method: Method, arguments: Mapping[str, Any]) -> tuple[str, bytes]:
    """Path and query with the arguments in their places, and the body of the others.

    Raises:
        UnusableArgument: one of them cannot stand in its place.
    """
    used = set(place.placeholders)
    others = {name: value for name, value in arguments.items() if name not in used}
    path = _PLACEHOLDER.sub(lambda found: _segment(found[1], arguments), place.path)
    query = _PLACEHOLDER.sub(lambda found: quote(_text(arguments[found[1]]), safe=""), place.query)
    body = b""
    if method not in BODILESS:
        body = json.dumps(others, separators=(",", ":")).encode()
    elif others:
        pairs = [
            (name, _text(item))
            for name, value in others.items()
            for item in (value if isinstance(value, list) else [value])
        ]
        query = "&".join(part for part in (query, urlencode(pairs, quote_via=quote)) if part)
    target = f"{path}?{query}" if query else path
    if len(target) > TARGET_CHARS_MAX:
        raise UnusableArgument("the arguments are too long for a URL")
    return target, body


def _segment(name: str, arguments: Mapping[str, Any]) -> str:
    """An argument as a part of the path. It cannot climb out of it, however a server decodes it."""
    text = _text(arguments[name])
    if not text or any(step in (".", "..") for step in re.split(r"[/\\]", text)):
        raise UnusableArgument(f"`{name}`: cannot be {json.dumps(text)}")
    return quote(text, safe="")


def _text(value: Any) -> str:
    """A value as it stands in a URL: words as they are, anything else as JSON."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return json.dumps(value)
