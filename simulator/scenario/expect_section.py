"""Reads `expect:`: thresholds on metrics, rules for events, the way the call ends."""

from dataclasses import replace
from typing import Any

from simulator.scenario.desk import Desk
from simulator.scenario.event_rules import EventRuleKind
from simulator.scenario.format import Ended, Expect, Threshold
from simulator.scenario.kinds import Flag, Text, Whole, choice_of
from simulator.scenario.names import END_REASONS, ENDED_BY, LAWS, METRICS
from simulator.scenario.shapes import Field, ListOf, Record, Table
from simulator.scenario.thresholds import THRESHOLDS
from simulator.scenario.tree import Mapping

UNSCRIPTED_MAX = 10_000

Thresholds = dict[str, tuple[Threshold, ...]]

_METRICS = tuple(Field(name, THRESHOLDS, info.meaning) for name, info in METRICS.items())


def _taken_thresholds(given: dict[str, Any]) -> Thresholds:
    """The metrics among the keys, removed from them; each threshold now knows its metric."""
    return {
        name: tuple(replace(threshold, metric=name) for threshold in given.pop(name))
        for name in METRICS
        if name in given
    }


def _ended(given: dict[str, Any], node: Mapping, desk: Desk) -> tuple[Ended | None, Thresholds]:
    if not given:
        desk.refuse(node, "`ended` says nothing", "give it `by` or `reason`")
    thresholds = _taken_thresholds(given)
    return (Ended(line=node.line, **given) if given else None), thresholds


_ENDED: Record[tuple[Ended | None, Thresholds]] = Record(
    "`ended`",
    (
        Field("by", choice_of("side", ENDED_BY), "Which side ended the call."),
        Field("reason", choice_of("reason", END_REASONS), "The bridge's own reason for the end."),
        *_METRICS,
    ),
    _ended,
)


def _expect(given: dict[str, Any], _node: Mapping, _desk: Desk) -> Expect:
    thresholds = _taken_thresholds(given)
    ended, at_the_end = given.pop("ended", (None, {}))
    for name, more in at_the_end.items():
        thresholds[name] = thresholds.get(name, ()) + more
    return Expect(thresholds=thresholds, ended=ended, **given)


EXPECT: Record[Expect] = Record(
    "`expect`",
    (
        *_METRICS,
        Field("events", ListOf(EventRuleKind(), "events"), "What must occur, or must not."),
        Field("ended", _ENDED, "How the call ends."),
        Field("allow", Table(Text("the reason"), "law", LAWS, detailed=True),
              "Laws of the audit which this scenario breaks on purpose, each with the reason."),
        Field("replies_used", Flag(), "false: replies may stay unused."),
        Field("unscripted", Whole(1, UNSCRIPTED_MAX),
              "So many responses may be asked for that no reply is written for; they are silent."),
    ),
    _expect,
)  # fmt: skip
