"""Reads `services:`: what hosts answer that the bridge's HTTP tools ask."""

import json
import re
from typing import Any, Final

from simulator.scenario.desk import Desk
from simulator.scenario.format import ServiceAnswer, ServiceSetup
from simulator.scenario.json_value import json_value
from simulator.scenario.kinds import DURATION, Flag, Schema, Text, Whole
from simulator.scenario.problem import quoted
from simulator.scenario.shapes import ByShape, Field, ListOf, Made, OneOrMany, Record, Table
from simulator.scenario.tree import Mapping, Node

_HOST: Final = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*|[0-9a-f:.]+")
_ADDRESS = Text("an address", "[0-9a-fA-F.:]{2,45}", "like 93.184.216.34 or 10.0.0.5")
_URL = Text("a URL", r"[!-~]+", "like http://10.0.0.5/")
_ONE_OF: Final = ("json", "text", "bytes", "never", "drop")


class JsonValue:
    """Any value, as JSON."""

    def read(self, node: Node, _desk: Desk) -> object:
        """The value; words without quotes are numbers, `true` and `false` where they look it."""
        return json_value(node)

    def schema(self) -> Schema:
        """Anything."""
        return {}


def _answer(given: dict[str, Any], node: Mapping, desk: Desk) -> ServiceAnswer:
    if "size_bytes" in given:
        given["bytes"] = given["size_bytes"]
    found = [name for name in _ONE_OF if name in given]
    if len(found) > 1:
        both = " and ".join(quoted(name) for name in found)
        desk.refuse(node, f"{both} exclude each other", "make two answers of it")
    if not given:
        desk.refuse(node, "an empty answer", f"write one of {', '.join((*_ONE_OF, 'status'))}")
    lost = "never" in given or "drop" in given
    if lost and ("status" in given or "location" in given):
        desk.refuse(node, f"{quoted(found[0])} is no answer, and has no status")
    common: dict[str, Any] = {
        key: given[key] for key in ("status", "location", "after_ms", "size_bytes") if key in given
    }
    if "json" in given:
        common |= {"content_type": "application/json", "body": _encoded(given["json"])}
    elif "text" in given:
        common |= {"content_type": "text/plain; charset=utf-8", "body": given["text"].encode()}
    if lost:
        common["kind"] = found[0]
    return ServiceAnswer(line=node.line, **common)


def _encoded(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


_ANSWERS = ListOf(
    Record(
        "an answer",
        (
            Field("json", JsonValue(), "The answer's body: a JSON value."),
            Field("text", Text(), "The answer's body: a text."),
            Field("bytes", Whole(1, 10_000_000), "Its body has so many bytes.", into="size_bytes"),
            Field("status", Whole(200, 599), "Its HTTP status. Not given: 200."),
            Field("location", _URL, "Where a redirect leads to."),
            Field("never", Flag(only=True), "No answer ever comes."),
            Field("drop", Flag(only=True), "The connection breaks instead."),
            Field("after", DURATION, "So long after the request (50ms).", into="after_ms"),
        ),
        _answer,
        mistakes={"answer": "write `json:` or `text:`", "delay": "write `after: 300ms`"},
    ),
    "answers",
    least=1,
    most=100,
)


def _only_answers(answers: tuple[ServiceAnswer, ...], _node: Node, _desk: Desk) -> ServiceSetup:
    return ServiceSetup(answers)


def _service(given: dict[str, Any], _node: Node, _desk: Desk) -> ServiceSetup:
    return ServiceSetup(**given)


_SERVICE: ByShape[ServiceSetup] = ByShape(
    "a list of answers, or a block with `answers`",
    "begin each answer with `- json: ...`",
    many=Made(_ANSWERS, _only_answers),
    block=Record(
        "a service",
        (
            Field("answers", _ANSWERS, "Its answers, one after the other; the last one to all "
                  "further requests.", required=True),
            Field("addresses", OneOrMany(_ADDRESS, "addresses"),
                  "Where its name leads to. Not given: to an address of the internet."),
        ),
        _service,
    ),
)  # fmt: skip


def _services(given: dict[str, ServiceSetup], node: Node, desk: Desk) -> dict[str, ServiceSetup]:
    keys = [key for key, _ in node.pairs] if isinstance(node, Mapping) else []
    for key in keys:
        if not _HOST.fullmatch(key.text):
            desk.refuse(key, f"{quoted(key.text)} is no host", "like api.example.com")
    return given


SERVICES = Made(Table(_SERVICE, "service"), _services)
