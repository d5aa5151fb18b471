"""Delivers status callbacks: each with an exchange of its own, also after the call's end.

Owns their order, their number, and what becomes of failures (they are written down; nothing else
happens). Knows no form's meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from simulator.phone.signature import Form
from simulator.phone.webhook import Fetch, FetchFailed, Outcome, Outgoing

UNDER_WAY_MAX = 100
"""Callbacks waiting for an answer at a time; more are not sent."""

Kind = Literal["call", "stream", "amd"]


@dataclass(frozen=True, slots=True)
class Callback:
    """One callback to deliver; `event` is its name in the trace."""

    kind: Kind
    event: str
    method: str
    url: str
    form: Form
    sequence: int | None = None
    last: bool = False

    @property
    def shown(self) -> Mapping[str, object]:
        """What the trace shows of it."""
        shown: dict[str, object] = {"kind": self.kind, "event": self.event}
        return shown if self.sequence is None else {**shown, "sequence": self.sequence}


class Courier:
    """`delivery` says how faithfully: in order, reordered (pairs swapped) or duplicated."""

    # fidelity: documented twilio.md 2.4 [knob: phone.callbacks] - callbacks may be reordered and
    #   duplicated on the way
    def __init__(
        self, out: Outgoing, delivery: Literal["in_order", "reordered", "duplicated"]
    ) -> None:
        self._out = out
        self._delivery = delivery
        self._under_way: set[int] = set()
        self._asked = 0
        self._held: Callback | None = None

    def deliver(self, callback: Callback) -> None:
        """Send it, or hold it back until the next one has been sent."""
        if callback.kind != "call" or self._delivery == "in_order":
            self._send(callback)
        elif self._delivery == "duplicated":
            self._send(callback)
            self._send(callback)
        elif self._held is None and not callback.last:
            self._held = callback
        else:
            held, self._held = self._held, None
            self._send(callback)
            if held is not None:
                self._send(held)

    def _send(self, callback: Callback) -> None:
        if len(self._under_way) >= UNDER_WAY_MAX:
            text = f"{UNDER_WAY_MAX} callbacks are not answered yet; this one is not sent"
            self._out.trace.record(
                "phone", "callback_failed", code=11200, text=text, **callback.shown
            )
            return
        self._asked += 1
        self._under_way.add(self._asked)
        Fetch(
            self._out,
            callback.method,
            callback.url,
            callback.form,
            self._answered(self._asked, callback),
            kind="callback",
            shown=callback.shown,
        )

    def _answered(self, number: int, callback: Callback) -> Callable[[Outcome], None]:
        def done(outcome: Outcome) -> None:
            self._under_way.discard(number)
            if isinstance(outcome, FetchFailed):
                self._out.trace.record(
                    "phone",
                    "callback_failed",
                    code=outcome.code,
                    text=outcome.text,
                    **callback.shown,
                )

        return done


class Progress:
    """The status callbacks of one leg: which are wanted, and their numbers."""

    def __init__(self, courier: Courier, url: str, method: str, events: tuple[str, ...]) -> None:
        self.url = url
        self.method = method
        self.events = events
        self._courier = courier
        self._sequence = 0

    def tell(self, event: str, form: Callable[[Form], Form], at: str) -> None:
        """`event` happened `at` (a date); `form` makes the form with what is given it."""
        # fidelity: documented twilio.md 2.4 - SequenceNumber from 0, Timestamp, CallbackSource
        # fidelity: inferred twilio.md 2.4 - only events that were asked for are counted
        if not self.url or event not in self.events:
            return
        number, self._sequence = self._sequence, self._sequence + 1
        extra = (
            ("Timestamp", at),
            ("CallbackSource", "call-progress-events"),
            ("SequenceNumber", str(number)),
        )
        self._courier.deliver(
            Callback(
                "call", event, self.method, self.url, form(extra), number, event == "completed"
            )
        )
