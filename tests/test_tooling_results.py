"""What a function returns: made JSON in time, in bounds, and beside the event loop."""

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Annotated, Any

import pytest
import trio
from pydantic import AfterValidator, BaseModel, computed_field

from bridge.core.commands import CallTool, ToolAnswered
from bridge.log import make_log
from bridge.thread_door import in_thread
from bridge.tooling.definition import OUTPUT_CHARS_MAX, Definition, Unusable, answer_text
from bridge.tooling.function_tool import FunctionTool, raised_at, taken_by
from bridge.tooling.http_recipe import place_of
from bridge.tooling.http_tool import HttpCaller, HttpTool
from bridge.tooling.running import CallFacts
from bridge.tooling.toolbox import OurTool, Toolbox
from tests.tool_service import Service, answer

CARD = "4111 1111 1111 1111"
FACTS = CallFacts("CA" + "0" * 32, "default")


class Color(StrEnum):
    """Something that a function may return."""

    RED = "red"


class Order(BaseModel):
    """A result with code of its author in it."""

    number: int = 1

    @computed_field  # type: ignore[prop-decorator]
    @property
    def total(self) -> int:
        """Fails."""
        raise RuntimeError(CARD)


class Evil:
    """Whatever is asked of it, it fails."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(CARD)


def _rows() -> Iterator[int]:
    yield 1
    raise KeyError(CARD)


def _slow() -> Iterator[int]:
    for number in range(4):
        time.sleep(0.2)
        yield number


def _nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


async def _orders() -> Order:
    return Order()


async def _threads() -> Iterator[bool]:
    return (threading.current_thread() is threading.main_thread() for _ in range(1))


def _refuse(text: str) -> str:
    raise LookupError(text)


def _takes_refused(text: Annotated[str, AfterValidator(_refuse)]) -> str:
    return text


async def _takes_refused_async(text: Annotated[str, AfterValidator(_refuse)]) -> str:
    return text


class Bench:
    """A toolbox with one tool, real threads and a log."""

    def __init__(self, tool: OurTool) -> None:
        self.service = Service()
        self.lines: list[dict[str, Any]] = []
        caller = HttpCaller(self.service.door(), None, lambda: 0.0)
        log = make_log(self.lines.append, lambda: 0.0)
        self.box = Toolbox([tool], caller, in_thread(trio.CapacityLimiter(2)), log)

    async def run(self, arguments: str = "{}") -> ToolAnswered:
        """What a call of the tool comes to."""
        return await self.box.run(CallTool("call_1", "tool", arguments), FACTS)


def _bench(function: Callable[..., Any], timeout_s: float = 8.0, *, hinted: bool = False) -> Bench:
    hints = taken_by(function, hinted=True).hints if hinted else None
    return Bench(
        FunctionTool(Definition("tool", "It.", timeout_s=timeout_s), function, False, hints)
    )


@pytest.mark.parametrize(
    ("function", "output"),
    [
        (lambda: {"a": (1, 2.5, None, True), "b": {"c"}}, '{"a":[1,2.5,null,true],"b":["c"]}'),
        (lambda: map(str, [1, 2]), '["1","2"]'),
        (lambda: {1: "x", None: "y"}, '{"1":"x","None":"y"}'),
        (lambda: [Color.RED, {Color.RED: Color.RED}], '["red",{"red":"red"}]'),
        (lambda: _nested(50), "[" * 50 + "1" + "]" * 50),
        (lambda: {"\ud800": 1}, '{"?":1}'),
    ],
)
async def test_what_json_can_hold_comes_out(function: Callable[[], Any], output: str) -> None:
    """Also what has to be asked for its values."""
    assert await _bench(function).run() == ToolAnswered("call_1", output, "done")


@pytest.mark.parametrize(
    ("function", "words", "why"),
    [
        (_rows, "the tool failed (KeyError)", "KeyError at test_tooling_results.py:"),
        (Order, "the tool failed (RuntimeError)", "RuntimeError at test_tooling_results.py:"),
        (_orders, "the tool failed (RuntimeError)", "RuntimeError at test_tooling_results.py:"),
        (lambda: (1 // 0 for _ in [1]), "the tool failed (ZeroDivisionError)", "Zero"),
        (lambda: 10**5000, "the tool failed", "the answer is no JSON"),
        (lambda: [float("inf")], "the tool failed", "the answer is no JSON"),
        (lambda: {"x": float("nan")}, "the tool failed", "the answer is no JSON"),
        (lambda: _nested(200), "the tool failed", "the answer is too deep"),
        (lambda: {"x": _nested(50_000)}, "the tool failed", "the answer is too deep"),
        (Evil, "the tool failed", ""),
        (itertools.count, "the answer is too large", "answer too large"),
        (lambda: {"x": [itertools.repeat("x" * 1000)]}, "the answer is too large", "answer too"),
        (lambda: dict.fromkeys(range(10_000)), "the answer is too large", "answer too large"),
        (lambda: [CARD] * 1000, "the answer is too large", "answer too large"),
        (lambda: [[]] * 9000, "the answer is too large", "answer too large"),
    ],
)
async def test_a_result_costs_no_call(function: Callable[[], Any], words: str, why: str) -> None:
    """Whatever it is, and whatever its author's code raises: a failure, without its words."""
    bench = _bench(function)

    answered = await bench.run()

    assert (answered.outcome, json.loads(answered.output)) == ("failed", {"error": words})
    assert str(bench.lines[0]["why"]).startswith(why)
    assert "1111" not in str(bench.lines) + answered.output


