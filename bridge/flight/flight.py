"""The flight of one call: takes events of both wires in memory and hands them on in pieces.

Owns what is collected and when it is handed over. Never waits and never raises; nothing is encoded
here, so a tap costs an appended tuple. Knows no format and no file.

A stranger's stream gets no record: nothing is handed over before the call has a name, and a name
is given only after the call token was checked. What came before waits, EARLY_MAX events at most.

Full: when the sink has no room, the piece is dropped, and the next one begins with a `gap` note
which says how many events are missing. The end of a call is always taken.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from bridge.core.record import CallRecord
from bridge.flight.anomaly import is_anomaly
from bridge.flight.line import MESSAGE_CHARS_MAX, Entry, LegName, Way
from bridge.settings.flight import Kept

PIECE_EVENTS_MAX: Final = 256
PIECE_BYTES_MAX: Final = 64 * 1024
EVENT_BYTES: Final = 100
"""What an event without audio weighs, about."""
EARLY_MAX: Final = 64


@dataclass(frozen=True)
class Piece:
    """A part of one call's record.

    `call` is the same object in all pieces of a call. `keep`: None = more follows; True or False =
    this was the last one, and the record is kept or not.
    """

    call: "FlightName"
    entries: list[Entry]
    weight: int
    keep: bool | None = None

    @property
    def is_last(self) -> bool:
        """Nothing more comes of this call."""
        return self.keep is not None


@dataclass(frozen=True, eq=False)
class FlightName:
    """Whose record it is. `began_at`: when the stream was accepted, seconds since the epoch."""

    call_sid: str
    began_at: float
    facts: Mapping[str, Any]


class FlightSink(Protocol):
    """Where pieces go."""

    def take(self, piece: Piece) -> bool:
        """Take a piece; False = no room, and it is lost. Never waits, never raises."""


@dataclass(frozen=True)
class Flights:
    """What the flights of all calls share. Without a sink there are none.

    Args:
        sink: where pieces go.
        kept: which calls' records stay.
        facts: what the first line says of the bridge: model, dialect, settings.
        wall_clock: seconds since the epoch; dates a record.
    """

    sink: FlightSink | None = None
    kept: Kept = "never"
    facts: Mapping[str, Any] = field(default_factory=dict)
    wall_clock: Callable[[], float] = lambda: 0.0

    def begin(self, now: float) -> "Flight | None":
        """A flight for one more call; None = this process records none."""
        if self.sink is None or self.kept == "never":
            return None
        always = self.kept == "always"
        return Flight(self.sink, self.facts, now, self.wall_clock(), always=always)


class Flight:
    """One call's events. `now` is the shell's monotonic seconds."""

    def __init__(
        self,
        sink: FlightSink,
        facts: Mapping[str, Any],
        began: float,
        wall_began: float,
        *,
        always: bool,
    ) -> None:
        self._sink = sink
        self._facts = facts
        self._began = began
        self._wall_began = wall_began
        self._always = always
        self._name: FlightName | None = None
        self._entries: list[Entry] = []
        self._weight = 0
        self._lost = 0
        self._over = False

    def name(self, call_sid: str) -> None:
        """The call is known to be ours: what was collected may be written."""
        if self._name is None:
            self._name = FlightName(call_sid, self._wall_began, self._facts)

    def twilio(self, way: Way, message: Any, now: float) -> None:
        """A message of the media stream, received or about to be sent."""
        self._add(now, "twilio", way, message, len(getattr(message, "payload", b"")))

    def realtime(self, way: Way, event: Any, now: float) -> None:
        """A Realtime event: the text received (None = a binary frame), or an event of ours."""
        if isinstance(event, str):
            if len(event) > MESSAGE_CHARS_MAX:
                event = {"type": "oversize", "chars": len(event)}
            self._add(now, "realtime", way, event, len(event))
        elif event is None:
            self._add(now, "realtime", way, {"type": "binary"}, 0)
        else:
            self._add(now, "realtime", way, event, len(getattr(event, "audio", b"")))

    def note(self, leg: LegName, event: str, now: float, /, **fields: Any) -> None:
        """A remark of the bridge's own."""
        self._add(now, leg, "note", {"event": event, **fields}, 0)

    def close(self, reason: str, record: CallRecord, _now: float) -> None:
        """The call is over. Without a name it was nobody's: nothing is written."""
        self._over = True
        if self._name is not None:
            self._hand_over(keep=self._always or is_anomaly(reason, record))
        self._entries = []

    def _add(self, now: float, leg: LegName, way: Way, what: Any, size: int) -> None:
        if self._over:
            return
        self._entries.append((now - self._began, leg, way, what))
        self._weight += EVENT_BYTES + size
        if self._name is None:
            del self._entries[EARLY_MAX:]
        elif len(self._entries) >= PIECE_EVENTS_MAX or self._weight >= PIECE_BYTES_MAX:
            self._hand_over()

    def _hand_over(self, keep: bool | None = None) -> None:
        assert self._name is not None
        entries, weight = self._entries, self._weight
        self._entries, self._weight = [], 0
        if self._lost and entries:
            gap: Entry = (entries[0][0], "call", "note", {"event": "gap", "lost": self._lost})
            entries = [gap, *entries]
        if self._sink.take(Piece(self._name, entries, weight, keep)):
            self._lost = 0
        else:
            self._lost += len(entries) - (1 if self._lost and entries else 0)
            if keep is not None:
                self._sink.take(Piece(self._name, [], 0, keep))
