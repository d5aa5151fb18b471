"""The JSON Schema for editors: published as generated, and of one mind with the reader."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from simulator.scenario import json_schema
from simulator.scenario.loading import SUFFIX
from simulator.scenario.schema import schema_text

ROOT = Path(__file__).parents[1]
SCHEMA = json_schema()
SHIPPED = sorted((ROOT / "scenarios").rglob(f"*{SUFFIX}"))
GUIDE = (ROOT / "docs" / "scenarios.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)
KNOWN = {
    *("$schema", "$defs", "$ref", "title", "description", "markdownDescription", "type", "enum"),
    *("const", "pattern", "minLength", "minimum", "maximum", "anyOf", "properties", "required"),
    *("additionalProperties", "patternProperties", "propertyNames", "minProperties", "items"),
    *("maxProperties", "minItems", "maxItems"),
}
TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}


def fits(value: Any, schema: dict[str, Any]) -> bool:
    """Whether a value is valid: the part of JSON Schema which ours uses."""
    if "$ref" in schema and not fits(value, SCHEMA["$defs"][schema["$ref"].split("/")[-1]]):
        return False
    if "anyOf" in schema and not any(fits(value, part) for part in schema["anyOf"]):
        return False
    if "type" in schema and not of_type(value, schema["type"]):
        return False
    if "const" in schema and (value != schema["const"] or type(value) is not type(schema["const"])):
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if isinstance(value, str):
        long_enough = len(value) >= schema.get("minLength", 0)
        return long_enough and re.search(schema.get("pattern", ""), value) is not None
    if isinstance(value, int | float):
        return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))
    if isinstance(value, list):
        enough = schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value))
        return enough and all(fits(item, schema.get("items", {})) for item in value)
    return not isinstance(value, dict) or object_fits(value, schema)


def of_type(value: Any, names: str | list[str]) -> bool:
    """JSON Schema's `type`; a boolean is no number."""
    names = [names] if isinstance(names, str) else names
    return any(
        isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))
        for name in names
    )


def object_fits(value: dict[str, Any], schema: dict[str, Any]) -> bool:
    """The part about keys."""
    if any(key not in value for key in schema.get("required", ())):
        return False
    most = schema.get("maxProperties", len(value))
    if not schema.get("minProperties", 0) <= len(value) <= most:
        return False
    if not all(fits(key, schema.get("propertyNames", {})) for key in value):
        return False
    return all(key_fits(key, value[key], schema) for key in value)


def key_fits(key: str, value: Any, schema: dict[str, Any]) -> bool:
    """One key with its value."""
    parts = [part for p, part in schema.get("patternProperties", {}).items() if re.search(p, key)]
    if key in schema.get("properties", {}):
        parts.append(schema["properties"][key])
    if not parts:
        rest = schema.get("additionalProperties", True)
        return bool(rest is True or (rest is not False and fits(value, rest)))
    return all(fits(value, part) for part in parts)


def keywords(schema: Any) -> set[str]:
    """All keywords that are used anywhere in a schema."""
    if isinstance(schema, list):
        return {word for part in schema for word in keywords(part)}
    if not isinstance(schema, dict):
        return set()
    words = set(schema)
    for word, part in schema.items():
        named = word in {"properties", "patternProperties", "$defs"}
        words |= {w for sub in part.values() for w in keywords(sub)} if named else keywords(part)
    return words


def parsed(text: str) -> Any:
    """What an editor sees in a YAML text."""
    return YAML(typ="safe", pure=True).load(text)


def test_published_schema_is_the_generated_one() -> None:
    """docs/call.schema.json is what `callsim schema` prints."""
    assert (ROOT / "docs" / "call.schema.json").read_text("utf-8") == schema_text()
    assert json.loads(schema_text()) == json.loads(json.dumps(SCHEMA))


def test_the_checker_knows_every_keyword() -> None:
    """The structural check of this file leaves no keyword of the schema out."""
    assert keywords(SCHEMA) - KNOWN == set()


@pytest.mark.parametrize("text", EXAMPLES, ids=lambda text: text.split("\n")[0])
def test_the_guide_fits(text: str) -> None:
    """An editor finds no mistake in the guide's examples."""
    assert fits(parsed(text), SCHEMA)


def test_shipped_scenarios_fit() -> None:
    """An editor finds no mistake in a shipped scenario."""
    misfits = [file.name for file in SHIPPED if not fits(parsed(file.read_text("utf-8")), SCHEMA)]

    assert misfits == []


@pytest.mark.parametrize(
    "text",
    [
        "nmae: x\ncaller: []",
        "seeds: 0\ncaller: []",
        "seeds: true\ncaller: []",
        "name: x",
        "stop_after: 30\ncaller: []",
        "stop_after: 2 sec\ncaller: []",
        "caller: [{when: agent_silnt}]",
        "caller: [{when: agent_heard}]",
        "caller: [{when: agent_heard 1200}]",
        "caller: [{when: turn x}]",
        "caller: [{when: {turn: 0}}]",
        "caller: [{press: 1x}]",
        "caller: [{hang_up: false}]",
        "caller: [{say: hello}]",
        "caller: [{repeat: 2, steps: [{repeat: 2, steps: []}]}]",
        "model: [{on: tern}]\ncaller: []",
        "model: [{say: x.wav}]\ncaller: []",
        "model: auto\ncaller: []",
        "model: {refuse: http_4290}\ncaller: []",
        "phone: {token: forgd}\ncaller: []",
        "agent: {settings: {VOISE: x}}\ncaller: []",
        "network: {latency: 1ms}\ncaller: []",
        "network: {twilio: {faults: [{stall: 3s}]}}\ncaller: []",
        "expect: {latency_ms: max<3}\ncaller: []",
        "expect: {clears: p95<3}\ncaller: []",
        "expect: {clears: max<3ms}\ncaller: []",
        "expect: {events: [claer]}\ncaller: []",
        "expect: {events: [{no: clear, count: 1}]}\ncaller: []",
        "expect: {ended: {by: me}}\ncaller: []",
        "expect: {allow: {provoked: x}}\ncaller: []",
        "matrix: {N: [3]}\ncaller: []",
    ],
)
def test_an_editor_marks_mistakes(text: str) -> None:
    """What the reader refuses, an editor with the schema marks, too."""
    assert not fits(parsed(text), SCHEMA)
