"""Python functions as tools: found, described by their types, called, and survived."""

import datetime as dt
import functools
import json
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Annotated, Any, Literal

import pytest
import trio
from pydantic import BaseModel, Field

from bridge.thread_door import in_thread
from bridge.tooling import function_tool
from bridge.tooling.definition import Call, Definition, ToolFailed
from bridge.tooling.function_tool import (
    FunctionTool,
    UnusableFunction,
    answer_of,
    description_of,
    entry_point_names,
    load_function,
    schema_of,
    taken_by,
)
from bridge.tooling.running import CallFacts
from tests.file_writers import at_once

FACTS = CallFacts("CA" + "0" * 32, "default")


@dataclass
class State:
    """What a function may return."""

    order: str
    due: dt.date


class Item(BaseModel):
    """What it may take."""

    name: str
    amount: int = 1


def order_status(
    number: Annotated[str, Field(pattern="^[0-9]{7}$", description="Seven digits.")],
    day: Literal["today", "tomorrow"] = "today",
    *,
    since: dt.date | None = None,
    items: list[Item] | None = None,
    call: CallFacts,
) -> State:
    """Look up an order.

    More words, for programmers.
    """
    assert since is None or type(since) is dt.date
    assert items is None or type(items[0]) is Item
    return State(f"{number} {day} {call.agent}", dt.date(2026, 1, 2))


async def in_order(text: str) -> str:
    """An async function."""
    await trio.sleep(1)
    return text


def _tool(function: Callable[..., Any], *, hinted: bool = True) -> FunctionTool:
    taken = taken_by(function, hinted=hinted)
    return FunctionTool(Definition("tool", "A tool."), function, taken.wants_call, taken.hints)


async def _answer(function: Callable[..., Any], hinted: bool = False, **arguments: Any) -> Any:
    tool = _tool(function, hinted=hinted)
    return json.loads(await answer_of(tool, Call("call_1", arguments, FACTS), at_once))


# -- found


def test_a_function_is_found_by_module_and_name() -> None:
    """Attributes of attributes, too."""
    assert load_function("tests.test_tooling_functions:order_status").__name__ == "order_status"
    assert load_function("datetime:date.fromordinal")(1) == dt.date.min


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("no_such_module:x", "cannot be loaded: ModuleNotFoundError"),
        ("datetime:no_such_name", "cannot be loaded: AttributeError"),
        (":x", "cannot be loaded: ValueError"),
        ("datetime:MINYEAR", "is no function"),
        ("order_status", "there is no entry point `order_status` in callbridge.tools"),
    ],
)
def test_what_is_not_there_is_said(reference: str, words: str) -> None:
    """In words for the operator, when the file is read."""
    with pytest.raises(UnusableFunction, match=words.split("`", maxsplit=1)[0]):
        load_function(reference)


def test_an_installed_package_offers_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Entry points of the group callbridge.tools, by their name."""
    offered = EntryPoint("status", f"{__name__}:order_status", "callbridge.tools")
    monkeypatch.setattr(function_tool, "entry_points", lambda group: [offered])

    assert entry_point_names() == ["status"]
    assert load_function("status") is order_status


# -- described


def test_types_become_a_schema() -> None:
    """Required is what has no default; `call` is ours; no titles."""
    taken = taken_by(order_status, hinted=True)
    assert taken.hints is not None
    schema = schema_of(taken.hints)

    assert taken.wants_call
    assert taken.names == ("number", "day", "since", "items")
    assert schema["required"] == ["number"]
    assert schema["properties"]["number"] == {
        "type": "string", "pattern": "^[0-9]{7}$", "description": "Seven digits.",
    }  # fmt: skip
    assert schema["properties"]["day"] == {
        "type": "string", "enum": ["today", "tomorrow"], "default": "today",
    }  # fmt: skip
    assert "title" not in str(schema)
    assert description_of(order_status) == "Look up an order."


def test_a_function_without_parameters() -> None:
    """Has a schema without properties, and perhaps no words."""
    taken = taken_by(lambda: 1, hinted=True)
    assert taken.hints is not None

    assert schema_of(taken.hints)["properties"] == {}
    assert description_of(functools.partial(_takes_anything)) != ""


def _hostile(name: str) -> Any:
    """An attribute that is not to be had without harm."""
    if name == "interrupt":
        raise KeyboardInterrupt
    if name == "leave":
        raise SystemExit(3)
    raise AttributeError(name)


def test_what_exits_when_it_is_loaded_is_unusable(monkeypatch: pytest.MonkeyPatch) -> None:
    """`callbridge check` goes on and says so; a person who interrupts it is heard."""
    module = ModuleType("hostile")
    module.__dict__["__getattr__"] = _hostile
    monkeypatch.setitem(sys.modules, "hostile", module)

    with pytest.raises(UnusableFunction, match="SystemExit: 3"):
        load_function("hostile:leave")
    with pytest.raises(KeyboardInterrupt):
        load_function("hostile:interrupt")


def _takes_bad_pattern(a: Annotated[str, Field(pattern="(*")]) -> None: ...
def _lock() -> Any:
    return threading.Lock()


def _exit() -> None:
    sys.exit()


def _thread() -> int:
    return threading.get_ident()


def _takes_anything(*args: Any) -> None: ...
def _takes_words(**words: Any) -> None: ...
def _takes_unknown(a) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001
def _takes_position(a: int, /) -> None: ...
def _takes_nothing_json(a: threading.Lock) -> None: ...
def _takes_missing(a: "NotThere") -> None: ...  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    "function",
    [
        *(_takes_anything, _takes_words, _takes_unknown, _takes_position),
        *(_takes_nothing_json, _takes_missing, _takes_bad_pattern, dict.fromkeys),
    ],
)
def test_a_function_that_cannot_be_described(function: Callable[..., Any]) -> None:
    """Is refused when the file is read."""
    with pytest.raises(UnusableFunction):
        taken_by(function, hinted=True)


def test_with_a_schema_in_the_file_types_are_not_needed() -> None:
    """Only that the parameters can be given by name."""
    assert taken_by(_takes_unknown, hinted=False).names == ("a",)
    with pytest.raises(UnusableFunction):
        taken_by(_takes_position, hinted=False)


# -- called


async def test_types_of_the_function_are_made_of_json() -> None:
    """Dates, models and the facts of the call arrive as such; the result goes out as JSON."""
    answered = await _answer(
        order_status, True, number="1234567", since="2026-01-01", items=[{"name": "soup"}]
    )

    assert answered == {"order": "1234567 today default", "due": "2026-01-02"}


async def test_what_the_types_refuse_is_named() -> None:
    """A schema cannot say everything that a type can."""
    with pytest.raises(ToolFailed, match="`since`: "):
        await _answer(order_status, True, number="1234567", since="2026-02-31")


async def test_an_async_function_is_awaited(autojump_clock: trio.testing.MockClock) -> None:
    """In the call's own time, without a thread."""
    assert await _answer(in_order, text="soup") == "soup"
    assert await _answer(functools.partial(in_order), text="soup") == "soup"


