"""Phone numbers as call records store them: plain, masked or hashed.

Owns these three forms. Must not know where a number comes from or goes to.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final, Literal

Form = Literal["plain", "masked", "hashed"]

SHOWN_DIGITS: Final = 3
NUMBER_CHARS_MAX: Final = 200
"""A SIP address can be long; a call parameter holds less than 500 characters."""


@dataclass(frozen=True)
class NumberPolicy:
    """How numbers are stored. `key` is needed for hashes: all phone numbers are soon guessed."""

    form: Form = "plain"
    key: bytes = b""

    def stored(self, number: str) -> str:
        """`number` in this form; nothing stays nothing.

        masked: "+15550001234" is "+********234". hashed: HMAC-SHA256, 32 hexadecimal digits, equal
        for equal numbers and keys.
        """
        number = number.strip()[:NUMBER_CHARS_MAX]
        if not number or self.form == "plain":
            return number
        if self.form == "masked":
            return _masked(number)
        return hmac.new(self.key, number.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[
            :32
        ]


def _masked(number: str) -> str:
    """A plus and the last digits stay. An address or a short code has nothing that may be shown."""
    plus, rest = ("+", number[1:]) if number.startswith("+") else ("", number)
    shown = rest[-SHOWN_DIGITS:] if rest.isdigit() and len(rest) > 2 * SHOWN_DIGITS else ""
    return plus + "*" * (len(rest) - len(shown)) + shown
