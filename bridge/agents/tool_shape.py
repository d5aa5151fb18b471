"""The keys of a tool's file: shapes, limits, meanings.

Owns what each key alone may say. Must not know how keys fit together (`tool_checking`).
"""

from typing import Any

from bridge.agents.shape import Block
from bridge.settings.words import seconds, setting
from bridge.tooling.definition import TIMEOUT_S
from bridge.tooling.http_recipe import METHODS, Method
from bridge.tooling.http_tool import BACKOFF_S

DESCRIPTION_CHARS_MAX = 1024


class ToolFile(Block):
    """The whole file; what the tool is called is the file's name."""

    description: str = setting(
        "",
        "what it does, and when the model shall call it",
        f"a text of at most {DESCRIPTION_CHARS_MAX} characters",
        max_length=DESCRIPTION_CHARS_MAX,
    )
    parameters: dict[str, Any] | None = setting(
        None, "its arguments", "a JSON Schema: `type: object`, `properties:`, `required:`"
    )
    timeout_seconds: float = seconds(
        TIMEOUT_S, "after so long the model is told that there is no answer", 0.5, 60
    )
    url: str | None = setting(None, "an HTTP tool: where it is", "a URL such as https://host/path")
    method: Method = setting("POST", "how it is asked", f"one of {', '.join(METHODS)}")
    headers: dict[str, Any] = setting(
        {}, "headers of the request", "names, each with a text or {env: TOOL_SECRET_NAME}"
    )
    retries: int = setting(
        len(BACKOFF_S),
        "attempts after a failed one; only of GET",
        f"a whole number from 0 to {len(BACKOFF_S)}",
        ge=0,
        le=len(BACKOFF_S),
    )
    function: str | None = setting(
        None,
        "a Python function",
        "module:name, or the name of an entry point",
        pattern=r"^[A-Za-z0-9_.:-]{1,200}$",
    )