async def test_a_slow_result_has_the_time_of_its_tool_and_holds_nobody_up() -> None:
    """Its values are asked for in the thread."""
    bench, longest_s = _bench(_slow, 0.3), 0.0

    async def tick() -> None:
        nonlocal longest_s
        while True:
            began = trio.current_time()
            await trio.sleep(0.01)
            longest_s = max(longest_s, trio.current_time() - began)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(tick)
        answered = await bench.run()
        nursery.cancel_scope.cancel()

    assert answered.outcome == "timeout"
    assert longest_s < 0.19


async def test_the_result_of_an_async_function_is_asked_for_in_a_thread_too() -> None:
    """The function alone runs where all calls do."""
    assert (await _bench(_threads).run()).output == "[false]"


@pytest.mark.parametrize("function", [_takes_refused, _takes_refused_async])
async def test_types_may_fail_as_they_like(function: Callable[..., Any]) -> None:
    """A validator is code of the author's as well."""
    bench = _bench(function, hinted=True)

    answered = await bench.run(f'{{"text": "{CARD}"}}')

    assert json.loads(answered.output) == {"error": "the tool failed (LookupError)"}
    assert "1111" not in str(bench.lines)


def _http() -> HttpTool:
    return HttpTool(Definition("tool", "It."), place_of("https://api.example.com/"), "GET")


@pytest.mark.parametrize(
    ("body", "output"),
    [
        (b"[1e999, -1e999, NaN, 1.5]", "[null,null,null,1.5]"),
        (b"9" * 20_000, '{"error":"the service\'s answer is not valid JSON"}'),
        (b"[" + b"1," * 10_000 + b"1]", '{"error":"the answer is too large"}'),
    ],
)
async def test_an_http_answer_is_json_as_well(body: bytes, output: str) -> None:
    """No Infinity comes of a number that is too large."""
    bench = Bench(_http())
    bench.service.answers = [answer(body)]

    assert (await bench.run()).output == output


@pytest.mark.parametrize("levels", [100, 300, 600, 900, 1000, 5000])
async def test_a_deep_http_answer_costs_no_call(levels: int) -> None:
    """What can be read cannot always be written."""
    bench = Bench(_http())
    bench.service.answers = [answer(b"[" * levels + b"]" * levels)]

    assert json.loads((await bench.run()).output) is not None


async def test_an_infinite_argument_is_none() -> None:
    """The service would be sent what is no JSON."""
    answered = await _bench(lambda: pytest.fail("called")).run('{"x": 1e999}')

    assert answered.output == '{"error":"wrong arguments: the arguments are not valid JSON"}'


async def test_a_mistake_of_ours_costs_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """The log says which and where."""

    async def broken(*_: object) -> None:
        raise RuntimeError(CARD)

    monkeypatch.setattr(HttpCaller, "answer", broken)
    bench = Bench(_http())

    assert (await bench.run()).output == '{"error":"the tool failed"}'
    assert str(bench.lines[0]["why"]).startswith("RuntimeError at test_tooling_results.py:")


def test_what_was_not_raised_anywhere_has_no_line() -> None:
    """An exception may come without a traceback."""
    assert raised_at(ValueError()) == ""


def _verbose(text: str) -> str:
    raise ValueError("x" * 100_000 + text)


async def _takes_verbose(text: Annotated[str, AfterValidator(_verbose)]) -> str:
    return text


async def test_the_words_of_a_failure_are_bounded() -> None:
    """A type may have much to say of a value."""
    answered = await _bench(_takes_verbose, hinted=True).run('{"text": "a"}')

    assert answered.output.startswith('{"error":"`text`: Value error, xxx')
    assert len(answered.output) < OUTPUT_CHARS_MAX


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, ["x" * OUTPUT_CHARS_MAX]])
def test_what_is_no_answer(value: Any) -> None:
    """JSON has no word for it, or it is too long."""
    with pytest.raises(Unusable):
        answer_text(value)
