"""The tools offered to the model, and the words with which we ask it for something.

Owns texts and schemas only.
"""

from typing import Final

import msgspec

from bridge.core.realtime import ResponseOptions, Tool

END_CALL: Final = Tool(
    name="end_call",
    description=(
        "Hang up the phone. Call it when the caller says goodbye or the conversation is finished. "
        "Say a short goodbye first; nothing can be said afterwards."
    ),
    parameters={
        "type": "object",
        "properties": {
            "reason": {"type": "string", "description": "Why the call is over, in a few words."}
        },
        "required": ["reason"],
    },
)

FAREWELL: Final = ResponseOptions(
    instructions=(
        "The call is about to end. Say a short, friendly goodbye to the caller in the language "
        "of the conversation. One sentence. Ask nothing."
    ),
    tool_choice="none",
)

ANSWER: Final = ResponseOptions()
"""An ordinary response to what is in the conversation."""


def greeting(text: str) -> ResponseOptions:
    """Return the request to speak first."""
    return ResponseOptions(instructions=f"The call has just begun. Greet the caller with: {text}")


def succeeded(status: str) -> str:
    """Return the JSON output of a function call that worked."""
    return msgspec.json.encode({"status": status}).decode()


def failed(problem: str) -> str:
    """Return the JSON output of a function call that did not."""
    return msgspec.json.encode({"error": problem}).decode()
