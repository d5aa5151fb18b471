"""The call book: how a running call becomes an entry.

Owns which facts the shell adds to the core's record: times of day, numbers, names. What the
webhook knows travels to the stream in call parameters, because another process may answer the
stream. Must not know where entries go.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

import msgspec

from bridge.call_token import PARAMETER as TOKEN
from bridge.core.record import CallRecord
from bridge.records.entry import CallEntry, Direction, cleaned
from bridge.records.numbers import NumberPolicy
from bridge.records.prices import cost_usd

# Twilio's own names begin with a capital, the operator's parameters do not: these cannot collide.
FROM: Final = "From"
TO: Final = "To"
DIRECTION: Final = "Direction"
RANG_AT: Final = "RangAt"
RING_S_MAX: Final = 24 * 3600.0
"""A time of ringing that lies further back is not believed."""


class CallRecords(Protocol):
    """Where entries go."""

    def keep(self, entry: CallEntry) -> None:
        """Take an entry. Never waits, never raises."""


@dataclass(frozen=True)
class CallBook:
    """What all calls of a process write in. Without `records` nothing is written."""

    records: CallRecords | None = None
    wall_clock: Callable[[], float] = lambda: 0.0
    numbers: NumberPolicy = field(default_factory=NumberPolicy)
    model: str = ""
    agent: str = ""

    def parameters(self, form: Mapping[str, str]) -> dict[str, str]:
        """The call parameters that tell the stream whose call it is.

        Args:
            form: the webhook's fields; From, To and Direction are used.
        """
        if self.records is None:
            return {}
        direction = "inbound" if form.get("Direction", "inbound") == "inbound" else "outbound"
        numbers = {name: self.numbers.stored(form.get(name, "")) for name in (FROM, TO)}
        return {
            **{name: number for name, number in numbers.items() if number},
            DIRECTION: direction,
            RANG_AT: f"{self.wall_clock():.3f}",
        }

    def page(self) -> "CallPage":
        """A page for one more call."""
        return CallPage(self)


class CallPage:
    """What the shell notes of one call while it runs. `now` is the shell's monotonic seconds."""

    def __init__(self, book: CallBook) -> None:
        self._book = book
        self._agent, self._model = book.agent, book.model
        self._parameters: Mapping[str, str] | None = None
        self._answered_at = 0.0
        self._answered_now = 0.0

    def answered(self, parameters: Mapping[str, str], now: float) -> None:
        """The stream began and is ours. Only once: a second beginning is the peer's mistake."""
        if self._parameters is not None:
            return
        self._parameters = parameters
        self._answered_now = now
        self._answered_at = self._book.wall_clock()

    def spoken_by(self, agent: str, model: str) -> None:
        """It is another agent than the book's, with a model of its own."""
        self._agent, self._model = agent, model

    def close(self, reason: str, record: CallRecord, now: float) -> None:
        """The call is over. Without a call sid it was nobody's: nothing is written."""
        book = self._book
        if book.records is None or record.call_sid is None:
            return
        given = self._parameters or {}
        details = msgspec.to_builtins(record)
        direction: Direction = "outbound" if given.get(DIRECTION) == "outbound" else "inbound"
        entry = CallEntry(
            call_sid=record.call_sid,
            session_id=record.stream_sid or "",
            direction=direction,
            from_number=given.get(FROM, ""),
            to_number=given.get(TO, ""),
            agent=self._agent,
            model=self._model,
            parameter_names=sorted(name for name in given if name[:1].islower() and name != TOKEN),
            started_at=_utc(self._rang_at(given)),
            answered_at=_utc(self._answered_at),
            ended_at=_utc(book.wall_clock()),
            end_reason=reason,
            duration_ms=round((now - self._answered_now) * 1000),
            caller_audio_ms=record.caller_audio_ms,
            agent_audio_ms=record.agent_audio_ms,
            responses=record.responses,
            response_latencies_ms=details.pop("response_latencies_ms"),
            barge_ins=record.barge_ins,
            truncations=record.truncations,
            tool_calls=record.tool_calls,
            input_tokens=record.tokens.input_total,
            output_tokens=record.tokens.output_total,
            cost_usd=cost_usd(record.tokens, self._model, record.billed_s),
            details=details,
        )
        book.records.keep(cleaned(entry))

    def _rang_at(self, given: Mapping[str, str]) -> float:
        """When it rang, as the webhook noted; the answer's time if that cannot be."""
        try:
            rang_at = float(given.get(RANG_AT, ""))
        except ValueError:
            return self._answered_at
        believed = self._answered_at - RING_S_MAX <= rang_at <= self._answered_at
        return rang_at if believed else self._answered_at


def _utc(seconds: float) -> dt.datetime:
    """Seconds since the epoch as a UTC time, to the millisecond."""
    return dt.datetime.fromtimestamp(round(seconds, 3), dt.UTC)
