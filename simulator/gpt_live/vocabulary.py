"""What a client may say to GPT-Live: every event with its fields and bounds.

Owns the shapes and nothing of their meaning. Unknown fields are refused by their dotted path.
"""

from collections.abc import Mapping
from typing import Any, Final

from simulator.model.errors import Problem, Refused
from simulator.model.fields import (
    Check,
    any_object,
    anything,
    boolean,
    choice,
    either,
    integer,
    is_object,
    is_text,
    listing,
    mapping,
    nullable,
    tagged,
    text,
)

# fidelity: documented gpt-live.md 2 - history at the start: at most 128 messages of one text each
HISTORY_MAX: Final = 128
# fidelity: documented gpt-live.md 5 - an append holds 500 tokens; a token is taken for 4 characters
APPEND_CHARS_MAX: Final = 2000
# fidelity: documented gpt-live.md 2 - instructions have 16,384 tokens
INSTRUCTIONS_CHARS_MAX: Final = 65_536

# fidelity: documented gpt-live.md 2 - μ-law and A-law at 8 kHz, PCM at 16 or 24 kHz; the rate must
#   be said
FORMAT: Final = tagged(
    "type",
    {
        "audio/pcm": mapping({"type": anything, "rate": integer(16000, 24000)}, ("rate",)),
        "audio/pcmu": mapping({"type": anything, "rate": integer(8000, 8000)}, ("rate",)),
        "audio/pcma": mapping({"type": anything, "rate": integer(8000, 8000)}, ("rate",)),
    },
)

VOICES: Final = (
    *("alloy", "ash", "ballad", "beacon", "bossa", "cedar", "cinder", "coral", "delta", "echo"),
    *("gleam", "marin", "meridian", "quartz", "ripple", "sage", "shida", "shimmer", "stone"),
    *("tempo", "verse", "vesper", "willow"),
)

_FUNCTION: Final = mapping(
    {
        "type": anything,
        "name": text(64),
        "description": text(),
        "parameters": any_object,
        "strict": boolean,
    },
    ("name",),
)

BACKEND: Final = {
    "model": text(),
    "instructions": nullable(text()),
    "max_output_tokens": nullable(integer(1)),
    "parallel_tool_calls": nullable(boolean),
    "reasoning": nullable(any_object),
    "service_tier": nullable(text()),
    "text": nullable(any_object),
    "tool_choice": either(is_text, choice("auto", "none", "required"), any_object),
    "tools": listing(tagged("type", {"function": _FUNCTION, "web_search": any_object})),
}


def _delegation(required: tuple[str, ...]) -> Check:
    delay = {"type": anything, "acknowledgement_delay_ms": nullable(integer(0))}
    return tagged(
        "type",
        {
            "client": mapping(delay),
            "responses": mapping(
                {**delay, "responses": mapping(BACKEND, required)}, ("responses",)
            ),
        },
    )


_MESSAGE: Final = mapping(
    {
        "type": choice("message"),
        "id": text(),
        "role": choice("developer", "user", "assistant"),
        "status": choice("incomplete", "completed"),
        "content": listing(mapping({"type": text(), "text": text()}, ("text",))),
    },
    ("role", "content"),
)


def _history(value: object, path: str) -> None:
    listing(_MESSAGE)(value, path)
    assert isinstance(value, list)
    if len(value) > HISTORY_MAX:
        message = f"Invalid '{path}': array too long. Expected at most {HISTORY_MAX} items."
        raise Refused(Problem("array_above_max_length", message, path))


# fidelity: documented gpt-live.md 2 - the fields of session.start; unknown ones are refused
SESSION: Final = mapping(
    {
        "model": text(),
        "instructions": nullable(text(INSTRUCTIONS_CHARS_MAX)),
        "audio": mapping(
            {
                "format": FORMAT,
                "output": mapping(
                    {"voice": either(is_object, mapping({"id": text()}, ("id",)), choice(*VOICES))}
                ),
            }
        ),
        "delegation": nullable(_delegation(("model",))),
        "input": nullable(_history),
        "safety_identifier": nullable(text(64)),
        "store": nullable(boolean),
    },
    ("model",),
)


def _event(required: tuple[str, ...] = (), **fields: Check) -> Check:
    return mapping({"type": anything, "event_id": nullable(text(512)), **fields}, required)


# fidelity: documented gpt-live.md 5 - content is a plain string; delegation_id is required, and may
#   be null
_APPEND: Final = _event(
    ("content", "delegation_id"),
    content=text(APPEND_CHARS_MAX),
    delegation_id=nullable(text()),
)

# fidelity: documented gpt-live.md 3 - the client's events
EVENTS: Final[Mapping[str, Check]] = {
    "session.start": _event(("session",), session=SESSION),
    "session.update": _event(("session",), session=mapping({"delegation": _delegation(())})),
    "session.input_audio.append": _event(("audio",), audio=text()),
    "session.input_audio.mute": _event(),
    "session.input_audio.unmute": _event(),
    "session.instructions.append": _APPEND,
    "session.thinking.append": _APPEND,
    "session.commentary.append": _APPEND,
    "response.item.create": _event(("item",), item=any_object),
    "response.create": _event(),
    "session.close": _event(),
}


def check_event(event: Mapping[str, Any]) -> None:
    """Check a client's event.

    Raises:
        Refused: it has no such type, a field is missing, unknown or of another kind.
    """
    kind = event.get("type")
    check = EVENTS.get(kind) if isinstance(kind, str) else None
    if check is None:
        message = f"Invalid value: '{kind}'. It is no client event of a Live session."
        raise Refused(Problem("invalid_value", message, "type"))
    check(event, "")
