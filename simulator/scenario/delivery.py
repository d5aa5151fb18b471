"""Reads `deliver:`, the name of a file beside the scenario: when the deltas of a response came.

The file is JSON; `callsim import` writes it. Times are milliseconds since response.created, sizes
bytes of μ-law:

    {"items": [[[412.1, 2000], [475, 2000]]], "calls_ms": [1020.5], "done_ms": 1100, "cut": false}
"""

from itertools import pairwise

import msgspec

from simulator.scenario.delivered import Delivery
from simulator.scenario.desk import Desk
from simulator.scenario.kinds import Schema, or_variable, scalar
from simulator.scenario.problem import quoted
from simulator.scenario.tree import Node

SUFFIX = ".delivery.json"
FILE_BYTES_MAX = 4 * 1024 * 1024
_decode = msgspec.json.Decoder(Delivery).decode


class DeliveryFile:
    """The name of such a file."""

    def read(self, node: Node, desk: Desk) -> Delivery:
        """What is in the file."""
        found = scalar(node, desk, "the name of a file", f"like answer{SUFFIX}")
        path = desk.sounds.find(found.text) if found.text.endswith(SUFFIX) else None
        if path is None:
            desk.refuse(found, f"there is no file {quoted(found.text)} with times of delivery",
                        f"its name ends with {SUFFIX}; `callsim import` writes one")  # fmt: skip
        if path.stat().st_size > FILE_BYTES_MAX:
            desk.refuse(found, f"{quoted(found.text)} is larger than any answer")
        try:
            delivery = _decode(path.read_bytes())
        except (msgspec.MsgspecError, UnicodeError) as problem:
            desk.refuse(found, f"{quoted(found.text)} holds no times of delivery: {problem}")
        why = nonsense(delivery)
        if why:
            desk.refuse(found, f"{quoted(found.text)}: {why}")
        return delivery

    def schema(self) -> Schema:
        """Describe what is taken."""
        return or_variable({"type": "string", "pattern": r"\.delivery\.json$"})


def nonsense(delivery: Delivery) -> str:
    """What cannot be of these times and sizes, in a sentence; "" = all can."""
    deltas = [delta for item in delivery.items for delta in item]
    times = [at_ms for at_ms, _ in deltas]
    if any(size < 1 for _, size in deltas):
        return "a delta without bytes"
    if any(at_ms < 0 for at_ms in (*times, *delivery.calls_ms, delivery.done_ms)):
        return "a time before the response began"
    if any(late < early for early, late in pairwise(times)):
        return "the deltas are not in the order of time"
    return ""
