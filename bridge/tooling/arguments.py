"""What the model wrote as arguments, checked against a tool's schema.

Owns reading, limits and the words for a wrong argument: they name the field and go back to the
model, so that it can ask the caller or try again. Must not know what the tool does.
"""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError, best_match
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from bridge.errors import BridgeError

ARGUMENTS_CHARS_MAX: Final = 16_384
VALUE_CHARS_MAX: Final = 100
"""How much of a wrong value is repeated."""


class WrongArguments(BridgeError):  # noqa: N818 - the base is the error
    """The arguments do not fit. The message is for the model."""


class WrongSchema(BridgeError):  # noqa: N818 - the base is the error
    """This is no JSON Schema for arguments. `keys` lead to what is wrong in it."""

    def __init__(self, message: str, keys: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.keys = keys


class ArgumentsReader:
    """Reads arguments of one tool."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        """`schema` is a JSON Schema of type object.

        Raises:
            WrongSchema: it is none.
        """
        check_schema(schema)
        # An empty registry: a reference to somewhere else is never fetched.
        self._validator = Draft202012Validator(dict(schema), registry=Registry())

    def read(self, text: str) -> dict[str, Any]:
        """The arguments as JSON values.

        Raises:
            WrongArguments: not JSON, not an object, or not what the schema asks for.
        """
        if len(text) > ARGUMENTS_CHARS_MAX:
            raise WrongArguments(f"the arguments are longer than {ARGUMENTS_CHARS_MAX} characters")
        try:
            arguments = json.loads(text or "{}", parse_constant=_refused, parse_float=_finite)
        except (ValueError, RecursionError):
            raise WrongArguments("the arguments are not valid JSON") from None
        if not isinstance(arguments, dict):
            raise WrongArguments("the arguments are not a JSON object")
        try:
            wrong = best_match(self._validator.iter_errors(arguments))
        except (RecursionError, OverflowError):
            # A schema that refers to itself without end, or a number beyond all bounds.
            raise WrongArguments("the arguments cannot be checked") from None
        if wrong is not None:
            raise WrongArguments(_words(wrong))
        return arguments


def check_schema(schema: Mapping[str, Any]) -> None:
    """See that this describes arguments.

    Raises:
        WrongSchema: it does not.
    """
    if schema.get("type") != "object":
        raise WrongSchema("a schema of arguments has `type: object`", ("type",))
    try:
        # With formats: an expression in a `pattern` that is none is found here, and not in a call.
        checker = Draft202012Validator.FORMAT_CHECKER
        Draft202012Validator.check_schema(schema, format_checker=checker)
    except SchemaError as wrong:
        raise WrongSchema(_shortened(wrong.message), tuple(wrong.absolute_path)) from None
    resolver = Registry().resolver_with_root(DRAFT202012.create_resource(schema))
    for keys, reference in _references(schema, ()):
        if not reference.startswith("#"):
            raise WrongSchema("a reference to another document is not followed", keys)
        try:
            resolver.lookup(reference)
        except Unresolvable:
            raise WrongSchema(f"nothing is at {reference!r}", keys) from None


def _references(
    value: Any, keys: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    steps: Any = ()
    if isinstance(value, Mapping):
        steps = value.items()
    elif isinstance(value, list):
        steps = enumerate(value)
    for step, inner in steps:
        if step in ("$ref", "$dynamicRef") and isinstance(inner, str):
            yield (*keys, step), inner
        yield from _references(inner, (*keys, step))


def _words(wrong: ValidationError) -> str:
    """Which field is wrong and why, in a sentence."""
    where = ".".join(str(step) for step in wrong.absolute_path)
    why = _shortened(wrong.message)
    return f"`{where}`: {why}" if where else why


def _shortened(message: str) -> str:
    return message if len(message) <= 2 * VALUE_CHARS_MAX else f"{message[: 2 * VALUE_CHARS_MAX]}…"


def _refused(_constant: str) -> Any:
    """NaN and Infinity are no JSON."""
    raise ValueError


def _finite(text: str) -> float:
    """1e999 is JSON, and infinity is what becomes of it."""
    value = float(text)
    return value if math.isfinite(value) else _refused(text)
