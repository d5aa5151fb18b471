"""What one caller does, asked fifty times a second whether something is due.

Owns the steps of a scenario as a pure machine over the lean ear. Knows no wire. Of the triggers,
those of tools and of the stream's end never come (the lean model calls no tools); `left_out` says
so before a run.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from simulator.load.ear import SILENCE_S, Ear
from simulator.load.tag import Frame, frames_of
from simulator.phone.caller import KEY_MS
from simulator.scenario.format import Action, Press, Say, Scenario, Silence, Step, Trigger
from simulator.sound import BYTES_PER_MS, FRAME_MS, load_clip

NEVER: Final = ("tool_called", "stream_ended")


class Spoken:
    """A Say, prepared: its frames, how many until its last speech has ended, and its length."""

    def __init__(self, paths: Sequence[Path]) -> None:
        clips = [load_clip(path) for path in paths]
        before_ms = sum(clip.duration_ms for clip in clips[:-1])
        self.frames: tuple[Frame, ...] = frames_of(b"".join(clip.audio for clip in clips))
        self.length_s = sum(len(clip.audio) for clip in clips) / BYTES_PER_MS / 1000
        self.speech_frames = math.ceil((before_ms + clips[-1].speech_end_ms) / FRAME_MS)


@lru_cache(maxsize=256)
def spoken(clips: tuple[Path, ...]) -> Spoken:
    """The prepared sound of these clips, in a row."""
    return Spoken(clips)


def left_out(scenario: Scenario) -> list[str]:
    """The parts of a scenario that a load run does not play, for a person."""
    network, phone, model = scenario.network, scenario.phone, scenario.model
    legs = (network.twilio, network.realtime, network.rest)
    parts = {
        "the network's latency and faults": any(leg != type(leg)() for leg in legs),
        "the model's faults": bool(model.faults or model.refuse),
        "tool calls": any(reply.calls for reply in model.replies),
        "replies that fail, stall or end early": any(
            reply.fail
            or reply.incomplete
            or reply.stall_after_ms is not None
            or reply.drop_after_ms is not None
            for reply in model.replies
        ),
        "silence suppression (dtx)": phone.dtx,
        "room tone": phone.room_tone is not None,
        "the recording (`replay`)": scenario.replay is not None,
        "loudness (`gain`)": any(
            isinstance(step.action, Say) and step.action.gain_db for step in scenario.caller
        ),
        "steps that wait for a tool or the stream's end": any(
            step.when is not None and step.when.kind in NEVER for step in scenario.caller
        ),
        "expectations (`expect`)": bool(scenario.expect.thresholds or scenario.expect.events),
    }
    return [part for part, is_there in parts.items() if is_there]


class Caller:
    """The steps of one call."""

    def __init__(self, steps: Sequence[Step], ear: Ear, began_s: float) -> None:
        self._steps = steps
        self._ear = ear
        self._began_s = began_s
        self._since_s = began_s
        """When the previous step ended: triggers count what comes after."""
        self._marks = 0
        self._index = 0
        self._at_s: float | None = None

    @property
    def waits_since_s(self) -> float | None:
        """Since when a step waits for the agent to do something; None if none does."""
        if self._index == len(self._steps) or self._at_s is not None:
            return None
        when = self._steps[self._index].when
        return None if when is None or when.kind == "at" else self._since_s

    def due(self, now_s: float) -> Action | None:
        """The next action, if its time has come."""
        if self._index == len(self._steps) or now_s < self._since_s:
            return None
        step = self._steps[self._index]
        if self._at_s is None:
            came_s = self._came(step.when, now_s)
            if came_s is None:
                return None
            self._at_s = came_s + step.wait_ms / 1000
        if now_s < self._at_s:
            return None
        self._index += 1
        self._at_s = None
        self._since_s = now_s + _length_s(step.action)
        self._marks = self._ear.marks_played
        return step.action

    def _came(self, when: Trigger | None, now_s: float) -> float | None:
        """When the trigger came, if it did."""
        if when is None:
            return self._since_s
        ear = self._ear
        if when.kind == "at":
            at_s = self._began_s + when.value_ms / 1000
            return at_s if now_s >= at_s else None
        if when.kind == "agent_silent":
            heard = ear.plays_until_s > self._since_s
            return ear.plays_until_s if heard and now_s >= ear.plays_until_s + SILENCE_S else None
        playing = ear.plays_until_s > now_s
        came = {
            "stream_started": True,
            "agent_speaking": playing,
            "agent_heard": playing and (now_s - ear.run_began_s) * 1000 >= when.value_ms,
            "marked": ear.marks_played - self._marks >= max(1, when.number),
            "turn": ear.turns >= when.number,
        }
        return now_s if came.get(when.kind, False) else None


def _length_s(action: Action) -> float:
    if isinstance(action, Say):
        return spoken(action.clips).length_s
    if isinstance(action, Press):
        return len(action.digits) * KEY_MS / 1000
    return action.ms / 1000 if isinstance(action, Silence) else 0.0
