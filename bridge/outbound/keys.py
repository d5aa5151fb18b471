"""Idempotency keys: the same request, sent twice, rings once.

Owns what is kept of a request and of its outcome, for as long as KEEP_S, and the answers to a
repeated one. A key is claimed before Twilio is asked. Must not know Twilio or HTTP.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from bridge.errors import BridgeError
from bridge.outbound.problems import Refusal, may_have_rung, wrong_field

KEEP_S: Final = 24 * 3600.0
KEY_CHARS_MAX: Final = 255
KEYS_MAX: Final = 100_000
"""Bound of the keys a process keeps by itself; while it is full, requests with new ones wait."""
HEADER: Final = "Idempotency-Key"

State = Literal["asked", "placed", "unsure"]


class KeysUnavailable(BridgeError):  # noqa: N818 - the base is the error
    """Keys cannot be looked up or kept now."""


@dataclass(frozen=True)
class KeyedRequest:
    """A request with its key. Both are hashes: neither numbers nor parameters are stored.

    `digest` cannot be guessed back from the database, because its key, the client's, is not there.
    """

    key: str
    digest: str

    @classmethod
    def of(cls, key: str, owner: str, request: str) -> "KeyedRequest":
        """The request of an API token's owner; `request` is its content, in one way of writing."""
        name = hashlib.sha256(f"{owner}\n{key}".encode("utf-8", "replace")).hexdigest()
        content = hmac.new(key.encode("utf-8", "replace"), request.encode(), hashlib.sha256)
        return cls(name, content.hexdigest())


@dataclass(frozen=True)
class Kept:
    """What became of a request. `call_sid` and `status` are there once it is `placed`."""

    digest: str
    state: State = "asked"
    call_sid: str = ""
    status: str = ""


class CallKeys(Protocol):
    """Where keys are kept. Each method raises KeysUnavailable when it cannot."""

    async def claim(self, request: KeyedRequest) -> Kept | None:
        """Claim the key; None = it is ours now, else what somebody keeps under it."""

    async def settle(self, key: str, kept: Kept) -> None:
        """Keep the outcome under a key that is ours."""

    async def release(self, key: str) -> None:
        """Forget a key that is ours: nothing rang, the request may come again."""


class ProcessKeys:
    """Keys in the memory of this process: other processes, and the next one, know none of them."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[float, Kept]] = {}

    async def claim(self, request: KeyedRequest) -> Kept | None:
        """Claim the key; there is no pause between looking and taking."""
        now = self._clock()
        self._forget(now)
        found = self._kept.get(request.key)
        if found is not None:
            return found[1]
        if len(self._kept) >= KEYS_MAX:
            raise KeysUnavailable(f"{KEYS_MAX} Idempotency-Keys are kept already")
        self._kept[request.key] = (now, Kept(request.digest))
        return None

    async def settle(self, key: str, kept: Kept) -> None:
        """Keep the outcome."""
        began, _ = self._kept[key]
        self._kept[key] = (began, kept)

    async def release(self, key: str) -> None:
        """Forget the key."""
        self._kept.pop(key, None)

    def _forget(self, now: float) -> None:
        """Drop the oldest: a dict keeps the order in which keys came."""
        while self._kept:
            key, (began, _) = next(iter(self._kept.items()))
            if began > now - KEEP_S:
                return
            del self._kept[key]


def checked_key(key: str) -> str:
    """The client's key, if it can be one: 1 to 255 printable ASCII characters.

    Raises:
        Refusal: 422.
    """
    if not 0 < len(key) <= KEY_CHARS_MAX or not key.isascii() or not key.isprintable():
        raise wrong_field(HEADER, f"must be 1 to {KEY_CHARS_MAX} printable ASCII characters")
    return key


def repeated(request: KeyedRequest, kept: Kept) -> Kept:
    """The outcome to be told once more.

    Raises:
        Refusal: 422, the key was another request's; 409, not known (yet); 502, nobody knows.
    """
    if not hmac.compare_digest(request.digest, kept.digest):
        raise wrong_field(HEADER, "was used for another request; take a new one for a new call")
    if kept.state == "unsure":
        raise may_have_rung()
    if kept.state == "asked":
        raise Refusal(
            409,
            "a request with this Idempotency-Key is under way, or was cut short: it may have rung, "
            "and is not made again. If this stays so, look at GET /calls",
            retry_after_s=1,
        )
    return kept