async def test_nothing_returned_is_a_success() -> None:
    """The model needs to be told something."""
    assert await _answer(lambda: None) == {"status": "ok"}


async def test_what_json_cannot_hold_is_a_failure() -> None:
    """The model is told that it failed, the log what was returned."""
    with pytest.raises(ToolFailed) as failed:
        await _answer(_lock)

    assert str(failed.value) == "the tool failed"
    assert "no JSON" in failed.value.why


async def test_an_exception_is_told_by_its_type_only() -> None:
    """Its words may hold what the caller said; the log gets the line, the model no traceback."""

    def fails(number: str) -> None:
        raise KeyError(number)

    with pytest.raises(ToolFailed) as failed:
        await _answer(fails, number="5550100001")

    assert str(failed.value) == "the tool failed (KeyError)"
    assert failed.value.why.startswith("KeyError at test_tooling_functions.py:")
    assert "5550100001" not in failed.value.why


async def test_an_exit_does_not_take_the_process_with_it() -> None:
    """`sys.exit()` in a function is a failure like any other."""
    with pytest.raises(ToolFailed, match="SystemExit"):
        await _answer(_exit)


async def test_a_cancellation_goes_on_its_way(autojump_clock: trio.testing.MockClock) -> None:
    """Also out of a nursery in which something else fails meanwhile."""

    async def clumsy() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_fails_when_cancelled)
            await trio.sleep_forever()

    with trio.move_on_after(1) as scope:
        await _answer(clumsy)

    assert scope.cancelled_caught


async def _fails_when_cancelled() -> None:
    try:
        await trio.sleep_forever()
    finally:
        raise ValueError


async def test_a_group_of_failures_is_a_failure() -> None:
    """What a nursery of the function raises is its own affair."""

    async def fails() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_fails)

    with pytest.raises(ToolFailed, match="ExceptionGroup"):
        await _answer(fails)


async def _fails() -> None:
    await trio.lowlevel.checkpoint()
    raise ValueError


# -- threads


async def test_a_function_that_blocks_has_a_thread() -> None:
    """The event loop goes on."""
    tool = _tool(_thread, hinted=False)
    door = in_thread(trio.CapacityLimiter(1))

    assert await answer_of(tool, Call("c", {}, FACTS), door) != str(threading.get_ident())


@pytest.fixture
async def held() -> AsyncIterator[threading.Event]:
    """An event on which functions wait; set in the end, so that no thread stays."""
    event = threading.Event()
    yield event
    event.set()


async def test_threads_that_hang_are_left_alone(held: threading.Event) -> None:
    """All threads taken: the next call waits within its own time, and nothing else does."""
    limiter = trio.CapacityLimiter(2)
    door, tool = in_thread(limiter), _tool(held.wait, hinted=False)
    began = time.monotonic()
    for _ in range(3):
        with trio.move_on_after(0.01) as patience:
            await answer_of(tool, Call("c", {}, FACTS), door)

        assert patience.cancelled_caught

    assert limiter.borrowed_tokens == 2
    assert time.monotonic() - began < 5
