"""What happened, in order: one line per event, a digest of the whole, and observers.

Owns the record of a run. Judges nothing. Audio is hashed and shown to observers, never kept, so an
hour of call takes no more memory than a minute. The digest is equal for equal seeds on every
machine, so nothing that reads a wall clock or the operating system's randomness may be recorded.
"""

import hashlib
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

ENCODER = msgspec.msgpack.Encoder()
TAIL_EVENTS = 400
"""Events kept for a failure's last lines; the digest covers all of them."""

ROUTINE = frozenset({"media", "input_audio_buffer.append"})
"""Wire messages that come fifty times a second: hashed and observed, not kept."""


class Event(msgspec.Struct):
    """One thing that happened. `who` and `name` come from the vocabulary in docs/trace.md."""

    at_ms: float
    who: str
    name: str
    data: dict[str, Any]

    def line(self) -> str:
        """The event as one line of fixed columns, audio as its length."""
        fields = " ".join(f"{key}={_short(value)}" for key, value in self.data.items())
        return f"{self.at_ms:>12.3f}  {self.who + '.' + self.name:<28} {fields}".rstrip()


def _short(value: object) -> str:
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    text = str(value)
    return text if len(text) <= 160 else text[:157] + "..."


class Trace:
    """The record of one run. `clock` gives milliseconds since the world began."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._hash = hashlib.sha256()
        self._observers: list[Callable[[Event], None]] = []
        self.tail: deque[Event] = deque(maxlen=TAIL_EVENTS)
        self.count = 0

    def subscribe(self, observer: Callable[[Event], None]) -> None:
        """Call `observer` with every later event, in order."""
        self._observers.append(observer)

    def record(self, who: str, name: str, /, **data: Any) -> None:
        """Write down one event, now. Its values are plain: text, numbers, bytes, lists."""
        event = Event(round(self._clock(), 3), who, name, data)
        self.count += 1
        # MessagePack: the same bytes on every machine, and ten times faster than text.
        self._hash.update(ENCODER.encode((event.at_ms, who, name, data)))
        if name != "played" and (data.get("event") or data.get("type")) not in ROUTINE:
            self.tail.append(event)
        for observer in self._observers:
            observer(event)

    def digest(self) -> str:
        """The SHA-256 of all that was recorded so far, in hexadecimal."""
        return self._hash.hexdigest()
