"""Reads `events:`: what must occur, or must not.

`- clear` (at least once), `- clear: {count: 1, within: 60ms, of: speech_started}`, `- no: error`,
and `- {no: clear, after: line_released}`.
"""

from typing import Any

from simulator.scenario.desk import Desk
from simulator.scenario.durations import duration_text
from simulator.scenario.format import INFINITE_MS, EventRule
from simulator.scenario.kinds import DURATION, Named, Schema, Text, Whole, choice_of
from simulator.scenario.names import EVENTS
from simulator.scenario.problem import did_you_mean, quoted
from simulator.scenario.shapes import Field, Given, Record, Table
from simulator.scenario.tree import Mapping, Node, Scalar

_MEANINGS = {name: event.meaning for name, event in EVENTS.items()}
EVENT = Named("event", choice_of("event", _MEANINGS))
_TIMES = Whole(0, 1_000_000)


def _plain(given: Given, _node: Mapping, _desk: Desk) -> Given:
    return given


_WHERE_AND_WHEN = (
    Field("within", DURATION, "Only those so soon after an `of`.", into="within_ms"),
    Field("of", EVENT, "With `within`: after which event."),
    Field("after", EVENT, "Only those after the first such event."),
    Field("before", EVENT, "Only those before the first such event."),
    Field("where", Table(Text("a value"), "field"), "Only those whose fields have these values."),
)
_RULE: Record[Given] = Record(
    "an event",
    (
        Field("count", _TIMES, "Exactly so often."),
        Field(
            "at_least",
            _TIMES,
            "So often or more. Not given: once, or with `at_most` not at all.",
            into="min",
        ),
        Field("at_most", _TIMES, "So often or less.", into="max"),
        *_WHERE_AND_WHEN,
    ),
    _plain,
)
_NO: Record[Given] = Record(
    "`no`",
    (Field("no", EVENT, "This event must not occur.", required=True), *_WHERE_AND_WHEN),
    _plain,
    mistakes={"count": "`no` means none; for a number write `- NAME: {count: 1}`"},
)


class HowOften:
    """What stands behind an event's name: nothing, a number, or a block of keys."""

    def read(self, node: Node, desk: Desk) -> Given:
        """Nothing means at least once, a number exactly so often."""
        if isinstance(node, Scalar) and node.empty:
            return {}
        if isinstance(node, Scalar):
            return {"count": _TIMES.read(node, desk)}
        return _RULE.read(node, desk)

    def schema(self) -> Schema:
        """One of the three."""
        return {"anyOf": [_RULE.schema(), _TIMES.schema(), {"type": "null"}]}


HOW_OFTEN = Named("how_often", HowOften())


class EventRuleKind:
    """One entry of `events:`."""

    def read(self, node: Node, desk: Desk) -> EventRule:
        """A name, `no:` a name, or a name with how often and when."""
        if isinstance(node, Scalar):
            return _rule(EVENT.read(node, desk), {}, node, desk)
        if not isinstance(node, Mapping) or not node.pairs:
            desk.refuse(node, "an event is expected here", "like `- clear` or `- no: error`")
        if any(key.text == "no" for key, _ in node.pairs):
            given = _NO.read(node, desk)
            return _rule(given.pop("no"), {**given, "no": True}, node, desk)
        key, value = node.pairs[0]
        if key.text not in EVENTS:
            hint = did_you_mean(key.text, [*EVENTS, "no"]) or "the names are in docs/scenarios.md"
            desk.refuse(key, f"unknown event {quoted(key.text)}", hint)
        if len(node.pairs) > 1:
            extra = node.pairs[1][0]
            hint = f"keys of {quoted(key.text)} stand below it: `- {key.text}: {{count: 1}}`"
            desk.refuse(extra, f"{quoted(extra.text)} stands beside the event", hint)
        return _rule(key.text, HOW_OFTEN.read(value, desk), node, desk)

    def schema(self) -> Schema:
        """A name, or one of the two blocks."""
        named = {
            "type": "object",
            "properties": {
                name: {"description": meaning, **HOW_OFTEN.schema()}
                for name, meaning in _MEANINGS.items()
            },
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1,
        }
        return {"anyOf": [EVENT.schema(), _NO.schema(), named]}


def _rule(name: str, given: dict[str, Any], node: Node, desk: Desk) -> EventRule:
    if ("within_ms" in given) != ("of" in given):
        desk.refuse(node, "`within` and `of` belong together", "like within: 60ms, of: clear")
    if "count" in given:
        if "min" in given or "max" in given:
            desk.refuse(node, "`count` excludes `at_least` and `at_most`")
        given["min"] = given["max"] = given.pop("count")
    if given.get("no"):
        given["min"] = given["max"] = 0
    elif given.get("max") is not None:
        given.setdefault("min", 0)
    if given.get("max") is not None and given["min"] > given["max"]:
        desk.refuse(node, "`at_least` is more than `at_most`")
    rule = EventRule(name=name, line=node.line, **given)
    return EventRule(name=name, line=node.line, **given, text=rule_text(rule))


def rule_text(rule: EventRule) -> str:
    """The rule in words: "clear: exactly 1, within 60ms of speech_started"."""
    if rule.no:
        parts = [f"no {rule.name}"]
    elif rule.min == rule.max:
        parts = [f"{rule.name}: exactly {rule.min}"]
    elif rule.max is None:
        parts = [f"{rule.name}: at least {rule.min}"]
    elif rule.min == 0:
        parts = [f"{rule.name}: at most {rule.max}"]
    else:
        parts = [f"{rule.name}: {rule.min} to {rule.max}"]
    if rule.within_ms < INFINITE_MS:
        parts.append(f"within {duration_text(rule.within_ms)} of {rule.of}")
    parts += [f"{word} {event}" for word, event in (("after", rule.after), ("before", rule.before))
              if event]  # fmt: skip
    parts += [f"where {key} is {value}" for key, value in rule.where.items()]
    return ", ".join(parts)
