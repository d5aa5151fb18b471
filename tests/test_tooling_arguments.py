"""What a model writes as arguments: read, checked, refused in words that name the field."""

import pytest

from bridge.tooling.arguments import (
    ARGUMENTS_CHARS_MAX,
    ArgumentsReader,
    WrongArguments,
    WrongSchema,
    check_schema,
)

ORDER = {
    "type": "object",
    "properties": {
        "number": {"type": "string", "pattern": "^[0-9]{7}$"},
        "items": {"type": "array", "items": {"type": "integer"}},
    },
    "required": ["number"],
    "additionalProperties": False,
}


def test_arguments_that_fit_are_json_values() -> None:
    """Numbers are numbers, texts are texts."""
    read = ArgumentsReader(ORDER).read('{"number": "1234567", "items": [1, 2]}')

    assert read == {"number": "1234567", "items": [1, 2]}


def test_no_arguments_at_all_are_an_empty_object() -> None:
    """Models write nothing where a tool takes nothing."""
    assert ArgumentsReader({"type": "object"}).read("") == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "the arguments are not valid JSON"),
        ('{"number": NaN}', "the arguments are not valid JSON"),
        ("[" * 5000, "the arguments are not valid JSON"),
        ("[1]", "the arguments are not a JSON object"),
        ("{}", "'number' is a required property"),
        ('{"number": "12"}', "`number`: '12' does not match '^[0-9]{7}$'"),
        ('{"number": "1234567", "items": [1, "x"]}', "`items.1`: 'x' is not of type 'integer'"),
        (
            '{"number": "1234567", "nmuber": 1}',
            "Additional properties are not allowed ('nmuber' was unexpected)",
        ),
        (" " * (ARGUMENTS_CHARS_MAX + 1), "the arguments are longer than 16384 characters"),
    ],
)
def test_a_wrong_argument_is_named(text: str, words: str) -> None:
    """What goes back to the model says which field is wrong, and why."""
    with pytest.raises(WrongArguments) as refused:
        ArgumentsReader(ORDER).read(text)

    assert str(refused.value) == words


def test_a_long_value_is_not_repeated_whole() -> None:
    """What the model wrote does not come back to it at full length."""
    with pytest.raises(WrongArguments) as refused:
        ArgumentsReader(ORDER).read('{"number": "' + "9" * 10_000 + '"}')

    assert len(str(refused.value)) < 250


@pytest.mark.parametrize(
    ("schema", "keys"),
    [
        ({"type": "string"}, ("type",)),
        ({}, ("type",)),
        ({"type": "object", "properties": {"a": {"type": "text"}}}, ("properties", "a", "type")),
        (
            {"type": "object", "properties": {"a": {"$ref": "http://10.0.0.1/x"}}},
            ("properties", "a", "$ref"),
        ),
        ({"type": "object", "anyOf": [{"$dynamicRef": "other"}]}, ("anyOf", 0, "$dynamicRef")),
        (
            {"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}},
            ("properties", "a", "$ref"),
        ),
        (
            {"type": "object", "properties": {"a": {"pattern": "(*"}}},
            ("properties", "a", "pattern"),
        ),
    ],
)
def test_a_wrong_schema_is_found_at_its_place(
    schema: dict[str, object], keys: tuple[str | int, ...]
) -> None:
    """A schema that is none, or would be fetched from elsewhere, is refused before any call."""
    with pytest.raises(WrongSchema) as refused:
        check_schema(schema)

    assert refused.value.keys == keys


def test_a_reference_within_the_schema_is_followed() -> None:
    """`$defs` work."""
    schema = {
        "type": "object",
        "properties": {"day": {"$ref": "#/$defs/day"}},
        "$defs": {"day": {"enum": ["today", "tomorrow"]}},
    }

    assert ArgumentsReader(schema).read('{"day": "today"}') == {"day": "today"}


def test_a_schema_without_end_is_survived() -> None:
    """The model is told something, and no call ends for it."""
    with pytest.raises(WrongArguments, match="cannot be checked"):
        ArgumentsReader({"type": "object", "$ref": "#"}).read("{}")
