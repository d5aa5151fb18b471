"""What the caller hears of the agent: when it is audible, its turns, and moments to wait for.

Owns the ground truth of the agent's voice. Positions come from the stream's `Playout`; this adds
which of the bytes are loud. Knows neither messages nor marks.

An *interval* is audible sound with gaps below 60 ms. A *turn* is intervals with gaps below one
second; a caller who finishes speaking in such a gap ends the turn as well: what follows answers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from simulator.playout import BYTES_PER_MS, Playout
from simulator.sound import FRAME_BYTES, loud
from simulator.timeline import Timeline, Timer
from simulator.trace import Trace

INTERVAL_GAP_MS = 60.0
TURN_GAP_MS = 1_000.0
SILENCE_MS = 200.0
"""Quiet for so long, with nothing buffered, the agent is silent to a waiting caller."""

_LATE_MS = 1e-4
"""A timer may come this much early by rounding."""

Do = Callable[[], None]


@dataclass(slots=True)
class _Heard:
    """Waits until `ms` of a turn were heard. Such a moment before `armed_ms` does not count."""

    ms: float
    armed_ms: float
    do: Do


@dataclass(slots=True)
class _Silent:
    """Waits until the agent, `heard` since this began, is silent."""

    heard: bool
    do: Do


class Ear:
    """The caller's ear, for the whole call; `listen` gives it the buffer of each stream."""

    def __init__(self, timeline: Timeline, trace: Trace) -> None:
        self.turn = 0
        self.last_audible_ms = -inf
        self._timeline = timeline
        self._trace = trace
        self._playout = Playout()
        self._spans: deque[list[int]] = deque()  # loud bytes not heard to their end, by position
        self._in_span = False
        self._interval_from_ms: float | None = None
        self._turn_open = False
        self._turn_first = 0  # position of the turn's first audible byte
        self._caller_answered = False
        self._timer: Timer | None = None
        self._timer_ms = inf
        self._on_audible: list[Do] = []
        self._on_silent: list[_Silent] = []
        self._on_heard: list[_Heard] = []
        self._on_turn: list[tuple[int, Do]] = []

    @property
    def speaking(self) -> bool:
        """The agent is audible, or will be as soon as its buffer plays on."""
        return self._in_span or bool(self._spans) or self._within(INTERVAL_GAP_MS)

    def listen(self, playout: Playout) -> None:
        """A new stream: what is heard from now on comes out of `playout`."""
        self._end_interval()
        self._end_turn()
        self._playout = playout
        self._spans.clear()

    # -- told by the stream ----------------------------------------------------------

    def catch_up(self) -> None:
        """Notice everything until now; must run before the buffer changes."""
        self._notice(self._timeline.now_ms + _LATE_MS)

    def queued(self, audio: bytes, position: int) -> None:
        """`audio` was appended to the buffer and begins at `position`."""
        for at in range(0, len(audio), FRAME_BYTES):
            frame = audio[at : at + FRAME_BYTES]
            if loud(frame):
                self._add_span(position + at, position + at + len(frame))
        self.catch_up()
        self._plan()

    def cut(self) -> None:
        """The buffer was cleared: nothing beyond its present position will be heard."""
        now_ms = self._timeline.now_ms
        self._spans.clear()
        if self._in_span:
            self._in_span = False
            self.last_audible_ms = now_ms
        self._plan()

    def caller_answered(self) -> None:
        """The caller finished speaking: what the agent says after a pause is a new turn."""
        if not self.speaking:
            self._caller_answered = True

    def stop(self) -> None:
        """The line is down: end what is being heard, and wait for nothing any more."""
        self.cut()
        self._end_interval()
        self._end_turn()
        for waiting in (self._on_audible, self._on_silent, self._on_heard, self._on_turn):
            waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- moments to wait for -------------------------------------------------------------

    def when_audible(self, do: Do) -> None:
        """Call `do` when an agent sample is audible: at once if one is now."""
        if self._in_span:
            do()
        else:
            self._on_audible.append(do)

    def when_silent(self, do: Do) -> None:
        """Call `do` when the agent was audible from now on and then is silent."""
        self._on_silent.append(_Silent(self._in_span, do))
        self._plan()

    def when_quiet(self, do: Do) -> None:
        """Call `do` when the agent is not speaking: at once, or when it is silent again."""
        if self.speaking:
            self._on_silent.append(_Silent(heard=True, do=do))
            self._plan()
        else:
            do()

    def when_heard(self, ms: float, do: Do) -> None:
        """Call `do` when `ms` of the agent's present turn were heard."""
        self._on_heard.append(_Heard(ms, self._timeline.now_ms, do))
        self.catch_up()
        self._plan()

    def when_turn(self, number: int, do: Do) -> None:
        """Call `do` when the agent's turn `number` is audible: at once if it was."""
        if self.turn >= number:
            do()
        else:
            self._on_turn.append((number, do))

    # -- inside ----------------------------------------------------------------------------

    def _add_span(self, first: int, end: int) -> None:
        gap = int(INTERVAL_GAP_MS * BYTES_PER_MS)
        if self._spans and first - self._spans[-1][1] < gap:
            self._spans[-1][1] = end
        else:
            self._spans.append([first, end])

    def _within(self, gap_ms: float) -> bool:
        return self._timeline.now_ms - self.last_audible_ms < gap_ms - _LATE_MS

    def _next_edge_ms(self) -> float:
        if not self._spans:
            return inf
        return self._playout.when_ms(self._spans[0][1 if self._in_span else 0])

    def _notice(self, until_ms: float) -> None:
        while (edge_ms := self._next_edge_ms()) <= until_ms:
            if self._in_span:
                self._in_span = False
                self.last_audible_ms = edge_ms
                self._spans.popleft()
            else:
                self._end_what_is_over(edge_ms)
                self._in_span = True
                self._begin(edge_ms, self._spans[0][0])
        self._end_what_is_over(until_ms)
        self._fire_heard(until_ms)
        self._fire_silent(until_ms)

    def _begin(self, at_ms: float, position: int) -> None:
        if self._interval_from_ms is None:
            self._interval_from_ms = at_ms
        answered, self._caller_answered = self._caller_answered, False
        if self._turn_open and answered:
            self._end_turn()
        if not self._turn_open:
            self._turn_open = True
            self._turn_first = position
            self.turn += 1
            self._trace.record("agent", "started", turn=self.turn)
            due = [entry for entry in self._on_turn if entry[0] <= self.turn]
            self._on_turn = [entry for entry in self._on_turn if entry[0] > self.turn]
            for _, do in due:
                do()
        for silent in self._on_silent:
            silent.heard = True
        waiting, self._on_audible = self._on_audible, []
        for do in waiting:
            do()

    def _end_what_is_over(self, at_ms: float) -> None:
        if self._in_span:
            return
        quiet_ms = at_ms - self.last_audible_ms + _LATE_MS
        if quiet_ms >= INTERVAL_GAP_MS:
            self._end_interval()
        if quiet_ms >= TURN_GAP_MS:
            self._end_turn()

    def _end_interval(self) -> None:
        from_ms, self._interval_from_ms = self._interval_from_ms, None
        if from_ms is not None:
            self._trace.record("agent", "audible", from_ms=from_ms, to_ms=self.last_audible_ms)

    def _end_turn(self) -> None:
        if self._turn_open:
            self._turn_open = False
            last_ms = self.last_audible_ms
            self._trace.record("agent", "stopped", turn=self.turn, last_audible_ms=last_ms)

    def _heard_ms(self, waiting: _Heard) -> float:
        """When the moment comes; -inf if it is over, inf if it cannot be said yet."""
        if not self._turn_open:
            return inf
        position = self._turn_first + int(waiting.ms * BYTES_PER_MS)
        if position < self._playout.position:
            return -inf
        return self._playout.when_ms(position) if position <= self._playout.end else inf

    def _fire_heard(self, until_ms: float) -> None:
        for waiting in tuple(self._on_heard):
            at_ms = self._heard_ms(waiting)
            if at_ms > until_ms or (at_ms < waiting.armed_ms and not self._in_span):
                continue
            self._on_heard.remove(waiting)
            waiting.do()

    def _silent_ms(self) -> float:
        if self._in_span or self._spans:
            return inf
        quiet_ms = self.last_audible_ms + SILENCE_MS
        if not self._playout.playing:
            return quiet_ms
        return max(quiet_ms, self._playout.when_ms(self._playout.end))

    def _fire_silent(self, until_ms: float) -> None:
        if self._silent_ms() > until_ms:
            return
        due = [waiting for waiting in self._on_silent if waiting.heard]
        self._on_silent = [waiting for waiting in self._on_silent if not waiting.heard]
        for waiting in due:
            waiting.do()

    def _plan(self) -> None:
        """Have one timer, at the next moment at which something can change."""
        next_ms = self._next_edge_ms()
        if not self._in_span:
            if self._interval_from_ms is not None:
                next_ms = min(next_ms, self.last_audible_ms + INTERVAL_GAP_MS)
            if self._turn_open:
                next_ms = min(next_ms, self.last_audible_ms + TURN_GAP_MS)
            if any(waiting.heard for waiting in self._on_silent):
                next_ms = min(next_ms, self._silent_ms())
        for waiting in self._on_heard:
            at_ms = self._heard_ms(waiting)
            if at_ms >= waiting.armed_ms:
                next_ms = min(next_ms, at_ms)
        if self._timer is not None:
            if self._timer_ms <= next_ms:
                return  # it comes early enough, and plans again
            self._timer.cancel()
        self._timer, self._timer_ms = None, inf
        if next_ms < inf:
            self._timer, self._timer_ms = self._timeline.at(next_ms, self._fire), next_ms

    def _fire(self) -> None:
        self._timer, self._timer_ms = None, inf
        self.catch_up()
        self._plan()
