"""A tool that is a function in Python.

Owns loading it, the schema of its type hints, and what becomes of whatever it returns or raises.
Must not know threads: what blocks goes through a door.
"""

import functools
import inspect
import traceback
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final, TypeVar

import outcome
import trio
from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic.errors import PydanticUserError
from pydantic_core import PydanticSerializationError, SchemaError, to_jsonable_python

from bridge.errors import BridgeError
from bridge.thread_door import Blocking
from bridge.tooling.definition import (
    OUTPUT_CHARS_MAX,
    Call,
    Definition,
    ToolFailed,
    Unusable,
    answer_text,
    too_large,
)

T = TypeVar("T")

GROUP: Final = "callbridge.tools"
"""Entry points of this group are tools."""
CALL: Final = "call"
"""A parameter of this name gets the `CallFacts`; the model does not see it."""
LEVELS_MAX: Final = 100
"""A result that is deeper is none to tell."""
LISTS: Final = (list, tuple, set, frozenset)
NAMED: Final = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class UnusableFunction(BridgeError):  # noqa: N818 - the base is the error
    """There is no such function, or it cannot be a tool."""


@dataclass(frozen=True)
class Signature:
    """What a function takes. `hints` makes values of its types out of JSON values."""

    wants_call: bool
    names: tuple[str, ...]
    hints: type[BaseModel] | None


@dataclass(frozen=True)
class FunctionTool:
    """A call of `function` for each call. Without `hints` it gets the JSON values as they are."""

    definition: Definition
    function: Callable[..., Any]
    wants_call: bool = False
    hints: type[BaseModel] | None = None

    @property
    def described(self) -> str:
        """In one line, for an operator."""
        tool = self.definition
        how = "async" if _is_async(self.function) else "in a thread"
        return f"{tool.name}: a function, {how}, {tool.timeout_s:g} s"


def load_function(reference: str) -> Callable[..., Any]:
    """The function that `module:name`, or an entry point's name, stands for.

    Raises:
        UnusableFunction: there is none, or its module cannot be imported.
    """
    module, colon, name = reference.partition(":")
    if colon:
        loaded = outcome.capture(
            lambda: functools.reduce(getattr, name.split("."), import_module(module))
        )
    else:
        found = [entry for entry in entry_points(group=GROUP) if entry.name == reference]
        if not found:
            raise UnusableFunction(f"there is no entry point `{reference}` in {GROUP}")
        loaded = outcome.capture(found[0].load)
    if isinstance(loaded, outcome.Error):
        if not isinstance(loaded.error, Exception | SystemExit):
            raise loaded.error
        kind = type(loaded.error).__name__
        raise UnusableFunction(f"cannot be loaded: {kind}: {loaded.error}") from None
    if not callable(loaded.value):
        raise UnusableFunction("is no function")
    function: Callable[..., Any] = loaded.value
    return function


def entry_point_names() -> list[str]:
    """The names of all functions that installed packages offer."""
    return sorted({entry.name for entry in entry_points(group=GROUP)})


def taken_by(function: Callable[..., Any], *, hinted: bool) -> Signature:
    """What a function takes; `hinted`: its parameters must say of which type they are.

    Raises:
        UnusableFunction: it takes what no tool can give.
    """
    try:
        parameters = dict(inspect.signature(function).parameters)
        hints = typing.get_type_hints(function, include_extras=True) if hinted else {}
    except (ValueError, TypeError, NameError) as why:
        raise UnusableFunction(f"its parameters cannot be read: {why}") from None
    wants_call = parameters.pop(CALL, None) is not None
    for parameter in parameters.values():
        if parameter.kind not in NAMED:
            raise UnusableFunction(f"`{parameter}` cannot be given by name")
        if hinted and parameter.name not in hints:
            raise UnusableFunction(f"`{parameter.name}` has no type; write a schema, or a type")
    if not hinted:
        return Signature(wants_call, tuple(parameters), None)
    fields: dict[str, Any] = {
        name: (hints[name], ... if parameter.default is parameter.empty else parameter.default)
        for name, parameter in parameters.items()
    }
    try:
        model = create_model("Arguments", __config__=ConfigDict(extra="forbid"), **fields)
        model.model_json_schema()
    except (PydanticUserError, SchemaError, NameError) as why:
        raise UnusableFunction(f"a type has no JSON Schema: {why}") from None
    return Signature(wants_call, tuple(parameters), model)


