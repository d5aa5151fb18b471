"""The others whom `<Dial>` rings: who answers, how long they talk, what the bridge is told of it.

Owns the legs of one `<Dial>`. What they say to each other is nobody's business.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from simulator.phone.courier import Courier, Progress
from simulator.phone.dates import rfc2822
from simulator.phone.identity import Identity, draw_sid
from simulator.phone.signature import Form
from simulator.phone.verbs.verb import Callee, DialRequest, DialResult
from simulator.scenario.format import PhoneSetup
from simulator.timeline import Timeline, Timer
from simulator.trace import Trace

ROOMS = frozenset({"Conference", "Queue"})
"""Nouns that ring nobody: the caller is in at once."""
STATUS = {"busy": "busy", "failed": "failed", "no_answer": "no-answer"}


@dataclass(slots=True)
class _Leg:
    """One who is rung; `sid` "" = a room."""

    callee: Callee
    sid: str
    progress: Progress
    status: str = "ringing"
    answered_ms: float | None = None
    timers: list[Timer] = field(default_factory=list)


class Legs:
    """Rings all at once; `bridged` when one answers, `done` when it is over, unless stopped."""

    # fidelity: documented twilio.md 3 - all ring at once, the first who answers is connected
    # fidelity: inferred twilio.md 3 [knob: phone.dial] - whether those who are dialled answer
    def __init__(
        self,
        request: DialRequest,
        *,
        setup: PhoneSetup,
        identity: Identity,
        timeline: Timeline,
        trace: Trace,
        rng: random.Random,
        courier: Courier,
        bridged: Callable[[], None],
        done: Callable[[DialResult], None],
    ) -> None:
        self._request = request
        self._setup = setup
        self._identity = identity
        self._timeline = timeline
        self._trace = trace
        self._bridged = bridged
        self._done = done
        self._over = False
        self._legs = [
            _Leg(
                callee,
                "" if callee.kind in ROOMS else draw_sid("CA", rng),
                Progress(
                    courier,
                    callee.status_callback,
                    callee.status_callback_method,
                    callee.status_callback_events,
                ),
            )
            for callee in request.callees
        ]

    def ring(self) -> None:
        """Begin; nothing is over before this returns."""
        for index, leg in enumerate(self._legs):
            if not leg.sid:
                leg.timers = [self._timeline.after(0.0, partial(self._answer, leg))]
                continue
            for event in ("initiated", "ringing"):
                self._tell(leg, event, event)
            outcomes = self._setup.dial
            outcome = outcomes[min(index, len(outcomes) - 1)]
            rings_ms, patience_ms = self._setup.dial_rings_ms, self._request.timeout_s * 1000.0
            if outcome == "no_answer" or rings_ms > patience_ms:
                then = partial(self._unanswered, leg, "no-answer")
                leg.timers = [self._timeline.after(patience_ms, then)]
            elif outcome == "answer":
                leg.timers = [self._timeline.after(rings_ms, partial(self._answer, leg))]
            else:
                then = partial(self._unanswered, leg, STATUS[outcome])
                leg.timers = [self._timeline.after(rings_ms, then)]

    def stop(self) -> None:
        """The caller is gone, or goes elsewhere."""
        if not self._over:
            self._over = True
            self._release()

    def hang_up(self) -> None:
        """The caller ends the talk, and stays on the line."""
        talking = [leg for leg in self._legs if leg.answered_ms is not None]
        if talking:
            self._finish(talking[0])

    # -- inside ---------------------------------------------------------------------------

    def _answer(self, leg: _Leg) -> None:
        leg.status = "in-progress"
        leg.answered_ms = self._timeline.now_ms
        for other in self._legs:
            if other is not leg:
                self._end(other, "canceled")
        self._tell(leg, "answered", "in-progress")
        self._bridged()
        lasts_ms = self._request.time_limit_s * 1000.0
        if self._setup.dial_lasts_ms is not None:
            lasts_ms = min(lasts_ms, self._setup.dial_lasts_ms)
        leg.timers = [self._timeline.after(lasts_ms, partial(self._finish, leg))]

    def _unanswered(self, leg: _Leg, status: str) -> None:
        self._end(leg, status)
        if not self._over and all(one.status != "ringing" for one in self._legs):
            self._over = True
            # fidelity: inferred twilio.md 3 - of several who do not answer, the last one counts
            self._done(DialResult(status, leg.sid, 0, bridged=False))

    def _finish(self, leg: _Leg) -> None:
        if self._over:
            return
        self._over = True
        seconds = self._seconds(leg)
        # fidelity: inferred twilio.md 3 - `answered` after a conference, `completed` otherwise
        status = "answered" if leg.callee.kind == "Conference" else "completed"
        self._release()
        self._done(DialResult(status, leg.sid, seconds, bridged=True))

    def _release(self) -> None:
        for leg in self._legs:
            self._end(leg, "canceled" if leg.answered_ms is None else "completed")

    def _end(self, leg: _Leg, status: str) -> None:
        if leg.status not in ("ringing", "in-progress"):
            return
        for timer in leg.timers:
            timer.cancel()
        leg.status = status
        seconds = self._seconds(leg)
        minutes = -(-seconds // 60)
        extra = (("Duration", str(minutes)), ("CallDuration", str(seconds)))
        self._tell(leg, "completed", status, extra)

    def _seconds(self, leg: _Leg) -> int:
        if leg.answered_ms is None:
            return 0
        return round((self._timeline.now_ms - leg.answered_ms) / 1000)

    def _tell(self, leg: _Leg, event: str, status: str, extra: Form = ()) -> None:
        self._trace.record("phone", "leg", kind=leg.callee.kind, event=event, status=status)
        if not leg.sid:
            return
        from_ = self._request.caller_id or self._identity.order.from_

        def form(more: Form) -> Form:
            return self._identity.leg_form(leg.sid, leg.callee.to, from_, status, extra + more)

        leg.progress.tell(event, form, rfc2822(self._timeline.date))
