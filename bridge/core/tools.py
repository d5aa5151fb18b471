"""The tools offered to the model, and the words with which we ask it for something.

Owns texts and schemas only.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from bridge.core.realtime import ResponseOptions, Tool

OUTPUT_CHARS_MAX: Final = 16_000
"""Characters of a tool's output: some 4,000 tokens, which stay in the session until its end."""

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

TRANSFER_CALL: Final = "transfer_call"

COLLECT_DIGITS: Final = Tool(
    name="collect_digits",
    description=(
        "Wait for the caller to type digits on the telephone's keypad, such as a number or a PIN. "
        "Tell the caller first what to type, or let `prompt` be said. The output says which keys "
        "were pressed, and in `ended_by` what ended it: digits_max, terminator, timeout, speech "
        "(the caller spoke instead) or hangup."
    ),
    parameters={
        "type": "object",
        "properties": {
            "digits_max": {
                "type": "integer",
                "description": "After so many keys it is over, 1 to 64.",
            },
            "terminator": {
                "type": "string",
                "description": "The key that ends it; # if not given, an empty string for none.",
            },
            "timeout_seconds": {
                "type": "number",
                "description": "A pause of so many seconds ends it, 1 to 60; 5 if not given.",
            },
            "prompt": {
                "type": "string",
                "description": "What is said to the caller first; empty if you said it already.",
            },
        },
    },
)


def transfer_call(destinations: Sequence[str]) -> Tool:
    """Return the tool with which the model sends the caller to one of ``destinations``."""
    return Tool(
        name=TRANSFER_CALL,
        description=(
            "Connect the caller to somebody else. Say first, in one short sentence, whom you are "
            "connecting them to; if it works, the call is over for you."
        ),
        parameters={
            "type": "object",
            "properties": {
                "destination": {
                    "type": "string",
                    "enum": list(destinations),
                    "description": "Whom the caller is connected to.",
                },
                "reason": {"type": "string", "description": "Why, in a few words."},
            },
            "required": ["destination"],
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

BROKE_OFF: Final = (
    "A fault of the line cut you off here: the caller heard only what is written above. Go on from "
    "there; do not greet again and do not mention the fault."
)
"""A remark in the conversation of a session that takes over in the middle of an answer."""

ANSWER: Final = ResponseOptions()
"""An ordinary response to what is in the conversation."""

ANSWER_IN_WORDS: Final = ResponseOptions(tool_choice="none")
"""The same, but no tool may be called any more."""


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


def filler(text: str) -> ResponseOptions:
    """Return the request for a word of patience; ``text`` replaces our own instructions."""
    ours = (
        "A tool you have called is still working. Tell the caller so in the language of the "
        "conversation, in one very short sentence and in other words than before. Do not guess "
        "what the tool will answer. Ask nothing."
    )
    return ResponseOptions(instructions=text or ours, tool_choice="none")


class _Transfer(msgspec.Struct):
    destination: str


def destination(arguments: str) -> str:
    """Return where the arguments of `TRANSFER_CALL` say the caller shall go; empty: nowhere."""
    try:
        return msgspec.json.decode(arguments, type=_Transfer).destination
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return ""


def announcement(destination: str) -> ResponseOptions:
    """Return the request for the last words before a transfer."""
    words = (
        f"You are about to connect the caller to: {destination}. Say so in the language of the "
        "conversation. One short sentence. Ask nothing."
    )
    return ResponseOptions(instructions=words, tool_choice="none")


def transfer_failed(destination: str) -> str:
    """Return what the model is told when nobody could be reached."""
    return (
        f"Connecting the caller to {destination} did not work, for a technical reason. The caller "
        "is still on the line and speaks with you. Say so, and go on helping."
    )


def prompt_for_digits(prompt: str) -> ResponseOptions:
    """Return the request to say what the caller shall type."""
    words = f"The caller shall now type on the keypad. Say nothing but: {prompt}"
    return ResponseOptions(instructions=words, tool_choice="none")


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


def digits(pressed: str, ended_by: str) -> str:
    """Return the JSON output of `COLLECT_DIGITS`."""
    return msgspec.json.encode({"digits": pressed, "ended_by": ended_by}).decode()


def bounded(output: str) -> str:
    """Return ``output``, or as much of it as a model may be told at once, with a word about it.

    It can always be sent: what is no text (a lone surrogate) is replaced.
    """
    output = output.encode(errors="replace").decode()
    if len(output) <= OUTPUT_CHARS_MAX:
        return output
    short = {"error": "the output was too long", "beginning": output[:OUTPUT_CHARS_MAX]}
    return msgspec.json.encode(short).decode()


def succeeded(status: str) -> str:
    """Return the JSON output of a function call that worked."""
    return msgspec.json.encode({"status": status}).decode()


def failed(problem: str) -> str:
    """Return the JSON output of a function call that did not."""
    return msgspec.json.encode({"error": problem}).decode()