def schema_of(hints: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of a function's parameters, without the titles that pydantic makes up."""
    schema: dict[str, Any] = _untitled(hints.model_json_schema())
    schema.setdefault("properties", {})
    return schema


def description_of(function: Callable[..., Any]) -> str:
    """The first paragraph of its docstring, on one line."""
    return " ".join((inspect.getdoc(function) or "").partition("\n\n")[0].split())


async def answer_of(tool: FunctionTool, call: Call, door: Blocking) -> str:
    """What the function returns, as JSON text.

    Types make values of arguments and of results by code of the function's author: that goes
    through `door`, as does the function itself if it is not async.

    Raises:
        ToolFailed: it raised, or returned what JSON cannot hold.
    """
    if not _is_async(tool.function):
        return await _behind(door, lambda: _text_of(_ready(tool, call)()))
    function = await _behind(door, _ready, tool, call)
    value = _unwrapped(await outcome.acapture(function))
    return await _behind(door, _text_of, value)


async def _behind(door: Blocking, function: Callable[..., T], *given: Any) -> T:
    came = await outcome.acapture(door, outcome.capture, function, *given)
    return _unwrapped(_unwrapped(came))


def _unwrapped(came: outcome.Maybe[T]) -> T:
    """The value; an exception of the function's becomes a failure without its words."""
    if isinstance(came, outcome.Value):
        return came.value
    _raise_what_is_not_its_own(came.error)
    if isinstance(came.error, Unusable):
        raise came.error
    kind = type(came.error).__name__
    raise ToolFailed(f"the tool failed ({kind})", f"{kind}{raised_at(came.error)}") from None


def _ready(tool: FunctionTool, call: Call) -> Callable[[], Any]:
    """The function with its arguments, of the types it wants."""
    given: dict[str, Any] = dict(call.arguments)
    if tool.hints is not None:
        try:
            read = tool.hints.model_validate(given)
        except ValidationError as wrong:
            error = wrong.errors(include_url=False, include_context=False)[0]
            where = ".".join(str(step) for step in error["loc"])
            raise Unusable(f"`{where}`: {error['msg']}", "wrong arguments") from None
        given = {name: getattr(read, name) for name in tool.hints.model_fields}
    if tool.wants_call:
        given[CALL] = call.facts
    return functools.partial(tool.function, **given)


def _text_of(value: Any) -> str:
    if value is None:
        return answer_text({"status": "ok"})
    try:
        return answer_text(_Result().plain(value))
    except PydanticSerializationError:
        kind = type(value).__name__
        raise Unusable("the tool failed", f"returned {kind}, which is no JSON") from None


class _Result:
    """Makes JSON values of a result, no more than there is room for: generators need not end."""

    def __init__(self) -> None:
        self._room = OUTPUT_CHARS_MAX

    def plain(self, value: Any, levels: int = LEVELS_MAX) -> Any:
        """The value as JSON has it.

        Raises:
            Unusable: it is too large or too deep.
            PydanticSerializationError: JSON cannot hold it.
        """
        self._take(str.__len__(value) if isinstance(value, str) else 1)
        if value is None or isinstance(value, str | int | float):
            return value
        if not levels:
            raise Unusable("the tool failed", "the answer is too deep")
        if type(value) is dict:
            return {
                self._name(name): self.plain(inner, levels - 1) for name, inner in value.items()
            }
        if type(value) in LISTS or isinstance(value, Iterator):
            return [self.plain(inner, levels - 1) for inner in value]
        return self.plain(to_jsonable_python(value), levels - 1)

    def _name(self, name: Any) -> str:
        text: str = name if isinstance(name, str) else next(iter(to_jsonable_python({name: None})))
        self._take(str.__len__(text))
        return text

    def _take(self, chars: int) -> None:
        self._room -= chars
        if self._room < 0:
            raise too_large()


def _raise_what_is_not_its_own(error: BaseException) -> None:
    """A cancellation goes on its way, also out of a group; an `exit()` of the function does not."""
    if isinstance(error, BaseExceptionGroup):
        cancelled, _ = error.split((trio.Cancelled, KeyboardInterrupt))
        if cancelled is not None:
            raise cancelled
    elif isinstance(error, trio.Cancelled | KeyboardInterrupt):
        raise error


def raised_at(error: BaseException) -> str:
    """Where it was raised, for the log: file and line, which hold no values."""
    frames = list(traceback.walk_tb(error.__traceback__))
    if not frames:
        return ""
    frame, line = frames[-1]
    return f" at {Path(frame.f_code.co_filename).name}:{line}"


def _is_async(function: Callable[..., Any]) -> bool:
    while isinstance(function, functools.partial):
        function = function.func
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - an object may be called, too
    )


def _untitled(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            name: _untitled(inner)
            for name, inner in value.items()
            if not (name == "title" and isinstance(inner, str))
        }
    return [_untitled(item) for item in value] if isinstance(value, list) else value
