"""Reads `bridge:`: other calls which the bridge has, and when its process is told to stop."""

from typing import Any

from simulator.scenario.bridge_process import BridgeProcess, Drain
from simulator.scenario.desk import Desk
from simulator.scenario.kinds import DURATION, Flag, Whole
from simulator.scenario.shapes import Field, Record
from simulator.scenario.tree import Node
from simulator.scenario.triggers import TRIGGER

OTHERS_MAX = 1_000


def _drain(given: dict[str, Any], _node: Node, _desk: Desk) -> Drain:
    return Drain(**given)


_DRAIN: Record[Drain] = Record(
    "`drain`",
    (
        Field("when", TRIGGER, "At which moment of the call. Not given: when it rings."),
        Field("wait", DURATION, "So much later.", into="wait_ms"),
    ),
    _drain,
)


def _bridge(given: dict[str, Any], node: Node, desk: Desk) -> BridgeProcess:
    if given.get("same_caller") and "others" not in given:
        desk.refuse(node, "`same_caller` is only for `others`", "like `others: 1`")
    return BridgeProcess(**given)


BRIDGE: Record[BridgeProcess] = Record(
    "`bridge`",
    (
        Field("others", Whole(1, OTHERS_MAX),
              "So many other calls rang just before; their streams do not come."),
        Field("same_caller", Flag(), "true: they come from this caller's number."),
        Field("drain", _DRAIN, "The process is told to stop, as with SIGTERM."),
    ),
    _bridge,
)  # fmt: skip
