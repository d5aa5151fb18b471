"""The person on the phone: follows the scenario's steps, or replays a recording.

Owns when the caller speaks, presses and hangs up. Knows neither frames nor messages.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from simulator.phone.ear import Ear
from simulator.phone.mouth import Mouth
from simulator.phone.triggers import Triggers
from simulator.phone.utterance import Utterance, of_replay, of_say
from simulator.scenario.format import (
    HangUp,
    Nothing,
    Press,
    Replay,
    Say,
    Scenario,
    Silence,
    Step,
)
from simulator.timeline import Timeline, Timer
from simulator.trace import Trace

KEY_MS = 200.0
"""From one key to the next: a tone and a pause of 100 ms each."""

Do = Callable[[], None]


class Handset(Protocol):
    """What a caller can do besides speaking and listening."""

    def press(self, digit: str) -> None:
        """Press one key."""
        ...

    def speech_began(self) -> None:
        """Begin to speak."""
        ...

    def speech_ended(self, words: str) -> None:
        """Have said `words`."""
        ...

    def hang_up(self) -> None:
        """End the call."""
        ...


class Caller:
    """Begins when the stream starts, or somebody asks; a recording comes first, steps after it."""

    def __init__(
        self,
        scenario: Scenario,
        *,
        timeline: Timeline,
        trace: Trace,
        mouth: Mouth,
        ear: Ear,
        handset: Handset,
    ) -> None:
        self._steps = scenario.caller
        self._replay = scenario.replay
        self._timeline = timeline
        self._trace = trace
        self._mouth = mouth
        self._ear = ear
        self._handset = handset
        self._triggers = Triggers(timeline, trace, ear)
        self._begun = self._stopped = False
        self._timers: set[Timer] = set()
        self._in_speech: str | None = None

    def begin(self) -> None:
        """The stream has started, or a question: the caller hears and can be heard."""
        if self._begun:
            return
        self._begun = True
        if self._replay is not None:
            self._replay_from(self._replay)
        else:
            self._next(0)

    def stop(self) -> None:
        """The line is down."""
        self._stopped = True
        self._triggers.drop()
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._mouth.hush()
        if self._in_speech is not None:
            self._speech_ended(self._in_speech, "")

    # -- steps --------------------------------------------------------------------

    def _next(self, index: int) -> None:
        if index == len(self._steps):
            return
        step = self._steps[index]
        if step.when is None:
            self._after(step.wait_ms, lambda: self._act(index, step))
        else:
            self._triggers.when(step.when, lambda: self._triggered(index, step))

    def _triggered(self, index: int, step: Step) -> None:
        if self._stopped:
            return
        assert step.when is not None
        since_ms = self._timeline.now_ms
        if step.when.kind == "agent_silent":
            since_ms = self._ear.last_audible_ms  # a caller waits from the last sound on
        self._after(since_ms + step.wait_ms - self._timeline.now_ms, lambda: self._act(index, step))

    def _act(self, index: int, step: Step) -> None:
        action = step.action
        name = type(action).__name__
        self._trace.record("caller", "step", index=index, action=name, line=step.line)
        if isinstance(action, Say):
            length_ms = self._say(of_say(action))
        elif isinstance(action, Press):
            length_ms = self._press(action.digits)
        elif isinstance(action, Silence):
            length_ms = action.ms
        elif isinstance(action, HangUp):
            self._handset.hang_up()
            return
        else:
            assert isinstance(action, Nothing)
            length_ms = 0.0
        self._after(length_ms, lambda: self._next(index + 1))

    def _press(self, digits: str) -> float:
        for position, digit in enumerate(digits):
            self._after(position * KEY_MS, partial(self._press_one, digit))
        return len(digits) * KEY_MS

    def _press_one(self, digit: str) -> None:
        self._trace.record("caller", "pressed", digit=digit)
        self._handset.press(digit)

    # -- a recording ------------------------------------------------------------------

    def _replay_from(self, replay: Replay) -> None:
        def play() -> None:
            self._trace.record("caller", "step", index=0, action="Replay", line=replay.line)
            length_ms = self._say(of_replay(replay))
            self._after(length_ms, self._recording_over)

        self._after(replay.wait_ms, play)

    def _recording_over(self) -> None:
        assert self._replay is not None
        if self._steps:
            self._next(0)
        elif self._replay.hang_up == "at_once":
            self._handset.hang_up()
        elif self._replay.hang_up == "at_end":
            self._ear.when_quiet(self._handset.hang_up)

    # -- speech -------------------------------------------------------------------------

    def _say(self, utterance: Utterance) -> float:
        """Put `utterance` into the mouth; returns how long it takes."""
        now_ms = self._timeline.now_ms
        self._mouth.say(utterance.audio, now_ms)
        for from_ms, to_ms in utterance.speech:
            self._after(from_ms, lambda: self._speech_started(utterance.name))
            self._after(to_ms, lambda: self._speech_ended(utterance.name, utterance.words))
        return utterance.duration_ms

    def _speech_started(self, name: str) -> None:
        self._in_speech = name
        interrupting = self._ear.speaking
        self._trace.record("caller", "speech_started", clip=name, interrupting=interrupting)
        self._handset.speech_began()

    def _speech_ended(self, name: str, words: str) -> None:
        self._in_speech = None
        self._trace.record("caller", "speech_ended", clip=name)
        self._ear.caller_answered()
        self._handset.speech_ended(words)

    def _after(self, delay_ms: float, do: Do) -> None:
        timer: Timer

        def fire() -> None:
            self._timers.discard(timer)
            do()

        timer = self._timeline.after(max(delay_ms, 0.0), fire)
        self._timers.add(timer)
