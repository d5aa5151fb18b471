"""Reads `network:`: latency, jitter and faults of each leg, in both directions or in one."""

from dataclasses import replace
from typing import Any

from simulator.scenario.desk import Desk, Refused
from simulator.scenario.format import LegSetup, LinkFault, LinkSetup, NetworkSetup
from simulator.scenario.kinds import DURATION, SOME_TIME, Choice, Flag
from simulator.scenario.problem import quoted
from simulator.scenario.shapes import Field, ListOf, Record, simply
from simulator.scenario.tree import Mapping, Node
from simulator.scenario.triggers import TRIGGER

DIRECTIONS = ("to_bridge", "from_bridge")

_PACE = (
    Field("latency", DURATION, "How long every message is under way.", into="latency_ms"),
    Field("jitter", DURATION, "How much sooner or later than that; order is kept.",
          into="jitter_ms"),
)  # fmt: skip


def only_one(given: dict[str, Any], names: tuple[str, ...], node: Node, desk: Desk) -> str:
    """The one name out of `names` that was given.

    Raises:
        Refused: none was, or several were.
    """
    found = [name for name in names if name in given]
    if not found:
        desk.refuse(node, "nothing happens here", f"write one of {', '.join(names)}")
    if len(found) > 1:
        both = " and ".join(quoted(name) for name in found)
        desk.refuse(node, f"{both} exclude each other", "make two entries of it")
    return found[0]


def _fault(given: dict[str, Any], node: Mapping, desk: Desk) -> tuple[str, LinkFault]:
    kind = only_one(given, ("stall", "hold", "drop", "latency"), node, desk)
    if "for" in given and kind != "latency":
        desk.refuse(node, "`for` is only for `latency`", f"write `{kind}: 3s`")
    if kind == "drop" and "direction" in given:
        desk.refuse(node, "a connection breaks in both directions", "remove `direction`")
    common = {"when": given["when"], "wait_ms": given.get("wait_ms", 0.0), "line": node.line}
    if kind in ("stall", "hold"):
        fault = LinkFault("stall" if kind == "stall" else "hold", duration_ms=given[kind], **common)
    elif kind == "drop":
        fault = LinkFault("drop", **common)
    else:
        fault = LinkFault("latency", value_ms=given["latency"], **common)
        if "for" in given:
            fault = replace(fault, duration_ms=given["for"])
    # A break concerns the connection: it is kept once, with one of the directions.
    return "to_bridge" if kind == "drop" else given.get("direction", "both"), fault


_FAULT: Record[tuple[str, LinkFault]] = Record(
    "a fault",
    (
        Field("stall", SOME_TIME, "For so long nothing arrives; then all of it at once."),
        Field("hold", SOME_TIME, "Another word for `stall`."),
        Field("drop", Flag(only=True), "The connection breaks."),
        Field("latency", DURATION, "Every message is under way that much longer."),
        Field("for", SOME_TIME, "With `latency`: how long that lasts. Not given: to the end."),
        Field("when", TRIGGER, "What it waits for.", required=True),
        Field("wait", DURATION, "And then so much longer.", into="wait_ms"),
        Field("direction", Choice("direction", (*DIRECTIONS, "both")), "Not given: both."),
    ),
    _fault,
)  # fmt: skip


def _leg(given: dict[str, Any], node: Mapping, desk: Desk) -> LegSetup:
    for direction in DIRECTIONS:
        for key in given.get(direction, {}):
            if key in given:
                word = key.removesuffix("_ms")
                desk.note(node, f"{quoted(word)} is given for the leg and for {direction}",
                          "write it once")  # fmt: skip
                raise Refused
    shared = {key: given[key] for key in ("latency_ms", "jitter_ms") if key in given}
    links = {}
    for direction in DIRECTIONS:
        faults = tuple(
            fault for where, fault in given.get("faults", ()) if where in (direction, "both")
        )
        links[direction] = LinkSetup(**shared, **given.get(direction, {}), faults=faults)
    return LegSetup(**links)


_DIRECTION: Record[dict[str, Any]] = Record("a direction", _PACE, lambda given, _n, _d: given)
_LEG: Record[LegSetup] = Record(
    "a leg of the network",
    (
        *_PACE,
        Field("to_bridge", _DIRECTION, "Only from the peer to the bridge."),
        Field("from_bridge", _DIRECTION, "Only from the bridge to the peer."),
        Field("faults", ListOf(_FAULT, "faults", most=100), "What goes wrong, and when."),
    ),
    _leg,
    mistakes={
        "stall": "write it below `faults:`, as `- stall: 3s`",
        "hold": "write it below `faults:`, as `- hold: 3s`",
        "drop": "write it below `faults:`, as `- drop: true`",
    },
)

NETWORK: Record[NetworkSetup] = Record(
    "`network`",
    (
        Field("twilio", _LEG, "Between Twilio and the bridge: the media stream."),
        Field("realtime", _LEG, "Between the model's server and the bridge."),
        Field("rest", _LEG, "Between the bridge and Twilio's REST interface."),
        Field("services", _LEG, "Between the bridge and the services that its tools ask."),
    ),
    simply(NetworkSetup),
    mistakes={
        "latency": "say on which leg: `twilio: {latency: 60ms}`",
        "jitter": "say on which leg: `twilio: {jitter: 30ms}`",
        "faults": "say on which leg: `twilio: {faults: [...]}`",
    },
)
