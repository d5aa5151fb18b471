"""Moments of a call that a scenario can name: what is waited for.

Part of `format`, from where it is imported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TriggerKind = Literal[
    "at",
    "agent_silent",
    "agent_speaking",
    "agent_heard",
    "marked",
    "turn",
    "stream_started",
    "tool_called",
    "stream_ended",
]


@dataclass(frozen=True, slots=True)
class Trigger:
    """Something to wait for, as the caller's ear and the wire show it.

    at: `value_ms` after the stream started. agent_speaking: the first audible agent sample since
    the previous step ended. agent_silent: the agent was audible since then, and now nothing was
    for 200 ms. agent_heard: the caller has heard `value_ms` of the agent's present turn. marked: a
    mark was returned after playing (`number` of them; 0 = one). turn: the agent's turn `number`
    becomes audible. tool_called: the model called a tool (`name`, "" = any).
    """

    kind: TriggerKind
    value_ms: float = 0.0
    number: int = 0
    name: str = ""
