"""The JSON Schema of a scenario, made from the same kinds that read one.

Published as docs/call.schema.json; editors which know it complete keys and mark mistakes.
"""

import json
from typing import Any

from simulator.scenario.event_rules import EVENT, HOW_OFTEN
from simulator.scenario.kinds import DURATION, SOUND, Named, Schema
from simulator.scenario.loading import SCENARIO
from simulator.scenario.matrix import VARIABLE_PATTERN
from simulator.scenario.thresholds import THRESHOLDS
from simulator.scenario.triggers import TRIGGER

TITLE = "A call scenario (*.call.yaml)"


def json_schema() -> Schema:
    """The schema as a JSON value (draft 2020-12)."""
    named: tuple[Named[Any], ...] = (DURATION, SOUND, TRIGGER, EVENT, HOW_OFTEN, THRESHOLDS)
    shared = {kind.name: kind.kind.schema() for kind in named}
    variable = {
        "description": "A text with a variable of `matrix` in it.",
        "type": "string",
        "pattern": VARIABLE_PATTERN,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": TITLE,
        **SCENARIO.schema(),
        "anyOf": [{"required": ["caller"]}, {"required": ["replay"]}],
        "$defs": {"variable": variable, **shared},
    }


def schema_text() -> str:
    """The schema as the published file holds it."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
