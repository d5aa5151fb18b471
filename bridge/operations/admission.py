"""Places for calls: who is let in, and until when a place is kept.

Owns the count of calls of one process. A place is reserved when the webhook is answered, taken when
the call's stream begins, and free again when that ends; a reserved place whose stream does not come
is free after a while. Must not know HTTP. `now` is monotonic seconds.

Several processes count for themselves. The stream may reach another one than its webhook did: it
gets a place there if there is one, and the one here is freed by its time.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import Final

_NUMBER: Final = re.compile(r"\+\d{7,15}")
# What Twilio puts in `From` for a caller who withholds the number (support article "Caller ID").
_WITHHELD: Final = frozenset({"+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253"})


class Refusal(StrEnum):
    """Why there is no place."""

    FULL = "full"
    CALLER = "caller"
    """This caller has as many calls as one caller may have."""


@dataclass(slots=True)
class _Place:
    """`streams` 0: reserved, `until` then."""

    caller: str | None
    until: float
    streams: int = 0


class Places:
    """The places of one process.

    Args:
        calls_max: how many there are; 0 = as many as are asked for.
        per_caller_max: how many of them one number may have; 0 = all.
        kept_s: how long a reserved place waits for its stream.
    """

    def __init__(self, calls_max: int = 0, per_caller_max: int = 0, kept_s: float = 30.0) -> None:
        self.calls_max = calls_max
        self._per_caller_max = per_caller_max
        self._kept_s = kept_s
        self._places: dict[str, _Place] = {}

    def reserve(self, call_sid: str, caller: str, now: float) -> Refusal | None:
        """Keep a place for this call; None = it has one. A webhook that is retried has its own.

        `caller` is the number; one that is none, or is withheld, is nobody's and is not counted.
        """
        self._let_go(now)
        place = self._places.get(call_sid)
        if place is not None:
            if not place.streams:
                place.until = now + self._kept_s
            return None
        if self._full:
            return Refusal.FULL
        known = caller if _NUMBER.fullmatch(caller) and caller not in _WITHHELD else None
        if known is not None and 0 < self._per_caller_max <= self._of(known):
            return Refusal.CALLER
        self._places[call_sid] = _Place(known, now + self._kept_s)
        return None

    def take(self, call_sid: str, now: float) -> bool:
        """The stream of this call begins. False: it has no place, and there is none left."""
        self._let_go(now)
        place = self._places.get(call_sid)
        if place is None or place.streams:
            if self._full:
                return False
            place = self._places.setdefault(call_sid, _Place(None, inf))
        place.until = inf
        place.streams += 1
        return True

    def free(self, call_sid: str) -> None:
        """A stream that took a place is over."""
        place = self._places[call_sid]
        place.streams -= 1
        if not place.streams:
            del self._places[call_sid]

    def reserved(self, now: float) -> int:
        """Places that wait for their stream."""
        self._let_go(now)
        return sum(not place.streams for place in self._places.values())

    def full(self, now: float) -> bool:
        """Whether a new caller would be sent away."""
        self._let_go(now)
        return self._full

    @property
    def _full(self) -> bool:
        held = sum(max(1, place.streams) for place in self._places.values())
        return 0 < self.calls_max <= held

    def _of(self, caller: str) -> int:
        return sum(place.caller == caller for place in self._places.values())

    def _let_go(self, now: float) -> None:
        """Free what was reserved for too long."""
        late = [call_sid for call_sid, place in self._places.items() if place.until <= now]
        for call_sid in late:
            del self._places[call_sid]
