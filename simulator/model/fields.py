"""Checks of JSON values, with the API's own error objects for each way to be wrong.

Owns what "an integer from 1 to 4096" means and how its violation reads. Knows no event.
A check is called with a value and its dotted path, and raises `Refused` or returns.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from simulator.model.errors import Problem, Refused

Check = Callable[[Any, str], None]


def _listed(values: Iterable[str]) -> str:
    quoted = [f"'{value}'" for value in values]
    if len(quoted) < 3:
        return " and ".join(quoted)
    return ", ".join(quoted[:-1]) + f", and {quoted[-1]}"


def _kind(value: object) -> str:
    kinds = {bool: "a boolean", int: "an integer", float: "a decimal", str: "a string"}
    kinds |= {list: "an array", dict: "an object", type(None): "null"}
    return kinds[type(value)]


# fidelity: observed realtime.md 1 - an unknown field is named by its dotted path
def unknown(path: str) -> Refused:
    """A field the API does not have."""
    return Refused(Problem("unknown_parameter", f"Unknown parameter: '{path}'.", path))


def missing(path: str) -> Refused:
    """A required field that is not there."""
    return Refused(
        Problem("missing_required_parameter", f"Missing required parameter: '{path}'.", path)
    )


def wrong_type(path: str, expected: str, value: object) -> Refused:
    """A value of another JSON type."""
    text = f"Invalid type for '{path}': expected {expected}, but got {_kind(value)} instead."
    return Refused(Problem("invalid_type", text, path))


def unsupported(path: str, value: object, values: Iterable[str]) -> Refused:
    """A value that is not one of those there are."""
    text = f"Invalid value: '{value}'. Supported values are: {_listed(values)}."
    return Refused(Problem("invalid_value", text, path))


def anything(_value: object, _path: str) -> None:
    """No demands."""


def any_object(value: object, path: str) -> None:
    """Any JSON object."""
    if not isinstance(value, dict):
        raise wrong_type(path, "an object", value)


def boolean(value: object, path: str) -> None:
    """True or false."""
    if not isinstance(value, bool):
        raise wrong_type(path, "a boolean", value)


def text(length_max: int | None = None) -> Check:
    """A string, perhaps of a bounded length."""

    def check(value: object, path: str) -> None:
        if not isinstance(value, str):
            raise wrong_type(path, "a string", value)
        if length_max is not None and len(value) > length_max:
            message = (
                f"Invalid '{path}': string too long. Expected a string with maximum length "
                f"{length_max}, but got a string with length {len(value)} instead."
            )
            raise Refused(Problem("string_above_max_length", message, path))

    return check


def _bounds(value: float, path: str, kind: str, low: float | None, high: float | None) -> None:
    # fidelity: observed realtime.md 1 - integer_below_min_value; the other three bounds are named
    #   by analogy
    if low is not None and value < low:
        code, word, sign, bound = f"{kind}_below_min_value", "below minimum", ">=", low
    elif high is not None and value > high:
        code, word, sign, bound = f"{kind}_above_max_value", "above maximum", "<=", high
    else:
        return
    message = (
        f"Invalid '{path}': {kind} {word} value. Expected a value {sign} {bound}, "
        f"but got {value} instead."
    )
    raise Refused(Problem(code, message, path))


def integer(low: int | None = None, high: int | None = None) -> Check:
    """A whole number within bounds."""

    def check(value: object, path: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            raise wrong_type(path, "an integer", value)
        _bounds(value, path, "integer", low, high)

    return check


def decimal(low: float, high: float) -> Check:
    """A number within bounds."""

    def check(value: object, path: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise wrong_type(path, "a decimal", value)
        _bounds(value, path, "decimal", low, high)

    return check


def choice(*values: str) -> Check:
    """One of these strings."""

    def check(value: object, path: str) -> None:
        if not isinstance(value, str):
            raise wrong_type(path, f"one of {_listed(values)}", value)
        if value not in values:
            raise unsupported(path, value, values)

    return check


def nullable(inner: Check) -> Check:
    """Null, or what `inner` demands."""

    def check(value: object, path: str) -> None:
        if value is not None:
            inner(value, path)

    return check


def listing(inner: Check) -> Check:
    """An array of such values."""

    def check(value: object, path: str) -> None:
        if not isinstance(value, list):
            raise wrong_type(path, "an array", value)
        for index, entry in enumerate(value):
            inner(entry, f"{path}[{index}]")

    return check


def either(is_first: Callable[[object], bool], first: Check, second: Check) -> Check:
    """`first` for values that look like it, else `second`."""

    def check(value: object, path: str) -> None:
        (first if is_first(value) else second)(value, path)

    return check


def is_text(value: object) -> bool:
    """For `either`: a string."""
    return isinstance(value, str)


def is_object(value: object) -> bool:
    """For `either`: a JSON object."""
    return isinstance(value, dict)


def mapping(fields: Mapping[str, Check], required: tuple[str, ...] = ()) -> Check:
    """An object with these fields and no others."""

    def check(value: object, path: str) -> None:
        if not isinstance(value, dict):
            raise wrong_type(path, "an object", value)
        prefix = f"{path}." if path else ""
        for name in value:
            if name not in fields:
                raise unknown(prefix + name)
        for name in required:
            if name not in value:
                raise missing(prefix + name)
        for name, entry in value.items():
            fields[name](entry, prefix + name)

    return check


def tagged(tag: str, kinds: Mapping[str, Check]) -> Check:
    """An object whose field `tag` says which of these it is."""

    def check(value: object, path: str) -> None:
        if not isinstance(value, dict):
            raise wrong_type(path, "an object", value)
        if tag not in value:
            raise missing(f"{path}.{tag}")
        kind = value[tag]
        if not isinstance(kind, str) or kind not in kinds:
            raise unsupported(f"{path}.{tag}", kind, kinds)
        kinds[kind](value, path)

    return check


def some(count_max: int) -> Check:
    """An object of at most so many strings."""

    def check(value: object, path: str) -> None:
        if not isinstance(value, dict):
            raise wrong_type(path, "an object", value)
        if len(value) > count_max:
            message = f"Invalid '{path}': too many properties. Expected at most {count_max}."
            raise Refused(Problem("object_above_max_properties", message, path))
        for name, entry in value.items():
            text(512)(entry, f"{path}.{name}")

    return check
