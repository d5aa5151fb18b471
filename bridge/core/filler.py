"""A word of patience while a tool runs: the caller never hears nothing for too long.

Owns when it is due. Knows no tool and not what quiet is: `conversation` says whether tools run and
nobody speaks or owes the other an answer.

Silence counts at the caller's ear: from the end of what was sent, as the playhead reckons, or from
the caller's own last word, which lies before the event that tells of it by the turn detection's
silence and one round trip. As the word takes its time to come, too, it is asked for early: by the
slowest of the latest answers, and a margin. A tool that answers meanwhile is told of behind it, so
the silence stays below the threshold in either case.
"""

from math import inf
from typing import Final

from bridge.core import tools
from bridge.core.realtime import ServerVad
from bridge.core.rule import Parts, Rule
from bridge.core.turns import Turns

FILLER: Final = "filler"
"""Deadline: it is time for a word of patience."""

MARGIN_S: Final = 0.5
"""For a word slower than the latest answers, and for the way to the model and back, which is not
measured: the caller fell silent that much earlier."""


class Filler(Rule):
    """The words of patience of one call."""

    def __init__(self, parts: Parts, turns: Turns) -> None:
        super().__init__(parts)
        self._turns = turns
        self._silent_since = parts.record.began
        self._asked_at = -inf

    def caller_stopped(self, now: float) -> None:
        """The turn detection says the caller has stopped: that was a while ago."""
        detection = self._plan.turn_detection
        waited_ms = detection.silence_duration_ms if isinstance(detection, ServerVad) else 0
        self._silent_since = now - waited_ms / 1000 - self._playback.head.round_trip_s

    def advance(self, needed: bool, now: float) -> None:
        """Something has happened. ``needed``: a tool runs, and nobody else has to say anything."""
        sounds_s = self._playback.head.remaining_s(now)
        if sounds_s:
            self._silent_since = now + sounds_s
        elif self._turns.caller_speaking:
            self._silent_since = now
        if not (needed and self._plan.tool_filler_s):
            self._deadlines.clear(FILLER)
            return
        early_s = self._turns.first_sound.expected_s + MARGIN_S
        at = self._silent_since + max(0.0, self._plan.tool_filler_s - early_s)
        self._deadlines.set(FILLER, max(now, at, self._asked_at + self._plan.tool_filler_s))

    def due(self, now: float) -> None:
        """`FILLER` is due: ask for a word."""
        if self._playback.audible(now):
            return  # what sounds was held up on its way: `advance` reckons anew
        self._asked_at = now  # a model that has no word is not asked again and again
        self._record.fillers += 1
        self._outbox.note("filler")
        self._turns.ask(tools.filler(self._plan.tool_filler_text), now)
