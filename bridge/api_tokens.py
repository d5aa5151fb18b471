"""API tokens: who may have calls made, or may see them.

Owns their form, their hashes and the comparison. Must not know HTTP routes or settings. A token is
256 random bits, so a plain SHA-256 of it cannot be guessed back; only hashes are stored.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from typing import Final

TOKEN_PREFIX: Final = "cb_"  # noqa: S105 - what all tokens begin with
HASH_PREFIX: Final = "sha256$"
OWNER_CHARS: Final = 12
TOKEN_CHARS_MAX: Final = 200

_HASH: Final = re.compile(r"sha256\$[0-9a-f]{64}")
_BEARER: Final = re.compile(r"[Bb]earer +(\S+) *")


def new_token() -> str:
    """A new token, to be shown once."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def hash_of(token: str) -> str:
    """The form in which a token is stored: sha256$ and 64 hexadecimal digits."""
    return HASH_PREFIX + hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def is_hash(text: str) -> bool:
    """Whether `text` has that form."""
    return _HASH.fullmatch(text) is not None


class ApiTokens:
    """The tokens of a process; without any, nobody is let in."""

    def __init__(self, hashes: Iterable[str]) -> None:
        self._hashes = tuple(dict.fromkeys(hashes))

    def owner(self, authorization: str) -> str | None:
        """Who shows this Authorization header: a name that says nothing of the token, or None.

        Every stored hash is compared, in constant time.
        """
        shown = _BEARER.fullmatch(authorization)
        if shown is None or len(shown[1]) > TOKEN_CHARS_MAX:
            return None
        given = hash_of(shown[1])
        found = [stored for stored in self._hashes if hmac.compare_digest(stored, given)]
        return found[0].removeprefix(HASH_PREFIX)[:OWNER_CHARS] if found else None
