"""One call of a tool: in time, in bounds, and always a value."""

import json
from typing import Any

import pytest
import trio

from bridge.core.commands import CallTool, ToolAnswered
from bridge.log import make_log
from bridge.tooling.definition import Definition
from bridge.tooling.function_tool import FunctionTool
from bridge.tooling.http_recipe import place_of
from bridge.tooling.http_tool import HttpCaller, HttpTool
from bridge.tooling.running import CallFacts, NoTools, ToolRunner
from bridge.tooling.toolbox import OurTool, Toolbox
from tests.tool_service import Service, answer

FACTS = CallFacts("CA" + "0" * 32, "default")
SCHEMA = {"type": "object", "properties": {"number": {"type": "string"}}, "required": ["number"]}


class Bench:
    """A toolbox, its service and its log."""

    def __init__(self, *tools: OurTool) -> None:
        self.service = Service()
        self.lines: list[dict[str, Any]] = []
        caller = HttpCaller(self.service.door(), None, lambda: 0.0)
        log = make_log(self.lines.append, lambda: 0.0)
        self.box: ToolRunner = Toolbox(tools, caller, _at_once, log)

    async def run(self, name: str, arguments: str = "{}") -> ToolAnswered:
        """What a call of the tool comes to."""
        return await self.box.run(CallTool("call_1", name, arguments), FACTS)


async def _at_once(function: Any, *given: Any) -> Any:
    await trio.lowlevel.checkpoint()
    return function(*given)


def _function(function: Any, schema: Any = None, timeout_s: float = 8.0) -> FunctionTool:
    return FunctionTool(
        Definition("tool", "It.", schema or {"type": "object"}, timeout_s), function
    )


def _http(**schema: Any) -> HttpTool:
    place = place_of("https://api.example.com/")
    return HttpTool(Definition("tool", "It.", {"type": "object"} | schema), place, "GET")


async def test_what_a_tool_answers_comes_out_as_json() -> None:
    """Compact, with letters as they are."""
    bench = Bench(_function(lambda number: {"größe": number}, SCHEMA))

    answered = await bench.run("tool", '{"number": "7"}')

    assert answered == ToolAnswered("call_1", '{"größe":"7"}', "done")


async def test_an_http_tool_answers_too() -> None:
    """By way of its service."""
    bench = Bench(_http())
    bench.service.answers = [answer(b'{"open": true}')]

    assert await bench.run("tool") == ToolAnswered("call_1", '{"open":true}', "done")


async def test_a_tool_that_is_not_there() -> None:
    """Models make up tools."""
    answered = await Bench().run("tool")

    assert answered == ToolAnswered("call_1", '{"error":"there is no such tool"}', "failed")
    assert await NoTools().run(CallTool("call_1", "tool", "{}"), FACTS) == answered


async def test_wrong_arguments_never_reach_the_tool() -> None:
    """The model is told which field is wrong."""
    bench = Bench(_function(lambda number: pytest.fail("called"), SCHEMA))

    answered = await bench.run("tool", '{"number": 7}')

    assert answered.outcome == "failed"
    assert json.loads(answered.output) == {
        "error": "wrong arguments: `number`: 7 is not of type 'string'"
    }


async def test_a_tool_that_takes_too_long(autojump_clock: trio.testing.MockClock) -> None:
    """Its time is over: the model hears so, and whatever it waits for is cancelled."""
    bench = Bench(_function(trio.sleep_forever, timeout_s=2.5))

    answered = await bench.run("tool")

    assert trio.current_time() == pytest.approx(2.5)
    assert answered == ToolAnswered("call_1", '{"error":"no answer within 2.5 seconds"}', "timeout")


async def test_a_slow_service_takes_no_longer(autojump_clock: trio.testing.MockClock) -> None:
    """The time is for all attempts together, and the connection is closed."""
    bench = Bench(_http())
    bench.service.answers = [answer(status=503), None]

    answered = await bench.run("tool")

    assert trio.current_time() == pytest.approx(8.0)
    assert answered.outcome == "timeout"
    assert [connection.closed for connection in bench.service.connections] == [True, True]


async def test_an_output_too_large_is_not_passed_on() -> None:
    """Half of a JSON text would be none."""
    bench = Bench(_function(lambda: "x" * 40_000))

    answered = await bench.run("tool")

    assert answered == ToolAnswered("call_1", '{"error":"the answer is too large"}', "failed")


async def test_output_is_always_valid_utf_8() -> None:
    """A lone surrogate in an answer cannot break the connection to the model."""
    bench = Bench(_http())
    bench.service.answers = [answer(b'{"a": "x\\ud800"}')]

    assert (await bench.run("tool")).output == '{"a":"x?"}'


async def test_the_log_has_name_outcome_and_time_only(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """No argument, no output, no words of the service."""
    bench = Bench(_http(properties={"number": {}}))
    bench.service.answers = [answer(b'{"detail": "5550100002 is unknown"}', 404)]

    answered = await bench.run("tool", '{"number": "5550100001"}')

    (line,) = bench.lines
    assert "5550100002" in answered.output
    assert "55501" not in str(line)
    assert {name: line[name] for name in ("event", "tool", "outcome", "took_ms", "why")} == {
        "event": "tool_run", "tool": "tool", "outcome": "failed", "took_ms": 0, "why": "HTTP 404",
    }  # fmt: skip


async def test_the_end_of_the_call_cancels_a_tool(autojump_clock: trio.testing.MockClock) -> None:
    """Nothing is answered and nothing stays behind."""
    bench = Bench(_http())
    bench.service.answers = [None]

    with trio.move_on_after(1) as call:
        await bench.run("tool")

    assert call.cancelled_caught
    assert bench.service.connections[0].closed
    assert bench.lines == []
