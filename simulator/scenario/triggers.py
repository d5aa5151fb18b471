"""Reads what a step or a fault waits for: `agent_silent`, `agent_heard 1200ms`, `turn 2`, `at 3s`.

The same may be written as a block of one key: `{agent_heard: 1200ms}`.
"""

from typing import cast

from simulator.scenario.desk import Desk
from simulator.scenario.durations import PATTERN, duration_ms
from simulator.scenario.format import Trigger, TriggerKind
from simulator.scenario.kinds import DURATION, Named, Schema, Text, Whole, or_variable, scalar
from simulator.scenario.names import TRIGGERS
from simulator.scenario.problem import quoted
from simulator.scenario.tree import Mapping, Node, Scalar

_TIMED = ("at", "agent_heard")
_TURNS = Whole(1, 10_000)
_TOOL = Text("a tool's name", "[A-Za-z_][A-Za-z0-9_-]{0,63}")


class TriggerKindOfValue:
    """A trigger, as one text or a block of one key."""

    def read(self, node: Node, desk: Desk) -> Trigger:
        """The trigger; anything unknown or left out is refused with an example."""
        if isinstance(node, Mapping):
            return self._block(node, desk)
        found = scalar(node, desk, "something to wait for", "like agent_silent or at 3s")
        word, _, rest = found.text.strip().partition(" ")
        if word not in TRIGGERS:
            self._unknown(found, word, desk)
        if not rest.strip():
            return self._made(word, None, found, desk)
        # Behind the word and its spaces, so that a caret shows the part which is wrong.
        column = found.column + found.text.rindex(rest.strip()) + (0 if found.plain else 1)
        argument = Scalar(rest.strip(), found.line, column)
        return self._made(word, argument, found, desk)

    def schema(self) -> Schema:
        """Words with their arguments, or a block of one key."""
        number, bare = "[1-9][0-9]*", "agent_silent|agent_speaking|stream_started|stream_ended"
        text = (
            f"^(?:{bare}|(?:at|agent_heard) +(?=[0-9]){PATTERN}|turn +{number}"
            f"|marked(?: +{number})?|tool_called(?: +[A-Za-z_][A-Za-z0-9_-]*)?)$"
        )
        block = {
            "type": "object",
            "properties": {
                "at": DURATION.schema(),
                "agent_heard": DURATION.schema(),
                "turn": _TURNS.schema(),
                "marked": _TURNS.schema(),
                "tool_called": _TOOL.schema(),
            },
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1,
        }
        hover = "\n".join(f"{word}: {meaning}" for word, meaning in TRIGGERS.items())
        return {"anyOf": [or_variable({"type": "string", "pattern": text}), block],
                "markdownDescription": hover}  # fmt: skip

    def _block(self, node: Mapping, desk: Desk) -> Trigger:
        if len(node.pairs) != 1:
            desk.refuse(node, "one thing to wait for is expected", "like agent_heard: 1200ms")
        key, value = node.pairs[0]
        if key.text not in TRIGGERS:
            self._unknown(key, key.text, desk)
        argument = None if isinstance(value, Scalar) and value.empty else value
        return self._made(key.text, argument, key, desk)

    @staticmethod
    def _unknown(node: Scalar, word: str, desk: Desk) -> None:
        if duration_ms(node.text) is not None:
            hint = f"write `when: at {node.text}`, or `wait: {node.text}` to wait that long"
            desk.refuse(node, f"{quoted(node.text)} is a time, not an event", hint)
        desk.refuse_word(Scalar(word, node.line, node.column), "trigger", TRIGGERS)

    @staticmethod
    def _made(word: str, argument: Node | None, node: Node, desk: Desk) -> Trigger:
        kind = cast("TriggerKind", word)
        meaning = TRIGGERS[word]
        if argument is None:
            if word in (*_TIMED, "turn"):
                what = "a number" if word == "turn" else "a duration"
                desk.refuse(node, f"{quoted(word)} needs {what}", meaning)
            return Trigger(kind)
        if word in _TIMED:
            return Trigger(kind, value_ms=DURATION.read(argument, desk))
        if word in ("turn", "marked"):
            return Trigger(kind, number=_TURNS.read(argument, desk))
        if word != "tool_called":
            desk.refuse(argument, f"{quoted(word)} stands alone", meaning)
        return Trigger(kind, name=_TOOL.read(argument, desk))


TRIGGER: Named[Trigger] = Named("trigger", TriggerKindOfValue())
