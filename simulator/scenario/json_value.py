"""Reads a part of a scenario as plain JSON: the arguments of a tool call."""

import math

from simulator.scenario.desk import Desk
from simulator.scenario.kinds import NUMBER, Schema
from simulator.scenario.tree import Mapping, Node, Scalar, Sequence

_WORDS = {"true": True, "false": False}


class JsonObject:
    """A block of keys, as a JSON object."""

    def read(self, node: Node, desk: Desk) -> dict[str, object]:
        """The object; words without quotes are numbers, `true` and `false` where they look it."""
        if not isinstance(node, Mapping):
            desk.refuse(node, "a block of keys is expected here", "like {reason: done}")
        return {key.text: json_value(value) for key, value in node.pairs}

    def schema(self) -> Schema:
        """Any object."""
        return {"type": "object"}


def json_value(node: Node) -> object:
    """What YAML's core schema makes of `node`. The tree's depth is bounded, so this is, too."""
    if isinstance(node, Mapping):
        return {key.text: json_value(value) for key, value in node.pairs}
    if isinstance(node, Sequence):
        return [json_value(item) for item in node.items]
    return _scalar(node)


def _scalar(node: Scalar) -> object:
    if not node.plain:
        return node.text
    if node.empty:
        return None
    if node.text in _WORDS:
        return _WORDS[node.text]
    if NUMBER.fullmatch(node.text) and len(node.text) <= 20:
        digits = node.text.lstrip("+-")
        if digits.isdigit():
            return node.text if digits[0] == "0" and digits != "0" else int(node.text)
        number = float(node.text)
        return number if math.isfinite(number) else node.text
    return node.text
