"""The polite end of a call: goodbye, silence, and only then the line.

Owns the steps from the model's ``end_call`` or ``transfer_call``, or our own decision, until the
line may be released or handed on. Knows nothing of legs and of how that is done.

    SPEAKING   the goodbye is being spoken, or asked for       WATCHDOG, renewed by each sound
    DRAINING   it is complete; the caller hears the rest       DRAIN
    GRACE      the caller has heard it; a decent pause         GRACE
    OVER       the line may be released, or handed on

On the right, the deadline of each step.

The goodbye is whatever the model says from the response on that calls ``end_call``: if that
response has no sound, a goodbye is asked for, and once more if that fails. If nothing was said in
time, what still sounds is played out and the pause is left away. If it is the bridge that hangs up,
the goodbye is always asked for. The caller's voice has no effect meanwhile, unless the goodbye is
interruptible: then it takes the hangup back. Before a transfer there is no pause: somebody else
answers next. If the transfer fails, the hangup is taken back, and the caller is listened to again.
"""

from enum import Enum
from typing import Final

import msgspec

from bridge.core.commands import EndReason, TransferLine
from bridge.core.realtime import ResponseOptions, ServerVad, TurnDetection
from bridge.core.rule import Parts, Rule
from bridge.core.turns import RETRY, Turns

WATCHDOG: Final = "watchdog"
DRAIN: Final = "drain"
GRACE: Final = "grace"

DRAIN_SLACK_S: Final = 5.0
"""How much later than computed the last mark may come back."""

ASKS_MAX: Final = 2
"""A goodbye that fails before it is heard is asked for once more."""


class Step(Enum):
    """What the hangup waits for."""

    SPEAKING = "speaking"
    DRAINING = "draining"
    GRACE = "grace"
    OVER = "over"


class Goodbye(msgspec.Struct, frozen=True):
    """Why the line goes down, what is asked for, and whether the caller may prevent it.

    ``line``: it does not go down, it is handed on; ``destination`` is the name of where to.
    """

    reason: EndReason
    words: ResponseOptions
    interruptible: bool
    line: TransferLine | None = None
    destination: str = ""


class Hangup(Rule):
    """One hangup, from the wish for it to the line's release."""

    def __init__(self, goodbye: Goodbye, parts: Parts, turns: Turns) -> None:
        super().__init__(parts)
        self.step = Step.SPEAKING
        self.goodbye = goodbye
        self._spoken = False
        self._asks = 0
        self._turns = turns

    @property
    def can_be_taken_back(self) -> bool:
        """The caller may prevent it, and a model is there to go on with."""
        open_ = self.step is not Step.OVER and self._outbox.realtime_open
        return self.goodbye.interruptible and open_

    def begin(self, response_id: str | None, now: float) -> None:
        """Hang up. ``response_id``: of the response with which the model does; None: we do."""
        self._spoken = response_id is not None and self._turns.responses.has_spoken(response_id)
        self._turns.close()
        self._turns.responses.unwant()
        self._deadlines.clear(RETRY)
        if not self.goodbye.interruptible:
            self._turns.listening = False
            self._turns.responses.turn_owed = False
            self._outbox.turn_detection(deaf(self._plan.turn_detection))
        self._watch(now)
        self.advance(now)

    def take_back(self) -> None:
        """The caller speaks, and may; or it has come to nothing."""
        self._turns.reopen()
        self._deadlines.clear(WATCHDOG, DRAIN, GRACE)
        if not self._turns.listening:
            self._turns.listening = True
            if self._outbox.realtime_open:
                self._outbox.turn_detection(self._plan.turn_detection)

    def spoke(self, now: float) -> None:
        """Audio of the goodbye is on its way to the caller; some may come behind its end."""
        self._spoken = True
        if self.step is Step.SPEAKING:
            self._watch(now)
        elif self.step is not Step.OVER:
            self._deadlines.clear(GRACE)
            self._drain(now)

    def created(self, response_id: str) -> None:
        """A response began. After the goodbye nothing more is said."""
        rejected = self._turns.responses.interrupted(response_id)
        if self.step is not Step.SPEAKING and not rejected:
            self._turns.responses.reject(response_id)
            self._outbox.cancel(response_id)

    def advance(self, now: float) -> None:
        """Something has happened; go on as far as that allows."""
        if self.step is Step.SPEAKING and self._turns.responses.idle:
            if self._spoken:
                self._drain(now)
            elif self._asks < ASKS_MAX:
                self._asks += 1
                self._watch(now)
                self._turns.ask(self.goodbye.words, now)
        if self.step is Step.DRAINING and self._playback.complete:
            self._pause(now)

    def due(self, deadline: str, now: float) -> None:
        """One of our deadlines has come."""
        if deadline == WATCHDOG:
            self.give_up(now)
        elif deadline == DRAIN:
            self._pause(now)
        else:
            self.step = Step.OVER

    def give_up(self, now: float) -> None:
        """There will be no goodbye, or no more of it: play out what there is."""
        self._turns.stop(now)
        if self.step is Step.SPEAKING:
            self._drain(now)
            self.advance(now)

    def _watch(self, now: float) -> None:
        """The caller may wait so long in silence for the goodbye, or for the rest of it."""
        sounds_s = self._playback.head.remaining_s(now) if self._spoken else 0.0
        self._deadlines.set(WATCHDOG, now + sounds_s + self._plan.end_call_watchdog_s)

    def _drain(self, now: float) -> None:
        self.step = Step.DRAINING
        self._turns.fall_silent(now)
        self._deadlines.clear(WATCHDOG)
        self._deadlines.set(DRAIN, now + self._playback.head.remaining_s(now) + DRAIN_SLACK_S)

    def _pause(self, now: float) -> None:
        self._deadlines.clear(DRAIN)
        if self._spoken and self.goodbye.line is None:
            self.step = Step.GRACE
            self._deadlines.set(GRACE, now + self._plan.end_call_grace_s)
        else:
            self.step = Step.OVER


def deaf(detection: TurnDetection) -> TurnDetection:
    """Return ``detection`` so that the caller's voice is noticed and has no effect."""
    if isinstance(detection, ServerVad):
        return msgspec.structs.replace(
            detection, idle_timeout_ms=None, create_response=False, interrupt_response=False
        )
    return msgspec.structs.replace(detection, create_response=False, interrupt_response=False)
