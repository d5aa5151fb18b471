"""Reads `caller:` (what the caller does, step by step) and `replay:` (a recorded caller)."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from simulator.scenario.annotations import annotated_turns
from simulator.scenario.desk import Desk, Refused
from simulator.scenario.format import (
    HangUp,
    Nothing,
    Press,
    Replay,
    ReplayTurn,
    Say,
    Silence,
    Step,
)
from simulator.scenario.kinds import (
    DURATION,
    SOME_TIME,
    SOUND,
    Choice,
    Flag,
    Kind,
    Number,
    Schema,
    Text,
    Whole,
)
from simulator.scenario.problem import quoted
from simulator.scenario.shapes import ByShape, Field, ListOf, Made, OneOrMany, Record
from simulator.scenario.tree import Mapping, Node
from simulator.scenario.triggers import TRIGGER

STEPS_MAX = 5_000

_ACTIONS = ("say", "press", "hang_up", "silence", "steps")
_GAIN = Number(-60.0, 20.0)


def _step(given: dict[str, Any], node: Mapping, desk: Desk) -> tuple[Step, ...]:
    written = [key for key, _ in node.pairs if key.text in _ACTIONS]
    actions = [key.text for key in written]
    if len(actions) > 1:
        both = " and ".join(quoted(name) for name in actions)
        hint = "make a step of each; they follow each other"
        desk.refuse(written[1], f"{both} in one step", hint)
    if "gain_db" in given and actions != ["say"]:
        desk.refuse(node, "`gain_db` is only for `say`")
    if ("repeat" in given) != ("steps" in given):
        desk.refuse(node, "`repeat` and `steps` belong together", "- repeat: 3, and its `steps:`")
    if not given:
        desk.refuse(node, "an empty step")
    base = Step(Nothing(), given.get("when"), given.get("wait_ms", 0.0), node.line)
    if "steps" in given:
        return _repeated(base, given, node, desk)
    if "say" in given:
        first, *then = given["say"]
        return (replace(base, action=Say(first, given.get("gain_db", 0.0), tuple(then))),)
    if "press" in given:
        return (replace(base, action=Press(given["press"])),)
    if "silence" in given:
        return (replace(base, action=Silence(given["silence"])),)
    return (replace(base, action=HangUp() if "hang_up" in given else Nothing()),)


def _repeated(base: Step, given: dict[str, Any], node: Mapping, desk: Desk) -> tuple[Step, ...]:
    """The steps, so many times over; a `when` or `wait` of the group stands before the first."""
    steps = given["steps"] * given["repeat"]
    if len(steps) > STEPS_MAX:
        desk.refuse(node, f"{len(steps)} steps; there may be {STEPS_MAX}")
    waits = (base,) if base.when is not None or base.wait_ms else ()
    return (*waits, *steps)


class Steps:
    """A list of steps. A group of steps inside it is spread out."""

    def __init__(self, step: Kind[tuple[Step, ...]] | None = None) -> None:
        self._list = ListOf(step or _STEP, "steps", least=1 if step else 0)
        self._inner = step is not None

    def read(self, node: Node, desk: Desk) -> tuple[Step, ...]:
        """All of them, one after the other; nothing may follow `hang_up`."""
        steps = tuple(step for group in self._list.read(node, desk) for step in group)
        if len(steps) > STEPS_MAX:
            desk.refuse(node, f"{len(steps)} steps; there may be {STEPS_MAX}")
        for step, following in pairwise(steps):
            if isinstance(step.action, HangUp):
                message = "a step after `hang_up`, which ends the call"
                written = desk.source.lines[following.line - 1]
                column = len(written) - len(written.lstrip()) + 1
                desk.add(desk.source.problem(following.line, column, message))
                raise Refused
        return steps

    def schema(self) -> Schema:
        """A list; a group's steps are plain steps, so the schema ends there."""
        return self._list.schema()


_PLAIN_FIELDS = (
    Field("when", TRIGGER, "What the caller waits for. Not given: the end of the step before."),
    Field("wait", DURATION, "And then so much longer.", into="wait_ms"),
    Field("say", OneOrMany(SOUND, "sound files"),
          "A sound file, or several which follow each other without a gap."),
    Field("gain_db", _GAIN, "So much louder than recorded; negative is quieter."),
    Field("press", Text("a row of telephone keys", "[0-9A-D*#]{1,64}", 'like press: "12#"'),
          'Keys, one after the other: "12#".'),
    Field("hang_up", Flag(only=True), "The caller hangs up."),
    Field("silence", SOME_TIME, "The caller says nothing for so long."),
)  # fmt: skip

_MISTAKES = {
    "at": "write `when: at 3s`",
    "after": "write `when:` for an event, `wait:` for a time",
    "delay": "write `wait: 600ms`",
    "hangup": "write `hang_up: true`",
    "dtmf": 'write `press: "12#"`',
}

_PLAIN_STEP: Record[tuple[Step, ...]] = Record("a step", _PLAIN_FIELDS, _step, _MISTAKES)
_STEP: Record[tuple[Step, ...]] = Record(
    "a step",
    (
        *_PLAIN_FIELDS,
        Field("repeat", Whole(1, STEPS_MAX), "The steps below `steps:` happen so many times."),
        Field("steps", Steps(_PLAIN_STEP), "The steps that are repeated."),
    ),
    _step,
    _MISTAKES,
)
CALLER = Steps()


def _turn(given: dict[str, Any], node: Mapping, desk: Desk) -> ReplayTurn:
    if given["start_ms"] >= given["end_ms"]:
        desk.refuse(node, "a turn that ends before it starts")
    return ReplayTurn(**given)


_TURN: Record[ReplayTurn] = Record(
    "a turn",
    (
        Field("start", DURATION, "Where speech begins in the file.", "start_ms", required=True),
        Field("end", DURATION, "Where it ends.", "end_ms", required=True),
        Field("words", Text(), "What is said."),
    ),
    _turn,
)


def _replay(given: dict[str, Any], node: Node, desk: Desk) -> Replay:
    if "turns" not in given:
        given["turns"] = annotated_turns(given["clip"], desk)
    return Replay(line=node.line, **given)


def _only_recording(clip: Path, node: Node, desk: Desk) -> Replay:
    return _replay({"clip": clip}, node, desk)


REPLAY: ByShape[Replay] = ByShape(
    "a recording, or a block with `recording`",
    "like recordings/complaint.wav",
    single=Made(SOUND, _only_recording),
    block=Record(
        "`replay`",
        (
            Field("recording", SOUND, "The caller's side of a call.", "clip", required=True),
            Field("hang_up", Choice("end", ("at_end", "at_once", "stay")),
                  "at_end: the caller hangs up after it, when the agent is silent. at_once: even "
                  "when it speaks. stay: the line stays open."),
            Field("gain_db", _GAIN, "So much louder than recorded; negative is quieter."),
            Field("wait", DURATION, "It begins so long after the stream.", into="wait_ms"),
            Field("turns", ListOf(_TURN, "turns", least=1),
                  "When the caller speaks. Not given: from x.turns.yaml beside it, or measured."),
        ),
        _replay,
    ),
)  # fmt: skip
