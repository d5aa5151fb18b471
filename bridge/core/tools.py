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

TIME_IS_UP: Final = ResponseOptions(
    instructions=(
        "The longest time a call may take is over. Tell the caller so in the language of the "
        "conversation, say that they may call again, and say goodbye. Two short sentences. "
        "Ask nothing."
    ),
    tool_choice="none",
)

LINE_CLOSES: Final = ResponseOptions(
    instructions=(
        "This line has to close now, for a reason that has nothing to do with the caller. Tell the "
        "caller so in the language of the conversation, say that they may call again at once, and "
        "say goodbye. Two short sentences. Ask nothing."
    ),
    tool_choice="none",
)

ANSWER: Final = ResponseOptions()
"""An ordinary response to what is in the conversation."""


def greeting(text: str) -> ResponseOptions:
    """Return the request to speak first."""
    return ResponseOptions(instructions=f"The call has just begun. Greet the caller with: {text}")


def nudge(text: str) -> ResponseOptions:
    """Return the request for a sign of life; ``text`` replaces our own instructions."""
    ours = (
        "The caller has not said anything for a while. Ask in the language of the conversation "
        "whether they are still there. One short sentence."
    )
    return ResponseOptions(instructions=text or ours, tool_choice="none")


def goodbye_to_silence(text: str) -> ResponseOptions:
    """Return the goodbye to a caller who does not answer; ``text`` replaces our instructions."""
    ours = (
        "The caller does not answer any more, so the call is about to end. Say in the language of "
        "the conversation that you cannot hear them, that they may call again, and goodbye. "
        "One or two short sentences. Ask nothing."
    )
    return ResponseOptions(instructions=text or ours, tool_choice="none")


def time_warning(left_s: float) -> ResponseOptions:
    """Return the request to say that the call's time is nearly over."""
    if left_s >= 90:
        left = f"about {round(left_s / 60)} minutes"
    elif left_s >= 45:
        left = "about a minute"
    else:
        left = "less than a minute"
    words = (
        f"The longest time a call may take is nearly over: {left} left. Tell the caller so in the "
        "language of the conversation, in one short sentence, and go on where you were."
    )
    return ResponseOptions(instructions=words, tool_choice="none")


def succeeded(status: str) -> str:
    """Return the JSON output of a function call that worked."""
    return msgspec.json.encode({"status": status}).decode()


def failed(problem: str) -> str:
    """Return the JSON output of a function call that did not."""
    return msgspec.json.encode({"error": problem}).decode()
