"""What a tool is: the part that the model is shown, how to call it, and what may come of it.

Owns these shapes. Must not know where a tool is described, nor what it does.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bridge.core.realtime import Tool
from bridge.errors import BridgeError
from bridge.tooling.running import CallFacts

TIMEOUT_S: Final = 8.0
"""What a tool may take when nothing else is said."""
OUTPUT_CHARS_MAX: Final = 16_000
"""Some 4,000 tokens, which stay in the session until its end."""
NOTHING: Final[Mapping[str, Any]] = {"type": "object", "properties": {}}
"""The schema of a tool without arguments."""


class ToolFailed(BridgeError):  # noqa: N818 - the base is the error
    """A tool could not do it. The message is for the model; `why` is for the log.

    Neither holds a secret or a traceback; `why` holds nothing that came with the call.
    """

    def __init__(self, message: str, why: str) -> None:
        super().__init__(message)
        self.why = why


class Unusable(ToolFailed):
    """What a tool is given, or what it answers, cannot be used."""


@dataclass(frozen=True)
class Definition:
    """A tool as the model knows it; `parameters` is a JSON Schema of type object."""

    name: str
    description: str
    parameters: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    timeout_s: float = TIMEOUT_S

    @property
    def offered(self) -> Tool:
        """As it stands in a session's configuration."""
        return Tool(self.name, self.description, dict(self.parameters))


@dataclass(frozen=True)
class Call:
    """One call of a tool: arguments that fit its schema, and whose call it is."""

    call_id: str
    arguments: Mapping[str, Any]
    facts: CallFacts


def answer_text(value: Any) -> str:
    """An answer as JSON in one line, valid UTF-8 whatever is in its texts, and of bounded size.

    Raises:
        Unusable: JSON cannot hold it, or it is too large.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        # No number, one of thousands of digits, too deep.
        raise Unusable("the tool failed", "the answer is no JSON") from None
    if len(text) > OUTPUT_CHARS_MAX:
        raise too_large()
    return text.encode("utf-8", "replace").decode()


def too_large() -> Unusable:
    """There is more of it than a session should carry."""
    return Unusable("the answer is too large", "answer too large")
