"""The settings of our own bridge in a simulated world, and what it refuses of them.

Owns which settings a world adds to a scenario's. Reads them with the bridge's own words; starts
nothing, and imports of the bridge no more than that takes.
"""

from collections.abc import Mapping

from bridge.agents.problem import UnusableAgents
from bridge.api_tokens import hash_of
from bridge.settings import UnusableSettings, settings_from
from simulator.pretended import (
    ACCOUNT_SID,
    API_KEY,
    API_TOKEN,
    AUTH_TOKEN,
    PUBLIC_HOST,
    TOOL_SIGNING_SECRET,
)

WORLD_SETTINGS: Mapping[str, str] = {
    "OPENAI_API_KEY": API_KEY,
    "PUBLIC_URL": f"https://{PUBLIC_HOST}",
    "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
    "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
    "API_TOKENS": hash_of(API_TOKEN),
    "TOOL_SIGNING_SECRET": TOOL_SIGNING_SECRET,
}


def settings_complaints(settings: Mapping[str, str]) -> list[tuple[str, str]]:
    """What the bridge refuses of `settings`: the variable's name, and what it may be."""
    try:
        given = settings_from({**WORLD_SETTINGS, **settings})
        if given.agents_dir is not None:
            # what reads agents knows the whole bridge, which takes a second to import
            from bridge.wiring import agents_for  # noqa: PLC0415

            agents_for(given)
    except UnusableAgents as unusable:
        return [("AGENTS_DIR", line) for line in unusable.lines]
    except UnusableSettings as unusable:
        return [(name, text) for name, _, text in (x.partition(": ") for x in unusable.lines)]
    return []
