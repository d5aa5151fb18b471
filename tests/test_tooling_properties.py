"""Whatever the model and the service write, a tool's request stays one, and its output a value."""

import json
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.core.commands import CallTool
from bridge.log import make_log
from bridge.tooling.definition import OUTPUT_CHARS_MAX, Definition
from bridge.tooling.http_recipe import UnusableArgument, filled, place_of
from bridge.tooling.http_tool import HttpCaller, HttpTool
from bridge.tooling.running import CallFacts
from bridge.tooling.toolbox import Toolbox
from tests.tool_service import Service, answer

PLACE = place_of("https://api.example.com/orders/{a}/state?b={b}")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
BYTES = st.binary(max_size=400) | st.binary(max_size=200).map(answer)


@given(st.text(max_size=40), st.text(max_size=40), st.dictionaries(st.text(), JSON, max_size=3))
def test_an_argument_stays_in_its_place(a: str, b: str, others: dict[str, Any]) -> None:
    """The path keeps its steps, the query its names, and both are what a request line can hold."""
    arguments = {**others, "a": a, "b": b}
    try:
        target, _ = filled(PLACE, "GET", arguments)
    except UnusableArgument:
        return
    parts = urlsplit(target)
    first, step, last = parts.path.removeprefix("/").split("/")

    assert target.isascii()
    assert target.isprintable()
    assert " " not in target
    assert "#" not in target
    assert (first, last) == ("orders", "state")
    assert unquote(step) == a
    assert unquote(parts.query.partition("&")[0]) == f"b={b}"


@settings(max_examples=200)
@given(st.text(max_size=60) | JSON.map(json.dumps), BYTES, st.booleans())
def test_every_call_of_a_tool_ends_with_a_value(written: str, sent: bytes, whole: bool) -> None:
    """JSON in valid UTF-8 and of bounded size, whatever was written and whatever came."""

    async def run() -> None:
        lines: list[dict[str, Any]] = []
        pieces = [sent] if whole else [sent[i : i + 7] for i in range(0, len(sent), 7)]
        service = Service(answers=[pieces])
        caller = HttpCaller(service.door(), b"secret", lambda: 0.0)
        tool = HttpTool(
            Definition("tool", "It."), place_of("https://api.example.com/"), "GET", {}, 0
        )
        log = make_log(lines.append, lambda: 0.0)
        box = Toolbox([tool], caller, _never, log)
        facts = CallFacts("CA" + "0" * 32, "default")
        answered = await box.run(CallTool("call_1", "tool", written), facts)

        assert json.loads(answered.output) is not Ellipsis
        assert len(answered.output.encode()) <= 4 * OUTPUT_CHARS_MAX
        assert len(lines) == 1

    trio.run(run)


async def _never(function: Any, *given: Any) -> Any:
    pytest.fail("no thread is needed")
