"""A REST request as it comes in: its form, its credentials, and the shape of its answer.

Owns decoding. Knows no route and no transport.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from urllib.parse import parse_qs

from simulator.account.parameters import Fields

Auth = tuple[str, str] | None
"""Name and password of basic authentication, if any came."""
Answer = tuple[int, dict[str, str], bytes]
"""Status, headers, body. Status 0, which no server sends: no answer ever comes."""
Reply = Callable[[Answer], None]
Ask = Callable[[str, str, Fields, Auth, Reply], None]
"""`ask(method, url, form, auth, reply)`: `reply` is called once, perhaps later, perhaps never."""

LOST: Answer = (0, {}, b"")
FIELDS_MAX = 500


def form_of(body: bytes) -> Fields:
    """A form-encoded body, decoded; blank values are kept.

    Raises:
        ValueError: it is no text, or has too many fields.
    """
    return parse_qs(body.decode(), keep_blank_values=True, max_num_fields=FIELDS_MAX)


def basic_auth(header: str) -> Auth:
    """The credentials of an `Authorization` header; None unless it is well-formed and basic."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return name, password
