"""How a wrong value is told what is wrong with it, in the API's words."""

from typing import Any

import pytest

from simulator.model.errors import Refused
from simulator.model.fields import (
    Check,
    any_object,
    boolean,
    choice,
    decimal,
    integer,
    listing,
    mapping,
    nullable,
    some,
    tagged,
    text,
)

KINDS = tagged("type", {"a": mapping({"type": text()}), "b": mapping({"type": text()})})

WRONG = [
    (boolean, 1, "invalid_type", "expected a boolean, but got an integer instead"),
    (text(), None, "invalid_type", "expected a string, but got null instead"),
    (text(3), "four", "string_above_max_length", "maximum length 3"),
    (integer(1, 4), 0, "integer_below_min_value", "Expected a value >= 1, but got 0 instead"),
    (integer(1, 4), 5, "integer_above_max_value", "Expected a value <= 4, but got 5 instead"),
    (integer(), True, "invalid_type", "expected an integer, but got a boolean instead"),
    (integer(), 1.5, "invalid_type", "got a decimal instead"),
    (decimal(0, 1), "x", "invalid_type", "expected a decimal, but got a string instead"),
    (decimal(0, 1), -0.5, "decimal_below_min_value", "below minimum value"),
    (choice("x"), "y", "invalid_value", "Supported values are: 'x'."),
    (choice("x", "y", "z"), "w", "invalid_value", "'x', 'y', and 'z'."),
    (choice("x", "y"), [], "invalid_type", "expected one of 'x' and 'y', but got an array"),
    (listing(boolean), {}, "invalid_type", "expected an array, but got an object instead"),
    (listing(boolean), [True, 2], "invalid_type", "'it[1]'"),
    (any_object, [], "invalid_type", "expected an object, but got an array instead"),
    (mapping({}), [], "invalid_type", "expected an object"),
    (mapping({}), {"x": 1}, "unknown_parameter", "Unknown parameter: 'it.x'."),
    (mapping({"x": boolean}, ("x",)), {}, "missing_required_parameter", "'it.x'"),
    (KINDS, 3, "invalid_type", "expected an object"),
    (KINDS, {}, "missing_required_parameter", "'it.type'"),
    (KINDS, {"type": "c"}, "invalid_value", "'a' and 'b'"),
    (KINDS, {"type": ["a"]}, "invalid_value", "'a' and 'b'"),
    (some(1), [], "invalid_type", "expected an object"),
    (some(1), {"x": "", "y": ""}, "object_above_max_properties", "at most 1"),
    (some(1), {"x": 1}, "invalid_type", "'it.x'"),
]


@pytest.mark.parametrize(("check", "value", "code", "words"), WRONG)
def test_a_wrong_value_is_refused_by_name(check: Check, value: Any, code: str, words: str) -> None:
    """The problem has its code, and the message says what was expected where."""
    with pytest.raises(Refused) as refused:
        check(value, "it")

    assert refused.value.problem.code == code
    assert words in refused.value.problem.message


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (boolean, False),
        (text(4), "four"),
        (integer(1, 4), 4),
        (decimal(0, 1), 1),
        (nullable(boolean), None),
        (listing(boolean), []),
        (KINDS, {"type": "a"}),
        (some(2), {"x": "y"}),
        (any_object, {"x": [1]}),
    ],
)
def test_a_right_value_passes(check: Check, value: Any) -> None:
    """No news is good news."""
    check(value, "it")
