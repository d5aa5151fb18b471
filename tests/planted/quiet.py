"""Field bugs of keys, of silent callers and of the end of a call's time.

Each function plants the bug it is named for in the bridge, for as long as `patch` lasts; its
docstring says how a bridge comes by it.
"""

from pytest import MonkeyPatch  # noqa: PT013 - a type, on every second line

from bridge.core import keypad, limit
from bridge.core.call import Call
from bridge.core.conversation import Conversation
from bridge.core.hangup import Hangup
from bridge.core.idle import IDLE, Idle
from bridge.core.turns import Turns


# -- keys -----------------------------------------------------------------------------------------
def key_stops_only_the_sound(patch: MonkeyPatch) -> None:
    """The server cancels on a voice by itself; that it does not hear keys was forgotten."""
    patch.setattr(Turns, "interrupt", lambda self, now: self._break_off(now))


def keys_do_not_interrupt(patch: MonkeyPatch) -> None:
    """The menu is heard to its end, whatever is pressed."""
    patch.setattr(Conversation, "_interrupt", lambda self, now: None)


def keys_without_bound(patch: MonkeyPatch) -> None:
    """Keys are collected until a pause comes; a stuck key never makes one."""
    patch.setattr(keypad, "KEYS_MAX", 1_000_000)


# -- a caller who says nothing --------------------------------------------------------------------
def silence_from_the_generation(patch: MonkeyPatch) -> None:
    """A reply counts as heard when it has been made: whoever listens to it is idle."""

    def planted(self: Idle, at_rest: bool, now: float) -> None:
        if not (at_rest and self._plan.idle_nudge_s):
            self._deadlines.clear(IDLE)
        elif IDLE not in self._deadlines:
            self._deadlines.set(IDLE, now + self._plan.idle_nudge_s)

    patch.setattr(Idle, "advance", planted)


def nudges_are_never_forgotten(patch: MonkeyPatch) -> None:
    """Nudges are counted over the whole call: the third thoughtful pause ends it."""
    patch.setattr(Idle, "somebody_is_there", lambda self: None)


def waiting_for_the_model_is_idleness(patch: MonkeyPatch) -> None:
    """Silence is silence: a caller who waits for an answer is asked whether they are there."""
    patch.setattr(
        Conversation,
        "_at_rest",
        property(lambda self: self._hangup is None and not self._turns.caller_speaking),
    )


def goodbye_to_somebody_who_speaks(patch: MonkeyPatch) -> None:
    """The goodbye into silence goes on when the caller answers it."""
    patch.setattr(Hangup, "can_be_taken_back", property(lambda self: False))


# -- the end of the time --------------------------------------------------------------------------
def cut_off_at_the_limit(patch: MonkeyPatch) -> None:
    """The limit closes the line in the middle of a word."""
    patch.setattr(Call, "_time_is_up", lambda self, reason, now: self._end(reason, now))


def warning_into_the_turn(patch: MonkeyPatch) -> None:
    """Nobody speaks for an instant between a turn's end and its answer: said there, it collides."""
    patch.setattr(limit, "QUIET_S", 0.0)


def limit_waits_for_ever(patch: MonkeyPatch) -> None:
    """A quiet moment is waited for, and whoever reads on is cut off in the end, without goodbye."""
    patch.setattr(limit, "PATIENCE_PART", 2.0)
