"""The call token: proof that a media stream belongs to a webhook we answered.

Owns its format: the CallSid, a time, a signature, in one spelling, so that whoever remembers used
tokens may compare their texts. Must not know who carries it. The clock is an argument, in seconds
since the epoch.
"""

import hashlib
import hmac
from collections.abc import Callable

from itsdangerous import BadSignature, TimestampSigner, want_bytes

PARAMETER = "token"
SALT = "callbridge.media-stream"


class _ClockedSigner(TimestampSigner):
    """itsdangerous' signer, told the time instead of asking for it, and strict in its spelling."""

    def __init__(self, secret: bytes, clock: Callable[[], float]) -> None:
        super().__init__(secret, salt=SALT, digest_method=hashlib.sha256)
        self._clock = clock

    def get_timestamp(self) -> int:
        return int(self._clock())

    def verify_signature(self, value: str | bytes, sig: str | bytes) -> bool:
        """Whether the signature is, letter for letter, the one we would write."""
        # Compared as text: decoded, one signature has many spellings (padding, letters that are
        # none, spare bits), and each would pass for a token that nobody has used yet.
        return hmac.compare_digest(want_bytes(sig), self.get_signature(value))


class CallTokens:
    """Issues and checks call tokens.

    Args:
        secret: signs them; equal in all processes that serve one number.
        valid_s: seconds from webhook to stream, greeting and pause included.
        clock: the wall clock.
    """

    def __init__(self, secret: bytes, valid_s: int, clock: Callable[[], float]) -> None:
        self._signer = _ClockedSigner(secret, clock)
        self._valid_s = valid_s
        self._clock = clock
        self._used: dict[str, float] = {}

    def issue(self, call_sid: str) -> str:
        """A token for this call, valid from now on."""
        return self._signer.sign(call_sid).decode()

    def use(self, token: str, call_sid: str) -> bool:
        """Whether the token is valid, and was not used before in this process."""
        now = self._clock()
        self._used = {used: until for used, until in self._used.items() if until >= now}
        if token in self._used or not self.is_valid(token, call_sid):
            return False
        self._used[token] = now + self._valid_s + 1
        return True

    def is_valid(self, token: str, call_sid: str) -> bool:
        """Whether the token is ours, of this call, and not too old. Total: a stranger chose it."""
        try:
            # "replace": a lone surrogate in a stranger's JSON must be a refusal, not a crash.
            signed = self._signer.unsign(token.encode("utf-8", "replace"), max_age=self._valid_s)
        except BadSignature:
            return False
        return hmac.compare_digest(signed, call_sid.encode("utf-8", "replace"))


def derived_secret(*keys: str) -> bytes:
    """A signing secret that all processes with the same keys derive alike, and that hides them."""
    return hmac.new("\n".join(keys).encode(), SALT.encode(), hashlib.sha256).digest()
